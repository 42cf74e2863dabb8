package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// unstuffKernel copies 32 bytes at a time, or fewer up to a 0xFF.
func unstuffKernel() {
	const size = 32
	TEXT("unstuffKernel", NOSPLIT, "func(dst, src []byte) (written, read int)")
	Doc("unstuffKernel copies entropy-coded data without stuffed zeros.")
	to, from, toEnd, fromEnd, mask, n := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("dst").Base(), to)
	Load(Param("dst").Len(), toEnd)
	Load(Param("src").Base(), from)
	Load(Param("src").Len(), fromEnd)
	LEAQ(Mem{Base: to, Index: toEnd, Scale: 1, Disp: -size}, toEnd)
	LEAQ(Mem{Base: from, Index: fromEnd, Scale: 1, Disp: -size - 1}, fromEnd)
	ones, data, equal := YMM(), YMM(), YMM()
	VPCMPEQB(ones, ones, ones)

	Label("copy")
	CMPQ(from, fromEnd)
	JG(LabelRef("copied"))
	CMPQ(to, toEnd)
	JG(LabelRef("copied"))
	VMOVDQU(Mem{Base: from}, data)
	VMOVDQU(data, Mem{Base: to})
	VPCMPEQB(ones, data, equal)
	VPMOVMSKB(equal, mask.As32())
	TESTL(mask.As32(), mask.As32())
	JNZ(LabelRef("escape"))
	ADDQ(U8(size), from)
	ADDQ(U8(size), to)
	JMP(LabelRef("copy"))

	Label("escape")
	TZCNTL(mask.As32(), n.As32())
	ADDQ(n, from)
	ADDQ(n, to)
	CMPB(Mem{Base: from, Disp: 1}, U8(0))
	JNE(LabelRef("copied"))
	ADDQ(U8(2), from)
	INCQ(to)
	JMP(LabelRef("copy"))

	Label("copied")
	start := GP64()
	Load(Param("dst").Base(), start)
	SUBQ(start, to)
	Store(to, ReturnIndex(0))
	Load(Param("src").Base(), start)
	SUBQ(start, from)
	Store(from, ReturnIndex(1))
	VZEROUPPER()
	RET()
}
