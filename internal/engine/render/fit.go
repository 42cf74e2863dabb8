package render

import (
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// frame is the outcome of fit. Which part of the picture is shown is decided either before the decode, by the
// window, or after it, by a look at the picture: until then, the window is the whole of it.
type frame struct {
	window                    window
	width, height             int      // pixels that the window is resampled to
	cutWidth, cutHeight       int      // of those, what is shown: all, unless a look at the picture decides
	starts                    interval // where that may begin, in units of the source, on the axis that is cut
	axis                      int      // that is cut: 0 is across, 1 down
	left, top                 int      // where that lies on the canvas
	canvasWidth, canvasHeight int      // the size of the result
}

// window is the part of the upright picture that is resampled, in pixels of the source.
type window struct{ x, y, width, height float64 }

// fit places a w×h picture into the variant's box. Without Enlarge no pixel is ever spread over
// more than one: where the picture is too small, Cover keeps the proportions of the box, Contain
// its size, and Fill shrinks each side as far as it has to. s is what is known of the picture's subject.
func fit(v Variant, w, h int, s subject) frame {
	f := frame{window: window{width: float64(w), height: float64(h)}}
	bw, bh := v.box(w, h)
	sx, sy := bw/float64(w), bh/float64(h)
	limit := 1.0
	if v.Enlarge {
		limit = math.Inf(1)
	}
	switch v.Fit {
	case Fill:
		f.width, f.height = pixels(w, min(sx, limit)), pixels(h, min(sy, limit))
	case Cover:
		scale := max(sx, sy)
		shrink := min(1, limit/scale) // of the box, where it cannot be covered
		f.width, f.height = pixels(1, bw*shrink), pixels(1, bh*shrink)
		f.window.width, f.window.height = min(float64(w), bw/scale), min(float64(h), bh/scale)
		if f.place(v, w, h, s); f.looks() {
			f.window = window{width: float64(w), height: float64(h)}
			f.cutWidth, f.cutHeight = f.width, f.height
			// Rounded down, so that what is cut out shows no less than the window would.
			f.width = max(int(float64(w)*scale*shrink+1e-6), f.cutWidth)
			f.height = max(int(float64(h)*scale*shrink+1e-6), f.cutHeight)
		}
	case Outside:
		scale := min(max(sx, sy), limit)
		f.width, f.height = pixels(w, scale), pixels(h, scale)
	default: // Inside, Contain
		scale := min(sx, sy, limit)
		f.width, f.height = pixels(w, scale), pixels(h, scale)
	}
	if f.cutWidth == 0 {
		f.cutWidth, f.cutHeight = f.width, f.height
	}
	f.canvasWidth, f.canvasHeight = f.cutWidth, f.cutHeight
	if v.Fit == Contain {
		f.canvasWidth, f.canvasHeight = max(f.width, v.Width), max(f.height, v.Height)
		// Even, so that subsampled chroma lies on whole samples.
		x, y := v.Position.percentages()
		f.left = int(float64(f.canvasWidth-f.width)*x/100) &^ 1
		f.top = int(float64(f.canvasHeight-f.height)*y/100) &^ 1
	}
	return f
}

// looks reports whether a look at the picture decides what of it is shown.
func (f frame) looks() bool { return f.starts != interval{} }

// maxOutput bounds the pixels of a result: an enlarged side takes the other one along.
const maxOutput = 1 << 28

// check refuses a result that no encoder accepts or that memory would not hold.
func (f frame) check() error {
	w, h := max(f.width, f.canvasWidth), max(f.height, f.canvasHeight)
	if w > MaxSide || h > MaxSide || w*h > maxOutput {
		return fmt.Errorf("%w: it would be %d×%d pixels, the limits are %d on a side and %d in all; "+
			"ask for a smaller width or height", codec.ErrLimit, w, h, MaxSide, maxOutput)
	}
	return nil
}

// box returns the variant's box; an absent side follows from the proportions of the w×h picture. Both
// sides of a box that would then be larger than mostOpen are reduced.
func (v Variant) box(w, h int) (bw, bh float64) {
	bw, bh = float64(v.Width), float64(v.Height)
	switch {
	case v.Width == 0 && v.Height == 0:
		return float64(w), float64(h)
	case v.Width == 0:
		bw = bh * float64(w) / float64(h)
	case v.Height == 0:
		bh = bw * float64(h) / float64(w)
	default:
		return bw, bh
	}
	if most := mostOpen(max(v.Width, v.Height)); bw*bh > most {
		shrink := math.Sqrt(most / (bw * bh))
		bw, bh = bw*shrink, bh*shrink
	}
	return bw, bh
}

// mostOpen is the largest area of a box of which one side is stated and the other is open, in pixels:
// 16 squares of that side, or of 800 if that is more. A picture may be 65,535 pixels long, or
// much longer, in a file of some bytes; without a bound its result would be, too.
func mostOpen(side int) float64 {
	s := float64(max(side, 800))
	return 16 * s * s
}

func pixels(n int, scale float64) int { return max(1, int(math.Round(float64(n)*scale))) }
