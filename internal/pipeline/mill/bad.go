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
}

// badFingerprint takes the place of a fingerprint in the metadata of a copy and its record, which
// no settings have made.
const badFingerprint = "bad"

// record copies a bad upload, and writes the reason beside the copy, if the recipe keeps copies.
// Both objects are written whole each time, so a second delivery changes nothing.
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
	data, err := json.MarshalIndent(badRecord{
		c.Bucket, c.Key, info.ETag, info.VersionID, info.Size, reason,
	}, "", "  ")
	if err != nil {
		return err
	}
	target := j.Recipe.Target.Bucket
	// The copy must not be displayed: an upload that claims to be a picture may be a page with a
	// script.
	attr := src.attributes("application/octet-stream", badFingerprint)
	attr.ContentDisposition = "attachment"
	if err := j.Store.Copy(ctx, c.Bucket, c.Key, target, plan.BadCopy, attr); err != nil {
		return fmt.Errorf("copy a bad picture to %s: %w", plan.BadCopy, err)
	}
	attr = src.attributes("application/json", badFingerprint)
	_, err = j.Store.Put(ctx, target, plan.BadRecord, append(data, '\n'), attr, bucket.Condition{})
	if err != nil {
		return fmt.Errorf("record a bad picture at %s: %w", plan.BadRecord, err)
	}
	return nil
}
