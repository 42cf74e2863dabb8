package render

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// set returns variants of one set, as 320.jpeg.
func set(names ...string) (variants []Variant) {
	for _, name := range names {
		v := NewVariant(name)
		var format string
		if _, err := fmt.Sscanf(name, "%d.%s", &v.Width, &format); err != nil {
			panic(err)
		}
		v.Set, v.Format = "page", engine.Formats.Named(format)
		variants = append(variants, v)
	}
	return variants
}

// TestSet: of a set, no variant is made twice, and none is wider than the picture.
func TestSet(t *testing.T) {
	variants := set("32.webp", "64.webp", "128.webp", "256.webp", "32.jpeg", "128.jpeg")
	alone := NewVariant("alone")
	alone.Width, alone.Format = 300, jpegFormat
	for _, test := range []struct {
		width int
		want  string // the width of each, or the one that it is the same as
	}{
		{90, "32 64 90 =128.webp 32 90 90"},
		{64, "32 64 =64.webp =64.webp 32 64 64"},
		{20, "20 =32.webp =32.webp =32.webp 20 =32.jpeg 20"},
		{300, "32 64 128 256 32 128 300"},
	} {
		_, outputs, err := engine.Make(t.Context(), bytes.NewReader(sample.Photo(test.width, 60)), codec.Limits{}, append(variants, alone))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range outputs {
			if (o.SameAs == "") != (o.Data != nil) {
				t.Errorf("%d: %s is the same as %q, and has %d bytes", test.width, o.Variant.Name, o.SameAs, len(o.Data))
			}
			got = append(got, map[bool]string{true: fmt.Sprint(o.Width), false: "=" + o.SameAs}[o.SameAs == ""])
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%d pixels wide: %s, want %s", test.width, text, test.want)
		}
	}
}

// TestSetFails: a variant that cannot be made fails with those whose place it takes.
func TestSetFails(t *testing.T) {
	variants := set("32.jpeg", "128.jpeg", "256.jpeg")
	variants[1].MaxBytes, variants[2].MaxBytes = 1, 1
	_, _, err := engine.Make(t.Context(), bytes.NewReader(sample.Photo(90, 60)), codec.Limits{}, variants)
	partial, ok := errors.AsType[*PartialError](err)
	if !ok || partial.Reasons[0] != nil || partial.Reasons[1] == nil || partial.Reasons[2] == nil {
		t.Errorf("got %v", err)
	}
}
