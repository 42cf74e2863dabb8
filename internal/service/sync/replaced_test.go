package sync_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// TestReplaced: what a picture was before, and what other settings made of it, goes once it has been kept
// for long enough; what it is now stays.
func TestReplaced(t *testing.T) {
	const names = buckets + "target: {bucket: outputs, key: '{variant}/{key}.{hash}', set_key: '{variant}/{key}/{width}-{hash}.{format}', keep_replaced: "
	const variants = "}\nvariants: {v: {width: 8}, x: {width: 9}, page: {widths: [8, 16], formats: [webp]}}\n"
	for _, keep := range []string{"30d", "0s"} {
		p := newPlace(t, names+keep+variants)
		for _, width := range []int{20, 30} {
			p.upload("a.jpg", sample.Photo(width, 12))
			p.process("a.jpg")
		}
		for _, changed := range []string{"quality: 70", "quality: 60"} {
			p.use(names + keep + strings.Replace(variants, "width: 8}", "width: 8, "+changed+"}", 1))
			p.process("a.jpg")
		}
		p.use(names + keep + strings.NewReplacer("width: 8}", "width: 8, quality: 60}", " x: {width: 9},", "", "8, 16", "8, 12").Replace(variants))
		r, found := p.compare(sync.Comparison{Orphans: true})
		if r.Orphaned.Objects != 0 || !slices.Equal(found["a.jpg"].Missing, []string{"page.12.webp"}) {
			t.Errorf("before the manifest says so: %+v %v", r, found)
		}
		p.process("a.jpg")
		r, found = p.compare(sync.Comparison{Orphans: true})
		if r.Fresh != r.Wanted || (r.Orphaned.Objects > 0) != (keep == "0s") {
			t.Errorf("keep_replaced: %s: %+v %v", keep, r, found)
		}
		if keep != "0s" {
			continue
		}
		// Of the second content, v of two other settings and the width of 16 have been replaced, and x is gone; the
		// function has seen to the first one.
		replaced := 0
		for _, f := range found {
			if f.Replaced {
				replaced++
			}
		}
		if r.Orphaned.Objects != 4 || replaced != 3 {
			t.Errorf("%d orphans, %d replaced: %v", r.Orphaned.Objects, replaced, found)
		}
		w := sync.Work{Mill: p.mill}
		if n, err := w.Delete(t.Context(), p.todo(sync.Only{Replaced: true}, nil)); n != 3 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		r, found = p.compare(sync.Comparison{Orphans: true})
		if r.Fresh != r.Wanted || r.Orphaned.Objects != 1 {
			t.Errorf("afterwards: %+v %v", r, found)
		}
	}
}
