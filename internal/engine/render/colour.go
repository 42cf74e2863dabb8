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
	KeepSpace Colour = "keep" // the picture's own, with the profile that it came with or a small equal one
)

// Intent is how the tables of a profile render what the variant's space cannot hold.
type Intent string

const (
	RelativeIntent   Intent = "relative"   // relative colorimetric; the default
	PerceptualIntent Intent = "perceptual" // with black-point compensation
)

func (v Variant) rendering() colour.Rendering {
	r := colour.Rendering{BlackPoint: v.BlackPoint}
	if v.Intent == PerceptualIntent {
		r.Intent = colour.Perceptual
	}
	return r
}

// transforms keeps compiled conversions, by the profile, for the pictures that come after. It is safe
// for concurrent use.
type transforms struct {
	mu    sync.Mutex
	known map[transformKey]*colour.Transform // nil for one that changes nothing or cannot be used
	size  int                                // of what they hold, in bytes
}

type transformKey struct {
	profile  [sha256.Size]byte
	channels int
	to       colour.Destination
	colour.Rendering
}

// The cache is emptied beyond so many conversions, or bytes that they hold; a compiled CMYK profile takes
// about 1 MB, and the largest that is read 20 MB.
const (
	maxTransforms     = 16
	maxTransformBytes = 32 << 20
)

// get returns the conversion of samples of a model from space s, or nil if there is nothing to do: in
// sRGB already, or with a profile that is broken or of another model, which is ignored as browsers do.
func (t *transforms) get(
	s plane.Space, m plane.Model, to colour.Destination, r colour.Rendering,
) *colour.Transform {
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
	if len(s.ICC) > colour.MaxProfile {
		return nil
	}
	key := transformKey{sha256.Sum256(s.ICC), channels, to, r}
	t.mu.Lock()
	tr, ok := t.known[key]
	t.mu.Unlock()
	if ok {
		return tr
	}
	if src, err := colour.ParseICC(s.ICC, r); err == nil {
		tr = compile(src, channels, to)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	size := 0
	if tr != nil {
		size = tr.Size()
	}
	if t.known == nil || len(t.known) >= maxTransforms || t.size+size > maxTransformBytes {
		t.known, t.size = map[transformKey]*colour.Transform{}, 0
	}
	t.known[key] = tr
	t.size += size
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

// chooseColour sets the space of the job's pixels and the conversion that takes them there. The
// background, which is in sRGB, is converted too, unless the picture's own space is kept.
func (j *job) chooseColour(t *transforms) {
	l := j.header.Layout
	l.Space = declared(j.header)
	j.background = j.variant.Background
	r := j.variant.rendering()
	switch {
	case j.variant.Colour == KeepSpace && j.keeps(l.Space):
	case j.variant.Colour == DisplayP3 && l.Model != plane.Gray && j.format.Profile:
		j.space.ICC = colour.DisplayP3Profile()
		j.transform = t.get(l.Space, l.Model, colour.ToDisplayP3, r)
		if tr := t.get(plane.Space{}, plane.RGB, colour.ToDisplayP3, r); tr != nil {
			b := [][]byte{j.background[0:1], j.background[1:2], j.background[2:3]}
			tr.Row(b, b)
		}
	default:
		j.transform = t.get(l.Space, l.Model, colour.ToSRGB, r)
	}
	if j.variant.Watermark.Overlay != nil {
		j.marks = j.forMarks(t)
	}
}

// maxKeptProfile is the length, in bytes, beyond which a profile is replaced by a small equal one.
const maxKeptProfile = 16 << 10

// keeps sets the space of the job's pixels to the declared one, and reports whether the file can describe
// it: with the picture's own profile, if that is small, or with one that is written. If not, the pixels are
// converted.
func (j *job) keeps(s plane.Space) bool {
	switch src := s.Source; {
	case src != nil:
		s = plane.Space{ICC: colour.Profile(src, "")}
	case len(s.ICC) > maxKeptProfile:
		src, err := colour.ParseICC(s.ICC, colour.Rendering{})
		if err != nil {
			return false
		}
		s.ICC = colour.Profile(src, colour.Name(s.ICC))
	case s.ICC == nil:
		return true
	}
	m := j.layout(1, 1).Model
	if s.ICC == nil || !j.format.Profile || s.For(m).ICC == nil || m == plane.Gray && j.format.ColourOnly {
		return false
	}
	j.space = s
	return true
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

// convertColour converts the pixels to the job's space. From here on, that is what they are in.
func (j *job) convertColour(ctx context.Context, p *plane.Picture) (_ *plane.Picture, err error) {
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
	p.Space = j.space
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
	w, n := p.Width(), p.Planes[1].Width
	u, v, spare := make([]byte, w), make([]byte, w), make([]byte, n)
	mean := [][]byte{make([]byte, n), make([]byte, n), make([]byte, n)}
	rgb := make([][][]byte, subY) // of the rows that share a row of chroma
	for k := range rgb {
		rgb[k] = [][]byte{make([]byte, w), make([]byte, w), make([]byte, w)}
	}
	return eachRow(ctx, p.Planes[1].Height, func(y int) {
		cb, cr := p.Row(1, y), p.Row(2, y)
		spreadRow(u, cb, subX)
		spreadRow(v, cr, subX)
		rows := rgb[:min(subY, p.Height()-y*subY)]
		for k, c := range rows {
			luma := p.Row(0, y*subY+k)
			colour.RGBRow(c[0], c[1], c[2], luma, u, v)
			t.Row(c, c)
			colour.LumaRow(luma, c[0], c[1], c[2])
		}
		for i := range mean {
			meanRow(mean[i], rows, i, subX)
		}
		colour.YCbCrRow(spare, cb, cr, mean[0], mean[1], mean[2])
	})
}

// spreadRow writes each sample of src sub times, as far as dst goes.
func spreadRow(dst, src []byte, sub int) {
	switch sub {
	case 1:
		copy(dst, src)
	case 2:
		colour.DoubleRow(dst, src)
	default:
		for x := range dst {
			dst[x] = src[x/sub]
		}
	}
}

// meanRow stores the rounded means of a colour over sub samples of each row.
func meanRow(dst []byte, rows [][][]byte, c, sub int) {
	first := rows[0][c]
	done := 0
	switch {
	case sub == 1 && len(rows) == 1:
		done = copy(dst, first)
	case sub == 2 && len(rows) == 2:
		done = len(first) / 2
		colour.MeanRow(dst[:done], first, rows[1][c])
	}
	for x := done; x < len(dst); x++ {
		from, to := x*sub, min((x+1)*sub, len(first))
		sum, n := 0, len(rows)*(to-from)
		for _, row := range rows {
			for _, v := range row[c][from:to] {
				sum += int(v)
			}
		}
		dst[x] = uint8((sum + n/2) / n)
	}
}
