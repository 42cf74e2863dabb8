package encode

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// A token is one Huffman-coded symbol and the extra bits that follow it, buffered until all symbols
// have been counted and their codes computed. The low 9 bits of a token word are the index of the
// symbol in a codeTable, the high 7 the lowest of its extra bits; if a symbol has more of these, the
// next word holds the others.
//
// Symbols are those of T.81 for AC coefficients. Values that AC never uses stand for everything
// else, so that one table of codes per class (luma, chroma) serves a whole interleaved scan: see
// dcSymbol and rawBits.
const (
	classSize = 256 // number of entries per class in a codeTable: luma first, then chroma
	tokenLow  = 7   // number of extra bits in the first word of a token
)

// dcSymbol is the token symbol of a DC difference of the given size (0..11).
func dcSymbol(size int) int { return size<<4 | 0x0B }

// rawBits is the token symbol of n bits (1..tokenLow) without a code: the corrections of a refinement
// scan.
func rawBits(n int) int { return n<<4 | 0x0F }

// codeTable maps class*classSize+symbol to a code: bits 0..5 are the length of the code and the extra
// bits together, codeWide is set if the extra bits take two words, and the upper half is the code
// followed by as many zeros as there are extra bits.
type codeTable [2 * classSize]uint64

const (
	codeLength = 1<<6 - 1
	codeWide   = 1 << 6
	codeShift  = 32
)

func codeEntry(code, length, extra uint32) uint64 {
	e := uint64(code)<<(codeShift+extra) | uint64(length+extra)
	if extra > tokenLow {
		e |= codeWide
	}
	return e
}

// setRaw adds the symbols for raw bits.
func (t *codeTable) setRaw() {
	for n := 1; n <= tokenLow; n++ {
		t[rawBits(n)] = codeEntry(0, 0, uint32(n))
	}
}

const (
	acRoom      = 1 << 7                         // 63 tokens of two words each take less
	blockTokens = 2 + acRoom                     // number of words for which a block needs room
	scanTokens  = 2*blockTokens + maxCorrections // the same in a progressive scan
)

// tokenList holds tokens in the order of the scan, in chunks that never move.
type tokenList struct {
	full [][]uint16
	last []uint16
	// discard makes the list forget its tokens instead of growing: only their counts are of interest.
	discard bool
	// pass takes the tokens that have no room, instead of the list growing. It may be nil.
	pass func(t []uint16)
}

// room returns the last chunk, with room for the given number of words. The caller appends to it and
// passes the result to keep.
func (l *tokenList) room(words int) []uint16 {
	if cap(l.last)-len(l.last) >= words {
		return l.last
	}
	if l.last != nil && l.pass != nil {
		l.pass(l.last)
		return l.last[:0]
	}
	if l.discard && l.last != nil {
		return l.last[:0]
	}
	if l.last != nil {
		l.full = append(l.full, l.last)
	}
	l.last = stream.Chunks.Get().(*[stream.ChunkSize]uint16)[:0]
	return l.last
}

func (l *tokenList) keep(t []uint16) { l.last = t }

// join appends the tokens of another list.
func (l *tokenList) join(next *tokenList) {
	if next.last == nil {
		return
	}
	if l.last != nil {
		l.full = append(l.full, l.last)
	}
	l.full, l.last = append(l.full, next.full...), next.last
}

// reset empties the list.
func (l *tokenList) reset() {
	if l.last == nil {
		return
	}
	for _, t := range append(l.full, l.last) {
		stream.Chunks.Put((*[stream.ChunkSize]uint16)(t[:stream.ChunkSize]))
	}
	l.full, l.last = nil, nil
}

// bitWriter packs codes into entropy-coded bytes and stuffs a zero byte after each 0xFF (T.81
// F.1.2.3). Between scans, segments are written through it as well. It keeps the writer's first
// error and writes nothing after it.
type bitWriter struct {
	w   io.Writer
	err error
	acc uint64 // its high n bits are pending, the others are zero
	n   uint   // at most 7
	buf []byte // pending bytes; never grows beyond its capacity
	raw [packTokens*4 + 8]byte
}

// packTokens is the number of tokens that are packed before zero bytes are stuffed. A token has at
// most 30 bits.
const packTokens = 512

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

// stuff writes entropy-coded bytes, each 0xFF followed by a zero.
func (b *bitWriter) stuff(p []byte) {
	for {
		i := bytes.IndexByte(p, 0xFF) + 1
		if i == 0 {
			b.bytes(p)
			return
		}
		b.bytes(p[:i])
		b.bytes([]byte{0})
		p = p[i:]
	}
}

// tokens writes tokens. It packs two at a time, without a jump that depends on how many bits these have.
func (b *bitWriter) tokens(list []uint16, codes *codeTable) {
	const index = 2*classSize - 1
	for i := 0; i < len(list); {
		acc, n, size := b.acc, b.n, 0
		for end := min(i+packTokens, len(list)); i < end; i++ {
			t := list[i]
			e := codes[t&index]
			v, l := e>>codeShift|uint64(t>>(16-tokenLow)), uint(e)
			if e&codeWide != 0 {
				i++
				v |= uint64(list[i]) << tokenLow
			} else if i+1 < end {
				t := list[i+1]
				if e := codes[t&index]; e&codeWide == 0 {
					i++
					v = v<<(e&codeLength) | e>>codeShift | uint64(t>>(16-tokenLow))
					l += uint(e)
				}
			}
			n += l & codeLength
			acc |= v << (-n & 63)
			binary.BigEndian.PutUint64(b.raw[size:], acc)
			size += int(n / 8)
			acc <<= n &^ 7 & 63
			n &= 7
		}
		b.acc, b.n = acc, n
		b.stuff(b.raw[:size])
	}
}

// list writes a whole list of tokens, which is empty afterwards, and pads the last byte with ones (T.81
// F.1.2.3).
func (b *bitWriter) list(ctx context.Context, l *tokenList, codes *codeTable) {
	for _, t := range l.full {
		if ctx.Err() != nil {
			break
		}
		b.tokens(t, codes)
	}
	b.tokens(l.last, codes)
	l.reset()
	if b.n > 0 {
		b.stuff([]byte{byte(b.acc>>56) | 0xFF>>b.n})
	}
	b.acc, b.n = 0, 0
}
