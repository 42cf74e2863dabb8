package mill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// record keeps the reason and a copy of a bad upload, as far as the recipe asks for them. It returns
// the verdict. Both objects are written whole each time, so that a second delivery changes
// nothing, and only while the source is what was read. Neither replaces an object that is not a copy
// or record of the same upload: uploaders choose keys. If the store accepts no copy, the record says
// why; if it accepts no record, the reason of the verdict does.
func (j *job) record(ctx context.Context, src *source, reason string) error {
	plan := j.plan
	if plan.BadRecord == "" {
		return bad(reason)
	}
	notCopied := ""
	if plan.BadCopy != "" {
		var err error
		if notCopied, err = j.copyBad(ctx, src, plan.BadCopy); err != nil {
			return badButChanged(fmt.Errorf("copy a bad picture to %s: %w", plan.BadCopy, err), reason)
		}
	}
	var failed []string // all of them, and the manifest, if no variant was made
	if len(j.result.Variants) > 0 && !j.result.Refused {
		failed = names(j.result.Failed)
	}
	data, err := json.MarshalIndent(Record{
		src.change.Bucket, src.change.Key, src.info.ETag, src.info.VersionID, src.info.Size,
		src.info.Modified.UTC().Truncate(time.Second), reason, failed, notCopied,
	}, "", "  ")
	if err != nil {
		return err
	}
	notRecorded, err := j.putRecord(ctx, src, plan.BadRecord, append(data, '\n'))
	if err != nil {
		return badButChanged(fmt.Errorf("record a bad picture at %s: %w", plan.BadRecord, err), reason)
	}
	if notRecorded != "" {
		reason = fmt.Sprintf("%s (not recorded at %s: %s)", reason, plan.BadRecord, notRecorded)
	}
	return bad(reason)
}

// badFingerprint marks the record. Of a picture whose output's place is taken it says that the picture
// may be tried again; of one that needs too much memory, how much there was.
func (j *job) badFingerprint() string {
	switch {
	case j.result.Taken:
		return j.plan.BadFingerprint + "-taken"
	case j.result.overMemory:
		return j.plan.BadFingerprint + memoryMark + strconv.FormatInt(j.Recipe.Limits.Memory, 10)
	}
	return j.plan.BadFingerprint
}

const memoryMark = "-memory-"

// holdsHere returns the fingerprint that the mark of a record must have to hold in this place. Places that
// share a recipe have more or less memory: where there is no more than there was, what needed more is still
// bad.
func (m *Mill) holdsHere(mark string, plan recipe.Plan) string {
	text, ok := strings.CutPrefix(mark, plan.BadFingerprint+memoryMark)
	had, err := strconv.ParseInt(text, 10, 64)
	if here := m.Recipe.Limits.Memory; ok && err == nil && here > 0 && here <= had {
		return mark
	}
	return plan.BadFingerprint
}

// badButChanged adds the reason of a bad picture to the verdict that it has changed in the meantime.
func badButChanged(err error, reason string) error {
	if v, why := Classify(err); v == outcome.Skipped {
		return skip("%s (it was bad: %s)", why, reason)
	}
	return err
}

// copyBad copies an upload that could not be processed. It returns why there is no copy if the
// store will never accept one.
func (j *job) copyBad(ctx context.Context, src *source, key string) (notCopied string, err error) {
	// The copy must not be displayed: an upload that claims to be a picture may be a page with a
	// script.
	attr := bucket.Attributes{
		ContentType: "application/octet-stream", ContentDisposition: "attachment", Metadata: src.marks(j.badFingerprint()),
	}
	if bucket.Printable(src.info.ContentEncoding) {
		attr.ContentEncoding = src.info.ContentEncoding
	}
	dropped := addMetadata(&attr, src.info.Metadata, func(string) bool { return true })
	from := bucket.Source{Bucket: src.change.Bucket, Key: src.change.Key, IfMatch: src.info.ETag}
	for range maxRaces {
		taken, cond, err := j.taken(ctx, src, key)
		if err != nil || taken != "" {
			return taken, err
		}
		target := j.Recipe.Target.Bucket
		err = j.Store.Copy(ctx, from, target, key, attr, cond)
		if errors.Is(err, bucket.ErrInvalid) { // perhaps this store accepts less metadata than S3
			attr.Metadata = src.marks(j.badFingerprint())
			dropped = append(dropped, "metadata of the copy: refused by the store")
			err = j.Store.Copy(ctx, from, target, key, attr, cond)
		}
		switch {
		case err == nil:
			j.result.Drop(dropped...)
			return "", nil
		case errors.Is(err, bucket.ErrInvalid):
			return err.Error(), nil
		case !errors.Is(err, bucket.ErrPrecondition) && !errors.Is(err, bucket.ErrNotFound):
			return "", err
		}
		// It is the source that has changed, or the object that the copy was to replace, or the bucket
		// is missing.
		if _, changed := j.confirm(ctx, src); changed != nil {
			return "", changed
		}
		if cond.IfAbsent && errors.Is(err, bucket.ErrNotFound) {
			return "", err
		}
	}
	return "", errTooManyWriters
}

// putRecord writes the record of a bad upload. It returns why there is none if the store will never
// accept one.
func (j *job) putRecord(ctx context.Context, src *source, key string, data []byte) (notRecorded string, err error) {
	attr := bucket.Attributes{ContentType: "application/json", Metadata: src.marks(j.badFingerprint())}
	for range maxRaces {
		taken, cond, err := j.taken(ctx, src, key)
		if err != nil || taken != "" {
			return taken, err
		}
		// The source is read after the record on which the write is conditional, as in compare.
		if _, err := j.confirm(ctx, src); err != nil {
			return "", err
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
	existing, err := j.Look(ctx, key)
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
