package mill

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Overlays loads the overlays of watermarks, each version of one once. It is safe for concurrent use.
type Overlays struct {
	// Dir is a folder whose files take precedence over the objects of the target bucket; empty: there is none. With a
	// nil store, there are files alone.
	Dir string

	mu    sync.Mutex
	known map[string]known
}

// known is an overlay that has been loaded.
type known struct {
	recipe.Overlay
	seen time.Time // when it was known to be the present version
}

// overlayAge is for how long a process goes on to use an overlay without a look whether it has changed.
const overlayAge = time.Minute

// With returns the recipe with its overlays: r itself if it has none. No version is older than an age. The error names
// an overlay that is missing or cannot be used; it says nothing about any picture, and may be gone with the next attempt.
func (o *Overlays) With(
	ctx context.Context, engine *render.Engine, store bucket.Store, r *recipe.Recipe, age time.Duration,
) (*recipe.Recipe, error) {
	names := r.Overlays()
	if len(names) == 0 {
		return r, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	loaded := map[string]recipe.Overlay{}
	for _, name := range names {
		k, ok := o.known[name]
		if !ok || time.Since(k.seen) >= age {
			if err := o.look(ctx, engine, store, r, name, &k); err != nil {
				return nil, fmt.Errorf("watermark %s: %w", name, err)
			}
			k.seen = time.Now()
			if o.known == nil {
				o.known = map[string]known{}
			}
			o.known[name] = k
		}
		loaded[name] = k.Overlay
	}
	return r.WithOverlays(loaded), nil
}

// look brings an overlay up to date.
func (o *Overlays) look(
	ctx context.Context, engine *render.Engine, store bucket.Store, r *recipe.Recipe, name string, k *known,
) error {
	key := recipe.OverlayKey(name)
	if o.Dir == "" {
		return lookAtObject(ctx, engine, store, r, key, k)
	}
	data, err := os.ReadFile(filepath.Join(o.Dir, filepath.FromSlash(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist) && store != nil:
		if err := lookAtObject(ctx, engine, store, r, key, k); err != nil {
			return fmt.Errorf("there is no such file in %s; %w", o.Dir, err)
		}
		return nil
	case err != nil:
		return err
	}
	sum := md5.Sum(data) // as the ETag of an object would be
	return k.decode(ctx, engine, bytes.NewReader(data), r, hex.EncodeToString(sum[:]))
}

func lookAtObject(
	ctx context.Context, engine *render.Engine, store bucket.Store, r *recipe.Recipe, key string, k *known,
) error {
	name := r.Target.Bucket
	info, err := store.Head(ctx, name, key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return fmt.Errorf("there is no object %s in bucket %s; store the overlay there", key, name)
	case err != nil:
		return fmt.Errorf("look at %s: %w", key, err)
	case k.Picture != nil && info.ETag == k.ETag:
		return nil
	}
	object, err := store.Get(ctx, name, key, bucket.Condition{IfMatch: info.ETag})
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	defer object.Body.Close()
	return k.decode(ctx, engine, object.Body, r, info.ETag)
}

// decode loads a version, unless it is the known one.
func (k *known) decode(ctx context.Context, engine *render.Engine, from io.Reader, r *recipe.Recipe, etag string) error {
	if k.Picture != nil && k.ETag == etag {
		return nil
	}
	picture, err := engine.Overlay(ctx, from, r.Limits.Limits)
	if err != nil {
		return fmt.Errorf("it cannot be used: %v", err) // which says nothing about the picture that it is for
	}
	k.Overlay = recipe.Overlay{Picture: picture, ETag: etag}
	return nil
}

// WithOverlays returns the mill with the present versions of its overlays, by whose ETags plans have fingerprints:
// whoever compares plans with what is there needs it. Errors are those of Overlays.With.
func (m *Mill) WithOverlays(ctx context.Context) (*Mill, error) { return m.withOverlays(ctx, 0) }

func (m *Mill) withOverlays(ctx context.Context, age time.Duration) (*Mill, error) {
	r, err := m.Overlays.With(ctx, m.Engine, m.Store, m.Recipe, age)
	if err != nil || r == m.Recipe {
		return m, err
	}
	with := *m
	with.Recipe = r
	return &with, nil
}

// markedFor returns the mill with overlays if a change asks for a watermark. Beside an error, it is m.
func (m *Mill) markedFor(ctx context.Context, c event.Change) (*Mill, error) {
	if len(m.Recipe.Overlays()) == 0 || c.Bucket != m.Recipe.Source.Bucket {
		return m, nil
	}
	plan := m.Recipe.Plan(c.Key)
	marked := func(v render.Variant) bool { return v.Watermark.Image != "" }
	if plan.Excluded != "" || !slices.ContainsFunc(plan.Variants(), marked) {
		return m, nil
	}
	return m.withOverlays(ctx, overlayAge)
}
