package render

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/exif"
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

// chooseColour sets the conversion that the job's pixels need, and converts the background, which is a
// colour of sRGB. With KeepSpace, it is laid into the picture's space as it is.
func (j *job) chooseColour(t *transforms) {
	l := j.header.Layout
	l.Space = declared(j.header)
	j.background = j.variant.Background
	switch j.variant.Colour {
	case KeepSpace:
	case DisplayP3:
		if l.Model == plane.Gray {
			j.transform = t.get(l.Space, l.Model, colour.ToSRGB)
		} else {
			j.transform = t.get(l.Space, l.Model, colour.ToDisplayP3)
			if tr := t.get(plane.Space{}, plane.RGB, colour.ToDisplayP3); tr != nil {
				b := [][]byte{j.background[0:1], j.background[1:2], j.background[2:3]}
				tr.Row(b, b)
			}
		}
	default:
		j.transform = t.get(l.Space, l.Model, colour.ToSRGB)
	}
}

// declared returns the space of a picture's samples. A camera that writes Adobe RGB says so in the EXIF
// block, and often nowhere else.
func declared(h codec.Header) plane.Space {
	s := h.Layout.Space
	if s.ICC != nil || s.Source != nil || h.EXIF == nil || h.Layout.Model != plane.RGB && h.Layout.Model != plane.YCbCr {
		return s
	}
	if info, _ := exif.Parse(h.EXIF); !info.AdobeRGB {
		return s
	}
	src, err := colour.NewGamma(colour.AdobeRGB, 563.0/256)
	if err != nil {
		return s // constant primaries
	}
	return plane.Space{Source: src}
}

// convertColour converts the pixels to the variant's space. From here on, that is what they are in.
func (j *job) convertColour(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	if j.variant.Colour == KeepSpace {
		return p, nil
	}
	var err error
	switch {
	case j.transform == nil:
	case p.Model == plane.YCbCr:
		err = transformYCbCr(ctx, p, j.transform)
	default:
		p, err = transformed(ctx, p, j.transform)
	}
	if err != nil {
		return nil, err
	}
	p.Space = plane.Space{}
	if j.variant.Colour == DisplayP3 && p.Model != plane.Gray {
		p.Space.ICC = colour.DisplayP3Profile()
	}
	return p, nil
}

// transformed applies a conversion to the colour planes; CMYK becomes RGB.
func transformed(ctx context.Context, p *plane.Picture, t *colour.Transform) (*plane.Picture, error) {
	q := p
	if p.Model == plane.CMYK {
		q = plane.New(plane.NewLayout(plane.RGB, p.HasAlpha(), p.Width(), p.Height(), 1, 1))
		if from, ok := p.Alpha(); ok {
			to, _ := q.Alpha()
			q.Pix[to], q.Stride[to] = p.Pix[from], p.Stride[from]
		}
	}
	src, dst := make([][]byte, p.Model.Colours()), make([][]byte, q.Model.Colours())
	return q, eachRow(ctx, p.Height(), func(y int) {
		for i := range src {
			src[i] = p.Row(i, y)
		}
		for i := range dst {
			dst[i] = q.Row(i, y)
		}
		t.Row(dst, src)
	})
}

// transformYCbCr applies a conversion of RGB to a picture of luma and chroma, where it lies. Each sample
// of chroma serves all samples of luma that it covers; the new chroma is that of their mean.
func transformYCbCr(ctx context.Context, p *plane.Picture, t *colour.Transform) error {
	subX, subY := p.Subsampling()
	w := p.Width()
	rgb := [][]byte{make([]byte, w), make([]byte, w), make([]byte, w)}
	sum := make([][3]int32, p.Planes[1].Width) // of the converted rows that share a row of chroma
	return eachRow(ctx, p.Height(), func(y int) {
		luma, cb, cr := p.Row(0, y), p.Row(1, y/subY), p.Row(2, y/subY)
		spreadRow(rgb, luma, cb, cr, subX)
		t.Row(rgb, rgb)
		if y%subY == 0 {
			clear(sum)
		}
		r, g, b := rgb[0][:w], rgb[1][:w], rgb[2][:w]
		for x := range luma {
			s, r, g, b := &sum[x/subX], int32(r[x]), int32(g[x]), int32(b[x])
			luma[x] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16) // as toYCbCr
			s[0], s[1], s[2] = s[0]+r, s[1]+g, s[2]+b
		}
		if y%subY < subY-1 && y < p.Height()-1 {
			return
		}
		rows := int32(y%subY + 1)
		for x, s := range sum {
			n := rows * int32(min(subX, w-x*subX))
			_, cb[x], cr[x] = toYCbCr((s[0]+n/2)/n, (s[1]+n/2)/n, (s[2]+n/2)/n)
		}
	})
}

// spreadRow converts a row of luma to RGB; each sample of chroma covers sub samples of it.
func spreadRow(rgb [][]byte, luma, cb, cr []byte, sub int) {
	const half = 1 << 15
	r, g, b := rgb[0][:len(luma)], rgb[1][:len(luma)], rgb[2][:len(luma)]
	x := 0
	for i := range cb {
		u, v := int32(cb[i])-128, int32(cr[i])-128
		addR, addG, addB := (91881*v+half)>>16, (-22554*u-46802*v+half)>>16, (116130*u+half)>>16 // as toRGB
		for end := min(x+sub, len(luma)); x < end; x++ {
			l := int32(luma[x])
			r[x], g[x], b[x] = clamp(l+addR), clamp(l+addG), clamp(l+addB)
		}
	}
}
