package mill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Bad pictures in the simulation. When nothing is left to do, the copy and the record of a key are
// those of its latest version, if that is bad; and whatever the latest version is, each of them
// belongs to one version alone.

// anyBad reports whether a version of a key was bad.
func (s *sim) anyBad(key string) bool {
	for etag := range s.order[key] {
		if s.bad[etag] {
			return true
		}
	}
	return false
}

// copies checks the copy of a bad picture and its record.
func (s *sim) copies(ctx context.Context, key string) {
	plan, latest := s.recipe.Plan(key), s.latest[key]
	for at, content := range map[string]func(etag string, data []byte){
		plan.BadCopy: func(etag string, data []byte) {
			if !bytes.Equal(data, s.contentOf[etag]) {
				s.fail("%s is marked as version %.6s, and its bytes are others", plan.BadCopy, etag)
			}
		},
		plan.BadRecord: func(etag string, data []byte) {
			var record struct{ ETag, Key, Reason string }
			s.must(json.Unmarshal(data, &record))
			if record.ETag != etag || record.Key != key || record.Reason == "" {
				s.fail("%s is marked as version %.6s, and holds %s", plan.BadRecord, etag, data)
			}
		},
	} {
		if s.theirs[at] != "" {
			continue
		}
		o, err := s.store.Store.Get(ctx, "outputs", at, bucket.Condition{})
		if errors.Is(err, bucket.ErrNotFound) {
			if s.bad[latest] {
				s.fail("%s is missing", at)
			}
			continue
		}
		s.must(err)
		data, err := io.ReadAll(o.Body)
		s.must(err)
		etag := o.Metadata[outcome.MetadataSourceETag]
		switch {
		case !s.bad[etag] && !s.disturbed(key):
			s.fail("%s is of version %.6s, which is not bad", at, etag)
		case s.bad[latest] && etag != latest:
			s.fail("%s is of version %.6s, the latest is %.6s", at, etag, latest)
		default:
			content(etag, data)
		}
	}
}

// predecessors checks that the variants of a key whose latest version is bad are whole, each of one
// earlier version.
func (s *sim) predecessors(ctx context.Context, key string) {
	for _, o := range s.recipe.Plan(key).Outputs {
		for etag := range s.order[key] {
			want, good := s.variants[etag][o.Variant.Name]
			if !good {
				continue
			}
			at, err := o.KeyFor(want.Width, want.Height, want.Format)
			s.must(err)
			there, err := s.store.Store.Head(ctx, "outputs", at)
			if err == nil && there.Metadata[outcome.MetadataSourceETag] == etag {
				s.present(ctx, at, etag, want.Data)
			}
		}
	}
}
