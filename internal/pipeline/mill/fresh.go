package mill

import (
	"context"
	"errors"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Fresh reports whether every output of a source object exists and was made from its present
// content with the present recipe. Keys that depend on the picture cannot be looked up; their
// source is reported as not fresh, and processing it settles the question. An object for which the
// recipe makes nothing is fresh.
func (m *Mill) Fresh(ctx context.Context, src bucket.Info) (bool, error) {
	j := &job{Mill: m, plan: m.Recipe.Plan(src.Key)}
	return j.fresh(ctx, src)
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
