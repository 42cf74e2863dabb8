package mill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// badRecord is the JSON beside the copy of an upload that could not be processed.
type badRecord struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	ETag    string `json:"etag"`
	Version string `json:"version,omitempty"`
	Bytes   int64  `json:"bytes"`
	Reason  string `json:"reason"`
	// NotCopied is the reason why there is no copy. It is empty if there is one.
	NotCopied string `json:"not_copied,omitempty"`
}

// badFingerprint takes the place of a fingerprint in the metadata of a copy and its record, which
// no settings have made.
const badFingerprint = "bad"

// record copies a bad upload, and writes the reason beside the copy, if the recipe keeps copies.
// Both objects are written whole each time, so a second delivery changes nothing. Neither replaces
// an object that is not a copy or record of the same upload: uploaders choose keys. If the store
// accepts no copy, the record says why; if it accepts no record, the reason of the result does.
func (j *job) record(ctx context.Context) error {
	c, plan, reason := j.delivered, j.plan, j.result.Reason
	if plan.BadCopy == "" || j.result.Source.ETag == "" { // a change can be bad before any object was read
		return nil
	}
	info, err := j.Store.Head(ctx, c.Bucket, c.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return skip("%s (it was bad: %s)", goneReason, reason)
	}
	if err != nil {
		return fmt.Errorf("record a bad picture: %w", err)
	}
	if info.ETag != j.result.Source.ETag {
		return skip("%s (it was bad: %s)", staleReason, reason)
	}
	src := &source{change: c, info: info}
	notCopied, err := j.copyBad(ctx, src, plan.BadCopy)
	if err != nil {
		return fmt.Errorf("copy a bad picture to %s: %w", plan.BadCopy, err)
	}
	data, err := json.MarshalIndent(badRecord{
		c.Bucket, c.Key, info.ETag, info.VersionID, info.Size, reason, notCopied,
	}, "", "  ")
	if err != nil {
		return err
	}
	notRecorded, err := j.putRecord(ctx, src, plan.BadRecord, append(data, '\n'))
	if err != nil {
		return fmt.Errorf("record a bad picture at %s: %w", plan.BadRecord, err)
	}
	if notRecorded != "" {
		j.result.Reason = fmt.Sprintf("%s (not recorded at %s: %s)", reason, plan.BadRecord, notRecorded)
	}
	return nil
}

// copyBad copies an upload that could not be processed. It returns why there is no copy if the
// store will never accept one. A copy is not conditional, because most stores ignore conditions on
// copies; but no output and no other copy gets its key, so nobody should write it after the look.
func (j *job) copyBad(ctx context.Context, src *source, key string) (notCopied string, err error) {
	if taken, _, err := j.taken(ctx, src, key); err != nil || taken != "" {
		return taken, err
	}
	// The copy must not be displayed: an upload that claims to be a picture may be a page with a
	// script.
	attr, dropped := src.attributes("application/octet-stream", badFingerprint, true)
	attr.ContentDisposition = "attachment"
	target := j.Recipe.Target.Bucket
	err = j.Store.Copy(ctx, src.change.Bucket, src.change.Key, target, key, attr)
	if errors.Is(err, bucket.ErrInvalid) { // perhaps this store accepts less metadata than S3
		attr.Metadata, attr.CacheControl = src.marks(badFingerprint), ""
		dropped = append(dropped, "metadata of the copy: refused by the store")
		err = j.Store.Copy(ctx, src.change.Bucket, src.change.Key, target, key, attr)
	}
	if errors.Is(err, bucket.ErrInvalid) {
		return err.Error(), nil
	}
	j.result.Drop(dropped...)
	return "", err
}

// putRecord writes the record of a bad upload. It returns why there is none if the store will never
// accept one.
func (j *job) putRecord(ctx context.Context, src *source, key string, data []byte) (notRecorded string, err error) {
	attr := bucket.Attributes{ContentType: "application/json", Metadata: src.marks(badFingerprint)}
	for range maxRaces {
		taken, cond, err := j.taken(ctx, src, key)
		if err != nil || taken != "" {
			return taken, err
		}
		_, err = j.Store.Put(ctx, j.Recipe.Target.Bucket, key, data, attr, cond)
		switch {
		case errors.Is(err, bucket.ErrInvalid):
			return err.Error(), nil
		case !errors.Is(err, bucket.ErrPrecondition):
			return "", err
		}
	}
	return "", errTooManyWriters
}

// taken returns a reason if the object at a key of the target must stay, or else the condition that
// holds as long as nobody else writes there.
func (j *job) taken(ctx context.Context, src *source, key string) (reason string, cond bucket.Condition, err error) {
	existing, err := j.look(ctx, key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return "", bucket.Condition{IfAbsent: true}, nil
	case errors.Is(err, bucket.ErrInvalid):
		return err.Error(), cond, nil
	case err != nil:
		return "", cond, err
	}
	switch j.keeper(src.change, existing) {
	case stranger:
		return "there is an object that imgmill did not make; move it away, or change on_bad.prefix", cond, nil
	case otherSource:
		return "there is an object that was made from another upload; move it away, or change on_bad.prefix", cond, nil
	}
	return "", bucket.Condition{IfMatch: existing.ETag}, nil
}
