package mill

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// write stores the rendered variants, which are in the order of the plan.
func (j *job) write(ctx context.Context, src *source, outputs []render.Output) error {
	written := make([]Variant, 0, len(outputs))
	for i, o := range outputs {
		planned := j.plan.Outputs[i]
		key, err := planned.KeyFor(o.Width, o.Height, o.Format)
		if err != nil {
			return verdictError{outcome.Bad, err.Error()}
		}
		attr := src.attributes(o.Format.MediaType, planned.Fingerprint)
		if err := j.put(ctx, src, key, o.Data, attr); err != nil {
			return fmt.Errorf("write %s: %w", key, err)
		}
		written = append(written, Variant{planned.Variant.Name, key, o.Format.Name, o.Width, o.Height, len(o.Data)})
	}
	j.result.Variants = written
	return nil
}

// put stores an output unless the store holds one of a later change. The write is conditional on
// the output that was found before it. If somebody else writes in between, put compares again.
func (j *job) put(ctx context.Context, src *source, key string, data []byte, attr bucket.Attributes) error {
	target := j.Recipe.Target.Bucket
	for range maxRaces {
		cond := bucket.Condition{IfAbsent: true}
		existing, err := j.Store.Head(ctx, target, key)
		switch {
		case err == nil:
			cond = bucket.Condition{IfMatch: existing.ETag}
			current, err := j.compare(ctx, src, existing, attr)
			if err != nil || current {
				return err
			}
		case !errors.Is(err, bucket.ErrNotFound):
			return err
		}
		_, err = j.Store.Put(ctx, target, key, data, attr, cond)
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
	}
	return errTooManyWriters
}

var errTooManyWriters = fmt.Errorf("%w: other writers changed the object %d times",
	bucket.ErrTransient, maxRaces)

// compare decides whether an existing output is to be replaced by one of src with the attributes
// attr. It reports true if the existing one is already as good, and skips the change if the
// existing one is of a later change.
func (j *job) compare(
	ctx context.Context, src *source, existing bucket.Info, attr bucket.Attributes,
) (current bool, err error) {
	c, old, ours := src.change, existing.Metadata, attr.Metadata
	if !isOutput(old) {
		return false, nil
	}
	if ofOtherSource(c, old) {
		return false, verdictError{outcome.Bad, existing.Key +
			" is an output of another picture; put {key} into target.key, or {ext} beside {stem}"}
	}
	same := old[outcome.MetadataSourceETag] == src.info.ETag &&
		old[outcome.MetadataRecipe] == ours[outcome.MetadataRecipe]
	if c.Sequencer != "" && old[outcome.MetadataSequencer] != "" {
		order := event.CompareSequencers(old[outcome.MetadataSequencer], c.Sequencer)
		if order > 0 {
			return false, skip("stale: %s was made by a later change", existing.Key)
		}
		return order == 0 && same, nil
	}
	if c.Sequencer == "" && same {
		return true, nil
	}
	// No sequencers order the two changes, so the source decides. It is read after the existing
	// output, on which the write is conditional: whoever replaces the source from now on also
	// replaces what is written.
	now, err := j.Store.Head(ctx, c.Bucket, c.Key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return false, skip(goneReason)
	case err != nil:
		return false, err
	case now.ETag != src.info.ETag:
		return false, skip(staleReason)
	}
	return false, nil
}
