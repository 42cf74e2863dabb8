package sync_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// TestCountOutdated compares what is concluded from two recipes with what a comparison finds in the
// buckets after the change, whose variants were all made by the first one.
func TestCountOutdated(t *testing.T) {
	const target = "target: {bucket: outputs, key: '{variant}/{key}'}\n"
	const first = buckets + target + "variants: {small: {width: 8}, large: {width: 16}}\n" +
		"rules: [{match: 'icons/**', variants: [small]}]\n"
	keys := []string{"a.jpg", "b/c.jpg", "icons/d.jpg", "icons/e.jpg", "f.png", "notes.txt"}
	picture := sample.Photo(32, 24)
	for _, test := range []struct {
		name, text string
		want       int64
	}{
		{"the same", first, 0},
		{"one variant", buckets + target + "variants: {small: {width: 8}, large: {width: 17}}\n" +
			"rules: [{match: 'icons/**', variants: [small]}]\n", 3},
		{"another variant", buckets + target + "variants: {small: {width: 8}, large: {width: 16}, tiny: {width: 2}}\n" +
			"rules: [{match: 'icons/**', variants: [small]}]\n", 3},
		{"a rule", buckets + target + "variants: {small: {width: 8}, large: {width: 16}}\n", 2},
		{"fewer variants", buckets + target + "variants: {small: {width: 8}}\n", 0},
		{"manifests", first + "manifest: true\n", 5},
		{"another place", buckets + "target: {bucket: outputs, key: 'new/{variant}/{key}'}\n" +
			"variants: {small: {width: 8}, large: {width: 16}}\n", 5},
		{"only some", "source: {bucket: sources, prefix: icons/}\n" + target + "variants: {small: {width: 9}}\n", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t, first)
			for _, key := range keys {
				p.upload(key, picture)
				if key != "notes.txt" {
					p.process(key)
				}
			}
			former := p.mill.Recipe
			p.use(test.text)
			got, err := sync.CountOutdated(t.Context(), p.store, p.mill.Recipe, former)
			if err != nil || got.Uploads != test.want || !got.All {
				t.Errorf("%+v, %v, want %d", got, err, test.want)
			}
			r, found := p.compare(sync.Comparison{})
			if int64(len(found)) != got.Uploads || r.Sources != got.Looked {
				t.Errorf("%+v, but the comparison finds %d of %d: %v", got, len(found), r.Sources, found)
			}
		})
	}
}

// TestCountOutdatedEnds: without a former recipe every upload counts, and the time that there is ends
// the count.
func TestCountOutdatedEnds(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs}\nvariants: {small: {width: 8}}\n")
	for i := range 3 {
		p.upload(fmt.Sprintf("%d.jpg", i), sample.Photo(32, 24))
	}
	got, err := sync.CountOutdated(t.Context(), p.store, p.mill.Recipe, nil)
	if err != nil || got != (sync.Outdated{Uploads: 3, Looked: 3, All: true}) {
		t.Errorf("%+v, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	got, err = sync.CountOutdated(ended, p.store, p.mill.Recipe, nil)
	if err != nil || got != (sync.Outdated{}) {
		t.Errorf("%+v, %v", got, err)
	}
	r := *p.mill.Recipe
	r.Source = recipe.Source{Bucket: "none"}
	if got, err = sync.CountOutdated(t.Context(), p.store, &r, nil); err == nil {
		t.Errorf("%+v of a bucket that does not exist", got)
	}
}
