package mill

import (
	"context"
	"errors"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Fresh tells whether all that the recipe makes of a source object is there and made of its present content. Keys that
// depend on the picture cannot be looked up; such an object counts as not fresh, and processing it finds out.
func (m *Mill) Fresh(ctx context.Context, src bucket.Info) (bool, error) {
	if ok, _ := m.Recipe.Wants(src.Key); !ok {
		return true, nil
	}
	variants := m.Recipe.For(src.Key)
	for _, v := range variants {
		key, err := m.Recipe.TargetKey(src.Key, v, 0, 0, v.Format)
		if err != nil {
			return false, nil // processing it gives the reason
		}
		if ok, err := m.freshOutput(ctx, src, key, m.Recipe.Fingerprint(v)); err != nil || !ok {
			return false, err
		}
	}
	if !m.Recipe.Manifest || len(variants) == 0 {
		return true, nil
	}
	return m.freshOutput(ctx, src, m.Recipe.ManifestKey(src.Key), m.manifestPrint(variants))
}

func (m *Mill) freshOutput(ctx context.Context, src bucket.Info, key, fingerprint string) (bool, error) {
	there, err := m.Store.Head(ctx, m.Recipe.Target.Bucket, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return there.Metadata[outcome.MetadataSourceETag] == src.ETag && there.Metadata[outcome.MetadataRecipe] == fingerprint, nil
}
