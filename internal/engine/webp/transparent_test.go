package webp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// withHoles draws a picture with transparent discs, in which there is noise that depends on seed.
func withHoles(l plane.Layout, seed uint64) *plane.Picture {
	w, h, p := l.Width(), l.Height(), codectest.Draw(l, codectest.Smooth, 3)
	r := rand.New(rand.NewPCG(seed, 1))
	a, _ := p.Alpha()
	for y := range h {
		for x := range w {
			p.Row(a, y)[x] = uint8(55 + (x+y)%200)
			if dx, dy := x%90-45, y%80-40; dx*dx+dy*dy < 38*38 {
				p.Row(a, y)[x] = 0
				p.Row(0, y)[x] = uint8(r.Uint32())
			}
		}
	}
	scale, _ := l.Subsampling()
	for c := 1; c < l.Model.Colours(); c++ {
		for y := range p.Planes[c].Height {
			for x := range p.Planes[c].Width {
				shows := false
				for i := range scale * scale {
					shows = shows || p.Row(a, min(scale*y+i/scale, h-1))[min(scale*x+i%scale, w-1)] != 0
				}
				if !shows {
					p.Row(c, y)[x] = uint8(r.Uint32())
				}
			}
		}
	}
	return p
}

// TestTransparentPixelsDoNotShow: what is behind transparent pixels does not reach a lossy file, takes
// few bytes, and the rest looks as well as without it.
func TestTransparentPixelsDoNotShow(t *testing.T) {
	for i, model := range []plane.Model{plane.Gray, plane.YCbCr, plane.YCbCr, plane.RGB} {
		for _, size := range [][2]int{{181, 163}, {16, 16}, {7, 90}} {
			for _, effort := range codec.EffortSetting.Choices {
				v := setting.Values{"effort": effort, "sharp_chroma": fmt.Sprint(i > 1)}
				l := Format.Encoder(v).Layout(model, true, size[0], size[1])
				p := withHoles(l, 1)
				file := encodeWith(t, p, v, codec.EncodeOptions{})
				if other := encodeWith(t, withHoles(l, 2), v, codec.EncodeOptions{}); !bytes.Equal(file, other) {
					t.Errorf("%v, %v, effort %s: what does not show changes the file", model, size, effort)
				}
				got := checkLossy(t, p, file)
				a, _ := p.Alpha()
				worst := 0
				for y := range p.Height() {
					for x, alpha := range p.Row(a, y) {
						if d := int(p.Row(0, y)[x]) - int(got.Row(0, y)[x]); alpha > 0 && i < 2 {
							worst = max(worst, d, -d)
						}
					}
				}
				if worst > 40 {
					t.Errorf("%v, %v, effort %s: luma that shows is off by %d", model, size, effort, worst)
				}
			}
		}
	}
	p := plane.New(plane.NewLayout(plane.YCbCr, true, 320, 240, 2, 2)) // transparent everywhere
	for i := range p.Pix[0] {
		p.Pix[0][i] = uint8(i * i >> 3)
	}
	if file := encodeWith(t, p, nil, codec.EncodeOptions{}); len(file) > 250 {
		t.Errorf("a transparent picture takes %d bytes", len(file))
	}
}
