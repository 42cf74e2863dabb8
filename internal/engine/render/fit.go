package render

import (
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// frame is the outcome of fit, in pixels of the upright picture.
type frame struct {
	x, y, cropWidth, cropHeight float64 // the part of the picture that is shown
	width, height               int     // what it is resampled to
	left, top                   int     // where that lies on the canvas
	canvasWidth, canvasHeight   int     // the size of the result
}

// fit places a w×h picture into the variant's box. Without Enlarge no pixel is ever spread over more than one: where the
// picture is too small, Cover keeps the proportions of the box, Contain its size, Fill takes each side as far as it goes.
func fit(v Variant, w, h int) frame {
	f := frame{cropWidth: float64(w), cropHeight: float64(h)}
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
		f.cropWidth, f.cropHeight = min(f.cropWidth, bw/scale), min(f.cropHeight, bh/scale)
		f.x, f.y = (float64(w)-f.cropWidth)/2, (float64(h)-f.cropHeight)/2
	case Outside:
		scale := min(max(sx, sy), limit)
		f.width, f.height = pixels(w, scale), pixels(h, scale)
	default: // Inside, Contain
		scale := min(sx, sy, limit)
		f.width, f.height = pixels(w, scale), pixels(h, scale)
	}
	f.canvasWidth, f.canvasHeight = f.width, f.height
	if v.Fit == Contain {
		f.canvasWidth, f.canvasHeight = max(f.width, v.Width), max(f.height, v.Height)
		// Even, so that subsampled chroma lies on whole samples.
		f.left, f.top = (f.canvasWidth-f.width)/2&^1, (f.canvasHeight-f.height)/2&^1
	}
	return f
}

// maxOutput bounds the pixels of a result: an enlarged side takes the other one along.
const maxOutput = 1 << 28

// check refuses a result that no encoder takes or that memory would not hold.
func (f frame) check(v Variant) error {
	w, h := max(f.width, f.canvasWidth), max(f.height, f.canvasHeight)
	if w > MaxSide || h > MaxSide || w*h > maxOutput {
		return fmt.Errorf("variant %s: %w: it would be %d×%d pixels", v.Name, codec.ErrLimit, w, h)
	}
	return nil
}

// box is the variant's box, an absent side taken from the proportions of the w×h picture.
func (v Variant) box(w, h int) (bw, bh float64) {
	bw, bh = float64(v.Width), float64(v.Height)
	switch {
	case v.Width == 0 && v.Height == 0:
		return float64(w), float64(h)
	case v.Width == 0:
		bw = bh * float64(w) / float64(h)
	case v.Height == 0:
		bh = bw * float64(h) / float64(w)
	}
	return bw, bh
}

func pixels(n int, scale float64) int { return max(1, int(math.Round(float64(n)*scale))) }
