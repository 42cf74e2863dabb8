package mill

import (
	"context"
	"errors"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// State is how an existing object of the target compares with what a plan wants there.
type State int

const (
	// Fresh is an output that was made from the present content of its source with the present
	// settings.
	Fresh State = iota
	// Stale is an output of other content or of other settings, or an object that the recipe allows
	// to replace.
	Stale
	// Foreign is an object that stays, because imgmill did not make it.
	Foreign
	// OtherSource is an output of another source, which stays as well.
	OtherSource
)

// StateOf compares an object of the target with what is wanted in its place, for a source of which
// Key and ETag are known.
func (m *Mill) StateOf(src, existing bucket.Info, want recipe.Object) State {
	j := job{Mill: m}
	switch j.keeper(event.Change{Bucket: m.Recipe.Source.Bucket, Key: src.Key}, existing) {
	case stranger:
		return Foreign
	case otherSource:
		return OtherSource
	case nobody:
		return Stale
	}
	meta := existing.Metadata
	if meta[outcome.MetadataSourceETag] != src.ETag || !standsFor(meta, want.Fingerprint) {
		return Stale
	}
	return Fresh
}

// MadeFrom reports whether the metadata of an object of the target says that it was made from the
// object at key of the source bucket.
func (m *Mill) MadeFrom(key string, meta map[string]string) bool {
	return isOutput(meta) && meta[outcome.MetadataSource] == sourceID(event.Change{Bucket: m.Recipe.Source.Bucket, Key: key})
}

// Fresh reports whether there is nothing to do for a source object: every output of it exists and was
// made from its present content with the present recipe, or is recorded as impossible for that content
// under this recipe. Keys that depend on the picture cannot be looked up; their source is reported as
// not fresh unless all of it is recorded as bad, and processing it settles the question. An object for
// which the recipe makes nothing is fresh.
func (m *Mill) Fresh(ctx context.Context, src bucket.Info) (bool, error) {
	m, err := m.withOverlays(ctx, overlayAge)
	if err != nil {
		return false, err
	}
	j := &job{Mill: m, plan: m.Recipe.Plan(src.Key)}
	fresh, err := j.fresh(ctx, src, nil)
	if fresh || err != nil {
		return fresh, err
	}
	record, err := j.Record(ctx, src, j.plan)
	if record == nil || err != nil || len(record.Failed) == 0 {
		return record != nil, err
	}
	return j.fresh(ctx, src, record)
}

// Whole reports whether every output of a source exists and is fresh, whatever is recorded. Where that
// cannot be looked up, it is not.
func (m *Mill) Whole(ctx context.Context, src bucket.Info) (bool, error) {
	m, err := m.withOverlays(ctx, overlayAge)
	if err != nil {
		return false, err
	}
	j := &job{Mill: m, plan: m.Recipe.Plan(src.Key)}
	return j.fresh(ctx, src, nil)
}

// fresh reports whether every output exists and is as it should be, or is excused by a record, which
// may be nil.
func (j *job) fresh(ctx context.Context, src bucket.Info, record *Record) (bool, error) {
	if j.plan.Excluded != "" || len(j.plan.Outputs) == 0 {
		return true, nil
	}
	objects, err := j.plan.For(src.ETag).Objects()
	if err != nil {
		return false, nil // Processing it reports the reason.
	}
	for i, o := range objects {
		name := Manifest
		if i < len(j.plan.Outputs) {
			name = j.plan.Outputs[i].Variant.Name
		} else {
			o = record.Manifest(o)
		}
		if record.Excuses(name) {
			continue
		}
		existing, err := j.Look(ctx, o.Key)
		if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if j.StateOf(src, existing, o) != Fresh {
			return false, nil
		}
	}
	return true, nil
}
