package render

import (
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// samplesNeeded returns how many samples of the stored picture the most demanding job needs on each
// axis.
func samplesNeeded(h codec.Header, jobs []*job) (w, ht int) {
	uw, uh := upright(h)
	for _, j := range jobs {
		f := j.frame
		needW := min(uw, int(math.Ceil(float64(f.width)*float64(uw)/f.window.width)))
		needH := min(uh, int(math.Ceil(float64(f.height)*float64(uh)/f.window.height)))
		if j.variant.LinearLight { // a decoder's smaller scales are means of levels, not of light
			needW, needH = uw, uh
		}
		if j.needsChroma() { // decoders provide chroma for half of what they are asked for
			needW, needH = 2*needW, 2*needH
		}
		w, ht = max(w, needW), max(ht, needH)
	}
	if h.Orientation.Swaps() {
		return ht, w
	}
	return w, ht
}

// needsChroma reports whether a job can use more chroma than half of its luma on each axis.
func (j *job) needsChroma() bool {
	if j.header.Layout.Model != plane.YCbCr {
		return false
	}
	want := j.working(2, 2)
	x, y := want.Subsampling()
	return j.variant.LinearLight || want.Model != plane.YCbCr || x != 2 || y != 2
}

// layout returns the layout in which the encoder takes a w×h result.
func (j *job) layout(w, h int) plane.Layout {
	return j.encoder.Layout(j.model(), j.alpha, w, h)
}

// model returns the colour model that a picture is reduced and encoded in. A coloured watermark or background
// needs colour planes, except where a gray profile ties the picture to gray.
func (j *job) model() plane.Model {
	l, b, f := j.header.Layout, j.variant.Background, j.frame
	shows := j.alpha || f.canvasWidth > f.width || f.canvasHeight > f.height
	if o := j.variant.Watermark.Overlay; l.Model == plane.Gray && o != nil && !o.gray {
		return plane.RGB
	}
	if l.Model == plane.Gray && shows && (b[0] != b[1] || b[1] != b[2]) && (j.variant.Colour != KeepSpace || l.Space.Class() != "GRAY") {
		return plane.RGB
	}
	return l.Model
}

// prepare plans the reduced picture and makes the sink for rows of layout src, the stored picture at some scale. Chroma is
// reduced straight to the grid that the encoder takes, if that takes YCbCr too; else all planes are
// reduced to the full grid, for convert.
func (j *job) prepare(src plane.Layout) (err error) {
	f, filter, h := j.frame, j.variant.Filter, j.header
	dst := plane.NewLayout(src.Model, src.HasAlpha(), f.width, f.height, 1, 1)
	x, y := f.axes(h, src.Planes[0].Size, stored(h, dst).Planes[0].Size)
	linear := j.variant.LinearLight && !(x.Copies(filter) && y.Copies(filter))
	if src.Model == plane.CMYK && j.transform != nil {
		linear = false // a profile of inks has no light to mix
	}
	if want := j.working(f.width, f.height); linear && src.Model != plane.Gray {
		dst = plane.NewLayout(plane.RGB, src.HasAlpha(), f.width, f.height, 1, 1)
	} else if !linear && !src.HasAlpha() && want.Model == src.Model {
		dst = want
	}
	dst = stored(h, dst)
	dst.Space = src.Space
	j.planned = dst
	j.missing = len(dst.Planes)
	j.trimmed = y.Start+float64(y.Dst)*y.Step <= float64(y.Src-1)
	switch {
	case linear:
		src.Space = declared(h)
		j.sink, err = newLight(x, y, filter, src, j.store)
	case src.HasAlpha() && !(j.exact() && !src.Subsampled() && x.Copies(filter) && y.Copies(filter)):
		j.sink, err = newStraight(x, y, filter, src, j.store)
	default:
		j.sink, err = f.newPlanes(h, filter, src, dst, j.store)
	}
	return err
}

// exact reports whether the colours of transparent pixels are to stay.
func (j *job) exact() bool {
	e, ok := j.encoder.(codec.ExactEncoder)
	return ok && e.Exact()
}

// newPlanes returns a Sink that reduces each plane for itself.
func (f frame) newPlanes(
	h codec.Header, filter resample.Filter, src, dst plane.Layout,
	store func(p, y int, row []byte) error,
) (plane.Sink, error) {
	var s planes
	for i := range src.Planes {
		x, y := f.axes(h, src.Planes[i].Size, dst.Planes[i].Size)
		p, err := resample.NewPlane(x, y, filter, func(y int, row []byte) error { return store(i, y, row) })
		if err != nil {
			return nil, err
		}
		s = append(s, p)
	}
	return s, nil
}

// newStraight returns a Sink that weighs each colour sample by its alpha. Subsampled chroma is
// first brought to the grid of alpha.
func newStraight(
	x, y resample.Axis, filter resample.Filter, src plane.Layout,
	store func(p, y int, row []byte) error,
) (plane.Sink, error) {
	alpha, err := resample.NewAlpha(x, y, filter, src.Model.Colours(), store)
	if err != nil {
		return nil, err
	}
	if !src.Subsampled() {
		return alpha, nil
	}
	next := 0
	return newAligner(src, func(rows [][]byte) error {
		for p, row := range rows {
			if err := alpha.Rows(p, next, plane.Rows{Pix: row, Stride: len(row), N: 1}); err != nil {
				return err
			}
		}
		next++
		return nil
	})
}

// stored returns an upright layout as the picture of h lies in its file.
func stored(h codec.Header, upright plane.Layout) plane.Layout {
	if h.Orientation.Swaps() {
		return upright.Transposed()
	}
	return upright
}

// store keeps a row of the result. With the last one it has enough, but only of a trimmed picture:
// it stops no decoder before the end of one that is shown to its edge, because the end shows
// whether the file is whole.
func (j *job) store(p, y int, row []byte) error {
	copy(j.reduced.Row(p, y), row)
	if y == j.reduced.Planes[p].Height-1 {
		if j.missing--; j.missing == 0 && j.trimmed {
			return plane.ErrEnough
		}
	}
	return nil
}

// planes is a Sink of one resampler for each plane.
type planes []*resample.Plane

func (s planes) Rows(p, y int, r plane.Rows) error { return s[p].Rows(y, r) }

// axes maps a stored source plane onto a stored, reduced plane.
func (f frame) axes(h codec.Header, src, dst plane.Size) (x, y resample.Axis) {
	cx, cy, cw, ch := f.window.x, f.window.y, f.window.width, f.window.height
	if h.Orientation.Swaps() {
		cx, cy, cw, ch = cy, cx, ch, cw
	}
	mx, my := mirrored(h.Orientation)
	x = axis(cx, cw, src.SpanX/float64(h.Width), src.Width, src.SpanX, dst.Width, dst.SpanX, mx)
	y = axis(cy, ch, src.SpanY/float64(h.Height), src.Height, src.SpanY, dst.Height, dst.SpanY, my)
	return x, y
}

// axis maps start..start+length, in pixels of the picture of which each has scale source samples,
// onto span of n samples. A mirrored axis counts from the far end, so that both grids have their
// origin at the upright picture's top left: the last chroma sample of an odd side overhangs there,
// not at the near end.
func axis(
	start, length, scale float64, srcN int, srcSpan float64, n int, span float64, mirror bool,
) resample.Axis {
	a := resample.Axis{Src: srcN, Dst: n, Start: start * scale, Step: length * scale / span}
	if mirror {
		a.Start = srcSpan - a.Start - float64(n)*a.Step
	}
	return a
}
