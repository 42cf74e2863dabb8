package mill_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// stripes is 90×30: red, green and blue.
func stripes(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 90, 30))
	for y := range 30 {
		for x := range 90 {
			c := [4]uint8{3: 255}
			c[x/30] = 255
			m.SetRGBA(x, y, color.RGBA{c[0], c[1], c[2], c[3]})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func focalBench(t *testing.T, key string) *bench {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: sources}\ntarget: {bucket: outputs, key: '"+key+"'}\nvariants:\n"+
		"  c: {width: 30, height: 30, fit: cover, format: png, position: focal}\n  m: {width: 30, height: 30, fit: cover, format: png}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := mem.New("sources", "outputs")
	return &bench{t, s, mill.New(s, r)}
}

// shows returns which of red, green and blue a variant shows.
func (b *bench) shows(variant string) string {
	b.Helper()
	for info, err := range b.store.List(b.Context(), "outputs", variant+"/") {
		if err != nil {
			b.Fatal(err)
		}
		o, err := b.store.Get(b.Context(), "outputs", info.Key, bucket.Condition{})
		if err != nil {
			b.Fatal(err)
		}
		m, err := png.Decode(o.Body)
		if err != nil {
			b.Fatal(err)
		}
		for i, name := range []string{"red", "green", "blue"} {
			r, g, bl, _ := m.At(15, 15).RGBA()
			if [3]uint32{r, g, bl}[i] == 0xffff {
				return name
			}
		}
	}
	return "nothing"
}

// TestFocalPointOfAnObject: its metadata says what is shown. Other metadata of the same bytes does too, by an event and
// by a repetition without one; what it does not concern is left alone.
func TestFocalPointOfAnObject(t *testing.T) {
	b := focalBench(t, "{variant}/{key}")
	sequencer := "01"
	upload := func(focal string) string {
		t.Helper()
		c := b.upload("p.png", stripes(t), bucket.Attributes{Metadata: map[string]string{"focal": focal}})
		c.Sequencer = sequencer
		r := b.mill.Process(t.Context(), c)
		if r.Verdict != outcome.Done {
			t.Fatalf("%q: %s, %s", focal, r.Verdict, r.Reason)
		}
		if b.shows("m") != "green" {
			t.Errorf("%q: a variant without a focal point shows %s", focal, b.shows("m"))
		}
		return b.shows("c") + " " + strings.Join(r.Dropped, "; ")
	}
	if got := upload("0.1,0.5"); got != "red " {
		t.Errorf("on the left: %s", got)
	}
	sequencer = "02"
	if got := upload("1 0"); got != "blue " {
		t.Errorf("on the right, by a later event: %s", got)
	}
	before, err := b.store.Head(t.Context(), "outputs", "m/p.png")
	if err != nil {
		t.Fatal(err)
	}
	sequencer = "" // as sync
	if got := upload("0.1,0.5"); got != "red " {
		t.Errorf("on the left, by a repetition: %s", got)
	}
	if after, err := b.store.Head(t.Context(), "outputs", "m/p.png"); err != nil || after.Modified != before.Modified {
		t.Errorf("a variant that it does not concern was written again: %v", err)
	}
	if got := upload("top"); !strings.HasPrefix(got, "green metadata focal: \"top\" is not a point") {
		t.Errorf("no point: %s", got)
	}
}

// TestFocalPointOfATag: where the recipe names a tag, it says what is shown, unless metadata does. Other tags move the
// crop, and write nothing else again.
func TestFocalPointOfATag(t *testing.T) {
	b := focalBench(t, "{variant}/{key}")
	b.mill.Recipe.FocalTag = "point of interest"
	tag := func(text string) {
		if err := b.store.SetTags("sources", "p.png", map[string]string{"point of interest": text}); err != nil {
			t.Fatal(err)
		}
	}
	c := b.upload("p.png", stripes(t), bucket.Attributes{})
	tag("0.1 0.5")
	if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Done || b.shows("c") != "red" || b.shows("m") != "green" {
		t.Fatalf("%s %s, %s and %s", r.Verdict, r.Reason, b.shows("c"), b.shows("m"))
	}
	before, err := b.store.Head(t.Context(), "outputs", "m/p.png")
	if err != nil {
		t.Fatal(err)
	}
	tag("0.9 0.5")
	tagged := event.Change{Bucket: "sources", Key: "p.png", ETag: c.ETag, Size: -1, Tagged: true}
	if r := b.mill.Process(t.Context(), tagged); r.Verdict != outcome.Done || b.shows("c") != "blue" {
		t.Errorf("another tag: %s %s, %s", r.Verdict, r.Reason, b.shows("c"))
	}
	if after, err := b.store.Head(t.Context(), "outputs", "m/p.png"); err != nil || after.Modified != before.Modified {
		t.Errorf("a variant that it does not concern was written again: %v", err)
	}
	tag("left")
	if r := b.mill.Process(t.Context(), tagged); b.shows("c") != "green" || len(r.Dropped) != 1 || !strings.Contains(r.Dropped[0], `tag point of interest: "left" is not a point`) {
		t.Errorf("no point: %s, %q", b.shows("c"), r.Dropped)
	}
	c = b.upload("p.png", stripes(t), bucket.Attributes{Metadata: map[string]string{"focal": "0.1,0.5"}})
	c.Sequencer = "02"
	tag("0.9 0.5")
	if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Done || b.shows("c") != "red" {
		t.Errorf("metadata beside the tag: %s %s, %s", r.Verdict, r.Reason, b.shows("c"))
	}
}

// TestFocalPointChangesAName: with a {hash}, another focal point of the same bytes is another name.
func TestFocalPointChangesAName(t *testing.T) {
	b := focalBench(t, "{variant}/{key}.{hash}.{format}")
	for i, focal := range []string{"", "0.1,0.5", "0.9,0.5"} {
		c := b.upload("p.png", stripes(t), bucket.Attributes{Metadata: map[string]string{"focal": focal}})
		c.Sequencer = string(rune('1' + i))
		if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Done {
			t.Fatal(r.Reason)
		}
	}
	names := map[string]int{}
	for info, err := range b.store.List(t.Context(), "outputs", "") {
		if err != nil {
			t.Fatal(err)
		}
		names[info.Key[:1]]++
	}
	if names["c"] != 3 || names["m"] != 1 {
		t.Errorf("%v objects of each variant, want 3 of c and 1 of m", names)
	}
}
