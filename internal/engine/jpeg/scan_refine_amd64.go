//go:build !purego

package jpeg

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

//go:generate go -C _asm run ./refine -out ../scan_refine_amd64.s -pkg jpeg

// refineKernel refines blocks as refine does, with sets of coefficients as bits: PDEP (Intel Software
// Developer's Manual) finds the end of a run of zeros, and spreads the correction bits of a block over its
// nonzero coefficients, which all have one. r points to a refineRun. The kernel stops before a block that
// may need more data, or that has a code or more correction bits than it covers. The caller must then
// refine that block.
//
//go:noescape
func refineKernel(r *byte)

// refineRun is the state of refineKernel: the blocks to refine. Its sets have bit k for the coefficient at
// index k of the zigzag order.
type refineRun struct {
	mem     *byte
	pos     uint // bit in mem
	safe    uint // last bit at which a block may start
	count   uint // number of blocks
	done    uint // number of those that are refined
	endRun  uint
	look    *refineTable
	low     *int16  // coefficients of the blocks
	offset  uint    // of the next block in low in bytes
	nonzero *uint64 // which of them are not zero, as in coefficients
	size    uint    // of a block of low in bytes
	band    uint64
	kept    uint64
	bit     uint      // the bit that is refined, 1<<al
	up      uint      // what moves that bit to the sign of 32
	places  [64]uint8 // in a block of low
	table   refineTable
}

// refineTable decodes the symbols of refinements. An entry has in its lowest 6 bits the length of the code
// and of the bit after it. The upper half is 1<<n for a run of n zeros before a coefficient that becomes
// nonzero, of which bit 7 is the sign. The other bits are flags of other symbols.
type refineTable [1 << lookBits]uint32

const (
	refineBlockEnd = 1 << 8 // with the number of bits that follow in the upper half
	refineZeroRun  = 1 << 9 // with 1<<15 in the upper half
	refineMinus    = 1 << 7
	refineShift    = 16
)

// entry returns the entry for an entry of decodeTable.look. Without flags, a special one is unknown to
// the kernel.
func (*refineTable) entry(e uint32) uint32 {
	length, symbol, value := e&lengthMask, e>>valueShift, int32(e)>>valueShift
	run := e>>advanceShift&advanceMask - 1
	switch special := e&entrySpecial != 0; {
	case special && length > 0 && symbol == symZRL:
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

// newRefineRun returns the state for a scan, or nil if the processor does not support the kernel.
func (s *progressiveScan) newRefineRun(t *decodeTable, c *coefficients) *refineRun {
	if !cpu.Vector() {
		return nil
	}
	r := &refineRun{
		mem: &s.bits.mem[0], size: uint(2 * c.n * c.n), band: band(s.ss, s.se), bit: 1 << s.al, up: uint(31 - s.al),
	}
	r.look = &r.table
	for i, e := range t.look {
		r.table[i] = r.table.entry(e)
	}
	for k, at := range c.at {
		if at != dropped {
			r.kept |= 1 << k
			r.places[k] = at
		}
	}
	return r
}

// refineSome refines blocks up to one that the kernel cannot, and returns their number.
func (s *progressiveScan) refineSome(r *refineRun, low []int16, nonzero []uint64) int {
	r.pos, r.safe, r.endRun = s.bits.pos, s.bits.safe, uint(s.endRun)
	r.low, r.nonzero = &low[0], &nonzero[0]
	r.count, r.done, r.offset = uint(len(nonzero)), 0, 0
	refineKernel((*byte)(unsafe.Pointer(r)))
	s.bits.pos, s.endRun = r.pos, int(r.endRun)
	return int(r.done)
}
