package sync_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/sync"
)

const oneVariant = buckets + "target: {bucket: outputs, key: '{variant}/{key}'}\nvariants: {v: {width: 8}}\n"

// todo compares the buckets and returns what is to be done.
func (p *place) todo(only sync.Only, known *sync.Known) *sync.Todo {
	p.t.Helper()
	list := &sync.Todo{Only: only}
	c := sync.Comparison{
		Mill: p.mill, Known: known, Trust: true, Orphans: only.Orphaned || only.Replaced, Each: list.Add, Restart: list.Reset,
	}
	if _, err := c.Run(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := list.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return list
}

// work makes what is missing or stale, and returns the results by key.
func (p *place) work(ctx context.Context, w sync.Work, list *sync.Todo) (map[string]mill.Result, error) {
	results := map[string]mill.Result{}
	w.Mill = p.mill
	w.Backoff = time.Millisecond
	then := w.OnResult
	w.OnResult = func(i sync.Item, r mill.Result) {
		results[i.Key] = r
		if then != nil {
			then(i, r)
		}
	}
	err := w.Make(ctx, list)
	return results, err
}

// upload20 uploads pictures 00.jpg to 19.jpg, of different content.
func (p *place) upload20() (keys []string) {
	p.t.Helper()
	for i := range 20 {
		keys = append(keys, fmt.Sprintf("%02d.jpg", i))
		p.upload(keys[i], sample.Photo(16+i, 12))
	}
	return keys
}

var both = sync.Only{Missing: true, Stale: true}

// TestWorkTriesAgain fails the first reads of one picture and all reads of another: the first is made,
// the second is reported, and both leave the rest alone.
func TestWorkTriesAgain(t *testing.T) {
	p := newPlace(t, oneVariant)
	keys := p.upload20()
	list := p.todo(both, nil)
	p.store.fail = map[string]int{"03.jpg": 2, "07.jpg": 1000}
	results, err := p.work(t.Context(), sync.Work{Jobs: 4}, list)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		want, reads := outcome.Done, 1
		switch key {
		case "03.jpg":
			reads = 3
		case "07.jpg":
			want, reads = outcome.Retry, 4
		}
		if results[key].Verdict != want || p.store.gets[key] != reads {
			t.Errorf("%s: %s after %d reads, want %s after %d", key, results[key].Verdict, p.store.gets[key], want, reads)
		}
	}
	p.store.fail = nil
	if left := p.todo(both, nil); left.Pictures.Pictures != 1 {
		t.Errorf("%d pictures are left, want the one that failed", left.Pictures.Pictures)
	}
}

// TestWorkEnds ends the context while pictures are in work: these are finished, no other is begun, and
// a second run makes the others and none twice.
func TestWorkEnds(t *testing.T) {
	p := newPlace(t, oneVariant)
	keys := p.upload20()
	known, err := sync.OpenKnown(filepath.Join(t.TempDir(), "known"))
	if err != nil {
		t.Fatal(err)
	}
	defer known.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	w := sync.Work{Jobs: 3, Known: known, OnResult: func(sync.Item, mill.Result) { interrupt() }}
	first, err := p.work(ctx, w, p.todo(both, known))
	if !errors.Is(err, context.Canceled) || len(first) == 0 || len(first) > 2*w.Jobs {
		t.Fatalf("%d pictures made, %v", len(first), err)
	}
	for key, r := range first {
		if r.Verdict != outcome.Done {
			t.Errorf("%s was in work and became %s: %s", key, r.Verdict, r.Reason)
		}
	}
	second, err := p.work(t.Context(), sync.Work{Jobs: 3, Known: known}, p.todo(both, known))
	if err != nil || len(first)+len(second) != len(keys) {
		t.Errorf("%d and %d pictures of %d, %v", len(first), len(second), len(keys), err)
	}
	for _, key := range keys {
		if n := p.store.puts["v/"+key]; n != 1 {
			t.Errorf("%s was written %d times", key, n)
		}
	}
}

// TestWorkKeepsToARate makes 6 pictures at 25 a second, on many lanes: at least 5 intervals.
func TestWorkKeepsToARate(t *testing.T) {
	p := newPlace(t, oneVariant)
	for i := range 6 {
		p.upload(fmt.Sprintf("%d.jpg", i), sample.Photo(16, 12))
	}
	start := time.Now()
	results, err := p.work(t.Context(), sync.Work{Jobs: 16, Rate: 25}, p.todo(both, nil))
	if took := time.Since(start); err != nil || len(results) != 6 || took < 200*time.Millisecond {
		t.Errorf("%d pictures in %s, %v", len(results), took, err)
	}
}

// TestBadUploads makes what can be made of uploads of which one is broken. That one is reported with
// its reason, is known to be bad afterwards, and is tried again if somebody asks for it, or replaces it.
func TestBadUploads(t *testing.T) {
	p := newPlace(t, oneVariant)
	keys := p.upload20()
	broken := sample.Photo(64, 48)
	p.upload("05.jpg", broken[:len(broken)/8])
	known, err := sync.OpenKnown(filepath.Join(t.TempDir(), "known"))
	if err != nil {
		t.Fatal(err)
	}
	defer known.Close()
	results, err := p.work(t.Context(), sync.Work{Jobs: 2, Known: known}, p.todo(both, known))
	if err != nil || len(results) != len(keys) || results["05.jpg"].Verdict != outcome.Bad || results["05.jpg"].Reason == "" {
		t.Fatalf("%d results, %+v, %v", len(results), results["05.jpg"], err)
	}
	r, found := p.compare(sync.Comparison{Known: known, Trust: true})
	if r.Bad.Pictures != 1 || found["05.jpg"].Bad != results["05.jpg"].Reason || r.Complete() || r.Missing.Objects != 0 {
		t.Errorf("%+v %+v", r, found)
	}
	// The record in the target says the same to who knows nothing, and is no orphan; within other limits
	// it does not count.
	for _, quick := range []bool{false, true} {
		r, found = p.compare(sync.Comparison{Orphans: !quick, Quick: quick})
		if r.Bad.Pictures != 1 || found["05.jpg"].Bad != results["05.jpg"].Reason || r.Orphaned.Objects+r.Unclaimed != 0 {
			t.Errorf("quick %t: %+v %+v", quick, r, found)
		}
	}
	p.mill.Recipe.Limits.Pixels++
	if r, _ = p.compare(sync.Comparison{Known: known, Trust: true}); r.Bad.Pictures != 0 || r.Missing.Objects != 1 {
		t.Errorf("within other limits: %+v", r)
	}
	p.mill.Recipe.Limits.Pixels--
	if left := p.todo(both, known); left.Pictures.Pictures != 0 {
		t.Errorf("the broken upload would be tried again: %+v", left.Pictures)
	}
	if left := p.todo(sync.Only{Bad: true}, known); left.Pictures.Pictures != 1 {
		t.Errorf("the broken upload would not be tried again: %+v", left.Pictures)
	}
	p.upload("05.jpg", broken)
	results, err = p.work(t.Context(), sync.Work{Known: known}, p.todo(both, known))
	if err != nil || !slices.Equal(slices.Collect(maps.Keys(results)), []string{"05.jpg"}) ||
		results["05.jpg"].Verdict != outcome.Done {
		t.Errorf("after it was replaced: %+v, %v", results, err)
	}
}

// TestNoPicture: what a look, or the checkpoint, tells as no picture is not counted as missing or stale, nor with what
// records call bad.
func TestNoPicture(t *testing.T) {
	p, known := newPlace(t, oneVariant), openKnown(t)
	p.upload("a.jpg", []byte("no picture at all"))
	p.upload("b.jpg", sample.Photo(64, 48))
	p.upload("c.jpg", sample.Photo(48, 64))
	p.process("c.jpg")
	p.upload("c.jpg", []byte("no picture any more"))
	for _, quick := range []bool{false, true} {
		for looks, want := range map[int]int64{0: 0, 1: 1, 3: 2} { // in the order of keys, by one lane
			clear(p.store.gets)
			r, found := p.compare(sync.Comparison{Quick: quick, Looks: looks, Lanes: 1})
			if r.NoPictures.Pictures != want || r.Missing.Pictures+r.Stale.Pictures != 3-want || found["b.jpg"].NotPicture ||
				found["a.jpg"].NotPicture != (want > 0) {
				t.Errorf("%d looks: %+v %v", looks, r, found)
			}
			if n := len(p.store.gets); n != looks {
				t.Errorf("%d uploads were opened, want %d", n, looks)
			}
		}
	}
	p.upload("c.jpg", sample.Photo(48, 64))
	if _, err := p.work(t.Context(), sync.Work{Known: known}, p.todo(both, known)); err != nil {
		t.Fatal(err)
	}
	r, found := p.compare(sync.Comparison{Known: known, Trust: true})
	if r.NoPictures.Pictures != 1 || r.Bad.Pictures+r.Missing.Pictures != 0 || !strings.Contains(found["a.jpg"].Bad, "no picture") {
		t.Errorf("%+v %v", r, found)
	}
	if left := p.todo(both, known); left.Pictures.Pictures != 0 {
		t.Errorf("it would be read again: %+v", left.Pictures)
	}
}

// TestNoKey: a file whose name no key can be, of which nothing can be made, is named with the reason.
func TestNoKey(t *testing.T) {
	p := newPlace(t, oneVariant)
	p.upload("caf\xe9.jpg", sample.Photo(64, 48))
	r, found := p.compare(sync.Comparison{})
	if f := found["caf\xe9.jpg"]; r.Bad.Pictures != 1 || r.Missing.Pictures != 0 || !strings.Contains(f.Bad, "rename the picture") {
		t.Errorf("%+v %+v", r, f)
	}
}

// TestMemoryWithoutRecords: what needs too much memory in one place is tried in one that has more.
func TestMemoryWithoutRecords(t *testing.T) {
	p, known := newPlace(t, oneVariant+"on_bad: {record: false}\n"), openKnown(t)
	p.upload("a.jpg", sample.Photo(64, 48))
	whole := p.mill.Recipe
	for _, memory := range []int64{1000, 1 << 30} {
		p.mill.Recipe = whole.WithMemory(memory)
		results, err := p.work(t.Context(), sync.Work{Known: known}, p.todo(both, known))
		want := outcome.Done
		if memory == 1000 {
			want = outcome.Bad
		}
		if err != nil || results["a.jpg"].Verdict != want {
			t.Errorf("with %d bytes: %+v, %v", memory, results["a.jpg"], err)
		}
	}
}

// TestBadParts: what cannot be made of an upload is not tried again, whether it is a part or all of it, and
// whether a record says so or the checkpoint alone; a loss of the rest is.
func TestBadParts(t *testing.T) {
	const tight = "  tight: {width: 2000, enlarge: true, format: jpeg, max_bytes: 1KB}\n"
	for _, c := range []struct {
		name, recipe string
		made         int // objects
	}{
		{"all, with a manifest", buckets + "target: {bucket: outputs}\nmanifest: true\nvariants:\n" + tight, 0},
		{"all, without records", buckets + "target: {bucket: outputs}\non_bad: {record: false}\nvariants:\n" + tight, 0},
		{"a part, without records", oneVariant[:len(oneVariant)-len("variants: {v: {width: 8}}\n")] +
			"on_bad: {record: false}\nmanifest: true\nvariants:\n  v: {width: 8}\n" + tight, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, known := newPlace(t, c.recipe), openKnown(t)
			p.upload("a.jpg", sample.Photo(64, 48))
			results, err := p.work(t.Context(), sync.Work{Known: known}, p.todo(both, known))
			if r := results["a.jpg"]; err != nil || r.Verdict != outcome.Bad || len(r.Objects) != c.made {
				t.Fatalf("%s %s, %d objects, %v", r.Verdict, r.Reason, len(r.Objects), err)
			}
			if left := p.todo(both, known); left.Pictures.Pictures != 0 {
				t.Errorf("it would be tried again: %+v", left.Pictures)
			}
			if c.made > 0 {
				p.remove("outputs", "v/a.jpg")
				if left := p.todo(both, known); left.Pictures.Objects != 1 {
					t.Errorf("of the lost variant: %+v", left.Pictures)
				}
			}
		})
	}
}

// TestDeleteOrphans deletes outputs whose source is gone, but neither one whose source has come back
// since the comparison, nor one that somebody has replaced.
func TestDeleteOrphans(t *testing.T) {
	p := newPlace(t, oneVariant)
	for _, key := range p.upload20() {
		p.process(key)
	}
	for _, key := range []string{"01.jpg", "02.jpg", "03.jpg"} {
		p.remove("sources", key)
	}
	list := p.todo(sync.Only{Orphaned: true}, nil)
	p.upload("02.jpg", sample.Photo(16, 12))
	_, err := p.store.Put(t.Context(), "outputs", "v/03.jpg", []byte("mine"), bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	w := sync.Work{Mill: p.mill}
	deleted, err := w.Delete(t.Context(), list)
	if err != nil || deleted != 1 || list.Orphans.Objects != 3 {
		t.Errorf("%d of %d deleted, %v", deleted, list.Orphans.Objects, err)
	}
	for key, want := range map[string]bool{"v/00.jpg": true, "v/01.jpg": false, "v/02.jpg": true, "v/03.jpg": true} {
		if _, err := p.store.Head(t.Context(), "outputs", key); (err == nil) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// openKnown opens an empty checkpoint.
func openKnown(t *testing.T) *sync.Known {
	t.Helper()
	known, err := sync.OpenKnown(filepath.Join(t.TempDir(), "known"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { known.Close() })
	return known
}

// hooked calls a function before it deletes.
type hooked struct {
	bucket.Store
	before func()
}

func (h hooked) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	h.before()
	return h.Store.Delete(ctx, name, key, cond)
}

// TestDeleteOrphanOfReturnedSource uploads a source again while its orphan is deleted. If it has the same
// content, the variant of the new upload fulfils the condition of the deletion, and must be made again.
func TestDeleteOrphanOfReturnedSource(t *testing.T) {
	for _, height := range []int{12, 13} {
		p := newPlace(t, oneVariant)
		p.upload("a.jpg", sample.Photo(16, 12))
		p.process("a.jpg")
		if err := p.store.Delete(t.Context(), "sources", "a.jpg", bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		list := p.todo(sync.Only{Orphaned: true}, nil)
		store := hooked{p.store, func() {
			p.upload("a.jpg", sample.Photo(16, height))
			p.process("a.jpg")
		}}
		w := sync.Work{Mill: mill.New(store, p.mill.Recipe)}
		if _, err := w.Delete(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if _, err := p.store.Head(t.Context(), "outputs", "v/a.jpg"); err != nil {
			t.Errorf("height %d: the variant of the new upload: %v", height, err)
		}
	}
}

// TestOnlyStaleSettlesNothing makes a stale variant of a picture whose other variant is missing, and whose
// keys depend on the picture. The next run makes the other one.
func TestOnlyStaleSettlesNothing(t *testing.T) {
	text := func(width string) string {
		return buckets + "target: {bucket: outputs, key: '{variant}/{format}/{key}'}\n" +
			"variants: {keep: {width: 8}, thumb: {width: " + width + ", format: webp}}\n"
	}
	p, known := newPlace(t, text("8")), openKnown(t)
	p.upload("a.jpg", sample.Photo(16, 12))
	p.process("a.jpg")
	if err := p.store.Delete(t.Context(), "outputs", "keep/jpg/a.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	p.use(text("9"))
	for _, only := range []sync.Only{{Stale: true}, both} {
		if _, err := p.work(t.Context(), sync.Work{Known: known}, p.todo(only, known)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.store.Head(t.Context(), "outputs", "keep/jpg/a.jpg"); err != nil {
		t.Errorf("the missing variant: %v", err)
	}
}

// TestOneBadVariant: of pictures of which one variant cannot be made, that one is bad, with the reason, and
// is not tried again; the loss of another one is found and mended, also with a manifest and with keys
// that no listing finds.
func TestOneBadVariant(t *testing.T) {
	const tight = "variants:\n  good: {width: 8}\n  tight: {width: 2000, enlarge: true, format: jpeg, max_bytes: 1KB}\n"
	for name, more := range map[string]string{
		"plain": "target: {bucket: outputs, key: '{variant}/{key}'}\n", "manifest": "target: {bucket: outputs, key: '{variant}/{key}'}\nmanifest: true\n",
		"size": "target: {bucket: outputs, key: '{variant}/{stem}-{width}{ext}'}\n", "hidden": "target: {bucket: outputs, key: '{width}/{variant}/{key}'}\nmanifest: true\n",
	} {
		p := newPlace(t, buckets+tight+more)
		p.upload("a.jpg", sample.Photo(64, 48))
		for _, known := range []*sync.Known{nil, p.known()} {
			results, err := p.work(t.Context(), sync.Work{Known: known}, p.todo(both, known))
			if r := results["a.jpg"]; err != nil || known == nil && (r.Verdict != outcome.Bad || len(r.Variants) != 1) {
				t.Fatalf("%s: %+v, %v", name, r, err)
			}
			r, found := p.compare(sync.Comparison{Known: known, Trust: true, Orphans: true})
			if f := found["a.jpg"]; r.Bad.Objects != 1 || !slices.Equal(f.Failed, []string{"tight"}) ||
				!strings.Contains(f.Bad, "variant tight: ") || r.Fresh != r.Wanted-1 || r.Orphaned.Objects != 0 {
				t.Errorf("%s: %+v, %+v", name, r, found)
			}
			if left := p.todo(both, known); left.Pictures.Pictures != 0 {
				t.Errorf("%s: to do: %+v", name, left.Pictures)
			}
			if left := p.todo(sync.Only{Bad: true}, known); left.Pictures.Objects != 1 {
				t.Errorf("%s: to do again: %+v", name, left.Pictures)
			}
			if name == "hidden" { // only the manifest is found
				p.remove("outputs", "a.jpg.imgmill.json")
			}
			for _, key := range []string{"good/a.jpg", "good/a-8.jpg"} {
				p.remove("outputs", key)
			}
			if r, found := p.compare(sync.Comparison{Known: known, Trust: true}); r.Missing.Objects != 1 || r.Bad.Objects != 1 {
				t.Errorf("%s: after a loss: %+v, %+v", name, r, found)
			}
		}
	}
}

// known returns an empty checkpoint.
func (p *place) known() *sync.Known {
	p.t.Helper()
	known, err := sync.OpenKnown(filepath.Join(p.t.TempDir(), "known"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := known.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return known
}

// TestOldSizes: an object of another size than its variant has now is an orphan once the new one is there,
// and not before; so it is if the content, and with it the size, has changed.
func TestOldSizes(t *testing.T) {
	const sized = buckets + "target: {bucket: outputs, key: '{variant}/{stem}-{width}x{height}{ext}'}\nvariants: {v: {width: %d}}\n"
	p := newPlace(t, fmt.Sprintf(sized, 8))
	for _, key := range []string{"a.jpg", "a-8x6.jpg"} { // whose outputs have names that fit both
		p.upload(key, sample.Photo(64, 48))
		p.process(key)
	}
	orphans := func() (keys []string) {
		t.Helper()
		r, found := p.compare(sync.Comparison{Orphans: true})
		for key, f := range found {
			if f.Orphan {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		if int(r.Orphaned.Objects) != len(keys) {
			t.Errorf("%d orphans: %q", r.Orphaned.Objects, keys)
		}
		return keys
	}
	p.use(fmt.Sprintf(sized, 16))
	if got := orphans(); got != nil {
		t.Errorf("before the new ones are made: %q", got)
	}
	if _, err := p.work(t.Context(), sync.Work{}, p.todo(both, nil)); err != nil {
		t.Fatal(err)
	}
	if got := orphans(); !slices.Equal(got, []string{"v/a-8x6-8x6.jpg", "v/a-8x6.jpg"}) {
		t.Errorf("of other settings: %q", got)
	}
	p.upload("a.jpg", sample.Photo(64, 64))
	p.process("a.jpg")
	if got := orphans(); !slices.Equal(got, []string{"v/a-16x12.jpg", "v/a-8x6-8x6.jpg", "v/a-8x6.jpg"}) {
		t.Errorf("of other content: %q", got)
	}
	w := sync.Work{Mill: p.mill}
	if n, err := w.Delete(t.Context(), p.todo(sync.Only{Orphaned: true}, nil)); n != 3 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if r, found := p.compare(sync.Comparison{Orphans: true}); !r.Complete() {
		t.Errorf("at the end: %+v %+v", r, found)
	}
}

// TestTakenIsTriedAgain puts an object in the place of a variant, which makes the picture bad, and
// removes it: the next run makes the variant.
func TestTakenIsTriedAgain(t *testing.T) {
	p, known := newPlace(t, oneVariant), openKnown(t)
	p.upload("a.jpg", sample.Photo(16, 12))
	list := p.todo(both, known)
	if _, err := p.store.Put(t.Context(), "outputs", "v/a.jpg", []byte("x"), bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	results, err := p.work(t.Context(), sync.Work{Known: known}, list)
	if r := results["a.jpg"]; err != nil || r.Verdict != outcome.Bad || !r.Taken {
		t.Fatalf("%v: %+v", err, r)
	}
	if err := p.store.Delete(t.Context(), "outputs", "v/a.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if results, err = p.work(t.Context(), sync.Work{Known: known}, p.todo(both, known)); err != nil || results["a.jpg"].Verdict != outcome.Done {
		t.Errorf("%v: %+v", err, results["a.jpg"])
	}
}

// TestSlowRate checks that a rate of one picture in ages is none of pictures without bound.
func TestSlowRate(t *testing.T) {
	p := newPlace(t, oneVariant)
	p.upload20()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	results, err := p.work(ctx, sync.Work{Rate: 1e-10}, p.todo(both, nil))
	if len(results) != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d pictures were made: %v", len(results), err)
	}
}
