package webp

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/codec"
	colours "github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// autoEncoder writes a photograph as VP8, and a drawing as VP8 or VP8L, whichever takes fewer bytes. What
// comes as luma and chroma has been a lossy file, and stays one.
type autoEncoder struct {
	lossy    lossyEncoder
	lossless losslessEncoder
}

// Layout implements codec.Encoder.
func (e autoEncoder) Layout(model plane.Model, alpha bool, w, h int) plane.Layout {
	if model == plane.YCbCr {
		return e.lossy.Layout(model, alpha, w, h)
	}
	return e.lossless.Layout(model, alpha, w, h)
}

// Memory implements codec.HeavyEncoder: beside what either encoder holds, RGB becomes three planes.
func (e autoEncoder) Memory(l plane.Layout) int64 {
	return max(e.lossless.Memory(l), e.lossy.Memory(l)+3*int64(l.Width())*int64(l.Height()))
}

// Exact implements codec.ExactEncoder.
func (e autoEncoder) Exact() bool { return e.lossless.exact }

// Encode implements codec.Encoder.
func (e autoEncoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	t, err := e.Trials(ctx, p, o)
	if err != nil {
		return nil, err
	}
	return t.Encode(ctx, t.Quality())
}

// Trials implements codec.LossyEncoder.
func (e autoEncoder) Trials(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) (codec.Trials, error) {
	drawing, err := e.drawing(ctx, p)
	if err != nil {
		return nil, err
	}
	t := new(autoTrials)
	if drawing {
		if t.lossless, err = e.lossless.Encode(ctx, p, o); err != nil {
			return nil, err
		}
	}
	if p, err = e.chroma(ctx, p); err != nil {
		return nil, err
	}
	t.Trials, err = e.lossy.Trials(ctx, p, o)
	return t, err
}

// Show implements codec.ShowingEncoder.
func (e autoEncoder) Show(
	ctx context.Context, file []byte, w, h int, emit func(y int, rows [4][]byte) error,
) error {
	return RGBA(ctx, file, w, h, emit)
}

// autoTrials are those of VP8, and a file of VP8L or nil.
type autoTrials struct {
	codec.Trials
	lossless []byte
}

func (t *autoTrials) Encode(ctx context.Context, quality int) ([]byte, error) {
	file, err := t.Trials.Encode(ctx, quality)
	if err == nil && t.lossless != nil && len(t.lossless) <= len(file) {
		return t.lossless, nil
	}
	return file, err
}

// encodePicture implements pictureEncoder.
func (e autoEncoder) encodePicture(ctx context.Context, p *plane.Picture, threads int) (b bitstream, err error) {
	drawing, err := e.drawing(ctx, p)
	if err != nil {
		return b, err
	}
	q, err := e.chroma(ctx, p)
	if err != nil {
		return b, err
	}
	if b, err = e.lossy.encodePicture(ctx, q, threads); err != nil || !drawing {
		return b, err
	}
	exact, err := e.lossless.encodePicture(ctx, p, threads)
	if err == nil && len(exact.data) <= len(b.data)+len(b.alph) {
		return exact, nil
	}
	return b, err
}

// Animate implements codec.FrameEncoder. The choice is that of each frame.
func (e autoEncoder) Animate(l plane.Layout, loops int, o codec.EncodeOptions) (codec.FrameWriter, error) {
	return newAnimation(e, l, loops, o)
}

// FrameMemory implements codec.FrameEncoder.
func (e autoEncoder) FrameMemory(l plane.Layout) int64 { return e.Memory(l) + lastMemory(l) }

// chroma returns a picture in the layout of VP8. The planes of p stay as they are.
func (e autoEncoder) chroma(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	want := e.lossy.Layout(p.Model, p.HasAlpha(), p.Width(), p.Height())
	if p.Model == want.Model {
		return p, nil
	}
	full := plane.New(plane.NewLayout(plane.YCbCr, p.HasAlpha(), p.Width(), p.Height(), 1, 1))
	full.Space = p.Space.For(plane.YCbCr)
	if from, ok := p.Alpha(); ok {
		to, _ := full.Alpha()
		full.Pix[to], full.Stride[to] = p.Pix[from], p.Stride[from]
	}
	for y := range p.Height() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		colours.YCbCrRow(full.Row(0, y), full.Row(1, y), full.Row(2, y), p.Row(0, y), p.Row(1, y), p.Row(2, y))
	}
	return plane.Subsample(ctx, full, want, false)
}

// drawingRows is of how many rows one is looked at to tell a drawing from a photograph, and drawingBits
// how many bits a pixel of VP8L a drawing takes by these rows at most. Of 88 screenshots and diagrams, the
// 14 that take fewer bytes as VP8L take less than 0.6 bits, and photographs at least 1, most of them 5 to
// 20. A picture of fewer than drawingPixels is tried both ways.
const (
	drawingRows   = 8
	drawingBits   = 1
	drawingPixels = 1 << 12
)

// drawing reports whether VP8L may take fewer bytes than VP8.
func (e autoEncoder) drawing(ctx context.Context, p *plane.Picture) (bool, error) {
	w, h := p.Width(), p.Height()
	if p.Model == plane.YCbCr || w*h < drawingPixels {
		return p.Model != plane.YCbCr, nil
	}
	r, alpha := new(vp8l.Ranker), !p.Opaque()
	above, row := make([]uint32, w), make([]uint32, w)
	for y := 1; y < h; y += drawingRows {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		e.lossless.packRow(above, p, y-1, alpha)
		e.lossless.packRow(row, p, y, alpha)
		r.Row(row, above)
	}
	return r.Within(drawingBits), nil
}
