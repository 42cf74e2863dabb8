package mill

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// remove deletes the outputs of a removed source, if the source is still gone. Where their keys depend
// on the picture, they are listed: a recipe in which their beginning does not name the source is refused
// when it is loaded.
func (j *job) remove(ctx context.Context, c event.Change) error {
	keys, err := j.existing(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := j.removeOutput(ctx, c, key); err != nil {
			return err
		}
	}
	return nil
}

// existing returns the keys that objects of the plan have, or may have.
func (j *job) existing(ctx context.Context) (keys []string, err error) {
	listed := map[string][]string{} // by prefix
	for _, o := range j.plan.Outputs {
		key, err := o.KeyFor(0, 0, o.Variant.Format)
		if err == nil {
			keys = append(keys, key)
			continue
		}
		if !errors.Is(err, recipe.ErrNeedsPicture) {
			return nil, bad(err.Error())
		}
		prefix, _ := o.Pattern()
		if _, done := listed[prefix]; !done {
			listed[prefix] = nil
			for info, err := range j.Store.List(ctx, j.Recipe.Target.Bucket, prefix) {
				if err != nil {
					return nil, fmt.Errorf("list %s: %w", prefix, err)
				}
				listed[prefix] = append(listed[prefix], info.Key)
			}
		}
		for _, key := range listed[prefix] {
			if o.MayBe(key) && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	if j.plan.Manifest.Key != "" {
		keys = append(keys, j.plan.Manifest.Key)
	}
	if err := j.plan.CheckManifest(); err != nil {
		return nil, bad(err.Error())
	}
	return keys, nil
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
		gone, err := j.gone(ctx, c.Key)
		if err != nil {
			return fmt.Errorf("look at the source again: %w", err)
		}
		if !gone {
			return skip("stale: the object has since been uploaded again")
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
