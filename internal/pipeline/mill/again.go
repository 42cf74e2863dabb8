package mill

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// lookAgain compares the source with what applying c has read or removed. It returns the change to
// apply next, or nil if none is needed and the error that the job ends with: applied, the one of
// applying c, unless the source has changed.
//
// Conditional writes keep an older output from replacing a newer one as long as their ETags differ.
// But an ETag depends on the bytes alone: if a picture is replaced and later put back, it matches
// as if nothing had happened in between. So whoever writes or deletes last finds out here, or in a
// retry, that the source has changed, and applies that change too.
func (j *job) lookAgain(ctx context.Context, c event.Change, applied error) (*event.Change, error) {
	if v, _ := Classify(applied); v == outcome.Bad && j.result.Source.ETag == "" {
		return nil, applied // Whatever version it was, it could not be opened.
	}
	var now bucket.Info
	var gone bool
	var err error
	if c.Removed {
		gone, err = j.gone(ctx, c.Key)
	}
	if !gone && err == nil {
		now, err = j.LookAtSource(ctx, c.Key)
		gone = errors.Is(err, bucket.ErrNotFound)
	}
	switch {
	case err != nil && !gone:
		return nil, fmt.Errorf("look at the source again: %w", err)
	case gone && c.Removed && !j.delivered.Removed:
		return nil, skip(goneReason)
	case gone && (c.Removed || j.Recipe.OnRemove != recipe.Remove):
		return nil, applied
	case gone:
		c.Removed = true
		return &c, nil
	case now.ETag == j.result.Source.ETag && now.Size != j.result.Source.Bytes:
		// What was read is not the whole object, whatever the length of the answer was.
		return nil, partial(j.result.Source.Bytes, now.Size)
	case now.ETag == j.result.Source.ETag:
		return nil, applied
	}
	outdated, err := j.outdated(ctx, c, now)
	if err != nil {
		return nil, err
	}
	if !outdated {
		return nil, skip(staleReason)
	}
	return &event.Change{Bucket: c.Bucket, Key: c.Key, Size: -1, Time: c.Time}, nil
}

// outdated reports whether outputs, or the record of a bad picture, may be wrong for the present
// source because of c, in this or an earlier attempt: they are of the version that c names or that
// was read for it, or outputs are missing, perhaps because c removed them.
func (j *job) outdated(ctx context.Context, c event.Change, now bucket.Info) (bool, error) {
	if c.Removed {
		fresh, err := j.fresh(ctx, now, nil)
		return !fresh, err
	}
	now.Key = c.Key
	focal, err := j.focalPoint(ctx, c.Bucket, now)
	if err != nil {
		return false, err
	}
	plan := j.plan.With(now.ETag, focal)
	objects, err := plan.Objects()
	if err != nil {
		return true, nil // Keys that depend on the picture cannot be looked up.
	}
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	for _, key := range []string{j.plan.BadCopy, j.plan.BadRecord} {
		if key != "" {
			keys = append(keys, key)
		}
	}
	for i, key := range keys {
		existing, err := j.Look(ctx, key)
		if errors.Is(err, bucket.ErrNotFound) && i < len(objects) &&
			(j.Recipe.OnRemove == recipe.Remove || i < len(plan.Outputs) && plan.Outputs[i].Hashed()) {
			return true, nil // An earlier attempt may have removed it, from a store without conditions.
		}
		if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
			continue
		}
		if err != nil {
			return false, err
		}
		etag := existing.Metadata[outcome.MetadataSourceETag]
		ours := isOutput(existing.Metadata) && !ofOtherSource(c, existing.Metadata)
		if ours && etag != now.ETag && (etag == j.result.Source.ETag || etag == c.ETag) {
			return true, nil
		}
	}
	return false, nil
}
