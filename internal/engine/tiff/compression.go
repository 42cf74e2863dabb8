package tiff

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Compression schemes.
const (
	uncompressed = 1
	faxRLE       = 2
	faxT4        = 3
	faxT6        = 4
	lzw          = 5
	jpegOld      = 6
	jpegNew      = 7
	deflate      = 8
	faxRLEW      = 32771
	packBits     = 32773
	deflateOld   = 32946
	lzma         = 34925
	zstandard    = 50000
	webpFile     = 50001
)

var supported = map[int]bool{
	uncompressed: true, faxRLE: true, faxT4: true, faxT6: true, faxRLEW: true, lzw: true, jpegOld: true,
	jpegNew: true, deflate: true, deflateOld: true, packBits: true, zstandard: true,
	lzma: true, webpFile: true,
}

// refused are the schemes that are known and not read.
var refused = map[int]string{
	9: "JBIG", 10: "JBIG", 32766: "NeXT", 32809: "ThunderScan", 32895: "IT8 CT", 32896: "IT8 linework",
	32897: "IT8 monochrome picture", 32898: "IT8 binary line", 32908: "Pixar film", 32909: "Pixar log",
	32947: "Kodak DCS", 34661: "JBIG", 34676: "SGI log", 34677: "SGI log", 34712: "JPEG 2000",
	33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 34892: "lossy DNG",
	50002: "JPEG XL", 52546: "JPEG XL",
}

func isFax(compression int) bool {
	return compression == faxRLE || compression == faxRLEW || compression == faxT4 || compression == faxT6
}

// maxWindow bounds the memory of the decoders of Zstandard and LZMA: libtiff's encoders use windows of up
// to 8 MB at the levels below the ultra ones of Zstandard, and below the seventh of LZMA.
const maxWindow = 8 << 20

// expander decompresses strips or tiles, one after another. Read returns whole rows if it is asked
// for whole rows; io.EOF and io.ErrUnexpectedEOF mean that the data has ended.
type expander interface {
	io.Reader
	// begin starts with the data in s.
	begin(ctx context.Context, s *section) error
}

// newExpander returns the expander of a compression scheme, for blocks whose rows have columns
// pixels and rowBytes bytes.
func newExpander(f *fields, columns, rowBytes int) expander {
	switch f.compression {
	case faxRLE, faxRLEW, faxT4, faxT6:
		return newFax(f, columns, rowBytes)
	case lzw:
		return new(lzwReader)
	case packBits:
		return new(packBitsReader)
	case deflate, deflateOld:
		return new(deflateReader)
	case zstandard:
		return new(zstdReader)
	case lzma:
		return &lzmaReader{most: int64(rowBytes) * int64(f.blockH)}
	case webpFile:
		return newWebP(f)
	}
	return new(plainReader)
}

// expanderMemory is about how many bytes an expander holds.
func expanderMemory(f *fields) int64 {
	switch f.compression {
	case webpFile:
		return newWebP(f).memory()
	case zstandard:
		return maxWindow + 1<<20
	case lzma:
		// Subsampled chroma takes up to two times the place.
		return int64(min(maxWindow, float64(f.blockW)*float64(f.blockH)*float64(f.samples*f.bits+7)/4)) + 64<<10
	case lzw, deflate, deflateOld:
		return 96 << 10
	}
	return 4 << 10
}

// plainReader reads data that is not compressed.
type plainReader struct{ s *section }

func (r *plainReader) begin(_ context.Context, s *section) error { r.s = s; return nil }
func (r *plainReader) Read(p []byte) (int, error)                { return r.s.Read(p) }

// deflateReader reads zlib streams (RFC 1950). It stops once all rows are there, before the
// checksum.
type deflateReader struct {
	z io.ReadCloser
	b *bufio.Reader // is read faster than any other io.ByteReader
}

func (r *deflateReader) begin(_ context.Context, s *section) (err error) {
	if r.z == nil {
		r.b = bufio.NewReaderSize(s, 16<<10)
		r.z, err = zlib.NewReader(r.b)
		return err
	}
	r.b.Reset(s)
	return r.z.(zlib.Resetter).Reset(r.b, nil)
}

func (r *deflateReader) Read(p []byte) (int, error) { return r.z.Read(p) }

// zstdReader reads Zstandard frames (RFC 8878).
type zstdReader struct{ d *zstd.Decoder }

func (r *zstdReader) begin(_ context.Context, s *section) (err error) {
	if r.d == nil {
		r.d, err = zstd.NewReader(s, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.IgnoreChecksum(true))
		return err
	}
	return r.d.Reset(s)
}

func (r *zstdReader) Read(p []byte) (int, error) {
	n, err := r.d.Read(p)
	if err == zstd.ErrWindowSizeExceeded {
		err = fmt.Errorf("%w: TIFF with Zstandard windows of more than %d MB", codec.ErrUnsupported, maxWindow>>20)
	}
	return n, err
}

// packBitsReader reads PackBits runs (TIFF 6.0, section 9).
type packBitsReader struct {
	s       *section
	literal int // bytes of a literal run to come
	repeat  int // repetitions to come
	value   byte
}

func (r *packBitsReader) begin(_ context.Context, s *section) error {
	*r = packBitsReader{s: s}
	return nil
}

func (r *packBitsReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case r.literal > 0:
			k, err := r.s.Read(p[n:min(len(p), n+r.literal)])
			n, r.literal = n+k, r.literal-k
			if err != nil {
				return n, err
			}
		case r.repeat > 0:
			run := p[n:min(len(p), n+r.repeat)]
			for i := range run {
				run[i] = r.value
			}
			n, r.repeat = n+len(run), r.repeat-len(run)
		default:
			b, err := r.s.ReadByte()
			if err != nil {
				return n, err
			}
			switch {
			case b < 128:
				r.literal = int(b) + 1
			case b > 128:
				r.repeat = 257 - int(b)
				if r.value, err = r.s.ReadByte(); err != nil {
					return n, err
				}
			}
		}
	}
	return n, nil
}
