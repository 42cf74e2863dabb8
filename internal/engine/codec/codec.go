// Package codec turns bytes into planes and planes into bytes, every format behind one Decoder and one Encoder.
//
// A format is told by its bytes, never by a name or a Content-Type. All that a limit needs (size, frames, format) is
// known from the header, before a pixel is decoded. It never resizes for its own sake, converts between profiles, or
// touches files and networks: it reads an io.Reader and writes an io.Writer.
package codec

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Format is a picture format that can be told by its bytes.
type Format string

const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	WebP Format = "webp"
	BMP  Format = "bmp"
	TIFF Format = "tiff"
	HEIC Format = "heic" // told, not decoded
	AVIF Format = "avif" // told, not decoded
	JXL  Format = "jxl"  // told, not decoded
)

// MediaType is the format's IANA media type.
func (f Format) MediaType() string { return "image/" + string(f) }

// Extension is the usual file name ending, without the dot.
func (f Format) Extension() string {
	switch f {
	case JPEG:
		return "jpg"
	case TIFF:
		return "tif"
	}
	return string(f)
}

// Header is what a picture says of itself before a pixel is decoded.
type Header struct {
	Format        Format
	Width, Height int // as stored, before orientation is applied
	Orientation   exif.Orientation
	Frames        int // pictures in the file; only the first is decoded
	Layout        plane.Layout
	ICC           []byte // colour profile of the stored pixels, or nil
	EXIF          []byte // TIFF-structured EXIF block without its "Exif\0\0" prefix, or nil
}

// Report is what a decode has to say.
type Report struct {
	// Damage says what was wrong with a picture that was decoded all the same, as browsers show it; it matches
	// ErrCorrupt. Nil if nothing was.
	Damage error
}

// Decoder decodes one picture. Its methods are called in the order in which they stand, Decode once, the others any number
// of times.
type Decoder interface {
	Header() Header
	// Shrink tells the decoder that no more than width×height samples (of the stored picture, before orientation) are
	// needed. It answers with the layout that Decode will then give: at least that large, chroma at least half that
	// each way, as far as the picture goes. A decoder that knows no cheaper scale gives the whole picture.
	Shrink(width, height int) plane.Layout
	// Decode pushes the picture's rows to sink as they come. It may leave unread what can change none of them. Damaged
	// input is an error wrapping ErrCorrupt, or, where the rest of the picture can be shown, a Report. An error of the
	// sink, plane.ErrEnough among them, is returned unchanged, and beside it the Report of what was read by then.
	Decode(ctx context.Context, sink plane.Sink) (Report, error)
	// Length reads on until it knows that the file has at least enough bytes, or how many it has, and says which. The error
	// is that of the stream, or ErrLimit.
	Length(enough int64) (int64, error)
}

// Limits bound what a picture may ask of this process. Zero means no limit.
type Limits struct {
	Pixels int64 // width × height of one frame
	Bytes  int64 // length of the file
	Frames int
}

// Errors that a caller branches on. All three mean that trying again is useless.
var (
	ErrNotImage    = errors.New("not a picture in a known format")
	ErrCorrupt     = errors.New("corrupt")
	ErrUnsupported = errors.New("unsupported")
	ErrLimit       = errors.New("over a limit")
)

// CorruptError is damage at a byte of the file. It matches ErrCorrupt.
type CorruptError struct {
	Format Format
	Offset int64 // bytes from the start of the file
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt %s at byte %d: %s", e.Format, e.Offset, e.Reason)
}

// Is reports whether target is ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }
