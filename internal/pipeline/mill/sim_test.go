package mill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// The simulation. Writers change a few keys of the source bucket. Each change causes events that
// are delivered twice, late, out of order, and partly without sequencer or ETag. Several processes
// handle them concurrently, over a store whose calls fail before or after their effect, and what
// ends as retry is delivered again. A seeded scheduler runs one store call at a time, of a random
// task. When nothing is left to do, the variants of each key must be those of its latest version.

const (
	defaultSeeds = 1200
	simSteps     = 20000 // calls after which a run is considered never to settle
)

// simMode is a kind of run.
type simMode struct {
	name     string
	recipe   string
	distinct bool // no two versions have the same bytes
	foreign  bool // somebody else writes objects of their own to the keys of outputs
	bad      bool // most versions cannot be decoded
	partly   bool // of most versions, one variant cannot be made
	set      bool // one of the variants is a set
	upgrade  bool // at first, some processes run a program that decodes nothing
}

var simModes = []simMode{
	{name: "keep"},
	{name: "keep, distinct", distinct: true},
	{name: "remove", recipe: "on_remove: remove\n"},
	{name: "remove, distinct", recipe: "on_remove: remove\nmanifest: true\n", distinct: true},
	{name: "remove, manifest", recipe: "on_remove: remove\nmanifest: true\n"},
	{name: "keys that need the picture", recipe: "target: {bucket: outputs, key: '{variant}/{width}/{key}'}\n"},
	{name: "names with a hash", recipe: hashed},
	{name: "names with a hash, distinct", recipe: hashed, distinct: true},
	{name: "names with a hash, remove", recipe: hashed + "on_remove: remove\n"},
	{name: "sets", recipe: "target: {bucket: outputs}\nmanifest: true\n", set: true},
	{name: "sets, remove", recipe: "target: {bucket: outputs}\non_remove: remove\n", set: true},
	{name: "names with a hash, sets", recipe: strings.Replace(hashed, "key", "set_key: '{variant}/{key}/{width}.{hash}', key", 1), set: true},
	{name: "names with a hash and the width", recipe: strings.Replace(hashed, "{hash}", "{width}-{hash}", 1) + "on_remove: remove\n"},
	{name: "foreign objects, keep", recipe: "manifest: true\n", distinct: true, foreign: true},
	{name: "foreign objects, remove", recipe: "on_remove: remove\n", foreign: true},
	{name: "bad pictures, keep", recipe: onBad, bad: true},
	{name: "bad pictures, distinct", recipe: onBad + "manifest: true\n", distinct: true, bad: true},
	{name: "bad pictures, remove", recipe: onBad + "on_remove: remove\n", bad: true},
	{name: "bad pictures, keys that need the picture", recipe: onBad +
		"target: {bucket: outputs, key: '{variant}/{width}/{key}'}\n", bad: true},
	{name: "bad pictures, foreign objects", recipe: onBad, distinct: true, foreign: true, bad: true},
	{name: "bad variants, keep", recipe: onBad, partly: true},
	{name: "bad variants, distinct", recipe: onBad + "manifest: true\n", distinct: true, partly: true},
	{name: "bad variants, remove", recipe: onBad + "on_remove: remove\nmanifest: true\n", partly: true},
	{name: "bad variants, foreign objects", recipe: onBad, distinct: true, foreign: true, partly: true},
	{name: "upgrade, keep", recipe: onBad + "manifest: true\n", upgrade: true},
	{name: "upgrade, remove", recipe: onBad + "on_remove: remove\n", upgrade: true},
}

// hashed deletes what is replaced as soon as it may.
const hashed = "target: {bucket: outputs, key: '{variant}/{key}.{hash}', keep_replaced: 0s}\n"

const onBad = "on_bad: {prefix: failed/}\n"

func TestSimulation(t *testing.T) {
	seeds := defaultSeeds
	if s := os.Getenv("IMGMILL_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("IMGMILL_SEEDS: %v", err)
		}
		seeds = n
	} else if testing.Short() {
		seeds /= 4
	}
	first := 0
	if s := os.Getenv("IMGMILL_SEED"); s != "" { // repeat one run
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("IMGMILL_SEED: %v", err)
		}
		first, seeds = n, 1
	}
	var worlds []*simWorld
	for _, m := range simModes {
		worlds = append(worlds, newSimWorld(t, m))
	}
	var next, calls, retries atomic.Int64
	var runs sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		runs.Go(func() {
			for !t.Failed() {
				seed := first + int(next.Add(1)) - 1
				if seed >= first+seeds {
					return
				}
				w := worlds[seed%len(worlds)]
				s := newSim(w, uint64(seed))
				s.play()
				s.check()
				calls.Add(int64(s.steps))
				retries.Add(int64(s.retries))
				if len(s.wrong) > 0 {
					t.Errorf("seed %d (%s), IMGMILL_SEED=%d repeats it:\n  %s\ntrace:\n%s",
						seed, w.mode.name, seed, strings.Join(s.wrong, "\n  "), s.trace.String())
				}
			}
		})
	}
	runs.Wait()
	t.Logf("%d seeds, %d store calls, %d retries", seeds, calls.Load(), retries.Load())
	if retries.Load() == 0 {
		t.Error("no fault was injected")
	}
}

// simWorld is shared by all runs of a mode.
type simWorld struct {
	mode     simMode
	recipe   *recipe.Recipe
	contents [][]byte
	// variants are the outputs for a content, by ETag and name of the variant.
	variants  map[string]map[string]render.Output
	bad       map[string]bool     // by ETag: the content cannot be decoded
	failed    map[string][]string // by ETag: the variants of it that cannot be made
	contentOf map[string][]byte   // by ETag
}

func newSimWorld(t *testing.T, m simMode) *simWorld {
	t.Helper()
	// Without effort, two thirds of the time would go into fewer bytes of tiny PNG files.
	text := "source: {bucket: sources}\nvariants:\n  a: {width: 2, format: png, effort: fast}\n  b: {width: 3, format: jpeg}\n"
	if m.partly {
		text += "  c: {width: 200, format: jpeg, max_bytes: 1KB}\n"
	}
	if m.set {
		text += "  s: {widths: [2, 5, 10, 20], format: png, effort: fast}\n"
	}
	text += m.recipe
	if !strings.Contains(text, "target:") {
		text += "target: {bucket: outputs, key: '{variant}/{key}'}\n"
	}
	r, err := recipe.Parse(formats.All(), "sim", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w := &simWorld{mode: m, recipe: r, variants: map[string]map[string]render.Output{}, bad: map[string]bool{},
		failed: map[string][]string{}, contentOf: map[string][]byte{}}
	// Contents are pairs of files that differ but result in the same variants; a run has at most 6
	// versions. In modes with bad pictures, only one file of four can be decoded; in those with bad
	// variants, two of four take too many bytes.
	for i := range 12 {
		data := dot(t, 8, i/2, i%2)
		if m.partly && i%4 > 1 {
			data = speckled(t, 200, i/2, i%2)
		}
		if m.bad && i%4 > 0 {
			data = data[:len(data)-20] // within the last of the pixels
		}
		w.contents = append(w.contents, data)
	}
	store, engine := mem.New("sources"), &render.Engine{Formats: r.Formats}
	for _, data := range w.contents {
		etag, err := store.Put(t.Context(), "sources", "k", data, bucket.Attributes{}, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		w.contentOf[etag] = data
		_, outputs, err := engine.Make(t.Context(), bytes.NewReader(data), r.Limits.Limits, r.Variants)
		if m.bad && codec.Permanent(err) {
			w.bad[etag] = true
			continue
		}
		if _, partial := errors.AsType[*render.PartialError](err); err != nil && !(m.partly && partial) {
			t.Fatal(err)
		}
		w.variants[etag] = map[string]render.Output{}
		for _, o := range outputs {
			if o.SameAs != "" {
				continue
			}
			if o.Data == nil {
				w.failed[etag] = append(w.failed[etag], o.Variant.Name)
				continue
			}
			w.variants[etag][o.Variant.Name] = o
		}
	}
	if m.partly && len(w.failed) != 6 {
		t.Fatalf("of %d contents, a variant cannot be made; want 6", len(w.failed))
	}
	return w
}

// speckled returns a picture of noise, as dot does one of one colour.
func speckled(t *testing.T, side, seed, level int) []byte {
	t.Helper()
	m, rng := image.NewRGBA(image.Rect(0, 0, side, side)), rand.New(rand.NewPCG(uint64(seed), 2))
	for i := range side * side {
		m.SetRGBA(i%side, i/side, color.RGBA{uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.Uint32()), 255})
	}
	return encoded(t, m, level)
}

// dot returns a picture of one colour, side×side pixels, at one of two compression levels: two
// files of the same picture.
func dot(t *testing.T, side, hue, level int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		m.SetRGBA(i%side, i/side, color.RGBA{uint8(40 * hue), uint8(255 - 40*hue), 90, 255})
	}
	return encoded(t, m, level)
}

func encoded(t *testing.T, m image.Image, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: []png.CompressionLevel{png.BestSpeed, png.NoCompression}[level]}
	if err := e.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// delivery is an event that is yet to be processed.
type delivery struct {
	id     int
	change event.Change
}

// simResult is the result of a finished process.
type simResult struct {
	task     *task
	delivery delivery
	mill.Result
}

// sim is one run.
type sim struct {
	*simWorld
	rng     *rand.Rand
	store   *stepStore
	mill    *mill.Mill
	old     *mill.Mill // decodes nothing; nil once all processes run the new program
	keys    []string
	ops     int // changes that the writers have yet to make
	events  []delivery
	running []*task
	done    chan simResult
	latest  map[string]string         // ETag of a key's latest version; absent if removed
	order   map[string]map[string]int // which version of a key has an ETag
	theirs  map[string]string         // ETag of an object that somebody else has put at the key of an output
	count   int                       // versions so far; sequencers are made from it
	ids     int
	messy   bool // events are duplicated and incomplete; otherwise each is delivered once, complete, and nothing repairs a fault later
	pace    int  // one of this many chances to write is taken
	slots   int  // contents to choose from
	workers int
	steps   int // store calls and other choices of the scheduler
	retries int
	wrong   []string
	// sequencer, if set, is the sequencer of the next event.
	sequencer func(*sim) string
	trace     bytes.Buffer
}

func newSim(w *simWorld, seed uint64) *sim {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := &sim{
		simWorld: w, rng: rng, done: make(chan simResult),
		keys: []string{"p.png", "d/q.png"}[:1+rng.IntN(4)/3], ops: 2 + rng.IntN(5), workers: 2 + rng.IntN(3),
		messy: rng.IntN(3) == 0, slots: 1 + rng.IntN(4), pace: []int{1, 6, 20}[rng.IntN(3)],
		latest: map[string]string{}, order: map[string]map[string]int{}, theirs: map[string]string{},
	}
	s.store = &stepStore{
		Store: mem.New("sources", "outputs"), rng: rng, faults: []float64{0, 0.03, 0.12}[rng.IntN(3)],
		parked: make(chan *task), log: s.logf,
	}
	if w.mode.distinct {
		s.store.before = s.noStepBack
	}
	if w.mode.foreign {
		s.store.touch = s.onlyOurs
	}
	s.mill = mill.New(s.weaken(), w.recipe)
	if w.mode.upgrade {
		s.old = mill.New(s.mill.Store, w.recipe)
		s.old.Engine = &render.Engine{Formats: undecoded(w.recipe.Formats)}
	}
	return s
}

func (s *sim) logf(format string, args ...any) { fmt.Fprintf(&s.trace, format+"\n", args...) }

func (s *sim) fail(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// play runs until nothing is left to do.
func (s *sim) play() {
	for {
		var choices []func()
		if s.ops > 0 {
			choices = append(choices, s.write)
			if s.mode.foreign && s.rng.IntN(8) == 0 {
				choices = append(choices, s.intrude)
			}
		}
		if len(s.events) > 0 && len(s.running) < s.workers {
			choices = append(choices, s.begin, s.begin)
		}
		for range s.running { // the more processes run, the more of their calls come first
			choices = append(choices, s.step)
		}
		if len(choices) == 0 && s.old != nil {
			s.retryAll()
			continue
		}
		if len(choices) == 0 {
			return
		}
		if s.steps++; s.steps > simSteps {
			s.fail("not settled after %d calls", simSteps)
			s.store.faults = 0
			for len(s.running) > 0 {
				s.running[0].dead = true
				s.advance(0)
			}
			return
		}
		choices[s.rng.IntN(len(choices))]()
	}
}

// write makes one change in the source bucket; its events are queued at once.
func (s *sim) write() {
	if s.rng.IntN(s.pace) > 0 && len(s.events)+len(s.running) > 0 {
		return
	}
	s.ops--
	s.count++
	key := s.keys[s.rng.IntN(len(s.keys))]
	c := event.Change{Bucket: "sources", Key: key, Size: -1, Sequencer: sequencer(s.count)}
	if s.sequencer != nil {
		c.Sequencer = s.sequencer(s)
	}
	ctx := context.Background()
	if old, ok := s.latest[key]; ok && s.rng.IntN(3) == 0 {
		s.must(s.store.Store.Delete(ctx, "sources", key, bucket.Condition{}))
		delete(s.latest, key)
		c.Removed = true
		if s.rng.IntN(2) == 0 {
			c.ETag = old
		}
	} else {
		i := s.rng.IntN(s.slots)
		if s.mode.distinct {
			i = 2 * (s.count - 1)
		}
		etag, err := s.store.Store.Put(ctx, "sources", key, s.contents[i], bucket.Attributes{}, bucket.Condition{})
		s.must(err)
		s.latest[key], c.ETag = etag, etag
		if s.order[key] == nil {
			s.order[key] = map[string]int{}
		}
		s.order[key][etag] = s.count
	}
	s.logf("write %d %s: removed %t, etag %.6s", s.count, key, c.Removed, c.ETag)
	if !s.messy {
		s.ids++
		s.events = append(s.events, delivery{s.ids, c})
		return
	}
	for range 1 + s.rng.IntN(3) {
		s.notify(c)
	}
	if etag, ok := s.latest[key]; ok && s.rng.IntN(4) == 0 { // found by a sweep
		s.ids++
		s.events = append(s.events, delivery{s.ids, event.Change{Bucket: "sources", Key: key, ETag: etag, Size: -1}})
	}
}

// intrude puts an object of somebody else at the key of an output, whatever is there.
func (s *sim) intrude() {
	keys := s.targets(s.keys[s.rng.IntN(len(s.keys))])
	key := keys[s.rng.IntN(len(keys))]
	data := fmt.Appendf(nil, "somebody else's object of step %d", s.steps) // no two have the same bytes
	etag, err := s.store.Store.Put(context.Background(), "outputs", key, data, bucket.Attributes{}, bucket.Condition{})
	s.must(err)
	s.theirs[key] = etag
	s.logf("somebody else writes %s", key)
}

// onlyOurs fails the run if a write or deletion meets an object that imgmill did not make.
func (s *sim) onlyOurs(t *task, name, key string) {
	there, err := s.store.Store.Head(context.Background(), name, key)
	if err == nil && there.Metadata[outcome.MetadataSourceETag] == "" {
		s.fail("%s replaces or removes %s of somebody else", t.name, key)
	}
}

// disturbed reports whether somebody else has put an object at the key of an output of a source, and
// checks that it is still there. Such a source may be bad, with outputs of several versions.
func (s *sim) disturbed(key string) bool {
	found := false
	for _, at := range s.targets(key) {
		etag, ok := s.theirs[at]
		if !ok {
			continue
		}
		found = true
		if there, err := s.store.Store.Head(context.Background(), "outputs", at); err != nil || there.ETag != etag {
			s.fail("%s of somebody else is gone", at)
		}
	}
	return found
}

// targets returns the keys of all that is made from a source, except for those that need the picture.
func (s *sim) targets(key string) (keys []string) {
	plan := s.recipe.Plan(key)
	if objects, err := plan.Objects(); err == nil {
		for _, o := range objects {
			keys = append(keys, o.Key)
		}
	}
	if s.mode.bad || s.mode.partly {
		keys = append(keys, plan.BadCopy, plan.BadRecord)
	}
	return keys
}

// sequencer formats n as S3 might, in various lengths.
func sequencer(n int) string { return strings.TrimRight(fmt.Sprintf("0055AED6DC%06X", n*8), "0") }

// notify queues an event for a change. Some events lack the sequencer, the ETag or both.
func (s *sim) notify(c event.Change) {
	switch s.rng.IntN(8) {
	case 0:
		c.Sequencer = ""
	case 1:
		c.ETag = ""
	case 2:
		c.Sequencer, c.ETag = "", ""
	}
	s.ids++
	s.events = append(s.events, delivery{s.ids, c})
}

// begin delivers an event to a new process.
func (s *sim) begin() {
	i := s.rng.IntN(len(s.events))
	e := s.events[i]
	s.events = append(s.events[:i], s.events[i+1:]...)
	t := &task{name: fmt.Sprintf("event %d", e.id), run: make(chan struct{}), slow: s.rng.IntN(3) == 0}
	s.logf("%s begins: %s removed %t seq %q etag %.6s", t.name, e.change.Key, e.change.Removed, e.change.Sequencer, e.change.ETag)
	m := s.mill
	if s.old != nil && s.rng.IntN(2) == 0 {
		m = s.old
	}
	go func() {
		r := m.Process(context.WithValue(context.Background(), taskKey{}, t), e.change)
		s.done <- simResult{t, e, r}
	}()
	s.running = append(s.running, t)
	s.await()
}

// step lets one process make its pending call. Slow processes mostly let everything else go first:
// races of more than one round need a process that sleeps through several versions of an object.
func (s *sim) step() {
	i := s.rng.IntN(len(s.running))
	if s.running[i].slow && s.rng.IntN(15) > 0 && (s.ops > 0 || len(s.events) > 0 || len(s.running) > 1) {
		return
	}
	s.advance(i)
}

func (s *sim) advance(i int) {
	t := s.running[i]
	s.logf("%s: %s", t.name, t.pending)
	t.run <- struct{}{}
	s.await()
}

// await waits until the running task is about to make its next call, or ends.
func (s *sim) await() {
	select {
	case <-s.store.parked:
	case r := <-s.done:
		s.logf("%s ends: %s %s", r.task.name, r.Verdict, r.Reason)
		for i, t := range s.running {
			if t == r.task {
				s.running = append(s.running[:i], s.running[i+1:]...)
				break
			}
		}
		switch r.Verdict {
		case outcome.Retry:
			s.retries++
			s.events = append(s.events, r.delivery)
		case outcome.Bad:
			if s.disturbed(r.delivery.change.Key) && strings.Contains(r.Reason, "did not make it") || s.anyBad(r.delivery.change.Key) {
				break
			}
			s.fail("%s: a good picture is bad: %s", r.task.name, r.Reason)
		}
	}
}

// noStepBack fails the run if a write replaces the output of a newer version by one of an older
// version. It can be checked only if no two versions are equal: the store compares ETags, which
// depend on the bytes alone.
func (s *sim) noStepBack(t *task, name, key string, attr bucket.Attributes) {
	there, err := s.store.Store.Head(context.Background(), name, key)
	if err != nil {
		return
	}
	for _, versions := range s.order {
		was, ok := versions[there.Metadata[outcome.MetadataSourceETag]]
		if !ok {
			continue
		}
		if will := versions[attr.Metadata[outcome.MetadataSourceETag]]; will < was {
			s.fail("%s replaces %s of version %d by one of version %d", t.name, key, was, will)
		}
	}
}

func (s *sim) must(err error) {
	if err != nil {
		panic(err)
	}
}

// check compares the target bucket with the source bucket.
func (s *sim) check() {
	ctx := context.Background()
	for _, key := range s.keys {
		if s.disturbed(key) {
			continue
		}
		etag, exists := s.latest[key]
		plan := s.recipe.Plan(key).For(etag)
		if s.mode.bad || s.mode.partly {
			s.copies(ctx, key)
		}
		if s.mode.upgrade && exists {
			s.absent(ctx, plan.BadRecord)
			s.absent(ctx, plan.BadCopy)
		}
		if s.bad[etag] {
			s.predecessors(ctx, key)
			continue
		}
		s.predecessors(ctx, key) // of variants that cannot be made now
		for _, o := range plan.Outputs {
			name := o.Variant.Name
			if slices.Contains(s.failed[etag], name) {
				continue
			}
			want, made := s.variants[etag][name]
			if exists && !made { // of a set, the same as another
				continue
			}
			if !exists && s.recipe.OnRemove == recipe.Remove {
				for o, err := range s.store.Store.List(ctx, "outputs", o.Variant.Label()+"/"+key) {
					s.must(err)
					s.absent(ctx, o.Key)
				}
			} else if exists {
				at, err := o.KeyFor(want.Width, want.Height, want.Format)
				s.must(err)
				s.present(ctx, at, etag, want.Data)
			}
		}
		if !s.recipe.Manifest {
			continue
		}
		if exists {
			s.manifest(ctx, plan.Manifest.Key, etag)
		} else if s.recipe.OnRemove == recipe.Remove {
			s.absent(ctx, plan.Manifest.Key)
		}
	}
}

func (s *sim) absent(ctx context.Context, key string) {
	if o, err := s.store.Store.Head(ctx, "outputs", key); err == nil {
		s.fail("%s of %.6s exists, but its source is gone", key, o.Metadata[outcome.MetadataSourceETag])
	}
}

func (s *sim) present(ctx context.Context, key, etag string, want []byte) []byte {
	o, err := s.store.Store.Get(ctx, "outputs", key, bucket.Condition{})
	if err != nil {
		s.fail("%s: %v", key, err)
		return nil
	}
	if got := o.Metadata[outcome.MetadataSourceETag]; got != etag {
		s.fail("%s is of version %.6s, the latest is %.6s", key, got, etag)
	}
	data, err := io.ReadAll(o.Body)
	s.must(err)
	if want != nil && !bytes.Equal(data, want) {
		s.fail("%s differs from the variant of its source", key)
	}
	return data
}

func (s *sim) manifest(ctx context.Context, key, etag string) {
	var got struct {
		Source   struct{ ETag string }
		Variants []mill.Variant
		Failed   []mill.Failure
	}
	if data := s.present(ctx, key, etag, nil); data != nil {
		s.must(json.Unmarshal(data, &got))
		if got.Source.ETag != etag || len(got.Variants) != len(s.variants[etag]) ||
			len(got.Failed) != len(s.failed[etag]) {
			s.fail("%s lists version %.6s, %d variants and %d that failed", key, got.Source.ETag, len(got.Variants), len(got.Failed))
		}
	}
}
