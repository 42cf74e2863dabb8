//go:build !nohevc

package heif

import (
	"context"
	"fmt"
	"image"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/hevc"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// mosaic is a picture of coded tiles of one kind, side by side; often there is one. Its rows are decoded
// in order: those of a single tile as they come, of several a row of tiles at a time.
type mosaic struct {
	c       *container
	tiles   []*picture // row by row
	columns int
	crop    image.Rectangle // what is decoded of the whole
	info    hevc.Info       // of every tile
	signal  signal
	most    int64 // bytes of a tile's data
}

// newMosaic returns the mosaic of a picture, or nil if it is composed of pictures that have to be turned,
// cropped or laid over one another.
func (c *container) newMosaic(p *picture) (*mosaic, error) {
	m := &mosaic{c: c, tiles: []*picture{p}, columns: 1, crop: p.view.crop}
	if p.kind == overlay {
		return nil, nil
	}
	if p.kind == grid {
		m.tiles, m.columns = p.inputs, p.columns
		for _, t := range m.tiles {
			if t.kind != coded || t.alpha != nil || !t.view.plain(t.width, t.height) {
				return nil, nil
			}
		}
	}
	for _, t := range m.tiles {
		var n int64
		for _, s := range t.data {
			n += s.n
		}
		m.most = max(m.most, n)
	}
	info, err := m.inspect(m.tiles[0])
	if err != nil {
		return nil, err
	}
	if x, y := info.Chroma.Subsampling(); len(m.tiles) > 1 && (info.Width%x != 0 || info.Height%y != 0) {
		return nil, nil // chroma of neighbouring tiles is on different grids
	}
	m.info, m.signal = info, signalOf(p.colour, info.Colour)
	return m, nil
}

// maxData is the most bytes that a coded picture may have. Samples that are not compressed take 6 bytes
// for each pixel in the deepest formats; cameras put a few kilobytes beside them.
func maxData(p *picture) int64 { return 8*int64(p.width)*int64(p.height) + 1<<20 }

// read returns the configuration and the data of a tile.
func (m *mosaic) read(t *picture) (config hevc.Config, data []byte, info hevc.Info, err error) {
	if config, err = hevc.ParseConfig(t.config.body); err != nil {
		return config, nil, info, err
	}
	if data, err = m.c.join(t.data, maxData(t)); err != nil {
		return config, nil, info, err
	}
	info, err = hevc.ReadInfo(config, data)
	if err != nil {
		return config, nil, info, err
	}
	if !padded(info.Width, t.width) || !padded(info.Height, t.height) {
		err = m.c.s.Corrupt(t.data[0].at, "a picture of %d×%d is coded as %d×%d", t.width, t.height, info.Width, info.Height)
	}
	info.Width, info.Height = t.width, t.height
	return config, data, info, err
}

// padded reports whether a side of a coded picture may be meant as one of n samples: some writers leave in it
// what fills the last coding tree block.
func padded(coded, n int) bool { return coded >= n && coded-n < maxCTB }

// maxCTB is the side of the largest coding tree blocks (ITU-T H.265, 3.37).
const maxCTB = 64

// inspect reads the headers of a tile.
func (m *mosaic) inspect(t *picture) (hevc.Info, error) {
	_, _, info, err := m.read(t)
	return info, m.placed(t, err)
}

// alike reports whether two tiles have samples of one kind.
func alike(a, b hevc.Info) bool {
	return a.Width == b.Width && a.Height == b.Height && a.Chroma == b.Chroma &&
		a.BitDepthLuma == b.BitDepthLuma && a.BitDepthChroma == b.BitDepthChroma
}

// placed adds where a tile lies to an error about its data.
func (m *mosaic) placed(t *picture, err error) error {
	if err == nil || m.c.s.Err() != nil {
		return m.c.s.Fault(err)
	}
	return fmt.Errorf("the picture at byte %d: %w", t.data[0].at, err)
}

// workers returns how many threads decode tiles, and how many share each of them.
func (m *mosaic) workers(threads int) (n, each int) {
	r := m.visible()
	n = max(1, min(threads, r.Dx()*r.Dy()))
	return n, max(1, threads/n)
}

// visible returns the columns and rows of tiles that the crop shows.
func (m *mosaic) visible() image.Rectangle {
	w, h := m.info.Width, m.info.Height
	return image.Rect(m.crop.Min.X/w, m.crop.Min.Y/h, (m.crop.Max.X+w-1)/w, (m.crop.Max.Y+h-1)/h)
}

// memory estimates what decode holds for rows of a layout.
func (m *mosaic) memory(l plane.Layout, threads int) int64 {
	n, _ := m.workers(threads)
	rows := m.info.BandHeight
	if len(m.tiles) > 1 {
		rows = m.info.Height * min(n, 2)
	}
	total := int64(n) * (m.info.Memory() + m.most)
	for _, p := range l.Planes {
		total += int64(p.Width) * int64(min(rows, p.Height))
	}
	return total
}

// emit takes n rows of luma from row y of the crop on, and what chroma lies beside them. They are valid
// until it returns.
type emit func(y, n int, s *stripe) error

// decode decodes the crop.
func (m *mosaic) decode(ctx context.Context, threads int, conv *samples, l plane.Layout, out emit) error {
	if len(m.tiles) == 1 {
		return m.decodeOne(ctx, threads, conv, l, out)
	}
	n, each := m.workers(threads)
	r := &rowOfTiles{mosaic: m, ctx: ctx, conv: conv, visible: m.visible()}
	r.changed = sync.NewCond(&r.mu)
	r.done, r.failed = make([]int, r.visible.Dy()), make([]failure, r.visible.Dy())
	for range min(n, 2) {
		r.stripes = append(r.stripes, newStripe(l, min(m.info.Height, m.crop.Dy())))
	}
	var workers sync.WaitGroup
	for range n - 1 {
		workers.Go(func() { r.work(&hevc.Decoder{Threads: each}) })
	}
	defer workers.Wait()
	defer r.end()
	return r.rows(&hevc.Decoder{Threads: each}, out)
}

// decodeOne decodes a picture of one tile.
func (m *mosaic) decodeOne(ctx context.Context, threads int, conv *samples, l plane.Layout, out emit) error {
	t := m.tiles[0]
	config, data, _, err := m.read(t)
	if err != nil {
		return m.placed(t, err)
	}
	s := newStripe(l, m.info.BandHeight)
	d := &hevc.Decoder{Threads: threads}
	var refused error
	err = d.Decode(ctx, config, data, func(b hevc.Band) error {
		top, bottom := max(b.Y, m.crop.Min.Y), min(b.Y+b.Planes[0].Height, m.crop.Max.Y)
		if top >= bottom {
			return nil
		}
		part := image.Rect(m.crop.Min.X, top, m.crop.Max.X, bottom)
		conv.write(s, image.Point{}, b, part)
		refused = out(top-m.crop.Min.Y, bottom-top, s)
		return refused
	})
	if err != nil && err == refused || ctx.Err() != nil {
		return err
	}
	return m.placed(t, err)
}

// rowOfTiles decodes the tiles of a mosaic, a row of them after another. Several threads take the tiles in
// their order; of two stripes, one is filled while the rows of the other are taken.
type rowOfTiles struct {
	*mosaic
	ctx     context.Context
	conv    *samples
	visible image.Rectangle
	stripes []*stripe

	mu      sync.Mutex
	changed *sync.Cond
	next    int       // tile, counted in what is visible
	taken   int       // rows of tiles whose stripe may be filled anew
	done    []int     // tiles of each row
	failed  []failure // of each row: that of its first tile
	ended   bool
}

type failure struct {
	column int
	err    error
}

// take returns a tile to be decoded. ok is false if there is none now; ended if there will be none.
func (r *rowOfTiles) take() (tile image.Point, ok, ended bool) {
	if r.ended || r.next == r.visible.Dx()*r.visible.Dy() {
		return tile, false, true
	}
	tile = image.Pt(r.next%r.visible.Dx(), r.next/r.visible.Dx())
	if tile.Y >= r.taken+len(r.stripes) {
		return tile, false, false
	}
	r.next++
	return tile, true, false
}

// work decodes tiles until there are none.
func (r *rowOfTiles) work(d *hevc.Decoder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		tile, ok, ended := r.take()
		switch {
		case ended:
			return
		case ok:
			r.decodeTile(d, tile)
		default:
			r.changed.Wait()
		}
	}
}

// decodeTile decodes a tile. It is called with the lock, and gives it up meanwhile.
func (r *rowOfTiles) decodeTile(d *hevc.Decoder, tile image.Point) {
	r.mu.Unlock()
	err := r.tile(d, tile)
	r.mu.Lock()
	r.done[tile.Y]++
	if f := &r.failed[tile.Y]; err != nil && (f.err == nil || tile.X < f.column) {
		*f = failure{tile.X, err}
	}
	r.changed.Broadcast()
}

// end makes the workers return.
func (r *rowOfTiles) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.changed.Broadcast()
}

// rows passes on the rows of tiles in their order, and decodes tiles while it waits for them.
func (r *rowOfTiles) rows(d *hevc.Decoder, out emit) error {
	h := r.info.Height
	for y := range r.visible.Dy() {
		if err := r.row(d, y); err != nil {
			return err
		}
		top := (r.visible.Min.Y + y) * h
		from, to := max(top, r.crop.Min.Y), min(top+h, r.crop.Max.Y)
		if err := out(from-r.crop.Min.Y, to-from, r.stripes[y%len(r.stripes)]); err != nil {
			return err
		}
		r.mu.Lock()
		r.taken++
		r.mu.Unlock()
		r.changed.Broadcast()
	}
	return nil
}

// row returns when all tiles of a row are decoded.
func (r *rowOfTiles) row(d *hevc.Decoder, y int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.done[y] < r.visible.Dx() {
		if tile, ok, _ := r.take(); ok {
			r.decodeTile(d, tile)
		} else {
			r.changed.Wait()
		}
	}
	return r.failed[y].err
}

// tile decodes a tile into its place.
func (r *rowOfTiles) tile(d *hevc.Decoder, tile image.Point) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the decoder failed on it: %v", codec.ErrCorrupt, p)
		}
	}()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	w, h := r.info.Width, r.info.Height
	place := tile.Add(r.visible.Min)
	t := r.tiles[place.Y*r.columns+place.X]
	config, data, info, err := r.read(t)
	if err != nil {
		return r.placed(t, err)
	}
	if !alike(info, r.info) {
		return r.placed(t, r.c.s.Corrupt(t.data[0].at, "a tile is coded in another way than the first"))
	}
	whole := image.Rect(0, 0, w, h).Add(image.Pt(place.X*w, place.Y*h))
	shown := whole.Intersect(r.crop)
	part := shown.Sub(whole.Min)
	at := image.Pt(shown.Min.X-r.crop.Min.X, 0)
	stripe := r.stripes[tile.Y%len(r.stripes)]
	err = d.Decode(r.ctx, config, data, func(b hevc.Band) error {
		top, bottom := max(b.Y, part.Min.Y), min(b.Y+b.Planes[0].Height, part.Max.Y)
		if top < bottom {
			rows := image.Rect(part.Min.X, top, part.Max.X, bottom)
			r.conv.write(stripe, at.Add(image.Pt(0, top-part.Min.Y)), b, rows)
		}
		return nil
	})
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return r.placed(t, err)
}
