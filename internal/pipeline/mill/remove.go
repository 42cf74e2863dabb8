package mill

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// remove takes away the variants of a removed source if it is still gone.
func (m *Mill) remove(ctx context.Context, c event.Change) error {
	keys, err := m.outputKeys(c.Key)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := m.removeOutput(ctx, c, key); err != nil {
			return err
		}
	}
	return nil
}

// outputKeys are the keys of all that the recipe makes of a source; the recipe was refused at load if they depend on
// the picture.
func (m *Mill) outputKeys(sourceKey string) ([]string, error) {
	var keys []string
	for _, v := range m.Recipe.For(sourceKey) {
		key, err := m.Recipe.TargetKey(sourceKey, v, 0, 0, v.Format)
		if err != nil {
			return nil, verdictError{outcome.Bad, err.Error()}
		}
		keys = append(keys, key)
	}
	if m.Recipe.Manifest {
		keys = append(keys, m.Recipe.ManifestKey(sourceKey))
	}
	return keys, nil
}

// removeOutput deletes one output. The source is asked after the look at the output, on which the deletion depends: an
// upload from here on writes an output that this deletion does not match.
func (m *Mill) removeOutput(ctx context.Context, c event.Change, key string) error {
	target := m.Recipe.Target.Bucket
	for range maxRaces {
		there, err := m.Store.Head(ctx, target, key)
		if errors.Is(err, bucket.ErrNotFound) || err == nil && (!marked(there.Metadata) || foreign(c, there.Metadata)) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = m.Store.Head(ctx, c.Bucket, c.Key)
		if err == nil {
			return skip("stale: the object was uploaded again since")
		}
		if !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
		err = m.Store.Delete(ctx, target, key, bucket.Condition{IfMatch: there.ETag})
		if errors.Is(err, bucket.ErrPrecondition) {
			continue
		}
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("remove %s: %w", key, err)
		}
		return nil
	}
	return fmt.Errorf("%w: %d writers were faster", bucket.ErrTransient, maxRaces)
}
