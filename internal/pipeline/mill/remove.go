package mill

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// remove deletes the outputs of a removed source, if the source is still gone. Their keys follow
// from that of the source: a recipe in which they do not is refused when it is loaded.
func (j *job) remove(ctx context.Context, c event.Change) error {
	objects, err := j.plan.Objects()
	if err != nil {
		return bad(err.Error())
	}
	for _, o := range objects {
		if err := j.removeOutput(ctx, c, o.Key); err != nil {
			return err
		}
	}
	return nil
}

// removeOutput deletes one output. The source is read after the output, on which the deletion is
// conditional: an upload from then on writes an output that the deletion does not match.
func (j *job) removeOutput(ctx context.Context, c event.Change, key string) error {
	target := j.Recipe.Target.Bucket
	for range maxRaces {
		existing, err := j.Look(ctx, key)
		switch {
		case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrInvalid):
			return nil
		case err != nil:
			return err
		case !isOutput(existing.Metadata), ofOtherSource(c, existing.Metadata):
			return nil // not ours to delete
		}
		_, err = j.Store.Head(ctx, c.Bucket, c.Key)
		if err == nil {
			return skip("stale: the object has since been uploaded again")
		}
		if !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
		err = j.Store.Delete(ctx, target, key, bucket.Condition{IfMatch: existing.ETag})
		if errors.Is(err, bucket.ErrPrecondition) {
			continue
		}
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("remove %s: %w", key, err)
		}
		return nil
	}
	return errTooManyWriters
}
