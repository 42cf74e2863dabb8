package png

import (
	"encoding/binary"
	"errors"
	"io"
)

// windowSize is how far back a match may reach (RFC 1951, section 2).
const windowSize = 32 << 10

const (
	inputSize = 16 << 10
	maxMatch  = 258
	// overrun is how many bytes behind the end of its output a call may write: literals, a match, and
	// the rest of a block of 32.
	overrun = maxMatch + 40
)

// inflateMemory is about what decompressing holds beside its output: input and tables.
const inflateMemory = inputSize + 4*(litTable+distTable) + 1<<10

// Errors of compressed data. Beside them there are io.ErrUnexpectedEOF and those of the reader.
var (
	errBlock    = errors.New("invalid type of a deflate block")
	errStored   = errors.New("invalid length of a stored deflate block")
	errCodes    = errors.New("invalid Huffman codes")
	errCode     = errors.New("invalid Huffman code")
	errDistance = errors.New("a match before the start of the data")
)

// state is what an inflater reads next.
type state uint8

const (
	atBlock  state = iota // the header of a block
	inStored              // stored bytes
	inCodes               // Huffman codes
	atEnd                 // nothing: the last block has ended
)

// inflater decompresses deflate data (RFC 1951). Output goes to the caller's buffer, which holds
// the window too, so that no byte is copied twice.
type inflater struct {
	r       io.Reader
	in      [inputSize + 16]byte // 16 zeros follow the end of the input
	pos     int                  // of the next byte in in
	end     int                  // of the input in in
	readErr error                // of r, behind in

	bits  uint64 // the next bits, from the lowest on
	count uint   // how many of them are counted as read; those above are a copy of what comes

	state  state
	last   bool // the current block is the last one
	stored int  // bytes of a stored block that are left

	lit  [litTable]entry
	dist [distTable]entry
}

// more makes at least eight bytes of input readable, or all that there are.
func (z *inflater) more() {
	if z.readErr != nil {
		return
	}
	z.end = copy(z.in[:], z.in[z.pos:z.end])
	z.pos = 0
	for z.end < 8 && z.readErr == nil {
		var n int
		n, z.readErr = z.r.Read(z.in[z.end:inputSize])
		z.end += n
	}
	clear(z.in[z.end:][:16])
}

// refill makes at least 56 bits readable, of which those behind the end of the input are zeros.
func (z *inflater) refill() {
	if z.pos+8 > z.end {
		z.more()
	}
	z.bits |= binary.LittleEndian.Uint64(z.in[min(z.pos, z.end+8):]) << (z.count & 63)
	z.pos += int(63-z.count) >> 3
	z.count |= 56
}

// past reports whether more bits have been used than there were.
func (z *inflater) past() bool { return z.pos*8-int(z.count) > z.end*8 }

// truncated is the error of input that ended.
func (z *inflater) truncated() error {
	if z.readErr == nil || z.readErr == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return z.readErr
}

// take returns the next n bits, at most 32, and uses them.
func (z *inflater) take(n uint) uint {
	if z.count < n {
		z.refill()
	}
	v := uint(z.bits & (1<<n - 1))
	z.bits >>= n
	z.count -= n
	return v
}

// inflate continues at out[at] until at least to bytes are written, and returns how many are: up to
// maxMatch+7 more. out must have overrun bytes behind to. out[from:at] is the window. With an error,
// the number is that of the bytes that are good. It is io.EOF at the end of the data.
func (z *inflater) inflate(out []byte, from, at, to int) (int, error) {
	var err error
	for at < to {
		switch z.state {
		case atBlock:
			err = z.block()
		case inStored:
			at, err = z.copyStored(out[:to], at)
		case inCodes:
			if z.pos+16 <= z.end {
				at, err = z.fast(out, from, at, to)
			} else {
				at, err = z.careful(out, from, at)
			}
		case atEnd:
			err = io.EOF
		}
		if err != nil {
			return min(at, to), err
		}
	}
	return at, nil
}

// block reads the header of a block (section 3.2.3).
func (z *inflater) block() error {
	if z.last {
		z.state = atEnd
		return nil
	}
	z.last = z.take(1) == 1
	kind := z.take(2)
	if z.past() {
		return z.truncated()
	}
	var err error
	switch kind {
	case 0:
		z.state = inStored
		z.align()
		n, check := z.take(16), z.take(16)
		z.stored = int(n)
		if n != ^check&0xffff {
			err = errStored
		}
	case 1:
		z.state = inCodes
		err = z.fixed()
	case 2:
		z.state = inCodes
		err = z.dynamic()
	default:
		err = errBlock
	}
	if z.past() {
		return z.truncated()
	}
	return err
}

// align drops the bits up to the next byte.
func (z *inflater) align() {
	z.bits >>= z.count & 7
	z.count &^= 7
}

// copyStored copies bytes of a stored block until out is full (section 3.2.4).
func (z *inflater) copyStored(out []byte, at int) (int, error) {
	for z.count > 0 && z.stored > 0 && at < len(out) { // bytes that have been read ahead
		b := byte(z.take(8))
		if z.past() {
			return at, z.truncated()
		}
		out[at] = b
		at++
		z.stored--
	}
	if z.count == 0 {
		z.bits = 0 // no copy of what comes, because it is not read through bits
	}
	for z.count == 0 && z.stored > 0 && at < len(out) {
		if z.pos >= z.end {
			z.more()
			if z.pos >= z.end {
				return at, z.truncated()
			}
		}
		n := copy(out[at:], z.in[z.pos:min(z.end, z.pos+z.stored)])
		at += n
		z.pos += n
		z.stored -= n
	}
	if z.stored == 0 {
		z.state = atBlock
	}
	return at, nil
}

// fast decodes while there are at least 16 bytes of input, which suffice for a match and eight
// literals. What the kernel, if there is one, stops in front of ends the block or is an error.
func (z *inflater) fast(out []byte, from, at, to int) (int, error) {
	at = vectorInflate(z, out, from, at, to)
	bits, count, pos, end := z.bits, z.count, z.pos, z.end
	in, lit, dist := &z.in, &z.lit, &z.dist
	var err error
	for at < to && pos+16 <= end {
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (count & 63)
		pos += int(63-count) >> 3
		count |= 56
		e := lit[bits&(1<<litBits-1)]
		if e.literal() { // at most litBits bits each, so that 56 suffice for five
			bits >>= e & 63
			count -= uint(e & 63)
			binary.LittleEndian.PutUint16(out[at:], uint16(e>>16))
			at += 1 + int(e>>13&1)
			if e = lit[bits&(1<<litBits-1)]; e.literal() {
				bits >>= e & 63
				count -= uint(e & 63)
				binary.LittleEndian.PutUint16(out[at:], uint16(e>>16))
				at += 1 + int(e>>13&1)
				if e = lit[bits&(1<<litBits-1)]; e.literal() {
					bits >>= e & 63
					count -= uint(e & 63)
					binary.LittleEndian.PutUint16(out[at:], uint16(e>>16))
					at += 1 + int(e>>13&1)
					if e = lit[bits&(1<<litBits-1)]; e.literal() {
						bits >>= e & 63
						count -= uint(e & 63)
						binary.LittleEndian.PutUint16(out[at:], uint16(e>>16))
						at += 1 + int(e>>13&1)
						continue
					}
				}
			}
			bits |= binary.LittleEndian.Uint64(in[pos:]) << (count & 63)
			pos += int(63-count) >> 3
			count |= 56
		}
		if e.special() {
			if e.sub() {
				bits >>= litBits
				count -= litBits
				e = lit[uint64(e>>16)&0xfff+bits&(1<<(e&15)-1)]
			}
			if e.literal() {
				bits >>= e & 63
				count -= uint(e & 63)
				out[at] = byte(e >> 16)
				at++
				continue
			}
			if e.special() {
				if !e.ends() {
					err = errCode
					break
				}
				bits >>= e & 63
				count -= uint(e & 63)
				z.state = atBlock
				break
			}
		}
		length := int(e>>16&0x1ff) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		count -= uint(e & 63)

		e = dist[bits&(1<<distBits-1)]
		if e.special() {
			if e.sub() {
				bits >>= distBits
				count -= distBits
				e = dist[uint64(e>>16)&0x3ff+bits&(1<<(e&15)-1)]
			}
			if e.special() {
				err = errCode
				break
			}
		}
		back := int(e>>16&0x7fff) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		count -= uint(e & 63)
		if back > at-from {
			err = errDistance
			break
		}
		repeat(out, at, back, length)
		at += length
	}
	z.bits, z.count, z.pos = bits, count, pos
	return at, err
}

// repeat copies a match of length bytes that starts back bytes before out[at]. It may write eight
// bytes more.
func repeat(out []byte, at, back, length int) {
	switch {
	case back >= 8:
		src, dst := out[at-back:at+length], out[at:at+length+8]
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(src[i:]))
		}
	case back == 1:
		v := uint64(out[at-1]) * 0x0101010101010101
		dst := out[at : at+length+8]
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(dst[i:], v)
		}
	default:
		src, dst := out[at-back:at+length], out[at:at+length]
		for i := range dst {
			dst[i] = src[i]
		}
	}
}

// careful decodes one literal or match near the end of the input, whose last bits may be missing.
func (z *inflater) careful(out []byte, from, at int) (int, error) {
	z.refill()
	e := z.lit[z.bits&(1<<litBits-1)]
	if e.sub() {
		z.take(litBits)
		e = z.lit[uint64(e>>16)&0xfff+z.bits&(1<<(e&15)-1)]
	}
	if e.special() && !e.ends() {
		return at, z.either(errCode)
	}
	if e.literal() { // one of two, because the bits of the other may be missing
		if z.take(uint(e >> 8 & 15)); z.past() {
			return at, z.truncated()
		}
		out[at] = byte(e >> 16)
		return at + 1, nil
	}
	all := z.take(uint(e & 63))
	switch {
	case z.past():
		return at, z.truncated()
	case e.ends():
		z.state = atBlock
		return at, nil
	}
	length := int(e>>16&0x1ff) + int(all>>(e>>8&15))
	z.refill()
	e = z.dist[z.bits&(1<<distBits-1)]
	if e.sub() {
		z.take(distBits)
		e = z.dist[uint64(e>>16)&0x3ff+z.bits&(1<<(e&15)-1)]
	}
	if e.special() {
		return at, z.either(errCode)
	}
	back := int(e>>16&0x7fff) + int(z.take(uint(e&63))>>(e>>8&15))
	switch {
	case z.past():
		return at, z.truncated()
	case back > at-from:
		return at, errDistance
	}
	repeat(out, at, back, length)
	return at + length, nil
}

// either returns err, unless the bits that it is about are missing.
func (z *inflater) either(err error) error {
	if z.past() || z.readErr != nil && z.pos >= z.end {
		return z.truncated()
	}
	return err
}
