package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Bits of an entry and of the tables, as in huffman.go.
const (
	pairShift    = 13
	literalEntry = 1 << 12
	subEntry     = 1 << 14
	specialEntry = 1 << 15
	litBits      = 11
	distBits     = 8
)

// bitReader is the registers that hold the state of an inflater.
type bitReader struct{ in, pos, bits, count, tmp reg.GPVirtual }

// refill makes at least 56 bits readable.
func (r *bitReader) refill() {
	MOVQ(Mem{Base: r.in, Index: r.pos, Scale: 1}, r.tmp)
	SHLXQ(r.count, r.tmp, r.tmp)
	ORQ(r.tmp, r.bits)
	MOVL(U32(63), r.tmp.As32())
	SUBQ(r.count, r.tmp)
	SHRQ(Imm(3), r.tmp)
	ADDQ(r.tmp, r.pos)
	ORQ(Imm(56), r.count)
}

// drop uses up the bits that an entry stands for, whose number is in its lowest byte.
func (r *bitReader) drop(e reg.GPVirtual) {
	SHRXQ(e, r.bits, r.bits)
	SUBB(e.As8(), r.count.As8())
}

// look reads the entry that the next n bits select.
func (r *bitReader) look(e, table reg.GPVirtual, n uint64) {
	MOVL(r.bits.As32(), e.As32())
	ANDL(U32(1<<n-1), e.As32())
	MOVL(Mem{Base: table, Index: e, Scale: 4}, e.As32())
}

// lookOn follows an entry of a longer code to the table of its other bits; n have been looked at.
func (r *bitReader) lookOn(e, table reg.GPVirtual, n uint64) {
	SHRQ(Imm(n), r.bits)
	SUBQ(Imm(n), r.count)
	BZHIQ(e, r.bits, r.tmp)
	SHRL(Imm(16), e.As32())
	ADDL(e.As32(), r.tmp.As32())
	MOVL(Mem{Base: table, Index: r.tmp, Scale: 4}, e.As32())
}

// value computes the length or distance of an entry, base and extra bits, and uses them up.
func (r *bitReader) value(v, e reg.GPVirtual) {
	BZHIQ(e, r.bits, v)
	MOVL(e.As32(), r.tmp.As32())
	SHRL(Imm(8), r.tmp.As32())
	SHRXQ(r.tmp, v, v)
	r.drop(e)
	SHRL(Imm(16), e.As32())
	ADDQ(e, v)
}

// is branches if an entry has a bit.
func is(e reg.GPVirtual, bit uint32, label string) {
	TESTL(U32(bit), e.As32())
	JNZ(LabelRef(label))
}

// inflate decodes as fast in inflate.go does, but stops in front of whatever is no valid literal or
// match.
func inflate() {
	// For distances below 16: which bytes of one period fill 16 bytes, and how many of those belong to
	// whole periods.
	places := GLOBL("repeatPlaces", RODATA|NOPTR)
	for i := range 256 {
		DATA(i, U8(i%16%max(i/16, 1)))
	}
	steps := GLOBL("repeatSteps", RODATA|NOPTR)
	for back := range 16 {
		DATA(back, U8(16-16%max(back, 1)))
	}
	TEXT("inflateVector", NOSPLIT, "func(in *byte, pos, end int, out *byte, from, at, to int, "+
		"lit, dist *uint32, bits uint64, count uint) (int, int, uint64, uint)")
	Doc("inflateVector decodes literals and matches.")
	arg := func(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }
	stored := func(name string) Mem { // an argument that stays in memory
		b, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		return b.Addr
	}
	r := &bitReader{arg("in"), arg("pos"), arg("bits"), arg("count"), GP64()}
	out, at := arg("out"), arg("at")
	lit, dist := arg("lit"), arg("dist")
	bits, count := GP64(), GP64() // before the symbol
	e, length, src := GP64(), GP64(), GP64()
	MOVQ(r.bits, bits)
	MOVQ(r.count, count)

	Label("next")
	CMPQ(at, stored("to"))
	JGE(LabelRef("done"))
	CMPQ(r.pos, stored("end"))
	JG(LabelRef("done"))
	r.refill()
	r.look(e, lit, litBits)
	other := "match"
	for range 4 { // at most litBits bits each, which leaves enough for another look
		TESTL(U32(literalEntry), e.As32())
		JZ(LabelRef(other))
		other = "matchBehind"
		r.drop(e)
		MOVL(e.As32(), r.tmp.As32())
		SHRL(Imm(16), r.tmp.As32())
		MOVW(r.tmp.As16(), Mem{Base: out, Index: at, Scale: 1})
		SHRL(Imm(pairShift), e.As32())
		ANDL(Imm(1), e.As32())
		LEAQ(Mem{Base: at, Disp: 1, Index: e, Scale: 1}, at)
		r.look(e, lit, litBits)
	}
	JMP(LabelRef("next"))

	Label("matchBehind")
	r.refill()
	Label("match")
	MOVQ(r.bits, bits)
	MOVQ(r.count, count)
	is(e, specialEntry, "special")
	Label("length")
	r.value(length, e)
	r.look(e, dist, distBits)
	is(e, specialEntry, "specialDistance")
	Label("distance")
	back := GP64()
	r.value(back, e)
	MOVQ(at, src)
	SUBQ(back, src)
	CMPQ(src, stored("from"))
	JL(LabelRef("undo"))

	dst, x, y := r.tmp, XMM(), XMM()
	MOVQ(at, dst)
	ADDQ(length, at)
	VMOVDQU(Mem{Base: out, Index: src, Scale: 1}, x)
	CMPQ(back, Imm(16))
	JB(LabelRef("pattern"))
	Label("copy")
	VMOVDQU(x, Mem{Base: out, Index: dst, Scale: 1})
	VMOVDQU(Mem{Base: out, Disp: 16, Index: src, Scale: 1}, y)
	VMOVDQU(y, Mem{Base: out, Disp: 16, Index: dst, Scale: 1})
	ADDQ(Imm(32), dst)
	CMPQ(dst, at)
	JGE(LabelRef("next"))
	ADDQ(Imm(32), src)
	VMOVDQU(Mem{Base: out, Index: src, Scale: 1}, x)
	JMP(LabelRef("copy"))

	Label("pattern")
	LEAQ(steps, src)
	MOVBQZX(Mem{Base: src, Index: back, Scale: 1}, length)
	LEAQ(places, src)
	SHLQ(Imm(4), back)
	VPSHUFB(Mem{Base: src, Index: back, Scale: 1}, x, x)
	Label("repeat")
	VMOVDQU(x, Mem{Base: out, Index: dst, Scale: 1})
	ADDQ(length, dst)
	CMPQ(dst, at)
	JL(LabelRef("repeat"))
	JMP(LabelRef("next"))

	Label("special")
	TESTL(U32(subEntry), e.As32())
	JZ(LabelRef("undo"))
	r.lookOn(e, lit, litBits)
	is(e, specialEntry, "undo")
	TESTL(U32(literalEntry), e.As32())
	JZ(LabelRef("length"))
	r.drop(e)
	SHRL(Imm(16), e.As32())
	MOVB(e.As8(), Mem{Base: out, Index: at, Scale: 1})
	INCQ(at)
	JMP(LabelRef("next"))

	Label("specialDistance")
	TESTL(U32(subEntry), e.As32())
	JZ(LabelRef("undo"))
	r.lookOn(e, dist, distBits)
	is(e, specialEntry, "undo")
	JMP(LabelRef("distance"))

	Label("undo")
	MOVQ(bits, r.bits)
	MOVQ(count, r.count)
	Label("done")
	Store(r.pos, ReturnIndex(0))
	Store(at, ReturnIndex(1))
	Store(r.bits, ReturnIndex(2))
	Store(r.count, ReturnIndex(3))
	RET()
}
