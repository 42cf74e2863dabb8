package sync_test

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// TestOverlay: another version of an overlay makes the variants stale that have it, and the overlay is looked at once
// for a comparison. Without an overlay there is nothing to compare with.
func TestOverlay(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs, key: '{variant}/{key}'}\nvariants: {a: {width: 8, watermark: logo.jpg}, b: {width: 4}}\n")
	key := recipe.OverlayKey("logo.jpg")
	overlay := func(w int) {
		if _, err := p.store.Put(t.Context(), "outputs", key, sample.Photo(w, 8), bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	overlay(8)
	for _, source := range []string{"1.jpg", "2.jpg", "3.jpg"} {
		p.upload(source, sample.Photo(20, 16))
		p.process(source)
	}
	r, found := p.compare(sync.Comparison{Orphans: true})
	if !r.Complete() || r.Fresh != 6 || len(found) > 0 || p.store.gets[key] != 1 {
		t.Fatalf("just made: %+v, %v, %d reads of the overlay", r, found, p.store.gets[key])
	}
	overlay(9)
	r, found = p.compare(sync.Comparison{Orphans: true})
	if r.Fresh != 3 || r.Stale.Objects != 3 || len(found["2.jpg"].Stale) != 1 || found["2.jpg"].Stale[0] != "a" || p.store.gets[key] != 2 {
		t.Errorf("with another overlay: %+v, %v, %d reads of it", r, found, p.store.gets[key])
	}
	if err := p.store.Delete(t.Context(), "outputs", key, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := (&sync.Comparison{Mill: p.mill}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("without the overlay: %v", err)
	}
}
