package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const wsStride = 32

// defined holds the constants by their names: several kernels share them.
var defined = map[string]Mem{}

// bytesOf is a constant in memory: sixteen bytes.
func bytesOf(name string, values ...byte) Mem {
	if m, ok := defined[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	defined[name] = m
	for i := range 16 {
		DATA(i, U8(values[i%len(values)]))
	}
	return m
}

// none is the index of a byte that becomes zero.
const none = 0x80

// rows is a mask that makes four rows of four bytes, each from its first index on.
func rows(name string, from ...byte) Mem {
	var all []byte
	for _, i := range from {
		all = append(all, i, i+1, i+2, i+3)
	}
	return bytesOf(name, all...)
}

// The edge of a subblock is in a register: the pixels to its left from the bottom, of which the lowest
// is there twice, the corner, and those above, with the last one repeated.
const (
	edgeL, edgeI, edgeP, edgeA, edgeH = 1, 4, 5, 6, 13
)

// loadEdge reads the edge of the subblock at a place of the workspace.
func loadEdge(at reg.Register) reg.VecVirtual {
	above := bytesOf("edgeAbove", none, none, none, none, none, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8)
	e := XMM()
	VMOVDQU(Mem{Base: at, Disp: -wsStride - 1}, e)
	VPSHUFB(above, e, e)
	for y, i := range []uint8{edgeI, edgeI - 1, edgeI - 2, edgeL} {
		VPINSRB(Imm(uint64(i)), Mem{Base: at, Disp: y*wsStride - 1}, e, e)
	}
	VPINSRB(Imm(0), Mem{Base: at, Disp: 3*wsStride - 1}, e, e)
	return e
}

// means returns the weighted means of neighbours in the edge, rounded to nearest: of two from each
// place on, and of three from each place on. The latter is the mean of the middle one, rounded up,
// with the mean of the outer ones, rounded down.
func means(e reg.VecVirtual) (two, three reg.VecVirtual) {
	ones := bytesOf("oneBytes", 1)
	next, afterNext := XMM(), XMM()
	VPSRLDQ(Imm(1), e, next)
	VPSRLDQ(Imm(2), e, afterNext)
	two, three = XMM(), XMM()
	VPAVGB(next, e, two)
	odd := XMM()
	VPXOR(afterNext, e, odd)
	VPAND(ones, odd, odd)
	VPAVGB(afterNext, e, three)
	VPSUBB(odd, three, three)
	VPAVGB(next, three, three)
	return two, three
}

// trueMotionRows predicts four rows of four pixels as left + above - corner, given sixteen bytes of
// each.
func trueMotionRows(left, above, corner reg.VecVirtual) reg.VecVirtual {
	l, a, c := YMM(), YMM(), YMM()
	VPMOVZXBW(left, l)
	VPMOVZXBW(above, a)
	VPMOVZXBW(corner, c)
	VPADDW(a, l, l)
	VPSUBW(c, l, l)
	out := XMM()
	VEXTRACTI128(Imm(1), l, out)
	VPACKUSWB(out, l.AsX(), out)
	return out
}

// subblockPredictor predicts the subblock at a place of the workspace by all modes.
type subblockPredictor func(at reg.Register, preds Mem)

// newSubblockPredictor returns the predictions of RFC 6386 section 12.3. Masks of directions pick bytes
// of the means of two or of three; an edge that begins at i gives a mean of three around i+1.
func newSubblockPredictor() subblockPredictor {
	const l, k, j, i, p, a, b, c = 0, 1, 2, 3, 4, 5, 6, 7 // places in the means of three by their middles
	directions := []struct {
		name       string
		two, three []byte
	}{
		bVE: {"ve", nil, []byte{a, a + 1, a + 2, a + 3, a, a + 1, a + 2, a + 3, a, a + 1, a + 2, a + 3, a, a + 1, a + 2, a + 3}},
		bHE: {"he", nil, []byte{i, i, i, i, j, j, j, j, k, k, k, k, l, l, l, l}},
		bLD: {"ld", nil, []byte{b, b + 1, b + 2, b + 3, c, c + 1, c + 2, c + 3, c + 1, c + 2, c + 3, c + 4, c + 2, c + 3, c + 4, c + 5}},
		bRD: {"rd", nil, []byte{p, a, b, c, i, p, a, b, j, i, p, a, k, j, i, p}},
		bVR: {
			"vr",
			[]byte{5, 6, 7, 8, none, none, none, none, none, 5, 6, 7, none, none, none, none},
			[]byte{none, none, none, none, p, a, b, c, i, none, none, none, j, p, a, b},
		},
		bVL: {
			"vl",
			[]byte{6, 7, 8, 9, none, none, none, none, 7, 8, 9, none, none, none, none, none},
			[]byte{none, none, none, none, b, c, c + 1, c + 2, none, none, none, c + 3, c, c + 1, c + 2, c + 4},
		},
		bHD: {
			"hd",
			[]byte{4, none, none, none, 3, none, 4, none, 2, none, 3, none, 1, none, 2, none},
			[]byte{none, p, a, b, none, i, none, p, none, j, none, i, none, k, none, j},
		},
		bHU: {
			"hu",
			[]byte{3, none, 2, none, 2, none, 1, none, 1, none, 0, 0, 0, 0, 0, 0},
			[]byte{none, j, none, k, none, k, none, l, none, l, none, none, none, none, none, none},
		},
	}
	leftRows := bytesOf("leftRows", 4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1)
	aboveRows := rows("aboveRows", edgeA, edgeA, edgeA, edgeA)
	corner := bytesOf("corner", edgeP)
	nearest := bytesOf("nearest", 1, 2, 3, 4, 6, 7, 8, 9, none, none, none, none, none, none, none, none)
	four := doubles("fours", 4)

	return func(at reg.Register, preds Mem) {
		e := loadEdge(at)
		two, three := means(e)
		for mode, d := range directions {
			if d.three == nil {
				continue
			}
			out := XMM()
			VPSHUFB(bytesOf(d.name+"Three", d.three...), three, out)
			if d.two != nil {
				other := XMM()
				VPSHUFB(bytesOf(d.name+"Two", d.two...), two, other)
				VPOR(other, out, out)
			}
			VMOVDQU(out, preds.Offset(16*mode))
		}
		left, above, cornerRows := XMM(), XMM(), XMM()
		VPSHUFB(leftRows, e, left)
		VPSHUFB(aboveRows, e, above)
		VPSHUFB(corner, e, cornerRows)
		VMOVDQU(trueMotionRows(left, above, cornerRows), preds.Offset(16*bTM))
		sum, zero := XMM(), XMM()
		VPXOR(zero, zero, zero)
		VPSHUFB(nearest, e, sum)
		VPSADBW(zero, sum, sum)
		VPADDW(four, sum, sum)
		VPSRLW(Imm(3), sum, sum)
		VPSHUFB(zero, sum, sum)
		VMOVDQU(sum, preds.Offset(16*bDC))
	}
}

// predictSubblocks predicts a subblock by all modes, and sums the Hadamard coefficients of what each
// leaves.
func predictSubblocks(predict subblockPredictor, low Mem) {
	TEXT("subblocksVector", NOSPLIT, "func(at, src, preds *byte, sums *int32)")
	preds := Load(Param("preds"), GP64())
	predict(Load(Param("at"), GP64()), Mem{Base: preds})
	src, sums := Load(Param("src"), GP64()), Load(Param("sums"), GP64())
	subblockSums(low, Mem{Base: src}, Mem{Base: preds}, Mem{Base: sums})
	VZEROUPPER()
	RET()
}

// subblockSums sums the Hadamard coefficients of what each mode leaves.
func subblockSums(low, src, preds, sums Mem) {
	for i := 0; i < numBmodes; i += 2 {
		VMOVQ(sumPair(hadamardPair(low, src, preds.Offset(16*i))), sums.Offset(4*i))
	}
}

// guessSubblock chooses the mode of a subblock by sums of Hadamard coefficients, to which the costs of
// the modes are added, and quantises what it leaves. The prediction stays in the workspace.
func guessSubblock(predict subblockPredictor, low Mem, dct transform, q quantiser, zigzag order) {
	TEXT("guessSubblockVector", NOSPLIT, "func(at, src *byte, costs *uint16, guess int32, inverse *uint32, step, levels, coefs *int16) (mode, least, used uint32)")
	at, src := Load(Param("at"), GP64()), Load(Param("src"), GP64())
	preds, sums := AllocLocal(16*numBmodes), AllocLocal(4*numBmodes)
	predict(at, preds)
	subblockSums(low, Mem{Base: src}, preds, sums)

	// The first eight modes fill a register.
	costs, guess := Load(Param("costs"), GP64()), Load(Param("guess"), GP32())
	weight, v, upper := YMM(), YMM(), XMM()
	VMOVD(guess, weight.AsX())
	VPBROADCASTD(weight.AsX(), weight)
	VPMOVZXWD(Mem{Base: costs}, v)
	VPMULLD(weight, v, v)
	VPSRLD(Imm(8), v, v)
	VPADDD(sums, v, v)
	VEXTRACTI128(Imm(1), v, upper)
	VPACKUSDW(upper, v.AsX(), upper)
	VPHMINPOSUW(upper, upper)
	least, mode := GP32(), GP32()
	VMOVD(upper, least)
	MOVL(least, mode)
	SHRL(Imm(16), mode)
	MOVWLZX(least.As16(), least)
	for m := 8; m < numBmodes; m++ {
		sum, index := GP32(), GP32()
		MOVWLZX(Mem{Base: costs, Disp: 2 * m}, sum)
		IMULL(guess, sum)
		SHRL(Imm(8), sum)
		ADDL(sums.Offset(4*m), sum)
		MOVL(U32(m), index)
		CMPL(sum, least)
		CMOVLCS(index, mode)
		CMOVLCS(sum, least)
	}
	Store(mode, ReturnIndex(0))
	Store(least, ReturnIndex(1))

	pred := XMM()
	each := GP64()
	LEAQ(preds, each)
	SHLL(Imm(4), mode)
	VMOVDQU(Mem{Base: each, Index: mode.As64(), Scale: 1}, pred)
	chosen := AllocLocal(16)
	VMOVDQU(pred, chosen)
	for y := range 4 {
		VPEXTRD(Imm(uint64(y)), pred, Mem{Base: at, Disp: y * wsStride})
	}
	up, down := dct(difference(Mem{Base: src}, chosen, Mem{Base: src}, chosen))
	block := YMM()
	VPERM2I128(Imm(0x20), down, up, block)
	inverse, step := Load(Param("inverse"), GP64()), Load(Param("step"), GP64())
	_, levels := q(block, inverse, step)
	zigzag.storeLevels(levels, Load(Param("levels"), GP64()), 2)
	VPMULLW(Mem{Base: step}, levels, levels)
	VMOVDQU(levels, Mem{Base: Load(Param("coefs"), GP64())})
	VZEROUPPER()
	RET()
}

// Modes of subblocks, in the order of RFC 6386 section 8.2.
const (
	bDC = iota
	bTM
	bVE
	bHE
	bLD
	bRD
	bVR
	bVL
	bHD
	bHU
	numBmodes
)

// predictBlocks predicts a plane of a macroblock by all modes, block by block: DC, whose value is
// given, vertical, horizontal and TrueMotion.
func predictBlocks() {
	repeat := bytesOf("repeatRows", 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
	TEXT("predictBlocksVector", NOSPLIT, "func(at *byte, per int, mean uint32, out *byte)")
	at, per := Load(Param("at"), GP64()), Load(Param("per"), GP64())
	out := Load(Param("out"), GP64())
	mean, corner := XMM(), XMM()
	VMOVD(Load(Param("mean"), GP32()), mean)
	VPBROADCASTB(mean, mean)
	VPBROADCASTB(Mem{Base: at, Disp: -wsStride - 1}, corner)
	top, row, column := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: at, Disp: -wsStride}, top)
	MOVQ(per, row)
	Label("row")
	left := XMM()
	VPXOR(left, left, left)
	for y := range 4 {
		VPINSRB(Imm(uint64(y)), Mem{Base: at, Disp: y*wsStride - 1}, left, left)
	}
	VPSHUFB(repeat, left, left)
	XORQ(column, column)
	Label("column")
	above := XMM()
	VPBROADCASTD(Mem{Base: top, Index: column, Scale: 4}, above)
	VMOVDQU(mean, Mem{Base: out})
	VMOVDQU(above, Mem{Base: out, Disp: 16})
	VMOVDQU(left, Mem{Base: out, Disp: 32})
	VMOVDQU(trueMotionRows(left, above, corner), Mem{Base: out, Disp: 48})
	ADDQ(Imm(64), out)
	INCQ(column)
	CMPQ(column, per)
	JNE(LabelRef("column"))
	ADDQ(Imm(4*wsStride), at)
	DECQ(row)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
