package render

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Watermark is a picture that is laid over a variant. Percentages are canonical texts, "" for the default.
type Watermark struct {
	Image    string   // the name of the overlay; empty: there is no watermark
	Overlay  *Overlay // the picture of that name, which the caller has loaded
	Position Position // on the picture; empty: right bottom
	Scale    string   // its width, in percent of the picture's; empty: its own pixels
	Opacity  string   // empty: 100%
	Margin   string   // to the edges, or between tiles, in percent of the picture's width; empty: 2%
	Tile     bool     // repeat it over the whole picture
}

const (
	defaultMarkPosition = "100% 100%"
	defaultMarkMargin   = "2%"
)

// Settings of a watermark have names with a dot: a recipe has them below watermark.
const (
	watermarkPrefix = "watermark."
	watermarkImage  = watermarkPrefix + "image"
)

// watermarkSettings are the settings of Watermark.
func watermarkSettings() []*Setting {
	text := func(name string, typ setting.Type, field func(*Watermark) *string, more setting.Setting) *Setting {
		more.Name, more.Type = watermarkPrefix+name, typ
		return &Setting{
			Setting: more,
			set:     func(v *Variant, text string) { *field(&v.Watermark) = text },
			text:    func(v *Variant) string { return *field(&v.Watermark) },
		}
	}
	return []*Setting{
		rewrites(text("image", setting.Name, func(m *Watermark) *string { return &m.Image }, setting.Setting{
			Example: "logo.png", Absent: "no watermark",
			Help: "the overlay that is laid over the picture: for resize and dev a file, else an object under .imgmill/overlays/ of the target bucket",
		})),
		{
			Setting: setting.Setting{
				Name: watermarkPrefix + "position", Type: setting.Position, Default: defaultMarkPosition, Help: "where on the picture it lies",
			},
			set:  func(v *Variant, text string) { v.Watermark.Position = Position(text) },
			text: func(v *Variant) string { return string(v.Watermark.Position) },
		},
		text("scale", setting.Percent, func(m *Watermark) *string { return &m.Scale }, setting.Setting{
			Min: 1, Max: 100, Example: "20%", Absent: "its own size in pixels",
			Help: "how wide it is, in percent of the picture's width; in any case, no larger than fits",
		}),
		text("opacity", setting.Percent, func(m *Watermark) *string { return &m.Opacity }, setting.Setting{
			Min: 1, Max: 100, Default: "100%", Example: "50%", Help: "how opaque it is",
		}),
		text("margin", setting.Percent, func(m *Watermark) *string { return &m.Margin }, setting.Setting{
			Min: 0, Max: 40, Default: defaultMarkMargin, Example: "5%",
			Help: "how far it stays from the edges or, tiled, from the next, in percent of the picture's width",
		}),
		{
			Setting: setting.Setting{Name: watermarkPrefix + "tile", Type: setting.Bool, Default: "false", Help: "repeat it all over the picture"},
			set:     func(v *Variant, text string) { v.Watermark.Tile = text == "true" },
			text: func(v *Variant) string {
				if v.Watermark.Tile {
					return "true"
				}
				return ""
			},
		},
	}
}

// NoWatermark is the Image of a variant that has none where others have one.
const NoWatermark = "none"

// MaxOverlay bounds the pixels of an overlay, which is held as long as the process runs.
const MaxOverlay = 4_000_000

// Overlay is a decoded picture that is laid over others. It is not changed, and safe for concurrent use.
type Overlay struct {
	picture *plane.Picture // upright; red, green, blue and alpha in sRGB
	gray    bool           // red, green and blue are equal
}

// Overlay decodes the first frame of the picture in r, within the limits and MaxOverlay. Errors are those of Make.
func (e *Engine) Overlay(ctx context.Context, r io.Reader, l codec.Limits) (*Overlay, error) {
	if l.Pixels == 0 || l.Pixels > MaxOverlay {
		l.Pixels = MaxOverlay
	}
	var k keeper
	v := NewVariant("overlay")
	v.Format = &codec.Format{Name: "overlay", Title: "Overlay", Abilities: codec.Abilities{Lossless: true, Alpha: true},
		Encoder: func(setting.Values) codec.Encoder { return &k }}
	if _, _, err := e.Make(ctx, r, l, []Variant{v}); err != nil {
		return nil, err
	}
	p := k.kept
	if !p.HasAlpha() {
		opaque := make([]byte, p.Width()*p.Height())
		for i := range opaque {
			opaque[i] = 255
		}
		p.Planes = plane.NewLayout(plane.RGB, true, p.Width(), p.Height(), 1, 1).Planes
		p.Pix, p.Stride = append(p.Pix, opaque), append(p.Stride, p.Width())
	}
	gray := true
	for y := range p.Height() {
		r, g, b, a := p.Row(0, y), p.Row(1, y), p.Row(2, y), p.Row(3, y)
		for x := range a {
			gray = gray && (a[x] == 0 || r[x] == g[x] && g[x] == b[x])
		}
	}
	return &Overlay{p, gray}, nil
}

// keeper is an encoder that keeps the picture as it is.
type keeper struct{ kept *plane.Picture }

// Layout implements codec.Encoder.
func (*keeper) Layout(_ plane.Model, alpha bool, w, h int) plane.Layout {
	return plane.NewLayout(plane.RGB, alpha, w, h, 1, 1)
}

// Encode implements codec.Encoder.
func (k *keeper) Encode(_ context.Context, p *plane.Picture, _ codec.EncodeOptions) ([]byte, error) {
	k.kept = p
	return nil, nil
}

// stamp is an overlay as it lies on the pictures of a job.
type stamp struct {
	picture      *plane.Picture // in the job's model and space, at the size that it has there, with alpha
	left, top    int
	stepX, stepY int // from tile to tile; 0 if there is a single one
}

// placed returns the size of a w×h overlay on a picture of pw×ph, and where the first one begins.
func (m Watermark) placed(w, h, pw, ph int) (s stamp, width, height int) {
	share := func(text, without string, of int) float64 {
		if text == "" {
			text = without
		}
		return float64(setting.Hundredths(text)) * float64(of) / 10000
	}
	margin := int(math.Round(share(m.Margin, defaultMarkMargin, pw)))
	roomX, roomY := max(pw-2*margin, 1), max(ph-2*margin, 1)
	if m.Tile {
		roomX, roomY = pw, ph
	}
	scale := 1.0
	if m.Scale != "" {
		scale = share(m.Scale, "", pw) / float64(w)
	}
	scale = min(scale, float64(roomX)/float64(w), float64(roomY)/float64(h))
	width, height = min(pixels(w, scale), pw), min(pixels(h, scale), ph)
	position := m.Position
	if position == "" {
		position = defaultMarkPosition
	}
	x, y := position.percentages()
	s.left = (pw-roomX)/2 + int(math.Round(float64(roomX-width)*x/100))
	s.top = (ph-roomY)/2 + int(math.Round(float64(roomY-height)*y/100))
	if m.Tile {
		s.stepX, s.stepY = width+margin, height+margin
		s.left, s.top = s.left%s.stepX, s.top%s.stepY
	}
	return s, width, height
}

// stamped returns the stamp for pictures of a size and model, and keeps it for further frames.
func (j *job) stamped(ctx context.Context, p *plane.Picture) (*stamp, error) {
	if j.stamp != nil {
		return j.stamp, nil
	}
	o := j.variant.Watermark.Overlay.picture
	s, w, h := j.variant.Watermark.placed(o.Width(), o.Height(), p.Width(), p.Height())
	q := plane.New(plane.NewLayout(plane.RGB, true, w, h, 1, 1))
	reduce, err := resample.NewAlpha(axisOf(o.Width(), w), axisOf(o.Height(), h), j.variant.Filter, plane.RGB.Colours(),
		func(p, y int, row []byte) error { copy(q.Row(p, y), row); return nil })
	if err != nil {
		return nil, err
	}
	if err := o.Push(reduce); err != nil {
		return nil, err
	}
	opacity := 10000
	if text := j.variant.Watermark.Opacity; text != "" {
		opacity = int(setting.Hundredths(text))
	}
	err = eachRow(ctx, h, func(y int) {
		rows := [][]byte{q.Row(0, y), q.Row(1, y), q.Row(2, y)}
		if j.marks != nil {
			j.marks.Row(rows, rows)
		}
		alpha := q.Row(3, y)
		for x, a := range alpha {
			alpha[x] = uint8((int(a)*opacity + 5000) / 10000)
		}
	})
	if err != nil {
		return nil, err
	}
	if p.Model != plane.RGB {
		if q, err = inModel(ctx, q, p.Model); err != nil {
			return nil, err
		}
	}
	s.picture = q
	j.stamp = &s
	return j.stamp, nil
}

func axisOf(src, dst int) resample.Axis {
	return resample.Axis{Src: src, Dst: dst, Step: float64(src) / float64(dst)}
}

// row writes what lies on a row of the picture: the alpha of each of its samples, and the samples of each plane where
// that is not 0.
func (s *stamp) row(y int, planes [][]byte, alpha []byte) {
	clear(alpha)
	p := s.picture
	first := y - s.top
	left := s.left
	if s.stepY > 0 {
		if first %= s.stepY; first < 0 {
			first += s.stepY
		}
		left -= s.stepX
	}
	if first < 0 || first >= p.Height() {
		return
	}
	a, _ := p.Alpha()
	for ; left < len(alpha); left += s.stepX {
		from, to := max(-left, 0), min(p.Width(), len(alpha)-left)
		if from < to {
			copy(alpha[left+from:], p.Row(a, first)[from:to])
			for i := range planes {
				copy(planes[i][left+from:], p.Row(i, first)[from:to])
			}
		}
		if s.stepX == 0 {
			return
		}
	}
}

// mark lays the watermark over a picture, in the space and with the planes of the variant. With b the sample of the
// picture, o that of the overlay, and A and B their alpha from 0 to 1, the result is that of Porter and Duff's
// "over" on the levels as they are stored, which is what browsers, Pillow and libvips do:
//
//	alpha   A + B·(1 - A)
//	sample  (o·A + b·B·(1 - A)) / alpha
//
// A sample of chroma is that of the samples of luma that it covers, all of which have its b.
func (j *job) mark(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	if j.variant.Watermark.Overlay == nil {
		return p, nil
	}
	s, err := j.stamped(ctx, p)
	if err != nil {
		return nil, err
	}
	subX, subY := p.Subsampling()
	colours := p.Model.Colours()
	w := p.Width()
	over := make([][][]byte, subY) // rows of the overlay that share one of chroma
	alphas := make([][]byte, subY)
	for k := range over {
		alphas[k] = make([]byte, w)
		for range colours {
			over[k] = append(over[k], make([]byte, w))
		}
	}
	a, hasAlpha := p.Alpha()
	opaque := make([]byte, w)
	for x := range opaque {
		opaque[x] = 255
	}
	return p, eachRow(ctx, (p.Height()+subY-1)/subY, func(band int) {
		rows := min(subY, p.Height()-band*subY)
		under := make([][]byte, rows)
		for k := range rows {
			s.row(band*subY+k, over[k], alphas[k])
			if under[k] = opaque; hasAlpha {
				under[k] = p.Row(a, band*subY+k)
			}
		}
		for i := range colours {
			if p.Planes[i].Kind == plane.Chroma && subX*subY > 1 {
				layChroma(p.Row(i, band), over[:rows], alphas, under, i, subX)
				continue
			}
			for k := range rows {
				layRow(p.Row(i, band*subY+k), over[k][i], alphas[k], under[k])
			}
		}
		for k := range rows {
			for x, b := range under[k] {
				if hasAlpha {
					under[k][x] = uint8((int(alphas[k][x])*255 + int(b)*(255-int(alphas[k][x])) + 127) / 255)
				}
			}
		}
	})
}

// layRow lays samples over those of dst.
func layRow(dst, over, alpha, under []byte) {
	for x, a := range alpha {
		if a == 0 {
			continue
		}
		A, B := int(a)*255, int(under[x])*(255-int(a))
		dst[x] = uint8((int(over[x])*A + int(dst[x])*B + (A+B)/2) / (A + B))
	}
}

// layChroma is layRow for a row of plane i, each of whose samples covers sub columns of several rows.
func layChroma(dst []byte, over [][][]byte, alpha, under [][]byte, i, sub int) {
	for x := range dst {
		A, B, sum := 0, 0, 0
		for k, row := range over {
			for c := x * sub; c < min((x+1)*sub, len(row[i])); c++ {
				a := int(alpha[k][c])
				A += a * 255
				B += int(under[k][c]) * (255 - a)
				sum += int(row[i][c]) * a * 255
			}
		}
		if A > 0 {
			dst[x] = uint8((sum + int(dst[x])*B + (A+B)/2) / (A + B))
		}
	}
}

// missingOverlay is the error of a variant whose watermark nobody has loaded. It says nothing about the picture.
func (m Watermark) missingOverlay() error {
	if m.Image == "" || m.Image == NoWatermark || m.Overlay != nil {
		return nil
	}
	return fmt.Errorf("the watermark %s has not been loaded", m.Image)
}

// forMarks is what is done to the samples of an overlay, which are in sRGB, for the space of the job.
func (j *job) forMarks(t *transforms) *colour.Transform {
	if j.space.ICC == nil {
		return nil
	}
	return t.get(plane.Space{}, plane.RGB, colour.ToDisplayP3, colour.Rendering{})
}
