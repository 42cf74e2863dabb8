package render

import (
	"crypto/sha256"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Colour is the space that a variant's pixels are converted to.
type Colour string

const (
	SRGB      Colour = "srgb" // sRGB, without a profile; the default
	DisplayP3 Colour = "p3"   // Display P3, with a small profile; gray becomes sRGB
	KeepSpace Colour = "keep" // the picture's own, with the profile that it came with
)

// transforms keeps compiled conversions, by the profile, for the pictures that come after. It is safe
// for concurrent use.
type transforms struct {
	mu    sync.Mutex
	known map[transformKey]*colour.Transform // nil for one that changes nothing or cannot be used
}

type transformKey struct {
	profile  [sha256.Size]byte
	channels int
	to       colour.Destination
}

// maxTransforms bounds the cache; a compiled CMYK profile takes about 1 MB.
const maxTransforms = 16

// get returns the conversion of samples of a model from space s, or nil if there is nothing to do: in
// sRGB already, or with a profile that is broken or of another model, which is ignored as browsers do.
func (t *transforms) get(s plane.Space, m plane.Model, to colour.Destination) *colour.Transform {
	channels := map[plane.Model]int{plane.Gray: 1, plane.CMYK: 4}[m]
	if channels == 0 {
		channels = 3
	}
	if s.Source != nil {
		return compile(s.Source, channels, to)
	}
	if s.ICC == nil {
		if to == colour.ToSRGB || channels != 3 {
			return nil
		}
		src, err := colour.CICP{Primaries: 1, Transfer: 13, FullRange: true}.Source()
		if err != nil {
			return nil // code points that the package knows
		}
		return compile(src, channels, to)
	}
	key := transformKey{sha256.Sum256(s.ICC), channels, to}
	t.mu.Lock()
	tr, ok := t.known[key]
	t.mu.Unlock()
	if ok {
		return tr
	}
	if src, err := colour.ParseICC(s.ICC); err == nil {
		tr = compile(src, channels, to)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= maxTransforms {
		t.known = map[transformKey]*colour.Transform{}
	}
	t.known[key] = tr
	return tr
}

func compile(src colour.Source, channels int, to colour.Destination) *colour.Transform {
	if src.Channels() != channels {
		return nil
	}
	if tr := colour.New(src, to); !tr.Identity() {
		return tr
	}
	return nil
}

// chooseColour sets the conversion that the job's pixels need.
func (j *job) chooseColour(t *transforms) {
	l := j.header.Layout
	switch j.variant.Colour {
	case KeepSpace:
	case DisplayP3:
		if l.Model == plane.Gray {
			j.transform = t.get(l.Space, l.Model, colour.ToSRGB)
		} else {
			j.transform = t.get(l.Space, l.Model, colour.ToDisplayP3)
		}
	default:
		j.transform = t.get(l.Space, l.Model, colour.ToSRGB)
	}
}

// convertColour converts the pixels to the variant's space. From here on, that is what they are in.
func (j *job) convertColour(p *plane.Picture) *plane.Picture {
	if j.variant.Colour == KeepSpace {
		return p
	}
	if j.transform != nil && p.Model == plane.YCbCr {
		p = inModel(p, plane.RGB)
	}
	if j.transform != nil {
		p = transformed(p, j.transform)
	}
	p.Space = plane.Space{}
	if j.variant.Colour == DisplayP3 && p.Model != plane.Gray {
		p.Space.ICC = colour.DisplayP3Profile()
	}
	return p
}

// transformed applies a conversion to the colour planes; CMYK becomes RGB.
func transformed(p *plane.Picture, t *colour.Transform) *plane.Picture {
	q := p
	if p.Model == plane.CMYK {
		q = plane.New(plane.NewLayout(plane.RGB, p.HasAlpha(), p.Width(), p.Height(), 1, 1))
		if from, ok := p.Alpha(); ok {
			to, _ := q.Alpha()
			q.Pix[to], q.Stride[to] = p.Pix[from], p.Stride[from]
		}
	}
	src, dst := make([][]byte, p.Model.Colours()), make([][]byte, q.Model.Colours())
	for y := range p.Height() {
		for i := range src {
			src[i] = p.Row(i, y)
		}
		for i := range dst {
			dst[i] = q.Row(i, y)
		}
		t.Row(dst, src)
	}
	return q
}
