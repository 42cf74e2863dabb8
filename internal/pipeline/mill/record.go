package mill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Record is the JSON that is kept of an upload that could not be processed, wholly or in part. It
// holds for the content and the settings that its marks name, and for no other.
type Record struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	ETag    string `json:"etag"`
	Version string `json:"version,omitempty"`
	Bytes   int64  `json:"bytes"`
	// Modified is the time of the upload, as the store says it, in whole seconds: not every answer has more.
	// Another upload of the same bytes has its own.
	Modified time.Time `json:"modified"`
	Reason   string    `json:"reason"`
	// Failed are the names of the variants that could not be made while others could. There are none
	// if no variant could.
	Failed []string `json:"failed,omitempty"`
	// NotCopied is the reason why there is no copy although the recipe asks for one.
	NotCopied string `json:"not_copied,omitempty"`
}

// maxRecord bounds the bytes of a record that are read: a key, a reason, and the names of variants.
const maxRecord = 1 << 20

func names(failed []Failure) (names []string) {
	for _, f := range failed {
		names = append(names, f.Name)
	}
	return names
}

// Excuses reports whether a record explains that a variant is not there. A nil one explains nothing.
func (r *Record) Excuses(variant string) bool {
	return r != nil && (len(r.Failed) == 0 || slices.Contains(r.Failed, variant))
}

// Manifest returns what is wanted for the manifest of a picture with this record, which may be nil.
func (r *Record) Manifest(planned recipe.Object) recipe.Object {
	if r == nil {
		return planned
	}
	return manifestWithout(planned, r.Failed)
}

// Record returns the record about a source, of which Key, ETag and perhaps Modified are known, or nil if
// there is none that holds for its present content and settings. Of an upload that was repeated, whose
// own change made its variants or a record of its own, an earlier record says nothing: it would hide a
// later loss of the variants.
func (m *Mill) Record(ctx context.Context, src bucket.Info, plan recipe.Plan) (*Record, error) {
	record, info, err := m.ReadRecord(ctx, plan.BadRecord)
	if record == nil || err != nil {
		return nil, err
	}
	want := m.holdsHere(info.Metadata[outcome.MetadataRecipe], plan)
	if m.StateOf(src, info, recipe.Object{Fingerprint: want}) != Fresh {
		return nil, nil
	}
	// Some answers are rounded to a second, in either direction.
	if !record.Modified.IsZero() && src.Modified.Truncate(time.Second).Sub(record.Modified) > time.Second {
		return nil, nil
	}
	return record, nil
}

// ReadRecord returns the record at a key of the target, whatever it holds for, and the description of
// the object. The record is nil if the key is empty, or if there is no object that could be one.
func (m *Mill) ReadRecord(ctx context.Context, key string) (*Record, bucket.Info, error) {
	if key == "" {
		return nil, bucket.Info{}, nil
	}
	o, err := m.Store.Get(ctx, m.Recipe.Target.Bucket, key, bucket.Condition{})
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
		return nil, bucket.Info{}, nil
	}
	if err != nil {
		return nil, bucket.Info{}, fmt.Errorf("read %s: %w", key, err)
	}
	defer o.Body.Close()
	if !isOutput(o.Metadata) || o.Size > maxRecord {
		return nil, o.Info, nil
	}
	data, err := io.ReadAll(o.Body)
	if err != nil {
		return nil, o.Info, fmt.Errorf("%w: read %s: %w", bucket.ErrTransient, key, err)
	}
	var r Record
	if json.Unmarshal(data, &r) != nil || r.Key == "" {
		return nil, o.Info, nil // a copy of an upload that is named as a record
	}
	return &r, o.Info, nil
}

// forget removes the record of a picture that has been made after all, and the copy beside it. The
// record would hide a later loss of the variants. A picture of which only a part was made keeps a
// record that names other variants.
//
// Where all was made, the record is not read: a function may not decrypt what is in the target.
func (j *job) forget(ctx context.Context, src *source) error {
	if j.part {
		record, _, err := j.ReadRecord(ctx, j.plan.BadRecord)
		if record == nil || err != nil {
			return err
		}
		for _, name := range record.Failed {
			made := slices.ContainsFunc(j.result.Variants, func(v Variant) bool { return v.Name == name })
			if !made && !slices.Contains(j.result.Same, name) {
				return nil
			}
		}
	}
	for _, key := range []string{j.plan.BadCopy, j.plan.BadRecord} {
		if key == "" {
			continue
		}
		existing, err := j.Look(ctx, key)
		if err == nil {
			err = j.discard(ctx, src, key, existing)
		}
		if err != nil && !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrInvalid) {
			return err
		}
	}
	return nil
}

// discard deletes a copy or a record of the source, as long as it is what was found and the source is
// what was read: whoever changes the source from now on writes both anew. A function that may not
// delete leaves it.
func (j *job) discard(ctx context.Context, src *source, key string, found bucket.Info) error {
	if j.keeper(src.change, found) != ourselves {
		return nil
	}
	if _, err := j.confirm(ctx, src); err != nil {
		return err
	}
	err := j.Store.Delete(ctx, j.Recipe.Target.Bucket, key, bucket.Condition{IfMatch: found.ETag})
	switch {
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrPrecondition):
		return nil
	case errors.Is(err, bucket.ErrDenied):
		j.result.Drop(key + ": " + err.Error())
		return nil
	case err != nil:
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return nil
}
