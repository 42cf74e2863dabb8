package mill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
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

// recordBad copies a bad upload and its reason to where the recipe says. Both are written whole each time, so that being
// told twice changes nothing.
func (m *Mill) recordBad(ctx context.Context, c event.Change, r Result) error {
	copied, record := m.Recipe.BadKeys(c.Key)
	if copied == "" || r.Source.ETag == "" { // a change can be bad that has no object
		return nil
	}
	reason := r.Reason
	info, err := m.Store.Head(ctx, c.Bucket, c.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return skip("gone: the object was removed since (it was bad: %s)", reason)
	}
	if err != nil {
		return fmt.Errorf("record a bad picture: %w", err)
	}
	if info.ETag != r.Source.ETag {
		return skip("stale: the object was replaced since, by a change that is told on its own (it was bad: %s)", reason)
	}
	s := source{c, info}
	data, err := json.MarshalIndent(badRecord{c.Bucket, c.Key, info.ETag, info.VersionID, info.Size, reason}, "", "  ")
	if err != nil {
		return err
	}
	target := m.Recipe.Target.Bucket
	// It is nothing to show: what claims to be a picture may be a page with a script.
	attr := s.attributes("application/octet-stream", "bad")
	attr.ContentDisposition = "attachment"
	err = m.Store.Copy(ctx, c.Bucket, c.Key, target, copied, attr)
	if err != nil {
		return fmt.Errorf("copy a bad picture to %s: %w", copied, err)
	}
	_, err = m.Store.Put(ctx, target, record, append(data, '\n'), s.attributes("application/json", "bad"), bucket.Condition{})
	if err != nil {
		return fmt.Errorf("record a bad picture at %s: %w", record, err)
	}
	return nil
}
