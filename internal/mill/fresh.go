package mill

import (
	"context"
	"errors"

	"github.com/imgmill/imgmill/internal/bucket"
)

// Fresh tells whether all that the recipe makes of a source object is there and made of its present content. Keys that
// depend on the picture cannot be looked up; such an object counts as not fresh, and processing it finds out.
func (m *Mill) Fresh(ctx context.Context, src bucket.Info) (bool, error) {
	if ok, _ := m.Recipe.Wants(src.Key); !ok {
		return true, nil
	}
	for _, v := range m.Recipe.For(src.Key) {
		key, err := m.Recipe.TargetKey(src.Key, v, 0, 0, v.Format)
		if err != nil {
			return false, nil // processing it gives the reason
		}
		there, err := m.Store.Head(ctx, m.Recipe.Target.Bucket, key)
		if errors.Is(err, bucket.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if there.Metadata[metaETag] != src.ETag || there.Metadata[metaRecipe] != m.Recipe.Fingerprint(v) {
			return false, nil
		}
	}
	return true, nil
}
