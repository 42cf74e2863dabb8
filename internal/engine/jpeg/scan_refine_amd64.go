//go:build !purego

package jpeg

import (
	"math/bits"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

//go:generate go -C _asm run ./refine -out ../scan_refine_amd64.s -pkg jpeg

// refineKernel refines blocks as refine does, with sets of coefficients as bits: PDEP (Intel Software
// Developer's Manual) finds the end of a run of zeros and spreads correction bits over the nonzero
// coefficients. r points to a refineRun. The kernel stops before a block that may need more data, or that
// has a code or more correction bits than it covers. The caller must then refine that block.
//
//go:noescape
func refineKernel(r *byte)

// refineRun is the state of refineKernel: the blocks to refine. Its sets have bit 63-k for the
// coefficient at index k of the zigzag order.
type refineRun struct {
	mem     *byte
	pos     uint // bit in mem
	safe    uint // last bit at which a block may start
	count   uint // number of blocks
	done    uint // number of those that are refined
	endRun  uint
	look    *uint32
	low     *int16  // coefficients of the blocks
	offset  uint    // of the next block in low in bytes
	nonzero *uint64 // which of them are not zero, as in coefficients
	size    uint    // of a block of low in bytes
	band    uint64
	kept    uint64
	bit     uint      // the bit that is refined, 1<<al
	up      uint      // what moves that bit to the sign of 32
	places  [64]uint8 // in a block of low, by 63-k
}

// newRefineRun returns the state for a scan, or nil if the processor does not support the kernel.
func (s *progressiveScan) newRefineRun(t *decodeTable, c *coefficients) *refineRun {
	if !cpu.Vector() {
		return nil
	}
	r := &refineRun{
		mem: &s.bits.mem[0], look: &t.look[0], size: uint(2 * c.n * c.n),
		band: bits.Reverse64(band(s.ss, s.se)), bit: 1 << s.al, up: uint(31 - s.al),
	}
	for k, at := range c.at {
		if at != dropped {
			r.kept |= 1 << (63 - k)
			r.places[63-k] = at
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
