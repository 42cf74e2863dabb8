package sync_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/service/sync"
)

const page = "variants: {page: {widths: [8, 16, 32, 64], formats: [webp, jpeg]}, tiny: {width: 4}}\n"

// TestSets compares pictures of several sizes with the sets of variants that they have.
func TestSets(t *testing.T) {
	for _, manifest := range []bool{false, true} {
		for _, disorder := range []bool{false, true} {
			p := newPlace(t, fmt.Sprintf("%starget: {bucket: outputs}\n%smanifest: %v\n", buckets, page, manifest))
			p.store.disorder = disorder
			objects := 0
			for width, sizes := range map[int]int{4: 1, 8: 1, 9: 2, 20: 3, 32: 3, 50: 4, 70: 4} {
				key := fmt.Sprintf("%d.jpg", width)
				p.upload(key, sample.Photo(width, 30))
				p.process(key)
				objects += 2*sizes + 1
				if manifest {
					objects++
				}
			}
			r, found := p.compare(sync.Comparison{Orphans: true})
			if !r.Complete() || len(found) != 0 || r.Reads != int64(objects) {
				t.Fatalf("after everything was made: %+v %+v, %d objects", r, found, objects)
			}
			if r, found := p.compare(sync.Comparison{Quick: true, Orphans: true}); !r.Complete() {
				t.Errorf("quick: %+v %v", r, found)
			}
			p.remove("outputs", "page/20.jpg/16.webp")
			p.remove("outputs", "page/20.jpg/20.jpg")
			_, found = p.compare(sync.Comparison{Orphans: true})
			if f := found["20.jpg"]; len(found) != 1 || !slices.Equal(f.Missing, []string{"page.16.webp", "page.32.jpeg", "page.64.jpeg"}) || f.Stale != nil {
				t.Errorf("%+v", found)
			}
			list := p.todo(sync.Only{Missing: true}, nil)
			if _, err := p.work(t.Context(), sync.Work{}, list); err != nil {
				t.Fatal(err)
			}
			if r, found := p.compare(sync.Comparison{Orphans: true}); !r.Complete() {
				t.Errorf("after making what was missing: %+v %v", r, found)
			}
		}
	}
}

// TestSetOrphans: the sizes that a picture no longer has are orphans once its new ones are there, and
// so are widths that the recipe no longer has.
func TestSetOrphans(t *testing.T) {
	const text = buckets + "target: {bucket: outputs}\n"
	p := newPlace(t, text+page)
	p.upload("a.jpg", sample.Photo(70, 30))
	p.process("a.jpg")
	p.upload("a.jpg", sample.Photo(20, 30))
	r, found := p.compare(sync.Comparison{Orphans: true})
	if r.Orphaned.Objects != 0 || len(found["a.jpg"].Stale) != 9 {
		t.Errorf("before the new sizes are there: %+v %v", r, found)
	}
	p.process("a.jpg")
	r, found = p.compare(sync.Comparison{Orphans: true})
	for _, key := range []string{"32.webp", "64.webp", "32.jpg", "64.jpg"} {
		if !found["page/a.jpg/"+key].Orphan {
			t.Errorf("%s is no orphan", key)
		}
	}
	if r.Orphaned.Objects != 4 || r.Fresh != r.Wanted {
		t.Errorf("%+v %v", r, found)
	}
	w := sync.Work{Mill: p.mill}
	if n, err := w.Delete(t.Context(), p.todo(sync.Only{Orphaned: true}, nil)); n != 4 || err != nil {
		t.Errorf("%d orphans deleted, %v", n, err)
	}
	p.use(text + "variants: {page: {widths: [8, 12], formats: [webp]}, tiny: {width: 4}}\n")
	p.process("a.jpg")
	r, found = p.compare(sync.Comparison{Orphans: true})
	if r.Fresh != r.Wanted || r.Orphaned.Objects != 5 || found["page/a.jpg/8.webp"].Orphan || found["page/a.jpg/12.webp"].Orphan {
		t.Errorf("after other widths: %+v %v", r, found)
	}
}

// TestSetKnown: what was made is not read again, the largest variant under each of its names.
func TestSetKnown(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs}\n"+page)
	known, err := sync.OpenKnown(filepath.Join(t.TempDir(), "known"))
	if err != nil {
		t.Fatal(err)
	}
	defer known.Close()
	p.upload("a.jpg", sample.Photo(9, 30))
	p.upload("b.jpg", sample.Photo(90, 30))
	if _, err := p.work(t.Context(), sync.Work{Known: known}, p.todo(sync.Only{Missing: true}, known)); err != nil {
		t.Fatal(err)
	}
	if r, found := p.compare(sync.Comparison{Known: known, Trust: true, Orphans: true}); !r.Complete() || r.Reads != 0 {
		t.Errorf("%+v %v", r, found)
	}
}
