package sync_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	stdsync "sync"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

const buckets = "source: {bucket: sources}\n"

// place is a store in memory with a recipe.
type place struct {
	t     *testing.T
	store *counting
	mill  *mill.Mill
}

// counting counts what is read and written, by key. It may list in another order than that of keys,
// and fail the first reads of a key.
type counting struct {
	*mem.Store
	disorder bool

	mu         stdsync.Mutex
	gets, puts map[string]int
	fail       map[string]int // so many reads
}

func (s *counting) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	s.mu.Lock()
	s.gets[key]++
	fails := s.gets[key] <= s.fail[key]
	s.mu.Unlock()
	if fails {
		return nil, fmt.Errorf("get %s: %w: busy", key, bucket.ErrTransient)
	}
	return s.Store.Get(ctx, name, key, cond)
}

func (s *counting) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	s.mu.Lock()
	s.puts[key]++
	s.mu.Unlock()
	return s.Store.Put(ctx, name, key, body, attr, cond)
}

func (s *counting) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	if !s.disorder {
		return s.Store.List(ctx, name, prefix)
	}
	var all []bucket.Info
	for info, err := range s.Store.List(ctx, name, prefix) {
		if err != nil {
			return func(yield func(bucket.Info, error) bool) { yield(info, err) }
		}
		all = append(all, info)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return func(yield func(bucket.Info, error) bool) {
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func newPlace(t *testing.T, text string) *place {
	t.Helper()
	store := &counting{Store: mem.New("sources", "outputs"), gets: map[string]int{}, puts: map[string]int{}}
	p := &place{t: t, store: store}
	p.use(text)
	return p
}

// use changes the recipe.
func (p *place) use(text string) {
	p.t.Helper()
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	p.mill = mill.New(p.store, r)
}

func (p *place) upload(key string, data []byte) {
	p.t.Helper()
	if _, err := p.store.Put(p.t.Context(), "sources", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) process(key string) {
	p.t.Helper()
	if r := p.mill.Process(p.t.Context(), event.Change{Bucket: "sources", Key: key, Size: -1}); r.Verdict != outcome.Done {
		p.t.Fatalf("%s: %s %s", key, r.Verdict, r.Reason)
	}
}

// compare compares the buckets and returns the findings by key.
func (p *place) compare(c sync.Comparison) (sync.Report, map[string]sync.Finding) {
	p.t.Helper()
	found := map[string]sync.Finding{}
	c.Mill = p.mill
	c.Each = func(f sync.Finding) error { found[f.Key] = f; return nil }
	c.Restart = func() error { clear(found); return nil }
	r, err := c.Run(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return r, found
}

// templates are target.keys of every kind: in the order of the sources or not, with parts that depend
// on the picture, before and after the name of the source.
var templates = []string{
	"{variant}/{key}", "{key}.{variant}.webp", "{stem}-{variant}/{dir}/x{ext}", "{dir}/{stem}_{variant}{ext}",
	"{dir}/{stem}-{variant}-{width}x{height}.{format}", "{variant}/{key}.{format}", "{variant}/{width}/{key}",
}

// TestEveryCauseIsFound compares small pictures in every state with what was done to them, for every
// kind of target.key, with and without manifests, in order and not.
func TestEveryCauseIsFound(t *testing.T) {
	picture := sample.Photo(32, 24)
	keys := []string{"a.jpg", "a-b.jpg", "a/b.jpg", "a/a.jpg", "a b.jpg", "Z.JPG", "夏/x.jpg", "夏休み.jpg", "a.jpg.jpg", "large/a.jpg"}
	for _, template := range templates {
		for _, manifest := range []bool{false, true} {
			for _, disorder := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s,%v,%v", template, manifest, disorder), func(t *testing.T) {
					text := fmt.Sprintf("%starget: {bucket: outputs, key: '%s'}\nvariants: {small: {width: 8}, large: {width: 16}}\nmanifest: %v\n",
						buckets, template, manifest)
					p := newPlace(t, text)
					p.store.disorder = disorder
					for _, key := range keys {
						p.upload(key, picture)
						p.process(key)
					}
					hidden := strings.HasPrefix(template, "{variant}/{width}") && !manifest
					r, found := p.compare(sync.Comparison{Orphans: true})
					if hidden {
						if r.Unsure.Pictures != int64(len(keys)) {
							t.Fatalf("%+v", r)
						}
						return
					}
					if !r.Complete() || len(found) != 0 || r.Sources != int64(len(keys)) {
						t.Fatalf("after everything was made: %+v %+v", r, found)
					}
					p.upload("a/b.jpg", sample.Photo(24, 24)) // replaced
					p.upload("new.jpg", picture)
					p.remove("sources", "a b.jpg")
					p.upload("notes.txt", []byte("x"))
					p.upload("empty.jpg", nil)
					r, found = p.compare(sync.Comparison{Orphans: true})
					objects := 2
					if manifest {
						objects++
					}
					if n := len(found["a/b.jpg"].Stale) + len(found["a/b.jpg"].Missing); n != objects && !strings.Contains(template, "{width}") {
						t.Errorf("replaced: %+v", found["a/b.jpg"])
					}
					if found["a/b.jpg"].Key == "" || len(found["new.jpg"].Missing)+len(found["new.jpg"].Unsure) != objects {
						t.Errorf("replaced %+v, new %+v", found["a/b.jpg"], found["new.jpg"])
					}
					if r.Orphaned.Objects != int64(objects) || r.Ignored != 2 || r.Unclaimed != 0 {
						t.Errorf("%+v %v", r, found)
					}
				})
			}
		}
	}
}

func (p *place) remove(name, key string) {
	p.t.Helper()
	if err := p.store.Delete(p.t.Context(), name, key, bucket.Condition{}); err != nil {
		p.t.Fatal(err)
	}
}

// TestNarrowWindow compares many objects through a window of a few, with keys whose order is not that
// of their sources: what falls out of it is looked up, and the result is the same.
func TestNarrowWindow(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs, key: '{stem}/{dir}/{variant}{ext}'}\nvariants: {v: {width: 8}}\n")
	picture := sample.Photo(16, 12)
	const pictures = 300
	for i := range pictures {
		key := fmt.Sprintf("%02d/%03d.jpg", i%17, i)
		p.upload(key, picture)
		if i%10 != 0 {
			p.process(key)
		}
	}
	p.remove("sources", "01/001.jpg")
	c := sync.Comparison{Orphans: true}
	sync.SetWindow(&c, 40)
	r, found := p.compare(c)
	if r.Missing.Objects != pictures/10 || r.Orphaned.Objects != 1 || r.Fresh != pictures-pictures/10-1 {
		t.Errorf("%+v", r)
	}
	if !found["001/01/v.jpg"].Orphan || found["01/001.jpg"].Key != "" {
		t.Errorf("%v", found)
	}
}

// TestPrefix compares a part of the sources and leaves the outputs of the others alone.
func TestPrefix(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs, key: '{dir}/{stem}-{variant}{ext}'}\nvariants: {v: {width: 8}, w: {width: 9}}\n")
	for _, key := range []string{"a/b.jpg", "a/bc.jpg", "a/d.jpg", "e.jpg"} {
		p.upload(key, sample.Photo(16, 12))
		p.process(key)
		p.remove("sources", key)
	}
	p.upload("a/b.jpg", sample.Photo(16, 12))
	r, found := p.compare(sync.Comparison{Orphans: true, Prefix: "a/b"})
	if r.Sources != 1 || r.Fresh != 2 || r.Orphaned.Objects != 2 || !found["a/bc-v.jpg"].Orphan {
		t.Errorf("%+v %v", r, found)
	}
}

// TestOthersStay checks that neither an object that imgmill did not make nor an output of another
// bucket is an orphan, and that both are named where a variant should be.
func TestOthersStay(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs}\nvariants: {v: {width: 8}, w: {width: 9}}\n")
	marks := bucket.Attributes{Metadata: map[string]string{outcome.MetadataSourceETag: "x", outcome.MetadataSource: "1234"}}
	for key, attr := range map[string]bucket.Attributes{
		"v/mine.txt": {}, "index.html": {}, "w/theirs.jpg": marks, "w/a.jpg": {}, "v/a.jpg": marks,
	} {
		if _, err := p.store.Put(t.Context(), "outputs", key, []byte(key), attr, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	p.upload("a.jpg", sample.Photo(16, 12))
	r, found := p.compare(sync.Comparison{Orphans: true})
	if r.Orphaned.Objects != 0 || r.Unclaimed != 1 || len(found["a.jpg"].Foreign) != 2 || !found["w/theirs.jpg"].Unclaimed {
		t.Errorf("%+v %v", r, found)
	}
	todo := &sync.Todo{Only: sync.Only{Missing: true, Stale: true, Bad: true, Orphaned: true}}
	if err := todo.Add(found["w/theirs.jpg"]); err != nil || todo.Pictures.Pictures+todo.Orphans.Objects != 0 {
		t.Errorf("something would be done about an unclaimed object: %+v, %v", todo, err)
	}
}

// TestRemovedVariant finds the outputs of a variant that the recipe no longer has, and those of
// settings that have changed.
func TestRemovedVariant(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs}\nvariants: {v: {width: 8}, w: {width: 9}, x: {width: 7}}\n")
	p.upload("a.jpg", sample.Photo(16, 12))
	p.process("a.jpg")
	p.use(buckets + "target: {bucket: outputs}\nvariants: {v: {width: 10}, w: {width: 9}}\n")
	r, found := p.compare(sync.Comparison{Orphans: true})
	if r.Fresh != 1 || !slices.Equal(found["a.jpg"].Stale, []string{"v"}) || !found["x/a.jpg"].Orphan {
		t.Errorf("%+v %v", r, found)
	}
}

// TestKnown checks that what was read once is not read again until it changes, and that an audit,
// which trusts nothing, reads it nevertheless.
func TestKnown(t *testing.T) {
	p := newPlace(t, buckets+"target: {bucket: outputs}\nvariants: {v: {width: 8}, w: {width: 9}}\n")
	for i := range 50 {
		key := fmt.Sprintf("%d.jpg", i)
		p.upload(key, sample.Photo(16, 12))
		p.process(key)
	}
	file := filepath.Join(t.TempDir(), "known")
	for i, want := range []int64{100, 0, 100, 2} {
		known, err := sync.OpenKnown(file)
		if err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			p.upload("7.jpg", sample.Photo(12, 12))
		}
		if r, _ := p.compare(sync.Comparison{Known: known, Trust: i != 2}); r.Reads != want || r.Complete() != (i < 3) {
			t.Errorf("run %d: %+v, want %d reads", i, r, want)
		}
		if err := known.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
