package render

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// TestOneVariantDoesNotWithholdOthers makes variants of which some cannot be made, each for another
// reason: the others are as without them, and the error names each reason.
func TestOneVariantDoesNotWithholdOthers(t *testing.T) {
	photo := sample.Photo(300, 200)
	good := Variant{Name: "good", Width: 30, Format: jpegFormat}
	alone := one(t, picture(scene(300, 200, plane.RGB, false, 1), 1), good)
	small := Variant{Name: "small", Width: 300, Format: jpegFormat, MaxBytes: 100}
	mute := Variant{Name: "mute", Width: 10, Format: &codec.Format{Name: "mute"}}
	huge := Variant{Name: "huge", Width: MaxSide, Height: MaxSide, Fit: Fill, Enlarge: true, Format: jpegFormat}
	heavy := Variant{Name: "heavy", Width: 3000, Enlarge: true, Format: jpegFormat}
	for _, test := range []struct {
		bad  Variant
		want error
		text string
	}{
		{small, codec.ErrTooLarge, "; raise max_bytes, or ask for fewer pixels"},
		{mute, codec.ErrUnsupported, "no encoder"},
		{huge, codec.ErrLimit, "the limits are 65535 on a side and 268435456 in all; ask for a smaller width or height"},
		{heavy, codec.ErrLimit, "the limit is 1048576; raise limits.memory, or give the process more memory"},
	} {
		for _, variants := range [][]Variant{{test.bad, good}, {good, test.bad}} {
			d := picture(scene(300, 200, plane.RGB, false, 1), 1)
			outputs, err := engine.Render(t.Context(), d, codec.Limits{Memory: 1 << 20}, variants)
			var partial *PartialError
			if !errors.As(err, &partial) || !errors.Is(err, test.want) || !codec.Permanent(err) {
				t.Fatalf("%s: %v", test.bad.Name, err)
			}
			for i, v := range variants {
				made, bad := outputs[i], v.Name != "good"
				if made.Variant.Name != v.Name || (made.Data == nil) != bad || (partial.Reasons[i] != nil) != bad {
					t.Errorf("%s: %s has %d bytes, and fails with %v", test.bad.Name, v.Name, len(made.Data), partial.Reasons[i])
				}
				if !bad && !bytes.Equal(made.Data, alone.Data) {
					t.Errorf("%s: the other variant differs from what it is alone", test.bad.Name)
				}
			}
			if !strings.HasPrefix(err.Error(), "variant "+test.bad.Name+": ") || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the reason does not name the variant, or what to do: %v", err)
			}
		}
	}
	// If none can be made, all reasons are there; if the picture is damaged, it is to blame.
	_, outputs, err := engine.Make(t.Context(), bytes.NewReader(photo), codec.Limits{}, []Variant{small, mute})
	if !errors.Is(err, codec.ErrTooLarge) || !errors.Is(err, codec.ErrUnsupported) ||
		slices.ContainsFunc(outputs, func(o Output) bool { return o.Data != nil }) {
		t.Errorf("both fail: %v", err)
	}
	damaged := append(slices.Clone(photo[:len(photo)/2]), 0xFF, 0xD9)
	_, outputs, err = engine.Make(t.Context(), bytes.NewReader(damaged), codec.Limits{}, []Variant{good, mute})
	var partial *PartialError
	if !errors.Is(err, codec.ErrCorrupt) || errors.As(err, &partial) || outputs != nil {
		t.Errorf("a damaged picture: %v", err)
	}
}

// TestOneAnimationDoesNotWithholdOthers: an animation that cannot be written leaves the other variants
// whole, and its later frames are not made.
func TestOneAnimationDoesNotWithholdOthers(t *testing.T) {
	broken := Variant{Name: "broken", Width: 10, Format: flipFormat(codec.ErrUnsupported), Frames: AllFrames}
	good := Variant{Name: "good", Width: 10, Format: flipFormat(nil), Frames: AllFrames}
	out, err := engine.Render(t.Context(), newFilm(3), codec.Limits{}, []Variant{broken, good})
	if !errors.Is(err, codec.ErrUnsupported) || out[0].Data != nil {
		t.Errorf("%q, %v", out[0].Data, err)
	}
	if want := "10×5 loops 3: 10 for 100 ms 20 for 200 ms 30 for 300 ms"; string(out[1].Data) != want {
		t.Errorf("the other is %q", out[1].Data)
	}
	d := newFilm(3)
	if _, err := engine.Render(t.Context(), d, codec.Limits{}, []Variant{broken}); err == nil || d.live != 1 {
		t.Errorf("alone: %v, %d frames were decoded", err, d.live)
	}
}
