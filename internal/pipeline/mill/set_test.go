package mill_test

import (
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// newSetBench returns a mill over the same store for a recipe with a set.
func newSetBench(t *testing.T, s *mem.Store, variants, more string) *bench {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test",
		[]byte("source: {bucket: sources}\ntarget: {bucket: outputs}\nvariants: {"+variants+"}\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, s, mill.New(s, r)}
}

// TestSet: a set gives the sizes that the picture has, and what is missing of it can be made by name.
func TestSet(t *testing.T) {
	s := mem.New("sources", "outputs")
	b := newSetBench(t, s, "page: {widths: [8, 16, 32, 64], formats: [webp, jpeg]}, tiny: {width: 4}", "")
	c := b.upload("p.jpg", sample.Photo(20, 30), bucket.Attributes{})
	r := b.want(c, outcome.Done, "")
	all := []string{
		"page/p.jpg/16.jpg", "page/p.jpg/16.webp", "page/p.jpg/20.jpg", "page/p.jpg/20.webp",
		"page/p.jpg/8.jpg", "page/p.jpg/8.webp", "tiny/p.jpg",
	}
	b.wantOutputs(all...)
	if !slices.Equal(r.Same, []string{"page.64.webp", "page.64.jpeg"}) || len(r.Variants) != 7 {
		t.Errorf("%+v", r)
	}
	before, _ := b.get("page/p.jpg/20.webp")
	b.want(c, outcome.Done, "")
	if err := s.Delete(t.Context(), "outputs", "page/p.jpg/8.webp", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if r := b.mill.Remake(t.Context(), event.Change{Bucket: "sources", Key: "p.jpg", Size: -1}, []string{"page.8.webp"}); r.Verdict != outcome.Done ||
		len(r.Variants) != 3 {
		t.Errorf("%+v", r)
	}
	b.wantOutputs(all...)
	after, _ := b.get("page/p.jpg/20.webp")
	if !after.Modified.Equal(before.Modified) {
		t.Error("a variant that was right has been written again")
	}
	// Another width beyond the picture needs no other object, but this one has to say so.
	wider := newSetBench(t, s, "page: {widths: [8, 16, 32, 64, 128], formats: [webp, jpeg]}, tiny: {width: 4}", "")
	wider.want(c, outcome.Done, "")
	wider.wantOutputs(all...)
	if now, _ := b.get("page/p.jpg/20.webp"); now.Metadata[outcome.MetadataAlso] == after.Metadata[outcome.MetadataAlso] {
		t.Error("the largest object does not stand for the new width")
	}
}

// TestSetRemoved: the sizes of a picture that is gone are found.
func TestSetRemoved(t *testing.T) {
	b := newSetBench(t, mem.New("sources", "outputs"), "page: {widths: [8, 64], formats: [webp, jpeg]}", "on_remove: remove\nmanifest: true\n")
	for _, key := range []string{"p.jpg", "p.jpg/8.jpg", "p.jpg.jpg"} {
		b.want(b.upload(key, sample.Photo(20, 30), bucket.Attributes{}), outcome.Done, "")
	}
	if len(b.outputs()) != 15 {
		t.Fatalf("outputs %q", b.outputs())
	}
	if err := b.store.Delete(t.Context(), "sources", "p.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	b.want(event.Change{Bucket: "sources", Key: "p.jpg", Sequencer: "02", Removed: true}, outcome.Done, "")
	b.wantOutputs("p.jpg.jpg.imgmill.json", "p.jpg/8.jpg.imgmill.json", "page/p.jpg.jpg/20.jpg", "page/p.jpg.jpg/20.webp",
		"page/p.jpg.jpg/8.jpg", "page/p.jpg.jpg/8.webp", "page/p.jpg/8.jpg/20.jpg", "page/p.jpg/8.jpg/20.webp",
		"page/p.jpg/8.jpg/8.jpg", "page/p.jpg/8.jpg/8.webp")
}
