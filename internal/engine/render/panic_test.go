package render

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// panicking is an encoder that panics in Layout, or else in Encode.
type panicking struct{ layout bool }

func (p panicking) Layout(m plane.Model, _ bool, w, h int) plane.Layout {
	if p.layout {
		panic("layout")
	}
	return plane.NewLayout(m, false, w, h, 1, 1)
}

func (p panicking) Encode(context.Context, *plane.Picture, codec.EncodeOptions) ([]byte, error) {
	panic("encode")
}

// TestMakeSurvivesPanics lets the functions of a format panic one after the other, from the first byte
// that is read to the last that would be written: each is an error that trying again would not mend.
func TestMakeSurvivesPanics(t *testing.T) {
	photo := sample.Photo(60, 40)
	whole := func(f codec.Format) *codec.Format {
		f.Name, f.Detect = "fragile", func(head []byte) bool { return bytes.HasPrefix(head, photo[:4]) }
		return &f
	}
	open := jpegFormat.Open
	for name, f := range map[string]*codec.Format{
		"detect": {Name: "fragile", Detect: func([]byte) bool { panic("detect") }},
		"open": whole(codec.Format{Open: func(*codec.Stream, codec.OpenOptions) (codec.Decoder, error) {
			panic("open")
		}}),
		"encoder": whole(codec.Format{Open: open, Encoder: func(setting.Values) codec.Encoder { panic("encoder") }}),
		"layout":  whole(codec.Format{Open: open, Encoder: func(setting.Values) codec.Encoder { return panicking{layout: true} }}),
		"encode":  whole(codec.Format{Open: open, Encoder: func(setting.Values) codec.Encoder { return panicking{} }}),
	} {
		e := &Engine{Formats: codec.Set{f}}
		_, _, err := e.Make(t.Context(), bytes.NewReader(photo), codec.Limits{}, []Variant{{Width: 10, Format: f}})
		if !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
