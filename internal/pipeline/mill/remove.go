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
	var open []recipe.Output
	for _, o := range j.plan.Outputs {
		key, err := o.KeyFor(0, 0, o.Variant.Format)
		switch {
		case errors.Is(err, recipe.ErrNeedsPicture):
			open = append(open, o)
		case err != nil:
			return nil, bad(err.Error())
		default:
			keys = append(keys, key)
		}
	}
	candidates, err := j.candidates(ctx, open, func(o recipe.Output, key string) bool { return o.MayBe(key) || o.WasOnce(key) })
	if err != nil {
		return nil, err
	}
	keys = append(keys, candidates...)
	if j.plan.Manifest.Key != "" {
		keys = append(keys, j.plan.Manifest.Key)
	}
	if err := j.plan.CheckManifest(); err != nil {
		return nil, bad(err.Error())
	}
	return keys, nil
}

// candidates lists the objects that may be one of the outputs, each of which begins with the name of the
// source: those for which is returns true.
func (j *job) candidates(
	ctx context.Context, outputs []recipe.Output, is func(o recipe.Output, key string) bool,
) (keys []string, err error) {
	var prefixes []string
	for _, o := range outputs {
		prefix, _ := o.Pattern()
		if slices.Contains(prefixes, prefix) {
			continue
		}
		prefixes = append(prefixes, prefix)
		for info, err := range j.Store.List(ctx, j.Recipe.Target.Bucket, prefix) {
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", prefix, err)
			}
			isOne := func(o recipe.Output) bool { return is(o, info.Key) }
			if slices.ContainsFunc(outputs, isOne) && !slices.Contains(keys, info.Key) {
				keys = append(keys, info.Key)
			}
		}
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
