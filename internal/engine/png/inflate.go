package png

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/adler32"
	"io"

	"github.com/klauspost/compress/flate"
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

// zlibReader decompresses the pixels (RFC 1950). It is as lenient as browsers: neither the checksum
// nor anything behind the last row matters, unless the CRC of a chunk was wrong too.
type zlibReader struct {
	data *pixelData
	in   *bufio.Reader
	out  io.ReadCloser // nil before the header has been read
	sum  hash.Hash32
}

func newZlibReader(data *pixelData) *zlibReader {
	return &zlibReader{data: data, in: bufio.NewReaderSize(data, inputSize), sum: adler32.New()}
}

// inputSize is how many compressed bytes are buffered.
const inputSize = 16 << 10

// inflateMemory is about what decompressing holds: input, window, and tables.
const inflateMemory = inputSize + 96<<10

// errHeader reports data that is not in the zlib format.
var errHeader = errors.New("no zlib header")

// fill decompresses until b is full. It returns how many bytes there are beside an error.
func (z *zlibReader) fill(b []byte) (int, error) {
	if z.out == nil {
		var head [2]byte
		if _, err := io.ReadFull(z.in, head[:]); err != nil {
			return 0, err
		}
		// Method 8, a window of up to 32 KB, no preset dictionary, and a check of the header.
		if head[0]&15 != 8 || head[0] > 0x78 || head[1]&0x20 != 0 || binary.BigEndian.Uint16(head[:])%31 != 0 {
			return 0, errHeader
		}
		z.out = flate.NewReader(z.in)
	}
	n, err := io.ReadFull(z.out, b)
	z.sum.Write(b[:n])
	return n, err
}

// vouched reads on behind the last row and reports whether the checksum shows that the pixels are
// sound.
func (z *zlibReader) vouched() bool {
	const most = 1 << 20 // rows that do not belong to the picture are not worth more time
	rest := make([]byte, 4<<10)
	for read := 0; read < most; {
		n, err := z.out.Read(rest)
		z.sum.Write(rest[:n])
		read += n
		if err == io.EOF {
			var sum [4]byte
			_, err = io.ReadFull(z.in, sum[:])
			return err == nil && binary.BigEndian.Uint32(sum[:]) == z.sum.Sum32()
		}
		if err != nil {
			return false
		}
	}
	return false
}
