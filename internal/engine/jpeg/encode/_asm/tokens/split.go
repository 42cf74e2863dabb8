package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Indices of the words of a splitRun.
const (
	splitCoef = iota
	splitNonzero
	splitBit     // maxLow words
	_            //
	_            //
	splitAtLeast // maxLow words
	_            //
	_            //
	splitBlocks
)

const maxLow = 3

func split() {
	shuffles := zigzagShuffles()
	TEXT("splitKernel", NOSPLIT, "func(r *byte)")
	Doc("splitKernel computes which coefficients of blocks have which bits.")
	r := GP64()
	Load(Param("r"), r)
	block, i, blocks := load(r, splitCoef), GP64(), load(r, splitBlocks)
	XORL(i.As32(), i.As32())
	low, higher := YMM(), YMM() // 7 in each word, and 8
	VPCMPEQW(low, low, low)
	VPSRLW(Imm(13), low, low)
	VPSRLW(Imm(2), low, higher)
	VPSLLW(Imm(3), higher, higher)

	// The bits of a block's coefficients: the lowest maxLow, and whether there are others.
	Label("block")
	var rows [2]reg.VecVirtual
	for h := range rows {
		var half [2]reg.VecVirtual
		for q := range half {
			x, more := YMM(), YMM()
			VPABSW(Mem{Base: block, Disp: 64*h + 32*q}, x)
			VPCMPGTW(low, x, more)
			VPAND(low, x, x)
			VPAND(higher, more, more)
			VPOR(more, x, x)
			half[q] = x
		}
		rows[h] = YMM()
		VPACKUSWB(half[1], half[0], rows[h])
		VPERMQ(Imm(0b11_01_10_00), rows[h], rows[h])
	}
	// Each quarter is in both lanes, from where a shuffle takes what belongs in a half of the zigzag order.
	var order [2]reg.VecVirtual
	for q := range 4 {
		both := YMM()
		VPERMQ(Imm([]uint64{0b01_00_01_00, 0b11_10_11_10}[q%2]), rows[q/2], both)
		for h := range order {
			x := YMM()
			VPSHUFB(shuffles.Offset(32*(2*q+h)), both, x)
			if q == 0 {
				order[h] = x
			} else {
				VPOR(x, order[h], order[h])
			}
		}
	}
	set, words := GP64(), load(r, splitNonzero)
	MOVQ(Mem{Base: words, Index: i, Scale: 8}, set)
	ANDQ(I8(-2), set)
	at := GP64()
	for l := maxLow; l >= 0; l-- {
		var half [2]reg.GPVirtual
		for h := range half {
			x := YMM()
			VPSLLW(Imm(uint64(7-l)), order[h], x)
			half[h] = GP64()
			VPMOVMSKB(x, half[h].As32())
		}
		SHLQ(U8(32), half[1])
		ORQ(half[1], half[0])
		ANDQ(set, half[0])
		if l == maxLow {
			MOVQ(half[0], at)
		} else {
			to := load(r, splitBit+l)
			MOVQ(half[0], Mem{Base: to, Index: i, Scale: 8})
			ORQ(half[0], at)
		}
		if l > 0 {
			to := load(r, splitAtLeast+l-1)
			MOVQ(at, Mem{Base: to, Index: i, Scale: 8})
		}
	}
	ADDQ(U32(128), block)
	INCQ(i)
	CMPQ(i, blocks)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// zigzagShuffles has a shuffle for each quarter of a block in rows and each half of the zigzag order.
func zigzagShuffles() Mem {
	var order []int // places in rows
	for d := range 15 {
		for i := range d + 1 {
			y, x := i, d-i
			if d%2 == 0 {
				y, x = x, y
			}
			if y < 8 && x < 8 {
				order = append(order, 8*y+x)
			}
		}
	}
	t := GLOBL("zigzagShuffles", RODATA|NOPTR)
	for q := range 4 {
		for k, place := range order {
			b := uint8(0x80)
			if place/16 == q {
				b = uint8(place % 16)
			}
			DATA(32*(2*q+k/32)+k%32, U8(b))
		}
	}
	return t
}
