package png

import (
	"errors"
	"io"
)

// pixelData reads the data of consecutive chunks of one type, IDAT or fdAT, as one stream (section
// 10.1).
type pixelData struct {
	chunks *chunks
	kind   string
	wrong  bool // the CRC of a chunk was wrong
	ended  bool
}

func (p *pixelData) Read(b []byte) (int, error) {
	for p.chunks.left == 0 || p.ended {
		if p.ended {
			return 0, io.EOF
		}
		if err := p.advance(); err != nil {
			p.ended = true
			return 0, err
		}
	}
	return p.chunks.Read(b)
}

// advance checks the CRC of a chunk and goes to the next one.
func (p *pixelData) advance() error {
	ok, err := p.chunks.sound()
	if err == nil {
		p.wrong = p.wrong || !ok
		err = p.chunks.next()
	}
	if err != nil {
		return err
	}
	if p.ended = p.chunks.kind != p.kind; !p.ended && p.kind == "fdAT" {
		return p.chunks.sequence()
	}
	return nil
}

// errHeader reports data that is not in the zlib format.
var errHeader = errors.New("no zlib header")

// zlibReader decompresses the pixels (RFC 1950) into a chain of buffers. It is as lenient as
// browsers: neither the checksum nor anything behind the last row matters, unless the CRC of a
// chunk was wrong too.
//
// A buffer begins with the window: the last windowSize bytes of the buffer before it. Data that
// exceeds what a buffer is asked for belongs to the next one.
type zlibReader struct {
	inflater
	buf    []byte
	from   int // of the window in buf that is valid
	to, at int // in buf: the end of what was asked for, and of what was written
	total  int64
	begun  bool
	sum    adler
}

func newZlibReader(data *pixelData) *zlibReader {
	return &zlibReader{inflater: inflater{r: data}, to: windowSize, at: windowSize, sum: 1}
}

// bufferLen is the length of a buffer for size bytes.
func bufferLen(size int) int { return windowSize + size + overrun }

// begin goes on to another buffer, which may be the same one.
func (z *zlibReader) begin(buf []byte) {
	if z.buf != nil {
		copy(buf, z.buf[z.to-windowSize:z.at])
	}
	z.buf, z.at, z.to = buf, windowSize+z.at-z.to, windowSize
	z.from = windowSize - int(min(windowSize, z.total))
}

// grow replaces the buffer by a larger one and returns it.
func (z *zlibReader) grow(n int) []byte {
	buf := make([]byte, n)
	copy(buf, z.buf[:z.at])
	z.buf = buf
	return buf
}

// fill decompresses until the buffer holds size bytes behind the window. It returns how many there
// are, which is less beside an error.
func (z *zlibReader) fill(size int) (n int, err error) {
	if !z.begun {
		if err := z.header(); err != nil {
			return 0, err
		}
	}
	end := windowSize + size
	if z.at < end {
		z.at, err = z.inflate(z.buf, z.from, z.at, end)
	}
	end = min(end, z.at)
	z.sum.update(z.buf[z.to:end])
	z.total += int64(end - z.to)
	z.to = end
	return end - windowSize, err
}

// header reads the two bytes before the data: method 8, a window of up to 32 KB, no preset
// dictionary, and a check.
func (z *zlibReader) header() error {
	method, flags := z.take(8), z.take(8)
	switch {
	case z.past():
		return z.truncated()
	case method&15 != 8, method > 0x78, flags&0x20 != 0, (method<<8|flags)%31 != 0:
		return errHeader
	}
	z.begun = true
	return nil
}

// vouched reads on behind the last row and reports whether the checksum shows that the pixels are
// sound.
func (z *zlibReader) vouched() bool {
	const most = 256 // reads: data that does not belong to the picture is not worth more time
	buf := make([]byte, bufferLen(4<<10))
	for range most {
		z.begin(buf)
		_, err := z.fill(4 << 10)
		if err == io.EOF {
			z.align()
			sum := z.take(16)<<16 | z.take(16)
			sum = sum&0xff00ff<<8 | sum>>8&0xff00ff
			return !z.past() && adler(sum) == z.sum
		}
		if err != nil {
			return false
		}
	}
	return false
}
