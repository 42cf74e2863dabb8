package render

import (
	"math"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// samplesNeeded is how many samples of the stored picture the most demanding job wants per axis.
func samplesNeeded(h codec.Header, jobs []*job) (w, ht int) {
	uw, uh := upright(h)
	for _, j := range jobs {
		f := j.frame
		needW := min(uw, int(math.Ceil(float64(f.width)*float64(uw)/f.cropWidth)))
		needH := min(uh, int(math.Ceil(float64(f.height)*float64(uh)/f.cropHeight)))
		if j.variant.LinearLight { // a decoder's smaller scales are means of levels
			needW, needH = uw, uh
		}
		if j.wholeChroma(h) { // decoders give chroma for half of what they are asked for
			needW, needH = 2*needW, 2*needH
		}
		w, ht = max(w, needW), max(ht, needH)
	}
	if h.Orientation.Swaps() {
		return ht, w
	}
	return w, ht
}

// wholeChroma tells whether a job has a use for more chroma than half of its luma each way.
func (j *job) wholeChroma(h codec.Header) bool {
	if h.Layout.Model != plane.YCbCr {
		return false
	}
	want := j.wants(h, 2, 2)
	return j.variant.LinearLight || want.Model != plane.YCbCr || want.Planes[1] != plane.Whole(1, 1)
}

// wants is the layout in which the encoder takes a w×h result.
func (j *job) wants(h codec.Header, w, ht int) plane.Layout {
	return j.encoder.Wants(j.model(h), h.Layout.Alpha, w, ht, j.variant.Subsampling)
}

// model is the colour model that a picture is reduced and encoded in. A coloured background needs colour planes, except
// where a gray profile ties the picture to gray.
func (j *job) model(h codec.Header) plane.Model {
	m, b := h.Layout.Model, j.variant.Background
	shows := h.Layout.Alpha || j.frame.canvasWidth > j.frame.width || j.frame.canvasHeight > j.frame.height
	if m == plane.Gray && shows && (b[0] != b[1] || b[1] != b[2]) && profileSpace(h.ICC) != "GRAY" {
		return plane.RGB
	}
	return m
}

// reduce readies the job to take rows of layout src, the stored picture of h at some scale. Chroma is reduced straight to
// the grid that the encoder wants, if that takes YCbCr too; else all planes come at full size for convert.
func (j *job) reduce(h codec.Header, src plane.Layout) (err error) {
	f, filter := j.frame, j.variant.Filter
	dst := plane.NewLayout(src.Model, src.Alpha, f.width, f.height, 1, 1)
	x, y := f.axes(h, src.Planes[0], stored(h, dst).Planes[0])
	linear := j.variant.LinearLight && !(x.Copies(filter) && y.Copies(filter))
	if want := j.wants(h, f.width, f.height); linear && src.Model != plane.Gray {
		dst = plane.NewLayout(plane.RGB, src.Alpha, f.width, f.height, 1, 1)
	} else if !linear && !src.Alpha && want.Model == src.Model {
		dst = want
	}
	dst = stored(h, dst)
	j.reduced = plane.New(dst)
	j.unmade = len(dst.Planes)
	j.trimmed = y.Start+float64(y.Dst)*y.Step <= float64(y.Src-1)
	switch {
	case linear:
		j.sink, err = newLight(x, y, filter, src, j.store)
		return err
	case src.Alpha:
		j.sink, err = resample.NewAlpha(x, y, filter, src.Model.Colours(), j.store)
		return err
	}
	var s planes
	for i := range src.Planes {
		x, y := f.axes(h, src.Planes[i], dst.Planes[i])
		p, err := resample.NewPlane(x, y, filter, func(y int, row []byte) error { return j.store(i, y, row) })
		if err != nil {
			return err
		}
		s = append(s, p)
	}
	j.sink = s
	return nil
}

// stored is an upright layout as the picture of h lies in its file.
func stored(h codec.Header, upright plane.Layout) plane.Layout {
	if h.Orientation.Swaps() {
		return upright.Transposed()
	}
	return upright
}

// store keeps a row of the result. It has enough with the last one, but only of a picture that is trimmed: it stops no decoder
// before the end of one that is shown to its edge, because the end shows whether the file is whole.
func (j *job) store(p, y int, row []byte) error {
	copy(j.reduced.Row(p, y), row)
	if y == j.reduced.Planes[p].Height-1 {
		if j.unmade--; j.unmade == 0 && j.trimmed {
			return plane.ErrEnough
		}
	}
	return nil
}

// planes is a Sink that reduces each plane by itself.
type planes []*resample.Plane

func (s planes) Rows(p, y int, r plane.Rows) error { return s[p].Rows(y, r) }

// axes maps a stored source plane onto a stored, reduced plane.
func (f frame) axes(h codec.Header, src, dst plane.Size) (x, y resample.Axis) {
	cx, cy, cw, ch := f.x, f.y, f.cropWidth, f.cropHeight
	if h.Orientation.Swaps() {
		cx, cy, cw, ch = cy, cx, ch, cw
	}
	mx, my := mirrored(h.Orientation)
	x = axis(cx, cw, src.SpanX/float64(h.Width), src.Width, src.SpanX, dst.Width, dst.SpanX, mx)
	y = axis(cy, ch, src.SpanY/float64(h.Height), src.Height, src.SpanY, dst.Height, dst.SpanY, my)
	return x, y
}

// axis shows start..start+length (pixels of the picture, per of which a source sample makes scale) on span of n samples.
// A mirrored axis counts from the far end, so that both grids have their origin at the upright picture's top left: the
// last chroma sample of an odd side overhangs there, not at the near end.
func axis(start, length, scale float64, srcN int, srcSpan float64, n int, span float64, mirror bool) resample.Axis {
	a := resample.Axis{Src: srcN, Dst: n, Start: start * scale, Step: length * scale / span}
	if mirror {
		a.Start = srcSpan - a.Start - float64(n)*a.Step
	}
	return a
}
