package vp8l

import (
	"context"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// checkPixels is how many pixels a stage works on between looks at its context.
const checkPixels = 1 << 11

// level is how hard an encoder works for smaller lossless files.
type level struct {
	chain, nice int  // of copyFinder
	worth       int  // the share of an image that copies have to save, its reciprocal
	parse       bool // copies are chosen by what the image then costs
	quick       bool // transforms and the size of the colour cache are chosen among few, by magnitudes and a small part
	groupBits   uint // logarithm of the smallest side of a block with codes of its own
	groupPasses int  // how often blocks are moved to other groups
}

var levels = [...]level{
	codec.FastEffort:   {chain: 4, nice: 16, worth: 50, quick: true, groupBits: 7},
	codec.NormalEffort: {chain: 24, nice: 64, worth: 50, parse: true, groupBits: 4, groupPasses: 2},
	codec.HighEffort:   {chain: 100, nice: 256, worth: 128, parse: true, groupBits: 3, groupPasses: 4},
}

// Encode returns a VP8L bit stream of w×h pixels, which it changes. Up to round bits of a component may be rounded away.
func Encode(ctx context.Context, pix []uint32, w, h int, alpha bool, effort codec.Effort, round uint) ([]byte, error) {
	e := &entropyWriter{ctx: ctx, level: levels[effort], round: round}
	e.bits(signature, 8)
	e.bits(uint32(w-1), 14)
	e.bits(uint32(h-1), 14)
	e.bits(bit(alpha), 1)
	e.bits(0, 3)
	if err := e.picture(pix, w, h); err != nil {
		return nil, err
	}
	return e.close(), nil
}

// picture writes a spatially coded picture (section 3), and changes its pixels.
func (e *entropyWriter) picture(pix []uint32, w, h int) error {
	colours, err := palette(e.ctx, pix)
	if err != nil {
		return err
	}
	p, err := choosePlan(e.ctx, pix, w, h, len(colours))
	if err != nil {
		return err
	}
	if p == planIndexed {
		return e.indexed(w, h, colours, func(y int) []uint32 { return pix[y*w:][:w] })
	}
	if p.green() {
		if err := e.subtractGreen(pix); err != nil {
			return err
		}
	}
	if p.predict() {
		if pix, err = e.predict(pix, w, h, p.green()); err != nil {
			return err
		}
	}
	if p == planBoth && !e.level.quick {
		if err := e.decorrelate(pix, w, h); err != nil {
			return err
		}
	}
	e.bits(0, 1)
	return e.image(pix, w, true)
}

// transform writes the kind of a transform.
func (e *entropyWriter) transform(kind transformKind) {
	e.bits(1, 1)
	e.bits(uint32(kind), 2)
}

// subtractGreen writes that transform, and applies it.
func (e *entropyWriter) subtractGreen(pix []uint32) error {
	e.transform(subtractGreenTransform)
	for i, argb := range pix {
		if i%checkPixels == 0 {
			if err := e.ctx.Err(); err != nil {
				return err
			}
		}
		pix[i] = subtractGreenOf(argb)
	}
	return nil
}

// predict writes the predictor transform, and returns the residue.
func (e *entropyWriter) predict(pix []uint32, w, h int, green bool) ([]uint32, error) {
	bits := predictorBits(w, h)
	modes, residue, err := predictPicture(e.ctx, pix, w, h, bits, e.level.quick)
	if err != nil {
		return nil, err
	}
	if e.round > 0 {
		r := residueRounder{1 << e.round, green}
		if err := r.round(e.ctx, pix, residue, modes, w, h, bits); err != nil {
			return nil, err
		}
	}
	e.transform(predictorTransform)
	e.bits(uint32(bits-2), 3)
	return residue, e.image(modes, subSize(w, bits), false)
}

// predictorBits is the logarithm of the side of the blocks that have a predictor each.
func predictorBits(w, h int) uint {
	if w*h < 1<<16 {
		return 3
	}
	return 4
}

// decorrelate writes the colour transform, and applies it.
func (e *entropyWriter) decorrelate(pix []uint32, w, h int) error {
	elements, err := decorrelate(e.ctx, pix, w, h)
	if err != nil {
		return err
	}
	e.transform(colourTransform)
	e.bits(colourBits-2, 3)
	return e.image(elements, subSize(w, colourBits), false)
}

// palette returns the colours of a picture in order, or nil if there are more than 256.
func palette(ctx context.Context, pix []uint32) ([]uint32, error) {
	seen := map[uint32]bool{}
	last := ^pix[0]
	for i, argb := range pix {
		if i%checkPixels == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		if argb == last {
			continue
		}
		last = argb
		if !seen[argb] {
			if len(seen) == 256 {
				return nil, nil
			}
			seen[argb] = true
		}
	}
	colours := make([]uint32, 0, len(seen))
	for argb := range seen {
		colours = append(colours, argb)
	}
	slices.Sort(colours)
	return colours, nil
}

// EncodeIndexed returns what is given as its beginning, and a VP8L picture without its header by the indexes of its
// colours, of which there are at most 256. row returns the pixels of a row, which are asked for in order.
func EncodeIndexed(
	ctx context.Context, head []byte, w, h int, colours []uint32, row func(y int) []uint32,
) ([]byte, error) {
	e := &entropyWriter{ctx: ctx, level: levels[codec.NormalEffort]}
	e.out = head
	if err := e.indexed(w, h, colours, row); err != nil {
		return nil, err
	}
	return e.close(), nil
}

// indexed writes a picture by the indexes of its colours (section 4.4). row returns the pixels of a row,
// which are asked for in order.
func (e *entropyWriter) indexed(w, h int, colours []uint32, row func(y int) []uint32) error {
	e.transform(colourIndexTransform)
	e.bits(uint32(len(colours)-1), 8)
	table := make([]uint32, len(colours))
	index := make(map[uint32]uint32, len(colours))
	for i, argb := range colours {
		table[i] = argb
		if i > 0 {
			table[i] = subtractPixels(argb, colours[i-1])
		}
		index[argb] = uint32(i)
	}
	if err := e.image(table, len(table), false); err != nil {
		return err
	}
	e.bits(0, 1)
	packed := Packing(len(colours))
	coded := subSize(w, packed)
	out := make([]uint32, coded*h)
	last, at := colours[0], uint32(0) // neighbours are often equal
	for y := range h {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		to := out[y*coded:][:coded]
		for x := range to {
			to[x] = Black
		}
		for x, argb := range row(y) {
			if argb != last {
				last, at = argb, index[argb]
			}
			to[x>>packed] |= at << (8 + uint(x)&(1<<packed-1)*(8>>packed))
		}
	}
	return e.image(out, coded, true)
}

// Packing is the logarithm of how many pixels of a picture with so many colours share a byte.
func Packing(colours int) uint {
	switch {
	case colours <= 2:
		return 3
	case colours <= 4:
		return 2
	case colours <= 16:
		return 1
	}
	return 0
}

// subtractPixels subtracts each of the four components, modulo 256.
func subtractPixels(a, b uint32) uint32 {
	return (a|0x00ff00ff-b&0xff00ff00)&0xff00ff00 | (a|0xff00ff00-b&0x00ff00ff)&0x00ff00ff
}
