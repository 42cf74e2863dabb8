package mill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

const scanned = "gates: {tag: {scan: clean}}\n"

// variants returns the keys of what is in the target, without records.
func (b *bench) variants() (keys []string) {
	for info, err := range b.store.List(b.Context(), "outputs", "") {
		if err != nil {
			b.Fatal(err)
		}
		if !strings.HasPrefix(info.Key, ".imgmill/") {
			keys = append(keys, info.Key)
		}
	}
	return keys
}

func (b *bench) tag(key string, tags map[string]string) event.Change {
	b.Helper()
	if err := b.store.SetTags("sources", key, tags); err != nil {
		b.Fatal(err)
	}
	info, err := b.store.Head(b.Context(), "sources", key)
	if err != nil {
		b.Fatal(err)
	}
	return event.Change{Bucket: "sources", Key: key, ETag: info.ETag, Size: -1, Tagged: true}
}

// TestTagGate goes through the life of a picture that a scanner tags.
func TestTagGate(t *testing.T) {
	b := newBench(t, scanned)
	store := &counting{Store: b.store}
	b.mill.Store = store
	c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
	r := b.want(c, outcome.Retry, "it has no tag scan yet; it waits for at most 10m0s more")
	if r.Wait < 9*time.Minute || r.Wait > 10*time.Minute || b.variants() != nil {
		t.Errorf("it waits for %v, with %v", r.Wait, b.variants())
	}
	b.mill.TagEvents = true
	b.want(c, outcome.Skipped, "whose event brings it here again")
	clean := b.tag("a.jpg", map[string]string{"scan": "clean", "other": "tag"})
	b.want(clean, outcome.Done, "")
	if len(b.variants()) != 2 {
		t.Errorf("%v", b.variants())
	}
	b.want(clean, outcome.Skipped, "its variants are there")
	b.want(c, outcome.Done, "") // the event of the upload, late
	found := b.tag("a.jpg", map[string]string{"scan": "found"})
	r = b.want(found, outcome.Bad, "refused: its tag scan is found, not clean")
	if !r.Refused || b.variants() != nil {
		t.Errorf("%+v, and %v is left", r, b.variants())
	}
	src, err := b.store.Head(t.Context(), "sources", "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if fresh, err := b.mill.Fresh(t.Context(), src); !fresh || err != nil {
		t.Errorf("what is refused is tried again: %v", err)
	}
	// The scanner was wrong.
	b.want(b.tag("a.jpg", map[string]string{"scan": "clean"}), outcome.Done, "")
	if record, _, err := b.mill.ReadRecord(t.Context(), b.mill.Recipe.Plan("a.jpg").BadRecord); record != nil || err != nil || len(b.variants()) != 2 {
		t.Errorf("the record is %+v: %v; there is %v", record, err, b.variants())
	}
	// A picture that is replaced by one that is refused keeps its variants, as it does for any that is bad.
	c = b.upload("a.jpg", sample.Photo(70, 40), bucket.Attributes{Tags: map[string]string{"scan": "found"}})
	c.Sequencer = "02"
	b.want(c, outcome.Bad, "refused")
	if len(b.variants()) != 2 {
		t.Errorf("%v", b.variants())
	}
	if src, err = b.store.Head(t.Context(), "sources", "a.jpg"); err != nil {
		t.Fatal(err)
	}
	if fresh, err := b.mill.Fresh(t.Context(), src); !fresh || err != nil {
		t.Errorf("what is refused is tried again: %v", err)
	}
	b.mill.Recipe.Gates.Tags = map[string]string{"scan": "found"}
	if fresh, err := b.mill.Fresh(t.Context(), src); fresh || err != nil {
		t.Errorf("another gate, and the record holds: %v", err)
	}
	b.mill.Recipe.Gates.Tags = nil
	b.want(found, outcome.Skipped, "the recipe asks for none")
}

// TestTagGateWait: after the wait, a picture without the tag is refused, whatever events arrive.
func TestTagGateWait(t *testing.T) {
	for _, events := range []bool{false, true} {
		b := newBench(t, "gates: {tag: {scan: clean}, wait: 20ms}\n")
		b.mill.TagEvents = events
		c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
		time.Sleep(30 * time.Millisecond)
		b.want(c, outcome.Bad, "refused: it has no tag scan 20ms after its upload")
	}
}

// TestTagsOfAnother: tags that are read after the source has been replaced say nothing of what was read.
func TestTagsOfAnother(t *testing.T) {
	for _, version := range []string{"", "null"} {
		b := newBench(t, scanned)
		c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
		b.mill.Store = &swapping{Store: b.store, version: version, swap: func() {
			b.upload("a.jpg", sample.Photo(70, 40), bucket.Attributes{Tags: map[string]string{"scan": "clean"}})
		}}
		b.want(c, outcome.Skipped, "stale")
		if keys := b.variants(); keys != nil {
			t.Errorf("version %q: %v", version, keys)
		}
	}
}

// swapping is a store in which a source is replaced just before its tags are read.
type swapping struct {
	bucket.Store
	version string
	swap    func()
}

func (s *swapping) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := s.Store.Get(ctx, name, key, cond)
	if err == nil {
		o.VersionID = s.version
	}
	return o, err
}

func (s *swapping) Tags(ctx context.Context, name, key, version string) (map[string]string, error) {
	if s.swap != nil {
		s.swap()
		s.swap = nil
	}
	return s.Store.Tags(ctx, name, key, version)
}

// oracle is what a test says that pictures show.
type oracle struct {
	labels []moderate.Label
	err    error
	asked  []image.Config
	least  float64
}

func (o *oracle) Of(_ context.Context, data []byte, least float64) ([]moderate.Label, error) {
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	o.asked, o.least = append(o.asked, c), least
	return o.labels, o.err
}

// TestRekognitionGate: the service gets a small JPEG, whatever was uploaded, and its answer decides before anything is
// written.
func TestRekognitionGate(t *testing.T) {
	b := newBench(t, "manifest: true\ngates: {rekognition: {min_confidence: 75, labels: [Violence, explicit nudity]}}\n")
	o := &oracle{labels: []moderate.Label{{Name: "Smoking", Sure: 99}}}
	b.want(b.upload("nobody.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Retry, "nobody here can ask it")
	b.mill.Moderation = o
	r := b.want(b.upload("fine.png", encodePNG(sample.Landscape(2048, 1024)), bucket.Attributes{}), outcome.Done, "")
	if len(o.asked) != 1 || o.asked[0].Width != 1024 || o.asked[0].Height != 512 || o.least != 75 || len(r.Variants) != 2 {
		t.Errorf("asked with %+v, at least %v; %d variants", o.asked, o.least, len(r.Variants))
	}
	before := b.variants()
	o.labels = append(o.labels, moderate.Label{Name: "Explicit Nudity", Parent: "Explicit", Sure: 91.7})
	r = b.want(b.upload("refused.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Bad,
		"refused: Rekognition is 92 % sure that it shows Explicit Nudity")
	if !r.Refused || !slices.Equal(b.variants(), before) {
		t.Errorf("%+v; %v", r, b.variants())
	}
	// The same picture as before, by another answer.
	c := b.upload("fine.png", encodePNG(sample.Landscape(2048, 1024)), bucket.Attributes{})
	b.want(c, outcome.Bad, "refused")
	if b.variants() != nil {
		t.Errorf("%v is left", b.variants())
	}
	o.err = fmt.Errorf("%w: too small", moderate.ErrRefused)
	b.want(b.upload("tiny.jpg", sample.Photo(8, 8), bucket.Attributes{}), outcome.Bad, "refused: Rekognition does not take the picture: too small")
	o.err = errors.New("throttled")
	b.want(b.upload("later.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Retry, "throttled")
	b.mill.Recipe.Gates.Rekognition.Labels = nil
	o.labels, o.err = o.labels[:1], nil
	b.want(b.upload("any.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Bad, "99 % sure that it shows Smoking")
}

func encodePNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// TestPlaceholder: the variants of a refused picture show another one, until it passes.
func TestPlaceholder(t *testing.T) {
	b := newBench(t, "manifest: true\ngates: {tag: {scan: clean}, placeholder: refused.png}\n")
	receiver := newReceiver(t)
	b.tell(receiver)
	shows := func(want color.Gray) {
		t.Helper()
		_, data := b.get("small/a.jpg")
		m, _, err := image.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if got := color.GrayModel.Convert(m.At(10, 5)).(color.Gray); absent(got, want) {
			t.Errorf("it shows %v, not %v", got, want)
		}
	}
	white, black := image.NewGray(image.Rect(0, 0, 64, 64)), image.NewGray(image.Rect(0, 0, 64, 32))
	draw.Draw(white, white.Bounds(), image.White, image.Point{}, draw.Src)
	dirty, clean := map[string]string{"scan": "found"}, map[string]string{"scan": "clean"}
	c := b.upload("a.jpg", encodePNG(black), bucket.Attributes{Tags: dirty})
	b.want(c, outcome.Bad, "refused: its tag scan is found, not clean; there is no placeholder refused.png")
	b.upload("refused.png", encodePNG(white), bucket.Attributes{})
	for range 2 { // it is delivered twice
		b.want(c, outcome.Bad, "refused: its tag scan is found, not clean")
		shows(color.Gray{255})
	}
	if got := b.variants(); len(got) != 3 {
		t.Errorf("%v", got)
	}
	src, err := b.store.Head(t.Context(), "sources", "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if fresh, err := b.mill.Fresh(t.Context(), src); !fresh || err != nil {
		t.Errorf("what is refused is tried again: %v", err)
	}
	for _, e := range receiver.told() {
		if e.Type != "com.github.imgmill.failed" || e.Data.Variants != nil {
			t.Errorf("%+v", e)
		}
	}
	b.want(b.tag("a.jpg", clean), outcome.Done, "")
	shows(color.Gray{0})
	b.want(b.tag("a.jpg", dirty), outcome.Bad, "refused")
	shows(color.Gray{255})
	grey := image.NewUniform(color.Gray{100})
	draw.Draw(white, white.Bounds(), grey, image.Point{}, draw.Src)
	b.upload("refused.png", encodePNG(white), bucket.Attributes{}) // another placeholder
	c.Sequencer, c.ETag = "", ""
	b.want(c, outcome.Bad, "refused")
	shows(color.Gray{100})
	b.upload("refused.png", []byte("no picture"), bucket.Attributes{})
	b.want(b.upload("b.jpg", encodePNG(black), bucket.Attributes{Tags: dirty}), outcome.Bad, "the placeholder refused.png cannot be used: not a picture")
}

// absent reports whether a shade is not there, by more than JPEG changes it.
func absent(got, want color.Gray) bool { return max(got.Y, want.Y)-min(got.Y, want.Y) > 3 }
