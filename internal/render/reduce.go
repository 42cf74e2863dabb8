package render

import (
	"math"

	"github.com/imgmill/imgmill/internal/codec"
	"github.com/imgmill/imgmill/internal/plane"
	"github.com/imgmill/imgmill/internal/resample"
)

// filter is the kernel of all reductions.
const filter = resample.Lanczos3

// samplesNeeded is how many samples of the stored picture the most demanding job wants per axis.
func samplesNeeded(h codec.Header, jobs []*job) (w, ht int) {
	uw, uh := upright(h)
	for _, j := range jobs {
		f := j.frame
		w = max(w, min(uw, int(math.Ceil(float64(f.width)*float64(uw)/f.cropWidth))))
		ht = max(ht, min(uh, int(math.Ceil(float64(f.height)*float64(uh)/f.cropHeight))))
	}
	if h.Orientation.Swaps() {
		return ht, w
	}
	return w, ht
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
func (j *job) reduce(h codec.Header, src plane.Layout) error {
	f := j.frame
	dst := plane.NewLayout(src.Model, src.Alpha, f.width, f.height, 1, 1)
	if want := j.encoder.Wants(j.model(h), src.Alpha, f.width, f.height); want.Model == src.Model && !src.Alpha {
		dst = want
	}
	stored := dst
	stored.Planes = append([]plane.Size(nil), dst.Planes...)
	if h.Orientation.Swaps() {
		for i, s := range dst.Planes {
			stored.Planes[i] = plane.Size{Width: s.Height, Height: s.Width, SpanX: s.SpanY, SpanY: s.SpanX}
		}
	}
	j.reduced = plane.New(stored)
	if src.Alpha {
		x, y := f.axes(h, src.Planes[0], stored.Planes[0])
		a, err := resample.NewAlpha(x, y, filter, src.Model.Colours(), j.store)
		j.sink = a
		return err
	}
	var s planes
	for i := range src.Planes {
		x, y := f.axes(h, src.Planes[i], stored.Planes[i])
		p, err := resample.NewPlane(x, y, filter, func(y int, row []byte) error { return j.store(i, y, row) })
		if err != nil {
			return err
		}
		s = append(s, p)
	}
	j.sink = s
	return nil
}

func (j *job) store(p, y int, row []byte) error {
	copy(j.reduced.Row(p, y), row)
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
