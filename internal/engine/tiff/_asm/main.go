// Command _asm generates the vector kernels of package tiff. predict.go defines what they compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!purego")
	undo("undo3Vector", 3)
	undo("undo4Vector", 4)
	Generate()
}

// undo adds to each pixel of size bytes the one before it, as many pixels at a time as 16 bytes hold:
// in three steps, to each the one before, the two before those, and the four before those, and then
// the last pixel of the previous block. 16 bytes are written, of which those behind the last whole
// pixel must not be read again: the next block is loaded before.
func undo(name string, size int) {
	TEXT(name, NOSPLIT, "func(row *byte, blocks int)")
	Doc(name+" adds up the differences of blocks of whole pixels, as many as 16 bytes hold. It reads",
		"16 bytes behind the last block, and writes up to the end of 16 bytes from its start.")
	row, blocks := Load(Param("row"), GP64()), Load(Param("blocks"), GP64())
	pixels := 16 / size
	last := GLOBL(name+"Last", RODATA|NOPTR)
	for i := range 16 {
		DATA(i, U8((pixels-1)*size+i%size))
	}
	pick, carry, x, next := XMM(), XMM(), XMM(), XMM()
	VMOVDQU(last, pick)
	VPXOR(carry, carry, carry)
	VMOVDQU(Mem{Base: row}, x)

	Label(name)
	VMOVDQU(Mem{Base: row, Disp: pixels * size}, next)
	shifted := XMM()
	for n := size; n < 16; n *= 2 {
		VPSLLDQ(Imm(uint64(n)), x, shifted)
		VPADDB(shifted, x, x)
	}
	VPADDB(carry, x, x)
	VMOVDQU(x, Mem{Base: row})
	VPSHUFB(pick, x, carry)
	VMOVDQA(next, x)
	ADDQ(Imm(uint64(pixels*size)), row)
	DECQ(blocks)
	JNZ(LabelRef(name))
	RET()
}
