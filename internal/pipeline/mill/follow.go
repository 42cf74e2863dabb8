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

// follow takes a change to its variants and looks at the source afterwards. Conditional writes keep an older output from
// replacing a newer one while ETags differ; but an ETag is of the bytes, so that a picture that was put back matches as if
// nothing had been in between. Whoever writes or deletes last therefore finds out here, or when it is told again, that its
// source is another by now, and does it over for that one.
func (m *Mill) follow(ctx context.Context, told event.Change, r *Result) error {
	if told.Removed && m.Recipe.OnRemove != recipe.Remove {
		return skip("removed; the recipe keeps variants")
	}
	c := told
	for range maxRaces {
		*r = Result{}
		var err error
		if c.Removed {
			err = m.remove(ctx, c)
		} else {
			err = m.process(ctx, c, r)
		}
		if v, _ := verdict(err); v == outcome.Retry {
			return err
		}
		now, look := m.Store.Head(ctx, c.Bucket, c.Key)
		gone := errors.Is(look, bucket.ErrNotFound)
		switch {
		case look != nil && !gone:
			return fmt.Errorf("look at the source again: %w", look)
		case gone && c.Removed && !told.Removed:
			return skip("gone: the object was removed since")
		case gone && (c.Removed || m.Recipe.OnRemove != recipe.Remove), !gone && r.Source.ETag == now.ETag:
			return err
		case gone:
			c.Removed = true
			continue
		}
		if left, err := m.left(ctx, c, r.Source.ETag, now); err != nil {
			return err
		} else if !left {
			return skip("stale: the object was replaced since, by a change that is told on its own")
		}
		c = event.Change{Bucket: c.Bucket, Key: c.Key, Size: -1, Time: c.Time}
	}
	return fmt.Errorf("%w: the object was changed %d times meanwhile", bucket.ErrTransient, maxRaces)
}

// left reports whether outputs may bear traces of a change whose source is another object by now, left by us or by an
// earlier attempt: outputs of what it read or was told of or, of a removal, a lack of them.
func (m *Mill) left(ctx context.Context, c event.Change, read string, now bucket.Info) (bool, error) {
	if c.Removed {
		fresh, err := m.Fresh(ctx, now)
		return !fresh, err
	}
	keys, err := m.outputKeys(c.Key)
	if err != nil {
		return true, nil // keys that depend on the picture cannot be looked up
	}
	for _, key := range keys {
		there, err := m.Store.Head(ctx, m.Recipe.Target.Bucket, key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if of := there.Metadata[outcome.MetadataSourceETag]; !foreign(c, there.Metadata) && of != "" && of != now.ETag && (of == read || of == c.ETag) {
			return true, nil
		}
	}
	return false, nil
}
