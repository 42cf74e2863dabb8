//go:build !purego

package jpeg

import (
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

//go:generate go -C _asm run ./tokens -out ../encode_tokens_amd64.s -pkg jpeg

// tokensKernel collects the tokens of MCUs that lie side by side, as mcuRow does. r points to a tokenRun.
//
//go:noescape
func tokensKernel(r *byte)

// tokenRun is the state of tokensKernel: the MCUs, and where their tokens go.
type tokenRun struct {
	to           *uint16
	words        uint // that the kernel has written
	mcus         uint // at least 1
	counts       *tokenCounts
	zigzag       *[64 + 16]uint8
	blocks, past *tokenBlock // of an MCU
}

// tokenBlock is a block of the next MCU.
type tokenBlock struct {
	coef    *int16
	nonzero *uint64
	step    uint // bytes of nonzero from one MCU to the next
	base    uint // of the class in a codeTable
	dc      *int
}

// wholeMCUs collects the tokens of those first MCUs of a row that are within all components, and returns
// their number.
func (s *sequentialTokens) wholeMCUs(e *Encoder, grids []*grid, my int) int {
	mcus := e.mcusX
	for _, c := range e.parts {
		mcus = min(mcus, c.blocksX/c.h)
		if (my+1)*c.v > c.blocksY {
			mcus = 0
		}
	}
	if mcus == 0 || !cpu.Vector() {
		return 0
	}
	var blocks [maxMCU + 1]tokenBlock // The last is the end that tokenRun.past points to.
	n := 0
	for i := range e.parts {
		c, g := &e.parts[i], grids[i]
		for by := my * c.v; by < (my+1)*c.v; by++ {
			for bx := range c.h {
				j := g.block(bx, by)
				blocks[n] = tokenBlock{
					coef: &g.coef[64*j], nonzero: &g.nonzero[j], step: uint(8 * c.h),
					base: uint(c.class * classSize), dc: &s.dc[i],
				}
				n++
			}
		}
	}
	r := tokenRun{counts: &s.counts, zigzag: &zigzag, blocks: &blocks[0], past: &blocks[n]}
	for done := 0; done < mcus; done += int(r.mcus) {
		t := s.list.room(mcuTokens)
		room := t[len(t):cap(t)]
		r.mcus = uint(min(mcus-done, len(room)/mcuTokens))
		r.to = &room[0]
		tokensKernel((*byte)(unsafe.Pointer(&r)))
		s.list.keep(t[:len(t)+int(r.words)])
	}
	return mcus
}
