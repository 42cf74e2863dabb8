package mill

import (
	"context"
	"errors"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Fresh reports whether there is nothing to do for a source object: every output of it exists and was
// made from its present content with the present recipe, or the content is recorded as bad under this
// recipe. Keys that depend on the picture cannot be looked up; their source is reported as not fresh,
// and processing it settles the question. An object for which the recipe makes nothing is fresh.
func (m *Mill) Fresh(ctx context.Context, src bucket.Info) (bool, error) {
	j := &job{Mill: m, plan: m.Recipe.Plan(src.Key)}
	fresh, err := j.fresh(ctx, src)
	if fresh || err != nil {
		return fresh, err
	}
	return j.knownBad(ctx, src)
}

// knownBad reports whether the present content of a source is recorded as bad under this recipe.
func (j *job) knownBad(ctx context.Context, src bucket.Info) (bool, error) {
	if j.plan.BadRecord == "" {
		return false, nil
	}
	record, err := j.look(ctx, j.plan.BadRecord)
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
		return false, nil
	}
	return err == nil && record.Metadata[outcome.MetadataSourceETag] == src.ETag &&
		record.Metadata[outcome.MetadataRecipe] == j.plan.BadFingerprint, err
}

func (j *job) fresh(ctx context.Context, src bucket.Info) (bool, error) {
	if j.plan.Excluded != "" || len(j.plan.Outputs) == 0 {
		return true, nil
	}
	objects, err := j.plan.Objects()
	if err != nil {
		return false, nil // Processing it reports the reason.
	}
	for _, o := range objects {
		existing, err := j.look(ctx, o.Key)
		if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		meta := existing.Metadata
		if meta[outcome.MetadataSourceETag] != src.ETag || meta[outcome.MetadataRecipe] != o.Fingerprint {
			return false, nil
		}
	}
	return true, nil
}
