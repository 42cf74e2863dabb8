package jpeg

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
)

// A token is one Huffman-coded symbol and the extra bits that follow it, buffered until all symbols
// have been counted and their codes computed. The low byte of a token word is the symbol, the high
// byte the low 8 of its extra bits; if a symbol has more than 8, the next word holds the others.
//
// Symbols are those of T.81 for AC coefficients. Values that AC never uses stand for everything
// else, so that one table of codes per class (luma, chroma) serves a whole interleaved scan: see
// dcLuma, dcChroma and rawBits.
const (
	symEOB = 0x00
	symZRL = 0xF0

	classSize = 256 // number of entries per class in a codeTable: luma first, then chroma
)

// dcLuma is the token symbol of a DC difference of the given size (0..11) in the luma class. It
// also selects the class for the tokens up to the next DC symbol.
func dcLuma(size int) int { return (size + 1) << 4 }

// dcChroma is the token symbol of a DC difference in the chroma class.
func dcChroma(size int) int { return size<<4 | 0x0B }

// rawBits is the token symbol of n bits (1..8) without a code: the corrections of a refinement
// scan.
func rawBits(n int) int { return (n-1)<<4 | 0x0F }

// codeTable maps class*classSize+symbol to a code: bits 0..4 are its length, bit 8 the class of the
// next token, bits 9..13 the number of extra bits, bits 16..31 the code itself.
type codeTable [2 * classSize]uint32

func codeEntry(code, length, extra uint32, class int) uint32 {
	return code<<16 | extra<<9 | uint32(class)<<8 | length
}

// setRaw adds the symbols for raw bits to both classes.
func (t *codeTable) setRaw() {
	for class := range 2 {
		for n := 1; n <= 8; n++ {
			t[class*classSize+rawBits(n)] = codeEntry(0, 0, uint32(n), class)
		}
	}
}

// tokenChunk is the capacity of one chunk of a tokenList in words. blockTokens is the largest
// number of words of a block: 63 tokens of two words each, and the maxCorrections bits pending from
// previous blocks, 8 per word.
const (
	tokenChunk  = 1 << 15
	blockTokens = 512
)

// tokenChunks holds chunks that a decoder has used.
var tokenChunks = sync.Pool{New: func() any { return new([tokenChunk]uint16) }}

// tokenList holds tokens in the order of the scan, in chunks that never move.
type tokenList struct {
	full [][]uint16
	last []uint16
	free [][]uint16
	// discard makes the list forget its tokens instead of growing: only their counts are of interest.
	discard bool
}

// room returns the last chunk, with room for the tokens of the given number of blocks. The caller
// appends to it and passes the result to keep.
func (l *tokenList) room(blocks int) []uint16 {
	if cap(l.last)-len(l.last) >= blocks*blockTokens {
		return l.last
	}
	if l.discard && l.last != nil {
		return l.last[:0]
	}
	if l.last != nil {
		l.full = append(l.full, l.last)
	}
	if n := len(l.free); n > 0 {
		l.last, l.free = l.free[n-1][:0], l.free[:n-1]
	} else {
		l.last = tokenChunks.Get().(*[tokenChunk]uint16)[:0]
	}
	return l.last
}

func (l *tokenList) keep(t []uint16) { l.last = t }

// reset empties the list and keeps its memory.
func (l *tokenList) reset() {
	l.free = append(l.free, l.full...)
	l.full = l.full[:0]
	l.last = l.last[:0]
}

// bitWriter packs codes into entropy-coded bytes and stuffs a zero byte after each 0xFF (T.81
// F.1.2.3). Between scans, segments are written through it as well. It keeps the writer's first
// error and writes nothing after it.
type bitWriter struct {
	w   io.Writer
	err error
	acc uint64 // its low n bits are pending
	n   uint
	buf []byte // pending bytes; never grows beyond its capacity
}

func newBitWriter(w io.Writer) *bitWriter { return &bitWriter{w: w, buf: make([]byte, 0, 32<<10)} }

// flush passes the pending bytes to the writer.
func (b *bitWriter) flush() {
	if b.err == nil && len(b.buf) > 0 {
		_, b.err = b.w.Write(b.buf)
	}
	b.buf = b.buf[:0]
}

// bytes writes bytes unchanged. No bits may be pending.
func (b *bitWriter) bytes(p []byte) {
	for len(p) > 0 {
		if len(b.buf) == cap(b.buf) {
			b.flush()
		}
		n := copy(b.buf[len(b.buf):cap(b.buf)], p)
		b.buf, p = b.buf[:len(b.buf)+n], p[n:]
	}
}

// word writes 8 bytes of entropy-coded data.
func (b *bitWriter) word(x uint64) {
	if cap(b.buf)-len(b.buf) < 16 {
		b.flush()
	}
	const ones = 0x0101010101010101
	// A byte of x is 0xFF only if its high bit is set and adding one clears it.
	if x&(ones<<7)&^(x+ones) == 0 {
		b.buf = binary.BigEndian.AppendUint64(b.buf, x)
		return
	}
	for s := 56; s >= 0; s -= 8 {
		c := byte(x >> s)
		b.buf = append(b.buf, c)
		if c == 0xFF {
			b.buf = append(b.buf, 0)
		}
	}
}

// tokens writes a run of tokens. The first belongs to luma unless its symbol selects a class.
func (b *bitWriter) tokens(list []uint16, codes *codeTable) {
	acc, n := b.acc, b.n
	class := uint32(0)
	for i := 0; i < len(list); i++ {
		t := uint32(list[i])
		e := codes[(class|t&0xFF)&(2*classSize-1)]
		class = e & classSize
		v, extra := uint64(t>>8), uint(e>>9&31)
		if extra > 8 {
			i++
			v |= uint64(list[i]) << 8
		}
		v |= uint64(e>>16) << extra
		l := uint(e&31) + extra
		n += l
		if n < 64 {
			acc = acc<<(l&63) | v
			continue
		}
		n -= 64
		b.word(acc<<((l-n)&63) | v>>(n&63))
		acc = v
	}
	b.acc, b.n = acc, n
}

// list writes a whole list of tokens and pads the last byte with ones (T.81 F.1.2.3).
func (b *bitWriter) list(ctx context.Context, l *tokenList, codes *codeTable) {
	for _, t := range l.full {
		if ctx.Err() != nil {
			break
		}
		b.tokens(t, codes)
	}
	b.tokens(l.last, codes)
	if cap(b.buf)-len(b.buf) < 18 {
		b.flush()
	}
	pad := -b.n & 7
	acc := b.acc<<pad | (1<<pad - 1)
	for n := b.n + pad; n > 0; {
		n -= 8
		c := byte(acc >> n)
		b.buf = append(b.buf, c)
		if c == 0xFF {
			b.buf = append(b.buf, 0)
		}
	}
	b.acc, b.n = 0, 0
}
