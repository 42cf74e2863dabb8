package mill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Bad pictures in the simulation. When nothing is left to do, the copy and the record of a key are
// those of its latest version, if that is bad; and whatever the latest version is, each of them
// belongs to one version alone.

// recorded reports whether a version cannot be made, wholly or in part, by the program that has read it
// last.
func (s *sim) recorded(etag string) bool { return s.bad[etag] || len(s.failed[etag]) > 0 }

// anyBad reports whether a version of a key was bad.
func (s *sim) anyBad(key string) bool {
	for etag := range s.order[key] {
		if s.recorded(etag) || s.old != nil {
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
			var record mill.Record
			s.must(json.Unmarshal(data, &record))
			if record.ETag != etag || record.Key != key || record.Reason == "" || !slices.Equal(record.Failed, s.failed[etag]) {
				s.fail("%s is marked as version %.6s, and holds %s", plan.BadRecord, etag, data)
			}
		},
	} {
		if s.theirs[at] != "" {
			continue
		}
		o, err := s.store.Store.Get(ctx, "outputs", at, bucket.Condition{})
		if errors.Is(err, bucket.ErrNotFound) {
			if s.recorded(latest) {
				s.fail("%s is missing", at)
			}
			continue
		}
		s.must(err)
		data, err := io.ReadAll(o.Body)
		s.must(err)
		etag := o.Metadata[outcome.MetadataSourceETag]
		switch {
		case !s.recorded(etag) && !s.disturbed(key):
			s.fail("%s is of version %.6s, which is not bad", at, etag)
		case s.recorded(latest) && etag != latest:
			s.fail("%s is of version %.6s, the latest is %.6s", at, etag, latest)
		default:
			content(etag, data)
		}
	}
}

// undecoded returns formats none of which decodes a picture.
func undecoded(all codec.Set) (none codec.Set) {
	for _, f := range all {
		f := *f
		f.Open = func(*codec.Stream, codec.OpenOptions) (codec.Decoder, error) {
			return nil, fmt.Errorf("%w: in this version", codec.ErrUnsupported)
		}
		none = append(none, &f)
	}
	return none
}

// retryAll ends the old program and tries all pictures again, each twice.
func (s *sim) retryAll() {
	s.old = nil
	for _, key := range s.keys {
		if etag, ok := s.latest[key]; ok {
			for range 2 {
				s.ids++
				s.events = append(s.events, delivery{s.ids, event.Change{Bucket: "sources", Key: key, ETag: etag, Size: -1}})
			}
		}
	}
}

// predecessors checks that the variants of a key whose latest version is bad are whole, each of one
// earlier version.
func (s *sim) predecessors(ctx context.Context, key string) {
	for etag := range s.order[key] {
		for _, o := range s.recipe.Plan(key).For(etag).Outputs {
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
