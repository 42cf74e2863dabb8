package mill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Objects whose keys contain a {hash} are never overwritten: a new content of the source, or other
// settings, have other names. The manifest names those of the present. What it does not name is replaced,
// and may go once it has not been named for target.keep_replaced:
//
//	manifest written     A          B               C           now
//	named since          |---- A ---|------ B ------|---- C ----|
//	what may go                     (nothing)       A, if B was long enough
//
// When C is written, the manifest that it replaces says how long A has not been named. Package sync finds
// what is left then, by the age of the present manifest.

// removeReplaced deletes the objects of contents that neither the present manifest names nor the one
// before, if that was there for long enough. Whoever puts a former content back while they are deleted is
// found by lookAgain, which makes what is missing.
func (j *job) removeReplaced(ctx context.Context, src *source) error {
	former := j.former
	if former.Key == "" || !isOutput(former.Metadata) || !j.Recipe.KeptLongEnough(former.Modified) {
		return nil
	}
	hashed := slices.DeleteFunc(slices.Clone(j.plan.Outputs), func(o recipe.Output) bool { return !o.Hashed() })
	if len(hashed) == 0 {
		return nil
	}
	keys, err := j.candidates(ctx, hashed, recipe.Output.WasOnce)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if slices.ContainsFunc(hashed, func(o recipe.Output) bool { return o.MayBe(key) }) {
			continue // of a set, it is another width
		}
		existing, err := j.Look(ctx, key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		etag := existing.Metadata[outcome.MetadataSourceETag]
		if j.keeper(src.change, existing) == ourselves && etag != former.Metadata[outcome.MetadataSourceETag] {
			if err := j.discard(ctx, src, key, existing); err != nil {
				return err
			}
		}
	}
	return nil
}

// MayGo reports whether objects of a source that its manifest does not name have not been named for long
// enough: the manifest is that of the present content and of the plan.
func (m *Mill) MayGo(ctx context.Context, src bucket.Info, plan recipe.Plan) (bool, error) {
	manifest, err := m.Look(ctx, plan.Manifest.Key)
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", plan.Manifest.Key, err)
	}
	// A manifest that lacks variants which cannot be made is as good.
	made, _, _ := strings.Cut(manifest.Metadata[outcome.MetadataRecipe], "-")
	return m.MadeFrom(src.Key, manifest.Metadata) && manifest.Metadata[outcome.MetadataSourceETag] == src.ETag &&
		made == plan.Manifest.Fingerprint && m.Recipe.KeptLongEnough(manifest.Modified), nil
}

// immutable lets caches keep an output for a year without asking, unless its source asks for privacy.
func immutable(attr *bucket.Attributes) {
	for directive := range strings.SplitSeq(attr.CacheControl, ",") {
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		if name == "private" || name == "no-store" {
			return
		}
	}
	attr.CacheControl, attr.Expires = "public, max-age=31536000, immutable", time.Time{}
}
