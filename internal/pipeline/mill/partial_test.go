package mill_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// recordOf returns the record that holds for a change, or nil.
func (b *bench) recordOf(c event.Change) *mill.Record {
	b.Helper()
	r, err := b.mill.Record(b.Context(), bucket.Info{Key: c.Key, ETag: c.ETag}, b.mill.Recipe.Plan(c.Key))
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// wantFresh checks what a sweep would do about a change.
func (b *bench) wantFresh(c event.Change, want bool) {
	b.Helper()
	if fresh, err := b.mill.Fresh(b.Context(), bucket.Info{Key: c.Key, ETag: c.ETag}); err != nil || fresh != want {
		b.Errorf("%s: fresh %t, %v, want %t", c.Key, fresh, err, want)
	}
}

// drop removes an output.
func (b *bench) drop(key string) {
	b.Helper()
	if err := b.store.Delete(b.Context(), "outputs", key, bucket.Condition{}); err != nil {
		b.Fatal(err)
	}
}

// TestOneBadVariant: a variant that cannot be made is recorded by name, and the others and the manifest
// are there. A sweep leaves it alone, but not a loss of one of the others.
func TestOneBadVariant(t *testing.T) {
	const tight = "  tight: {width: 2000, enlarge: true, format: jpeg, max_bytes: 1KB}\n"
	for _, manifest := range []string{"", "manifest: true\n"} {
		b := newBench(t, tight+manifest)
		c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
		r := b.want(c, outcome.Bad, "variant tight: cannot be made small enough")
		if len(r.Variants) != 2 || len(r.Failed) != 1 || r.Failed[0].Name != "tight" ||
			!strings.HasSuffix(r.Reason, "; the other variants are there") {
			t.Errorf("%+v", r)
		}
		if record := b.recordOf(c); record == nil || !slices.Equal(record.Failed, []string{"tight"}) {
			t.Errorf("the record: %+v", record)
		}
		all := []string{"small/p.jpg", "tiny/p.jpg"}
		if manifest != "" {
			all = append([]string{"p.jpg.imgmill.json"}, all...)
			var got struct {
				Variants []mill.Variant
				Failed   []mill.Failure
			}
			if _, data := b.get("p.jpg.imgmill.json"); json.Unmarshal(data, &got) != nil || len(got.Variants) != 2 ||
				!slices.Equal(got.Failed, r.Failed) {
				t.Errorf("the manifest: %s", data)
			}
		}
		b.wantOutputs(all...)
		b.wantFresh(c, true)
		for _, lost := range all {
			b.drop(lost)
			b.wantFresh(c, false)
			b.want(event.Change{Bucket: "sources", Key: "p.jpg", ETag: c.ETag, Size: -1}, outcome.Bad, "tight")
			b.wantOutputs(all...)
			b.wantFresh(c, true)
		}
	}
}

// TestRecordIsForgotten: the record of a picture that is made after all, and the copy beside it, vanish;
// those of other content stay, and so does one of which a variant was not made again.
func TestRecordIsForgotten(t *testing.T) {
	b := newBench(t, "on_bad: {prefix: failed/}\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	now := b.mill.Engine
	b.mill.Engine = &render.Engine{Formats: undecoded(now.Formats)}
	b.want(c, outcome.Bad, "in this version")
	b.wantOutputs("failed/p.jpg", "failed/p.jpg.json")
	b.wantFresh(c, true)
	b.mill.Engine = now
	again := event.Change{Bucket: "sources", Key: "p.jpg", ETag: c.ETag, Size: -1}
	f := &faulty{Store: b.store, op: "delete outputs/failed/p.jpg", err: bucket.ErrTransient}
	b.mill.Store = f
	b.want(again, outcome.Retry, "remove failed/p.jpg")
	f.err = bucket.ErrDenied
	if r := b.want(again, outcome.Done, ""); !strings.Contains(strings.Join(r.Dropped, " "), "access denied") {
		t.Errorf("a record that stays: %q", r.Dropped)
	}
	b.mill.Store = b.store
	b.want(again, outcome.Done, "")
	b.wantOutputs("small/p.jpg", "tiny/p.jpg")
	b.drop("small/p.jpg")
	b.wantFresh(c, false)
}

// TestPartOfARecord makes variants again of a picture with a record: it goes with the last of those that
// it names.
func TestPartOfARecord(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.mill.Store = &faulty{Store: b.store, op: "put outputs/small", err: bucket.ErrInvalid}
	b.want(c, outcome.Bad, "refused by the store")
	again := event.Change{Bucket: "sources", Key: "p.jpg", ETag: c.ETag, Size: -1}
	remake := func(variant string, want outcome.Verdict) {
		t.Helper()
		if r := b.mill.Remake(t.Context(), again, []string{variant}); r.Verdict != want {
			t.Errorf("%s: %s %s", variant, r.Verdict, r.Reason)
		}
	}
	remake("tiny", outcome.Done)
	if b.recordOf(c) == nil {
		t.Error("the record of another variant is gone")
	}
	b.drop("tiny/p.jpg")
	remake("small", outcome.Bad) // which makes all
	b.wantOutputs("tiny/p.jpg")
	b.mill.Store = b.store
	remake("small", outcome.Done)
	if b.recordOf(c) != nil {
		t.Error("the record is still there")
	}
	b.wantFresh(c, true)
}

// TestUploadAgain: the record of an upload says nothing about a later one of the same bytes, which had an
// event of its own, or a loss of what that made would never be noticed.
func TestUploadAgain(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	now := b.mill.Engine
	b.mill.Engine = &render.Engine{Formats: undecoded(now.Formats)}
	b.want(c, outcome.Bad, "in this version")
	b.mill.Engine = now
	src, err := b.store.Head(t.Context(), "sources", "p.jpg")
	if err != nil {
		t.Fatal(err)
	}
	src.Key = "p.jpg"
	for _, after := range []time.Duration{0, time.Second, time.Minute} {
		again := src
		again.Modified = src.Modified.Add(after)
		want := after <= time.Second // which is nothing but the store's precision
		if fresh, err := b.mill.Fresh(t.Context(), again); err != nil || fresh != want {
			t.Errorf("uploaded again after %s: fresh %t, %v", after, fresh, err)
		}
	}
}

// TestNoVariantPossible: if no variant can be written, there is no manifest either, and all are named. A
// sweep leaves them and the manifest alone.
func TestNoVariantPossible(t *testing.T) {
	b := newBench(t, "manifest: true\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.mill.Store = refusing{b.store}
	r := b.want(c, outcome.Bad, "write small/p.jpg: ")
	if len(r.Failed) != 2 || strings.Contains(r.Reason, "other") || !strings.Contains(r.Reason, "; write tiny/p.jpg: ") {
		t.Errorf("%+v", r)
	}
	b.wantOutputs()
	b.wantFresh(c, true)
}

// refusing is a store that accepts nothing but records.
type refusing struct{ bucket.Store }

func (r refusing) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	if !strings.HasPrefix(key, recipe.Reserved) {
		return "", bucket.ErrInvalid
	}
	return r.Store.Put(ctx, name, key, body, attr, cond)
}
