package webp

import (
	"context"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// DefaultQuality is the quality of a picture whose settings name none.
const DefaultQuality = 80

var (
	qualitySetting = &setting.Setting{
		Name: "quality", Type: setting.Int, Min: 1, Max: 100, Choices: []string{"auto"}, Example: "75", MayGrow: true,
		IdleBeside: []string{"lossless: true", "near_lossless"},
		Help:       "quality, as libjpeg and libwebp count it; auto chooses it by look",
		Absent:     "80, or less where the file would otherwise become larger than its source of the same format",
	}
	losslessSetting = &setting.Setting{
		Name: "lossless", Type: setting.Bool, Choices: []string{"auto"}, Default: "false", MayGrow: true,
		IdleBeside: []string{"near_lossless"},
		Help:       "keep every pixel; suits drawings and screenshots, for which auto does so where it takes fewer bytes",
	}
	nearLosslessSetting = &setting.Setting{
		Name: "near_lossless", Type: setting.Int, Min: 0, Max: 100, Example: "60", MayGrow: true,
		Help:   "keep nearly every pixel: fine detail of photographs changes a little, less the higher, as libwebp counts it",
		Absent: "pixels are as lossless says",
	}
)

// exactSetting is for lossless files.
var exactSetting = &setting.Setting{
	Name: "exact", Type: setting.Bool, Default: "false", MayGrow: true,
	Help: "keep the colours of transparent pixels too, in lossless pictures whose size stays the same",
}

// sharpChromaSetting is for lossy files.
var sharpChromaSetting = &setting.Setting{
	Name: "sharp_chroma", Type: setting.Bool, Default: "false", MayGrow: true,
	Help: "sharper edges between saturated colours, as of blue text on white, for more time and bytes; " +
		"changes nothing in gray and lossless pictures, and little where the source has its chroma halved already",
}

// maxSide is the largest width and height of a picture: sizes are stored in 14 bits (RFC 6386
// section 9.1), in VP8L less one, but for both we take the same.
const maxSide = 1<<14 - 1

func newEncoder(v setting.Values) codec.Encoder {
	if near := v.Int(nearLosslessSetting, -1); near >= 0 {
		return losslessEncoder{codec.EffortOf(v), vp8l.RoundedBits(near), v.Bool(exactSetting)}
	}
	switch lossless := (losslessEncoder{effort: codec.EffortOf(v), exact: v.Bool(exactSetting)}); {
	case v.Bool(losslessSetting):
		return lossless
	case v.Text(losslessSetting) == "auto":
		return autoEncoder{lossyEncoder{v}, lossless}
	}
	return lossyEncoder{v}
}

// checkSize refuses a picture that no WebP can hold.
func checkSize(l plane.Layout) error {
	if w, h := l.Width(), l.Height(); w > maxSide || h > maxSide {
		return fmt.Errorf("%w: a WebP has at most %d pixels on each side, and this picture would have %d×%d",
			codec.ErrUnsupported, maxSide, w, h)
	}
	return nil
}

// lossyEncoder writes VP8, and alpha beside it.
type lossyEncoder struct{ v setting.Values }

// Layout implements codec.Encoder: gray, or YCbCr with the only subsampling that VP8 has, 4:2:0; for
// sharp chroma, all colours of each pixel.
func (e lossyEncoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	switch {
	case model == plane.Gray:
		return plane.NewLayout(plane.Gray, alpha, w, h, 1, 1)
	case !e.v.Bool(sharpChromaSetting):
		return plane.NewLayout(plane.YCbCr, alpha, w, h, 2, 2)
	case model == plane.YCbCr:
		return plane.NewLayout(plane.YCbCr, alpha, w, h, 1, 1)
	}
	return plane.NewLayout(plane.RGB, alpha, w, h, 1, 1)
}

// Memory implements codec.HeavyEncoder: the alpha plane is written without loss, and sharp chroma takes
// 9 bytes a pixel for its result and what it works with.
func (e lossyEncoder) Memory(l plane.Layout) (n int64) {
	if l.HasAlpha() {
		n = losslessEncoder{}.Memory(l)
	}
	if e.v.Bool(sharpChromaSetting) {
		n = max(n, 9*int64(l.Width()+1)*int64(l.Height()+1))
	}
	return n
}

// planes returns a picture with the subsampling of VP8.
func (e lossyEncoder) planes(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	if p.Model == plane.Gray || !e.v.Bool(sharpChromaSetting) {
		return p, nil
	}
	return vp8.Sharpen(ctx, p)
}

// Encode implements codec.Encoder. An alpha plane that is opaque everywhere is left out.
func (e lossyEncoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	t, err := e.Trials(ctx, p, o)
	if err != nil {
		return nil, err
	}
	return t.Encode(ctx, t.Quality())
}

// Trials implements codec.LossyEncoder.
func (e lossyEncoder) Trials(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) (codec.Trials, error) {
	if err := checkSize(p.Layout); err != nil {
		return nil, err
	}
	p, err := e.planes(ctx, p)
	if err != nil {
		return nil, err
	}
	t := &trials{
		w:    vp8.NewWriter(p, codec.EffortOf(e.v)),
		file: newFile(p.Layout, o),
		e:    e, threads: o.Threads,
	}
	t.alph, err = alphaChunk(ctx, p)
	return t, err
}

// Show implements codec.ShowingEncoder.
func (e lossyEncoder) Show(
	ctx context.Context, file []byte, w, h int, emit func(y int, rows [4][]byte) error,
) error {
	return RGBA(ctx, file, w, h, emit)
}

// encodePicture implements pictureEncoder.
func (e lossyEncoder) encodePicture(ctx context.Context, p *plane.Picture, threads int) (b bitstream, err error) {
	b.kind = "VP8 "
	if b.alph, err = alphaChunk(ctx, p); err != nil {
		return b, err
	}
	b.alpha = b.alph != nil
	if p, err = e.planes(ctx, p); err != nil {
		return b, err
	}
	b.data, err = vp8.NewWriter(p, codec.EffortOf(e.v)).Encode(ctx, e.quality(), threads)
	return b, err
}

// Animate implements codec.FrameEncoder.
func (e lossyEncoder) Animate(l plane.Layout, loops int, o codec.EncodeOptions) (codec.FrameWriter, error) {
	return newAnimation(e, l, loops, o)
}

// FrameMemory implements codec.FrameEncoder.
func (e lossyEncoder) FrameMemory(l plane.Layout) int64 { return e.Memory(l) + lastMemory(l) }

func (e lossyEncoder) quality() int { return int(e.v.Int(qualitySetting, DefaultQuality)) }

// trials encodes one picture at several qualities; its alpha plane is encoded once.
type trials struct {
	e       lossyEncoder
	w       *vp8.Writer
	alph    []byte
	file    file
	threads int
}

func (t *trials) Quality() int { return t.e.quality() }

func (t *trials) Encode(ctx context.Context, quality int) ([]byte, error) {
	data, err := t.w.Encode(ctx, quality, t.threads)
	if err != nil {
		return nil, err
	}
	return t.file.still(bitstream{"VP8 ", data, t.alph, t.alph != nil})
}

// LogStep implements codec.Trials.
func (t *trials) LogStep(quality int) float64 { return vp8.LogStep(quality) }

// usualScores are medians over 34 photographs, reduced to 320, 800 and 1600 pixels. The curve of qualities has
// a bend at 75, and rounded samples of 4:2:0 bound what the highest ones score.
var usualScores = codec.Curve{
	10, 22, 31, 38.6, 45, 50, 53.2, 55.8, 58.3, 60.3, 62.4, 64.6, 66.4, 68.9, 70.4, 74.9, 79.1, 83.4, 85.8, 86.8,
}

// UsualScore implements codec.Trials.
func (t *trials) UsualScore(quality int) float64 { return usualScores.At(quality) }

// losslessEncoder writes VP8L.
type losslessEncoder struct {
	effort codec.Effort
	round  uint // bits of a component that may be rounded away
	exact  bool // colours of transparent pixels stay
}

// Memory implements codec.HeavyEncoder: pixels, residues and the symbols of copies.
func (losslessEncoder) Memory(l plane.Layout) int64 { return 12 * int64(l.Width()) * int64(l.Height()) }

// Layout implements codec.Encoder.
func (losslessEncoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model != plane.Gray {
		model = plane.RGB
	}
	return plane.NewLayout(model, alpha, w, h, 1, 1)
}

// Exact implements codec.ExactEncoder.
func (e losslessEncoder) Exact() bool { return e.exact }

// Encode implements codec.Encoder. What does not show, the colours of transparent pixels, becomes
// black, unless they are to stay.
func (e losslessEncoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	if err := checkSize(p.Layout); err != nil {
		return nil, err
	}
	b, err := e.encodePicture(ctx, p, o.Threads)
	if err != nil {
		return nil, err
	}
	f := newFile(p.Layout, o)
	return f.still(b)
}

// Animate implements codec.FrameEncoder.
func (e losslessEncoder) Animate(l plane.Layout, loops int, o codec.EncodeOptions) (codec.FrameWriter, error) {
	return newAnimation(e, l, loops, o)
}

// FrameMemory implements codec.FrameEncoder.
func (e losslessEncoder) FrameMemory(l plane.Layout) int64 { return e.Memory(l) + 2*lastMemory(l) }

// encodePicture implements pictureEncoder.
func (e losslessEncoder) encodePicture(ctx context.Context, p *plane.Picture, _ int) (bitstream, error) {
	w, h := p.Width(), p.Height()
	ok := !p.Opaque()
	pix := make([]uint32, w*h)
	for y := range h {
		if err := ctx.Err(); err != nil {
			return bitstream{}, err
		}
		e.packRow(pix[y*w:][:w], p, y, ok)
	}
	data, err := vp8l.Encode(ctx, pix, w, h, ok, e.effort, e.round)
	return bitstream{kind: "VP8L", data: data, alpha: ok}, err
}

// packRow packs the components of row y, with alpha or opaque.
func (e losslessEncoder) packRow(pix []uint32, p *plane.Picture, y int, alpha bool) {
	r, g, b := p.Row(0, y), p.Row(0, y), p.Row(0, y)
	if p.Model == plane.RGB {
		g, b = p.Row(1, y), p.Row(2, y)
	}
	g, b, pix = g[:len(r)], b[:len(r)], pix[:len(r)]
	for x := range r {
		pix[x] = vp8l.Black | uint32(r[x])<<16 | uint32(g[x])<<8 | uint32(b[x])
	}
	if !alpha {
		return
	}
	i, _ := p.Alpha()
	for x, a := range p.Row(i, y) {
		if pix[x] = pix[x]&^vp8l.Black | uint32(a)<<24; a == 0 && !e.exact {
			pix[x] = 0
		}
	}
}
