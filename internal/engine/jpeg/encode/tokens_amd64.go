//go:build !purego

package encode

import (
	"math/bits"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

//go:generate go -C _asm run ./tokens -out ../tokens_amd64.s -pkg encode

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

// tokenBlock is a block of an MCU.
type tokenBlock struct {
	coef    *int16  // of the first MCU
	nonzero *uint64 // of the first MCU
	_       uint    // for the kernel: that of the next MCU, in bytes after nonzero
	step    uint    // bytes of nonzero from one MCU to the next
	base    uint    // of the class in a codeTable
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
	r := tokenRun{counts: &s.counts, zigzag: &stream.Zigzag, blocks: &blocks[0], past: &blocks[n]}
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

// firstTokens collects the tokens of blocks as endBlock and acFirst do. r points to a bandRun. It stops where
// there is less room than scanTokens.
//
//go:noescape
func firstTokens(r *byte)

// refineTokens does the same as endBlock and acRefine.
//
//go:noescape
func refineTokens(r *byte)

// bandRun is the state of firstTokens and refineTokens: the blocks, and where their tokens go.
type bandRun struct {
	to         *uint16
	words      uint // that the kernel has written
	limit      uint // bytes after which no other block begins
	counts     *tokenCounts
	zigzag     *[64 + 16]uint8
	reversed   *[1 << tokenLow]uint8
	coef       *int16  // of the first block
	sets       *uint64 // coefficients to send
	known      *uint64 // in a refinement, which of them were nonzero before
	bit        *uint64 // and the bit to send
	blocks     uint
	done       uint // number of blocks that are done
	band       uint64
	from, last uint // of the band
	low        uint
	ended      uint // as in progressiveTokens
	held       *uint16
	heldWords  uint
	heldBits   uint
	_          [2]uint // for the kernel
}

// reversedBits has the bits of the index in reverse order.
var reversedBits = makeReversedBits()

func makeReversedBits() (t [1 << tokenLow]uint8) {
	for i := range t {
		t[i] = bits.Reverse8(uint8(i)) >> (8 - tokenLow)
	}
	return t
}

// rowByKernel does the same as row, if the processor has what the kernels need.
func (p *progressiveTokens) rowByKernel(g *grid, s *scan, i int) bool {
	if !cpu.Vector() {
		return false
	}
	if p.held == nil {
		p.held = make([]uint16, 0, maxCorrections+3) // The kernel copies four words at a time.
	}
	r := bandRun{
		counts: &p.counts, zigzag: &stream.Zigzag, reversed: &reversedBits,
		coef: &g.coef[64*i], sets: &g.atLeast[s.low][i], blocks: uint(g.blocksX),
		band: s.band(), from: uint(s.from), last: uint(s.to), low: uint(s.low),
		ended: uint(p.ended), held: &p.held[:1][0], heldWords: uint(len(p.held)), heldBits: uint(p.heldBits),
	}
	if s.high > 0 {
		r.known, r.bit = &g.atLeast[s.low+1][i], &g.bit[s.low][i]
	}
	for r.done < r.blocks {
		t := p.list.room(scanTokens)
		room := t[len(t):cap(t)]
		r.to, r.limit = &room[0], uint(2*(len(room)-scanTokens))
		if s.high == 0 {
			firstTokens((*byte)(unsafe.Pointer(&r)))
		} else {
			refineTokens((*byte)(unsafe.Pointer(&r)))
		}
		p.list.keep(t[:len(t)+int(r.words)])
	}
	p.ended, p.held, p.heldBits = int(r.ended), p.held[:r.heldWords], int(r.heldBits)
	return true
}

// splitKernel computes the bits of blocks as splitBlock does. r points to a splitRun.
//
//go:noescape
func splitKernel(r *byte)

// splitRun is the state of splitKernel: the first of some blocks, as in a grid.
type splitRun struct {
	coef    *int16
	nonzero *uint64
	bit     [maxLow]*uint64
	atLeast [maxLow]*uint64 // from the second one on
	blocks  uint
}

// splitRow computes the bits of a row of blocks, from block i.
func (g *grid) splitRow(i int) {
	if !cpu.Vector() {
		g.splitRowGo(i)
		return
	}
	r := splitRun{coef: &g.coef[64*i], nonzero: &g.nonzero[i], blocks: uint(g.blocksX)}
	for l := range maxLow {
		r.bit[l], r.atLeast[l] = &g.bit[l][i], &g.atLeast[l+1][i]
	}
	splitKernel((*byte)(unsafe.Pointer(&r)))
}
