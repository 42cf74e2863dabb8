package mill_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// plain returns a PNG of one colour.
func plain(t *testing.T, w, h int, c color.Color) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// markBench is a mill with a watermark in one of its variants, in a place where time can be set forward.
func markBench(t *testing.T) *bench {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: sources}\ntarget: {bucket: outputs, key: '{variant}/{key}'}\nvariants:\n"+
		"  marked: {width: 20, format: png}\n  bare: {width: 20, format: png, watermark: none}\n"+
		"watermark: {image: marks/logo.png, scale: 50%, position: center, margin: 0%}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := mem.New("sources", "outputs")
	return &bench{t, s, mill.New(s, r)}
}

// middle returns the colour in the middle of an output.
func (b *bench) middle(key string) color.Color {
	b.Helper()
	o, err := b.store.Get(b.Context(), "outputs", key, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	m, err := png.Decode(o.Body)
	if err != nil {
		b.Fatal(err)
	}
	return color.NRGBAModel.Convert(m.At(m.Bounds().Dx()/2, m.Bounds().Dy()/2))
}

// TestWatermark: without its overlay, a picture is worth a retry, and nothing is written. With it, variants have the mark
// unless they have none; a minute later at the latest, another version of it is used, and by its fingerprint outputs with the
// former one are stale.
func TestWatermark(t *testing.T) {
	red, blue, gray := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.NRGBA{128, 128, 128, 255}
	key := recipe.OverlayKey("marks/logo.png")
	synctest.Test(t, func(t *testing.T) {
		b := markBench(t)
		overlay := func(data []byte) {
			if _, err := b.store.Put(t.Context(), "outputs", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		c := b.upload("p.png", plain(t, 40, 40, gray), bucket.Attributes{})
		r := b.mill.Process(t.Context(), c)
		if r.Verdict != outcome.Retry || !strings.Contains(r.Reason, "watermark marks/logo.png: there is no object .imgmill/overlays/marks/logo.png in bucket outputs") {
			t.Fatalf("without its overlay: %s, %s", r.Verdict, r.Reason)
		}
		for info := range b.store.List(t.Context(), "outputs", "") {
			t.Errorf("without its overlay: %s was written", info.Key)
		}
		if r := b.mill.Process(t.Context(), event.Change{Bucket: "sources", Key: "notes.txt"}); r.Verdict != outcome.Skipped {
			t.Errorf("what is no picture, without the overlay: %s", r.Verdict)
		}

		overlay([]byte("no picture"))
		if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Retry || !strings.Contains(r.Reason, "cannot be used") {
			t.Errorf("a broken overlay: %s, %s", r.Verdict, r.Reason)
		}

		overlay(plain(t, 10, 10, red))
		if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Done {
			t.Fatal(r.Reason)
		}
		if m, n := b.middle("marked/p.png"), b.middle("bare/p.png"); m != red || n != gray {
			t.Errorf("with the overlay: %v and %v", m, n)
		}
		src, err := b.store.Head(t.Context(), "sources", "p.png")
		if err != nil {
			t.Fatal(err)
		}
		if fresh, err := b.mill.Fresh(t.Context(), src); !fresh || err != nil {
			t.Errorf("just made, and fresh: %t, %v", fresh, err)
		}
		bare, err := b.store.Head(t.Context(), "outputs", "bare/p.png")
		if err != nil {
			t.Fatal(err)
		}

		overlay(plain(t, 10, 10, blue))
		if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Done || b.middle("marked/p.png") != red {
			t.Errorf("at once, another version is used: %s", r.Reason)
		}
		if m, err := b.mill.WithOverlays(t.Context()); err != nil || m.Recipe.Plan("p.png").Outputs[0].Fingerprint == b.mill.Recipe.Plan("p.png").Outputs[0].Fingerprint {
			t.Errorf("the overlay is no part of the fingerprint: %v", err)
		}
		if fresh, err := b.mill.Fresh(t.Context(), src); fresh || err != nil {
			t.Errorf("with another version of the overlay, and fresh: %t, %v", fresh, err)
		}
		time.Sleep(2 * time.Minute)
		c.Sequencer = "" // as sync
		if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Done || b.middle("marked/p.png") != blue {
			t.Errorf("two minutes later: %s, %v", r.Reason, b.middle("marked/p.png"))
		}
		if now, err := b.store.Head(t.Context(), "outputs", "bare/p.png"); err != nil || now.Modified != bare.Modified {
			t.Errorf("the variant without a watermark was written again: %v", err)
		}

		if err := b.store.Delete(t.Context(), "outputs", key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if r := b.mill.Process(t.Context(), c); r.Verdict != outcome.Retry {
			t.Errorf("once the overlay is gone: %s", r.Verdict)
		}
	})
}

// TestRemovalWithoutOverlay: variants of a removed upload go, also while the overlay is not there. If the upload is back,
// its variants wait for the overlay.
func TestRemovalWithoutOverlay(t *testing.T) {
	b := markBench(t)
	b.mill.Recipe.OnRemove = recipe.Remove
	key, gray := recipe.OverlayKey("marks/logo.png"), color.NRGBA{128, 128, 128, 255}
	if _, err := b.store.Put(t.Context(), "outputs", key, plain(t, 10, 10, gray), bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	c := b.upload("p.png", plain(t, 40, 40, gray), bucket.Attributes{})
	b.want(c, outcome.Done, "")
	b.mill = mill.New(b.store, b.mill.Recipe) // another process, which has not loaded the overlay
	if err := errors.Join(b.store.Delete(t.Context(), "outputs", key, bucket.Condition{}),
		b.store.Delete(t.Context(), "sources", "p.png", bucket.Condition{})); err != nil {
		t.Fatal(err)
	}
	c.ETag, c.Size, c.Sequencer, c.Removed = "", -1, "02", true
	b.want(c, outcome.Done, "")
	if left := b.variants(); left != nil {
		t.Errorf("%v is left", left)
	}
	b.upload("p.png", plain(t, 40, 40, gray), bucket.Attributes{})
	b.want(c, outcome.Retry, "has not been loaded")
	if made := b.variants(); made != nil {
		t.Errorf("%v is there", made)
	}
}
