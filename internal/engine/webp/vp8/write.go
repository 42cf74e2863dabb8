package vp8

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Pictures of so many macroblocks have several partitions of coefficients, which threads write side by
// side. Smaller ones are not worth it; a partition of larger ones could reach the 16 MB that its length
// allows, if all coefficients were as large as can be.
const (
	leastDivided = 1000
	mostDivided  = 50_000
)

// logPartitions is the logarithm of the number of partitions. It does not depend on threads.
func (w *Writer) logPartitions() int {
	if n := w.mbw * w.mbh; n < leastDivided || n > mostDivided {
		return 0
	}
	return 2
}

// file returns the frame: its header, the modes, and the partitions of coefficients.
func (w *Writer) file(ctx context.Context, threads int) ([]byte, error) {
	probs := w.total().best()
	first := newBoolEncoder(1024 + w.mbw*w.mbh/2)
	f := w.writeHeader(first, &probs)
	partitions := make([][]byte, 1<<w.logPartitions())
	threads = min(max(threads, 1), len(partitions))
	err := together(ctx, threads, func(shared context.Context, t int) error {
		if t == 0 {
			top := make([]uint8, 4*w.mbw)
			for y := range w.rows {
				f.writeModes(first, w.rows[y].macroblocks, top)
			}
		}
		for i := t; i < len(partitions); i += threads {
			tokens := newBoolEncoder(w.mbw * w.mbh * 16 / len(partitions))
			for y := i; y < w.mbh; y += len(partitions) {
				if err := shared.Err(); err != nil {
					return err
				}
				w.rows[y].write(tokens, &probs, f.useSkip)
			}
			partitions[i] = tokens.close()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w.join(first.close(), partitions)
}

// join returns a frame with its parts (sections 9.1 and 9.5).
func (w *Writer) join(modes []byte, partitions [][]byte) ([]byte, error) {
	if len(modes) >= maxFirstPartition {
		return nil, fmt.Errorf("%w: the modes of %d macroblocks take %d bytes, and WebP allows %d",
			codec.ErrUnsupported, w.mbw*w.mbh, len(modes), maxFirstPartition-1)
	}
	tag := len(modes)<<5 | 1<<4 // a key frame of version 0 that is shown
	head := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a}
	head = binary.LittleEndian.AppendUint16(head, uint16(w.width))
	head = binary.LittleEndian.AppendUint16(head, uint16(w.height))
	var sizes []byte // of all partitions but the last
	for _, p := range partitions[:len(partitions)-1] {
		sizes = append(sizes, byte(len(p)), byte(len(p)>>8), byte(len(p)>>16))
	}
	return slices.Concat(append([][]byte{head, modes, sizes}, partitions...)...), nil
}

// write writes the coefficients of a row.
func (r *codedRow) write(e *boolEncoder, probs *coeffProbs, useSkip bool) {
	packed := r.levels
	for x := range r.macroblocks {
		m := &r.macroblocks[x]
		if m.skip && useSkip {
			continue
		}
		plane, first := lumaWithDC, 0
		if !m.subblocks {
			packed = e.block(packed, &probs[y2Plane], 0)
			plane, first = lumaBehindY2, 1
		}
		for range 16 {
			packed = e.block(packed, &probs[plane], first)
		}
		for range 8 {
			packed = e.block(packed, &probs[chromaPlane], 0)
		}
	}
}

// modeProbs are the probabilities of what macroblock headers begin with.
type modeProbs struct {
	segment [3]uint8
	useSkip bool
	skip    uint8
}

// writeHeader writes the frame header (section 9.2 and on).
func (w *Writer) writeHeader(e *boolEncoder, probs *coeffProbs) *modeProbs {
	f := new(modeProbs)
	var skipped [2]uint32
	var segments [maxSegments]uint32
	for y := range w.rows {
		for x := range w.rows[y].macroblocks {
			m := &w.rows[y].macroblocks[x]
			skipped[nonZero(m.skip)]++
			segments[m.segment]++
		}
	}
	e.flag(false) // colour space: there is but one
	e.flag(false) // clamping type: decoders have to clamp
	w.writeSegmentation(e, f, &segments)
	e.flag(false) // the normal loop filter
	e.literal(filterLevelOf(w.index), 6)
	e.literal(0, 3) // sharpness
	e.flag(false)   // no adjustments of the loop filter
	e.literal(w.logPartitions(), 2)
	e.literal(w.index, 7)
	for _, d := range []int{w.deltas.y1dc, w.deltas.y2dc, w.deltas.y2ac, w.deltas.uvdc, w.deltas.uvac} {
		e.optionalSigned(d, 4)
	}
	e.flag(false) // refresh_entropy_probs
	for t := range probs {
		for b := range probs[t] {
			for k := range probs[t][b] {
				for i, p := range probs[t][b][k] {
					changed := p != defaultCoeffProbs[t][b][k][i]
					e.bool(changed, coeffUpdateProbs[t][b][k][i])
					if changed {
						e.literal(int(p), 8)
					}
				}
			}
		}
	}
	f.useSkip, f.skip = w.flagSkipped && skipped[1] > 0, probOf(skipped)
	e.flag(f.useSkip)
	if f.useSkip {
		e.literal(int(f.skip), 8)
	}
	return f
}

// writeSegmentation writes the segment header (section 9.3).
func (w *Writer) writeSegmentation(e *boolEncoder, f *modeProbs, n *[maxSegments]uint32) {
	e.flag(true) // there are segments
	e.flag(true) // their map follows
	e.flag(true) // and so do their values,
	e.flag(true) // which are absolute
	for _, index := range w.indexes {
		e.optionalSigned(index, 7)
	}
	for _, level := range w.filterLevels {
		e.optionalSigned(level, 6)
	}
	f.segment = [3]uint8{
		probOf([2]uint32{n[0] + n[1], n[2] + n[3]}), probOf([2]uint32{n[0], n[1]}), probOf([2]uint32{n[2], n[3]}),
	}
	for _, p := range f.segment {
		e.flag(p != 255)
		if p != 255 {
			e.literal(int(p), 8)
		}
	}
}

// writeModes writes the macroblock headers of a row (sections 9.3, 11.1 and 11.3).
func (f *modeProbs) writeModes(e *boolEncoder, row []macroblock, top []uint8) {
	var left [4]uint8
	for x := range row {
		m, above := &row[x], (*[4]uint8)(top[4*x:])
		e.bool(m.segment > 1, f.segment[0])
		e.bool(m.segment&1 != 0, f.segment[1+m.segment/2])
		if f.useSkip {
			e.bool(m.skip, f.skip)
		}
		e.bool(!m.subblocks, probWhole)
		if m.subblocks {
			for i, mode := range m.bmodes {
				probs := &keyFrameBmodeProbs[above[i%4]][left[i/4]]
				for _, s := range bmodePaths[mode] {
					e.bool(s.one, probs[s.node>>1])
				}
				above[i%4], left[i/4] = mode, mode
			}
		} else {
			e.bool(m.ymode >= hPred, probHorizontal)
			if m.ymode >= hPred {
				e.bool(m.ymode == tmPred, probTrueMotion)
			} else {
				e.bool(m.ymode == vPred, probVertical)
			}
			mode := bmodeOf[m.ymode]
			left = [4]uint8{mode, mode, mode, mode}
			*above = left
		}
		e.bool(m.uvmode != dcPred, probChromaDC)
		if m.uvmode != dcPred {
			e.bool(m.uvmode != vPred, probChromaV)
			if m.uvmode != vPred {
				e.bool(m.uvmode == tmPred, probChromaTM)
			}
		}
	}
}

// block writes the tokens of a packed block (section 13), and returns what follows it. Between two looks
// at the number of bits, at most three bools and a sign are added.
func (e *boolEncoder) block(packed []byte, probs *[bands][contexts][tokenProbs]uint8, first int) (rest []byte) {
	n, p := int(packed[0]&31), &probs[bandOf[first]][packed[0]>>5]
	packed = packed[1:]
	e.bool(n > first, p[0])
	s := e.interval
	for i := first; i < n; {
		var v int
		v, packed = unpackLevel(packed)
		i++
		switch {
		case v == 0:
			s = s.bool(false, p[1])
			p = &probs[bandOf[i]][0]
		case v == 1 || v == -1:
			s = s.bool(true, p[1]).bool(false, p[2]).bool(v < 0, 128)
			p = &probs[bandOf[i]][1]
		default:
			e.interval = s
			e.bool(true, p[1])
			e.level(max(v, -v), p)
			e.flag(v < 0)
			s = e.interval
			p = &probs[bandOf[i]][2]
		}
		if s.n >= 32 {
			e.interval = s
			e.flush()
			s = e.interval
		}
		if v != 0 && i < 16 {
			s = s.bool(i < n, p[0])
		}
	}
	e.interval = s
	return packed
}

// level writes the token of a level from 1 on, and its extra bits (section 13.2).
func (e *boolEncoder) level(v int, p *[tokenProbs]uint8) {
	e.bool(v > 1, p[2])
	if v == 1 {
		return
	}
	e.bool(v > 4, p[3])
	switch {
	case v == 2:
		e.bool(false, p[4])
	case v < 5:
		e.bool(true, p[4])
		e.bool(v == 4, p[5])
	case v < 11:
		e.bool(false, p[6])
		e.bool(v > 6, p[7])
		if v < 7 {
			e.bool(v == 6, 159)
			return
		}
		e.bit((v-7)>>1, 165)
		e.bit((v-7)&1, 145)
	default:
		c := categoryOf(v)
		e.bool(true, p[6])
		e.bit(c>>1, p[8])
		e.bit(c&1, p[9+c>>1])
		probs := categoryProbs[c]
		for i, prob := range probs {
			e.bit((v-3-8<<c)>>(len(probs)-1-i)&1, prob)
		}
	}
}
