//go:build !nohevc

package heif

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// What a thumbnail item must be to stand for a picture of tiles, at a size that is asked for:
//
//   - as large as that, and of the same proportions, within one of its samples;
//   - turned alike, the picture not cropped, and neither with opacity;
//   - of the same colours: profile, code points, matrix, range, and kind of chroma;
//   - in the four tiles that have the most bytes in their quarter of the picture, which are those with the most
//     detail, the reduced thumbnail is the reduced picture: in each plane, the root of the mean square of the
//     difference is at most 1.5 levels of 255. JPEG at a quality of 80 changes two or three times that.
//
// The last says both that the thumbnail shows the same picture and that it is sharp enough, as far as four tiles
// tell. What differs elsewhere alone is not noticed.
const (
	witnesses     = 4
	mostDeviation = 1.5
	// fewestTiles makes the comparison cheap beside the whole picture.
	fewestTiles = 6 * witnesses
	// fewestSamples of a tile are compared, each way: what is smaller is compared at a larger scale.
	fewestSamples = 6
	// mostTile and mostThumbnail bound the memory that the comparison takes, in pixels.
	mostTile      = 1 << 20
	mostThumbnail = 1 << 20
)

var _ codec.EmbeddedDecoder = (*decoder)(nil)

// ShrinkToEmbedded implements codec.EmbeddedDecoder.
func (d *decoder) ShrinkToEmbedded(ctx context.Context, width, height int) (plane.Layout, error) {
	d.embedded = nil
	s := d.shown
	if s.mosaic == nil || len(s.mosaic.tiles) < fewestTiles || s.rgb || s.alpha != nil || s.p.view.crop != image.Rect(0, 0, s.p.width, s.p.height) ||
		s.mosaic.info.Width*s.mosaic.info.Height > mostTile {
		return d.header.Layout, nil
	}
	for _, t := range d.thumbnails(width, height) {
		p := plane.New(t.layout)
		err := t.decode(ctx, func(y, n int, rows *stripe) error { return pushRows(t.layout, p, y, n, rows) })
		same := false
		if err == nil {
			same, err = d.sameAs(ctx, p, width, height)
		}
		switch {
		case ctx.Err() != nil || d.c.s.Err() != nil:
			return plane.Layout{}, err
		case err == nil && same:
			p.Space = d.header.Layout.Space
			d.embedded = p
			return p.Layout, nil
		}
	}
	return d.header.Layout, nil
}

// thumbnails returns the thumbnail items that are large enough and declare what the picture declares, from the
// smallest on.
func (d *decoder) thumbnails(width, height int) (found []*shown) {
	p, s := d.shown.p, d.shown
	b := &builder{container: d.c, known: map[uint32]*picture{}}
	for _, i := range d.c.meta.order {
		if i.kind != "hvc1" || !i.refersTo("thmb", p.item.id) {
			continue
		}
		t, err := b.picture(i.id)
		if err != nil {
			continue
		}
		size := t.view.crop.Size() // of some, a crop removes what fills the last coding block
		if size.X < width || size.Y < height || t.width*t.height > mostThumbnail || !proportional(size.X, size.Y, p.width, p.height) ||
			t.view.orientation() != p.view.orientation() || t.alpha != nil || !t.colour.none() && !t.colour.equal(p.colour) {
			continue
		}
		small, err := d.c.show(t, d.threads, false)
		if err == nil && small.layout.Model == s.layout.Model && small.conv.subX == s.conv.subX && small.conv.subY == s.conv.subY &&
			small.mosaic.signal == s.mosaic.signal {
			found = append(found, small)
		}
	}
	slices.SortStableFunc(found, func(a, b *shown) int { return cmp.Compare(a.p.width, b.p.width) })
	return found
}

// proportional reports whether w×h are the proportions of another size, within one sample on either side.
func proportional(w, h, width, height int) bool {
	off := math.Abs(float64(w)*float64(height) - float64(h)*float64(width))
	return off < float64(max(width, height))
}

// equal reports whether two pictures declare the same colours.
func (b colourBoxes) equal(o colourBoxes) bool {
	return bytes.Equal(b.icc, o.icc) && (b.nclx == nil) == (o.nclx == nil) && (b.nclx == nil || *b.nclx == *o.nclx)
}

// sameAs compares the witnesses with what a thumbnail shows in their place, at the scale of width×height samples
// for the picture.
func (d *decoder) sameAs(ctx context.Context, thumbnail *plane.Picture, width, height int) (bool, error) {
	m := d.shown.mosaic
	w, h := m.info.Width, m.info.Height
	l := d.shown.layout
	subX, subY := l.Subsampling()
	var steps [2][2]float64 // for luma and for chroma: pixels of the picture to a sample that is compared
	for i := range steps {
		steps[i][0] = min(float64(m.crop.Dx()*(1+i*(subX-1)))/float64(width), float64(w)/(fewestSamples+2*reach))
		steps[i][1] = min(float64(m.crop.Dy()*(1+i*(subY-1)))/float64(height), float64(h)/(fewestSamples+2*reach))
	}
	for _, k := range m.witnesses() {
		tile := image.Rect(0, 0, w, h).Add(image.Pt(k%m.columns*w, k/m.columns*h)).Intersect(m.crop)
		part := *m
		part.crop = tile
		l := plane.NewLayout(l.Model, false, tile.Dx(), tile.Dy(), subX, subY)
		full := plane.New(l)
		err := part.decode(ctx, d.threads, d.shown.conv, l, func(y, n int, rows *stripe) error { return pushRows(l, full, y, n, rows) })
		if err != nil {
			return false, err
		}
		for c := range l.Planes {
			deviation, err := compareReduced(full, thumbnail, c, tile, m.crop, steps[min(c, 1)])
			if err != nil || !(deviation <= mostDeviation) {
				return false, err
			}
		}
	}
	return true, nil
}

// witnesses returns the tiles with the most bytes in each quarter of the picture, the one with the most of all
// first.
func (m *mosaic) witnesses() []int {
	rows := len(m.tiles) / m.columns
	size := func(k int) (n int64) {
		for _, s := range m.tiles[k].data {
			n += s.n
		}
		return n
	}
	best := make([]int, 0, witnesses)
	for quarter := range witnesses {
		most, at := int64(-1), 0
		for y := quarter / 2 * rows / 2; y < (quarter/2+1)*rows/2; y++ {
			for x := quarter % 2 * m.columns / 2; x < (quarter%2+1)*m.columns/2; x++ {
				whole := (x+1)*m.info.Width <= m.crop.Max.X && (y+1)*m.info.Height <= m.crop.Max.Y
				if k := y*m.columns + x; whole && size(k) > most {
					most, at = size(k), k
				}
			}
		}
		if most >= 0 {
			best = append(best, at)
		}
	}
	slices.SortStableFunc(best, func(a, b int) int { return cmp.Compare(size(b), size(a)) })
	return best
}

// compareReduced reduces plane c of a tile, and the same part of the thumbnail of the whole, by a step each way. It
// returns the root of the mean square of their difference.
func compareReduced(tile, thumbnail *plane.Picture, c int, at, whole image.Rectangle, step [2]float64) (float64, error) {
	a, err := reducePart(tile, c, at, at, step)
	if err != nil {
		return 0, err
	}
	b, err := reducePart(thumbnail, c, whole, at, step)
	if err != nil || len(a) == 0 || len(a) != len(b) {
		return math.Inf(1), err
	}
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a))), nil
}

// reducePart reduces what a plane of p shows of a part of the picture to samples that are a step wide and high, in
// pixels of the picture; p shows what it covers of that. Samples whose filter would reach beyond the part are left
// out.
func reducePart(p *plane.Picture, c int, covers, part image.Rectangle, step [2]float64) ([]byte, error) {
	src := p.Planes[c]
	x := partAxis(src.Width, float64(covers.Dx())/src.SpanX, part.Min.X-covers.Min.X, part.Dx(), step[0])
	y := partAxis(src.Height, float64(covers.Dy())/src.SpanY, part.Min.Y-covers.Min.Y, part.Dy(), step[1])
	if x.Dst <= 0 || y.Dst <= 0 {
		return nil, nil
	}
	var out []byte
	r, err := resample.NewPlane(x, y, resample.Lanczos3, func(_ int, row []byte) error {
		out = append(out, row...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, r.Rows(0, plane.Rows{Pix: p.Pix[c], Stride: p.Stride[c], N: src.Height})
}

// reach is how far Lanczos3 looks, in steps.
const reach = 3

// partAxis maps length pixels of the picture, from start on, onto samples that are a step wide. Each of n source
// samples covers some pixels.
func partAxis(n int, covers float64, start, length int, step float64) resample.Axis {
	return resample.Axis{Src: n, Dst: int(float64(length)/step) - 2*reach, Start: (float64(start) + reach*step) / covers, Step: step / covers}
}
