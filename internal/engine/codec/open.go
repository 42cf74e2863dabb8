package codec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// sniffLength is how many bytes Sniff wants: enough for the longest signature, the brands of an ISO base media file.
const sniffLength = 32

// Sniff tells a format by the first bytes of a file; false if they are of no picture format that it knows.
func Sniff(b []byte) (Format, bool) {
	at := func(i int, s string) bool { return len(b) >= i+len(s) && string(b[i:i+len(s)]) == s }
	switch {
	case at(0, "\xff\xd8\xff"):
		return JPEG, true
	case at(0, "\x89PNG\r\n\x1a\n"):
		return PNG, true
	case at(0, "GIF87a"), at(0, "GIF89a"):
		return GIF, true
	case at(0, "RIFF") && at(8, "WEBP"):
		return WebP, true
	case at(0, "BM") && len(b) >= 18 && bmpHeaderSizes[b[14]] && b[15]|b[16]|b[17] == 0:
		return BMP, true
	case at(0, "II*\x00"), at(0, "MM\x00*"):
		return TIFF, true
	case at(0, "\xff\x0a"), at(0, "\x00\x00\x00\x0cJXL \r\n\x87\n"):
		return JXL, true
	case at(4, "ftyp"):
		return sniffBrands(b)
	}
	return "", false
}

// bmpHeaderSizes are the DIB header lengths in use: two letters alone would take any text that starts with "BM".
var bmpHeaderSizes = map[byte]bool{12: true, 40: true, 52: true, 56: true, 64: true, 108: true, 124: true}

// sniffBrands tells HEIC from AVIF by the major and compatible brands (ISO/IEC 23008-12, AV1 Image File Format).
func sniffBrands(b []byte) (Format, bool) {
	for i := 8; i+4 <= len(b); i += 4 {
		switch string(b[i : i+4]) {
		case "avif", "avis":
			return AVIF, true
		case "heic", "heix", "heim", "heis", "hevc", "hevx":
			return HEIC, true
		}
	}
	return "", false
}

// source is the stream that a decoder reads. It counts, enforces Limits.Bytes, and remembers an error of the stream
// itself, so that a broken connection is never taken for a corrupt picture.
type source struct {
	r   io.Reader
	n   int64
	max int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	if s.max > 0 && s.n > s.max {
		err = fmt.Errorf("%w: the file is larger than %d bytes", ErrLimit, s.max)
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// length is Decoder.Length, whatever has been read.
func (s *source) length(enough int64) (int64, error) {
	if s.n < enough {
		if _, err := io.CopyN(io.Discard, s, enough-s.n); err != nil && err != io.EOF {
			return 0, err
		}
	}
	return s.n, nil
}

// fault turns a decoder's error into ours: the stream's own error if it had one, else corrupt or unsupported.
func (s *source) fault(f Format, err error) error {
	switch {
	case err == nil:
		return nil
	case s.err != nil:
		return s.err
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrUnsupported), errors.Is(err, ErrLimit):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &CorruptError{f, s.n, "the file ends too early"}
	}
	return &CorruptError{f, s.n, err.Error()}
}

// Open tells the format and reads the header, not the pixels, and refuses what is over a limit. Errors wrap ErrNotImage,
// ErrUnsupported, ErrCorrupt or ErrLimit, or are those of r.
func Open(r io.Reader, lim Limits) (Decoder, error) {
	src := &source{r: r, max: lim.Bytes}
	buf := bufio.NewReaderSize(src, 64<<10)
	head, _ := buf.Peek(sniffLength) // fewer bytes are no fault; the stream's own error is src's
	if src.err != nil {
		return nil, src.err
	}
	if len(head) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrNotImage)
	}
	format, ok := Sniff(head)
	if !ok {
		return nil, fmt.Errorf("%w: it starts with %q", ErrNotImage, head[:min(8, len(head))])
	}
	open, ok := openers[format]
	if !ok {
		return nil, fmt.Errorf("%w: %s can be told but not decoded", ErrUnsupported, format)
	}
	d, err := open(buf, src)
	if err != nil {
		return nil, src.fault(format, err)
	}
	return d, lim.check(d.Header())
}

var openers = map[Format]func(*bufio.Reader, *source) (Decoder, error){
	JPEG: openJPEG, PNG: openPNG, GIF: openGIF, WebP: openWebP, BMP: openBMP, TIFF: openTIFF,
}

// maxSide is the largest width and height that PNG allows (specification, third edition, 11.2.1); none larger is taken of other
// formats. Two of them multiply without overflow.
const maxSide = 1<<31 - 1

// check refuses a header that asks for more than the limits allow.
func (l Limits) check(h Header) error {
	if h.Width <= 0 || h.Height <= 0 || h.Width > maxSide || h.Height > maxSide {
		return &CorruptError{h.Format, 0, fmt.Sprintf("a size of %d×%d", h.Width, h.Height)}
	}
	if n := int64(h.Width) * int64(h.Height); l.Pixels > 0 && n > l.Pixels {
		return fmt.Errorf("%w: %d×%d is %d pixels, the limit is %d", ErrLimit, h.Width, h.Height, n, l.Pixels)
	}
	if l.Frames > 0 && h.Frames > l.Frames {
		return fmt.Errorf("%w: %d frames, the limit is %d", ErrLimit, h.Frames, l.Frames)
	}
	return nil
}

// readAll reads the rest of a stream, for formats whose header is spread over the file.
func readAll(buf *bufio.Reader, src *source) ([]byte, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(buf)
	if src.err != nil {
		return nil, src.err
	}
	return b.Bytes(), err
}
