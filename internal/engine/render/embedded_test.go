package render

import (
	"context"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// twofold is a decoder of a picture whose file has a copy of a fourth of its size, which is white.
type twofold struct {
	codec.Decoder
	asked int // samples of the width that the copy was asked for; 0 if it was not
	copy  *plane.Picture
}

func (d *twofold) ShrinkToEmbedded(_ context.Context, width, height int) (plane.Layout, error) {
	d.asked = width
	h := d.Header()
	if width > h.Width/4 || height > h.Height/4 {
		return h.Layout, nil
	}
	d.copy = plane.New(plane.NewLayout(plane.Gray, false, h.Width/4, h.Height/4, 1, 1))
	for i := range d.copy.Pix[0] {
		d.copy.Pix[0][i] = 255
	}
	return d.copy.Layout, nil
}

func (d *twofold) Decode(ctx context.Context, s plane.Sink) (codec.Report, error) {
	if d.copy != nil {
		return codec.Report{}, d.copy.Push(s)
	}
	return d.Decoder.Decode(ctx, s)
}

// TestEmbedded: a copy in the file stands for the picture where it is large enough for every variant and none
// declines it.
func TestEmbedded(t *testing.T) {
	small, large := Variant{Width: 50, Format: pngFormat}, Variant{Width: 200, Format: pngFormat}
	never, light := small, small
	never.Embedded, light.LinearLight = NeverEmbedded, true
	for name, c := range map[string]struct {
		variants []Variant
		asked    int
		copied   bool
	}{
		"small":           {[]Variant{small}, 50, true},
		"large":           {[]Variant{small, large}, 200, false},
		"never":           {[]Variant{never}, 0, false},
		"never in one":    {[]Variant{small, never}, 0, false},
		"of linear light": {[]Variant{light}, 400, false}, // the copy was reduced in sRGB levels
	} {
		d := &twofold{Decoder: picture(scene(400, 300, plane.Gray, false, 1), 1)}
		out, err := engine.Render(t.Context(), d, codec.Limits{}, c.variants)
		if err != nil {
			t.Fatal(err)
		}
		m := decodePNG(t, out[0])
		r, _, _, _ := m.At(20, 20).RGBA()
		if copied := r == 0xffff; d.asked != c.asked || copied != c.copied || m.Bounds().Dx() != 50 {
			t.Errorf("%s: asked for %d samples, copied: %v, %v", name, d.asked, copied, m.Bounds())
		}
	}
}
