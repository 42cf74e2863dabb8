// Command progressive generates the kernels of progressive scans. progressive_asm.go of package decode
// defines what they compute and where they stop.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants, as in huffman.go, walk.go and progressive_asm.go.
const (
	lookBits     = 11
	minFill      = 56
	lengthMask   = 63
	special      = 1 << 6
	blockEnd     = 1 << 8
	zeroRun      = 1 << 9
	runShift     = 16
	advanceShift = 8
	valueShift   = 16
	endOfBlock   = 128
	symZRL       = 0xF0
	dropped      = 255
)

// Indices of the words of a blocksRun.
const (
	runMem = iota
	runPos
	runSafe
	runCount
	runDone
	runEndRun
	runLook
	runLow
	runOffset
	runNonzero
	runSize
	runBand
	runKept
	runBit
	runUp
	runBefore
	runLast
	runScratch
	runPlaces // bytes
)

var (
	bits, have, next reg.GPVirtual // the window; next is a pointer
	look             reg.GPVirtual
)

func main() {
	ConstraintExpr("!purego")
	first()
	refine()
	Generate()
}

// start sets up the window.
func start() {
	bits, have, next, look = GP64(), GP64(), GP64(), GP64()
	r := run()
	MOVQ(word(r, runLook), look)
	MOVQ(word(r, runPos), have)
	MOVQ(have, next)
	SHRQ(U8(3), next)
	ADDQ(word(r, runMem), next)
	ANDQ(U8(7), have)
	skipped := GP64()
	MOVQ(have, skipped)
	XORL(bits.As32(), bits.As32())
	XORL(have.As32(), have.As32())
	fill()
	SHLXQ(skipped, bits, bits)
	SUBQ(skipped, have)
}

// startBlock loads the index of the next block, and jumps to stop if all are done or it may need more data.
func startBlock(r reg.GPVirtual) (done reg.GPVirtual) {
	pos := GP64()
	MOVQ(next, pos)
	SUBQ(word(r, runMem), pos)
	SHLQ(U8(3), pos)
	SUBQ(have, pos)
	MOVQ(pos, word(r, runPos))
	CMPQ(pos, word(r, runSafe))
	JA(LabelRef("stop"))
	done = GP64()
	MOVQ(word(r, runDone), done)
	CMPQ(done, word(r, runCount))
	JE(LabelRef("stop"))
	return done
}

// blocksEnd drops the code EOBn and returns the number of blocks that follow this one: of 2ⁿ, and as many
// as n bits say.
func blocksEnd(e, n reg.GPVirtual) reg.GPVirtual {
	drop(e)
	blocks, more := GP64(), GP64()
	MOVL(U32(1), blocks.As32())
	SHLXQ(n, blocks, blocks)
	MOVQ(bits, more)
	SHRQ(U8(1), more)
	SHLXQ(n, bits, bits)
	SUBQ(n, have)
	XORQ(U8(63), n)
	SHRXQ(n, more, more)
	LEAQ(Mem{Base: blocks, Index: more, Scale: 1, Disp: -1}, more)
	return more
}

// drop skips the bits of an entry.
func drop(e reg.GPVirtual) {
	length := GP32()
	MOVL(e.As32(), length)
	ANDL(U8(lengthMask), length)
	SHLXQ(e, bits, bits)
	SUBQ(length.As64(), have)
}

// fill does the same as window.fill, with a pointer.
func fill() {
	more, room := GP64(), GP64()
	MOVQ(Mem{Base: next}, more)
	BSWAPQ(more)
	SHRXQ(have, more, more)
	ORQ(more, bits)
	MOVQ(have, room)
	XORQ(U8(63), room)
	SHRQ(U8(3), room)
	ADDQ(room, next)
	ORQ(U8(minFill), have)
}

// run loads the pointer to the refineRun.
func run() reg.GPVirtual {
	r := GP64()
	Load(Param("r"), r)
	return r
}

// word is the i-th word of a structure.
func word(of reg.GPVirtual, i int) Mem { return Mem{Base: of, Disp: 8 * i} }
