package mill_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const removing = `source: {bucket: photos}
target: {bucket: out, key: "{key}"}
on_remove: remove
variants:
  a: {width: 8}
`

func parse(t *testing.T, text string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func keysOf(t *testing.T, store bucket.Store, name string) []string {
	t.Helper()
	var keys []string
	for info, err := range store.List(t.Context(), name, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// TestBothReadingsOfAKey: the store decides which reading of an event's key is meant.
func TestBothReadingsOfAKey(t *testing.T) {
	const decoded, raw = "a b.jpg", "a+b.jpg"
	data := sample.Photo(32, 24)
	for _, test := range []struct {
		name            string
		stored          []string
		key, alt        string
		withETag        bool
		verdict         outcome.Verdict
		processed, want string // key in the log; outputs
	}{
		{"as read", []string{decoded}, decoded, raw, true, outcome.Done, decoded, decoded},
		{"the other", []string{raw}, decoded, raw, true, outcome.Done, raw, raw},
		{"the other, without ETag", []string{raw}, decoded, raw, false, outcome.Done, raw, raw},
		{"both", []string{decoded, raw}, decoded, raw, false, outcome.Done, decoded, decoded},
		{"neither", nil, decoded, raw, false, outcome.Skipped, decoded, ""},
		{"certain", []string{raw}, decoded, "", false, outcome.Skipped, decoded, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := mem.New("photos", "out")
			c := event.Change{Bucket: "photos", Key: test.key, AltKey: test.alt, Size: -1, Sequencer: "12345678"}
			for _, key := range test.stored {
				etag, err := store.Put(t.Context(), "photos", key, data, bucket.Attributes{}, bucket.Condition{})
				if err != nil {
					t.Fatal(err)
				}
				if test.withETag {
					c.ETag = etag
				}
			}
			m := mill.New(store, parse(t, removing))
			r := m.Process(t.Context(), c)
			if got := r.LogLine(c).Key; r.Verdict != test.verdict || got != test.processed {
				t.Errorf("%s %q of %q, want %s of %q", r.Verdict, r.Reason, got, test.verdict, test.processed)
			}
			if got := strings.Join(keysOf(t, store, "out"), " and "); got != test.want {
				t.Errorf("made %q, want %q", got, test.want)
			}
			// The removal of what was meant removes its output and no other.
			for _, key := range test.stored {
				if err := store.Delete(t.Context(), "photos", key, bucket.Condition{}); err != nil {
					t.Fatal(err)
				}
			}
			c.Removed = true
			m.Process(t.Context(), c)
			if got := keysOf(t, store, "out"); len(got) > 0 {
				t.Errorf("after the removal there is %q", got)
			}
		})
	}
}

// TestSequencersThatLie: an output that claims to be of a later change, but is not of what the source
// holds now, is replaced; so is one with an equal sequencer.
func TestSequencersThatLie(t *testing.T) {
	for _, second := range []string{"00000001", "00000002"} { // the server began anew; it never counts
		store := mem.New("photos", "out")
		m := mill.New(store, parse(t, removing))
		for i, sequencer := range []string{"00000002", second} {
			data := sample.Photo(32+i, 24)
			etag, err := store.Put(t.Context(), "photos", "a.jpg", data, bucket.Attributes{}, bucket.Condition{})
			if err != nil {
				t.Fatal(err)
			}
			c := event.Change{Bucket: "photos", Key: "a.jpg", ETag: etag, Size: -1, Sequencer: sequencer}
			if r := m.Process(t.Context(), c); r.Verdict != outcome.Done {
				t.Errorf("sequencer %s: %s %s", sequencer, r.Verdict, r.Reason)
			}
			made, err := store.Head(t.Context(), "out", "a.jpg")
			if err != nil || made.Metadata[outcome.MetadataSourceETag] != etag {
				t.Errorf("sequencer %s: the output is of %s, want %s (%v)",
					sequencer, made.Metadata[outcome.MetadataSourceETag], etag, err)
			}
		}
	}
}

// TestDeleteMarkerWithoutProbe: a store that answers 412 for ever ends a change with a reason that
// names the cause, after a bounded number of calls.
func TestDeleteMarkerWithoutProbe(t *testing.T) {
	inner := mem.New("photos", "out")
	store := buckettest.Weaken(inner, probe.PutAfterDelete)
	for _, name := range []string{"photos", "out"} {
		_, err := inner.Put(t.Context(), name, "a.jpg", sample.Photo(32, 24), bucket.Attributes{}, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Delete(t.Context(), "out", "a.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	c := event.Change{Bucket: "photos", Key: "a.jpg", Size: -1}
	r := mill.New(store, parse(t, removing)).Process(t.Context(), c)
	if r.Verdict != outcome.Retry || !strings.Contains(r.Reason, "delete marker") {
		t.Errorf("%s %s, want a retry that names the delete marker", r.Verdict, r.Reason)
	}
	r = mill.New(probe.Adapt(store, probe.Lacks{probe.PutAfterDelete}), parse(t, removing)).Process(t.Context(), c)
	if r.Verdict != outcome.Done || !slices.Equal(keysOf(t, inner, "out"), []string{"a.jpg"}) {
		t.Errorf("adapted: %s %s", r.Verdict, r.Reason)
	}
}

// wrongLength is a store that names a length which is not that of the object, as a faulty proxy does.
type wrongLength struct {
	*mem.Store
	by int64
}

func (s wrongLength) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := s.Store.Get(ctx, name, key, cond)
	if err == nil {
		o.Size += s.by
		o.Body = io.NopCloser(io.LimitReader(o.Body, o.Size))
	}
	return o, err
}

// TestWrongLength: a picture whose end the network has lost, with a length that fits what came, is
// not bad but worth a retry; and no manifest names a length that the source does not have, although
// the decoder has what it needs.
func TestWrongLength(t *testing.T) {
	data := sample.Photo(320, 240)
	for _, by := range []int64{-int64(len(data)) / 2, 10} {
		inner := mem.New("photos", "out")
		etag, err := inner.Put(t.Context(), "photos", "a.jpg", data, bucket.Attributes{}, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		c := event.Change{Bucket: "photos", Key: "a.jpg", ETag: etag, Size: -1}
		r := mill.New(wrongLength{inner, by}, parse(t, removing+"manifest: true\n")).Process(t.Context(), c)
		if r.Verdict != outcome.Retry || !strings.Contains(r.Reason, "bytes of the object, and it has") {
			t.Errorf("%+d bytes: %s %s, want a retry", by, r.Verdict, r.Reason)
		}
		if made := keysOf(t, inner, "out"); slices.Contains(made, "a.jpg.imgmill.json") {
			t.Errorf("%+d bytes: made %q", by, made)
		}
	}
}
