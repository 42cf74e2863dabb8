//go:build (amd64 || arm64) && !purego

package decode

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

//go:generate go -C _asm run ./progressive -out ../progressive_amd64.s -pkg decode

// firstKernel decodes blocks in their first scan as acFirst does. r points to a blocksRun. The kernel stops
// before or within a block that may need more data, or that has a code that it does not cover. The caller
// must then decode that block.
//
//go:noescape
func firstKernel(r *byte)

// refineKernel refines blocks as refine does, with sets of coefficients as bits. On amd64, PDEP (Intel
// Software Developer's Manual) finds the end of a run of zeros, and spreads the correction bits of a block
// over its nonzero coefficients, which all have one; on arm64, the end of a run is looked up in a list of
// the block's zeros. It stops as firstKernel does, and also before a block with more correction bits at a
// time than it covers.
//
//go:noescape
func refineKernel(r *byte)

// blocksRun is the state of the kernels: the blocks to decode. Its sets have bit k for the coefficient at
// index k of the zigzag order.
type blocksRun struct {
	mem     *byte
	pos     uint // bit in mem
	safe    uint // last bit at which a block may start
	count   uint // number of blocks
	done    uint // number of those that are decoded
	endRun  uint
	look    *[1 << lookBits]uint32 // decodeTable.look, or a refineTable
	low     *int16                 // coefficients of the blocks
	offset  uint                   // of the next block in low in bytes
	nonzero *uint64                // which of them are not zero, as in coefficients
	size    uint                   // of a block of low in bytes
	band    uint64
	kept    uint64
	bit     uint      // the bit that is refined, 1<<al
	up      uint      // al in a first scan; otherwise what moves that bit to the sign of 32
	before  uint      // index before the band
	last    uint      // index of the band
	scratch uint      // for coefficients that are not kept
	places  [64]uint8 // in a block of low, or dropped
}

// A refineTable decodes the symbols of refinements. An entry has in its lowest 6 bits the length of the code
// and of the bit after it. The upper half is 1<<n for a run of n zeros before a coefficient that becomes
// nonzero, of which bit 7 is the sign. The other bits are flags of other symbols.
const (
	refineBlockEnd = 1 << 8 // with the number of bits that follow in the upper half
	refineZeroRun  = 1 << 9 // with 1<<15 in the upper half
	refineMinus    = 1 << 7
	refineShift    = 16
)

// refineEntry returns the entry for an entry of decodeTable.look. Without flags, a special one is unknown
// to the kernel.
func refineEntry(e uint32) uint32 {
	length, symbol, value := e&lengthMask, e>>valueShift, int32(e)>>valueShift
	run := e>>advanceShift&advanceMask - 1
	switch special := e&entrySpecial != 0; {
	case special && length > 0 && symbol == stream.ZRL:
		return length | entrySpecial | refineZeroRun | 1<<(15+refineShift)
	case special && length > 0 && symbol&15 == 0:
		return length | entrySpecial | refineBlockEnd | symbol>>4<<refineShift
	case !special && value == 1:
		return length | 1<<(run+refineShift)
	case !special && value == -1:
		return length | refineMinus | 1<<(run+refineShift)
	}
	return entrySpecial
}

// newBlocksRun returns the state for a scan, or nil if the processor does not support the kernels.
func (s *progressiveScan) newBlocksRun(t *decodeTable, c *coefficients) *blocksRun {
	if !cpu.Vector() {
		return nil
	}
	r := &blocksRun{
		mem: &s.bits.mem[0], look: &t.look, size: uint(2 * (c.n*c.n - 1)), band: band(s.ss, s.se),
		bit: 1 << s.al, up: uint(s.al), before: uint(s.ss) - 1, last: uint(s.se), places: c.at,
	}
	for k, at := range c.at {
		if at != dropped {
			r.kept |= 1 << k
		}
	}
	if s.ah > 0 {
		r.up = uint(31 - s.al)
		r.look = new([1 << lookBits]uint32)
		for i, e := range t.look {
			r.look[i] = refineEntry(e)
		}
	}
	return r
}

// kernel decodes blocks up to one that the kernels cannot, and returns their number.
func (s *progressiveScan) kernel(r *blocksRun, low []int16, nonzero []uint64) int {
	r.pos, r.safe, r.endRun = s.bits.pos, s.bits.safe, uint(s.endRun)
	r.low, r.nonzero = &low[0], &nonzero[0]
	r.count, r.done, r.offset = uint(len(nonzero)), 0, 0
	if s.ah > 0 {
		refineKernel((*byte)(unsafe.Pointer(r)))
	} else {
		firstKernel((*byte)(unsafe.Pointer(r)))
	}
	s.bits.pos, s.endRun = r.pos, int(r.endRun)
	return int(r.done)
}
