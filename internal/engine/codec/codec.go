// Package codec is the contract between picture formats and everything that uses them: what a
// format is (Format), what a decoder and an encoder do, which limits hold, and which errors callers
// branch on.
//
// A format is detected by the bytes of a file, never by a name or a Content-Type. Everything that a
// limit needs (format, size, number of frames) is known from the header, before a pixel is decoded.
// The package knows no particular format and keeps no list of them: a Set is passed in. It never
// resizes for its own sake, converts between profiles, or touches files and networks; it reads an
// io.Reader and returns bytes.
package codec

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Header is what a picture declares about itself before a pixel is decoded.
type Header struct {
	Format        *Format
	Width, Height int // pixels as stored, before orientation is applied
	Orientation   exif.Orientation
	Frames        int          // in the file
	Layout        plane.Layout // of the planes that Decode pushes unless Shrink is called
	Metadata
	// Preview describes what is shown in place of the photograph, if that cannot be decoded itself:
	// the preview of a camera raw file. Otherwise it is empty.
	Preview string
}

// Report is what a decoder found out beside the pixels.
type Report struct {
	// Damage describes what was wrong with a picture that was decoded all the same, as browsers
	// show it. It matches ErrCorrupt; it is nil for a sound picture.
	Damage error
}

// Decoder decodes one picture. Its methods are called in the order in which they are listed, Decode
// once, the others any number of times.
type Decoder interface {
	Header() Header
	// Shrink announces that no more than width×height samples (of the stored picture, before
	// orientation) are needed. It returns the layout that Decode will then push: at least that
	// large, chroma at least half that each way, as far as the picture goes. A decoder without a
	// cheaper scale returns the layout of the whole picture.
	Shrink(width, height int) plane.Layout
	// Memory estimates how many bytes Decode will hold at the scale that Shrink chose.
	Memory() int64
	// Decode pushes the picture's rows to sink as they are decoded. It may leave unread what can
	// change none of them. Damaged input is an error that wraps ErrCorrupt or, where the rest of
	// the picture can be shown, a Report. An error of the sink, including plane.ErrEnough, is
	// returned unchanged, beside the Report of what was read until then.
	Decode(ctx context.Context, sink plane.Sink) (Report, error)
	// Length reads on until it knows that the file has at least enough bytes, or how many it has,
	// and returns that number. The error is the stream's, or ErrLimit.
	Length(enough int64) (int64, error)
}

// EmbeddedDecoder is a Decoder of a format whose files may hold a small copy of the picture.
type EmbeddedDecoder interface {
	Decoder
	// ShrinkToEmbedded is Shrink, but the layout may be that of the embedded copy, which Decode then
	// pushes, if the decoder finds that nobody would see a difference in a picture of width×height
	// samples. It may decode parts of both to find out, within the memory that the whole picture takes.
	// A copy that is not used for any reason is no error.
	ShrinkToEmbedded(ctx context.Context, width, height int) (plane.Layout, error)
}

// FrameDecoder is a Decoder of a format with animations. Without a call of NextFrame it decodes the
// first frame alone.
type FrameDecoder interface {
	Decoder
	// Loops is how many times the animation plays; 0 means for ever.
	Loops() int
	// NextFrame makes the next frame, beginning with the first, the one that Shrink and Decode work
	// on: the whole canvas as it is shown, not the rectangle that the file stores. It returns how
	// long browsers show the frame, in milliseconds (ShownDelay), and io.EOF after the last frame.
	NextFrame(ctx context.Context) (delay int, err error)
}

// ShownDelay returns for how many milliseconds browsers show a frame whose file says delay. In every
// format they take 10 ms or less for a mistake and show the frame for 100 ms; from 11 ms on they do
// as the file says (measured in Chromium 156).
func ShownDelay(delay int) int {
	if delay <= 10 {
		return 100
	}
	return delay
}

// Limits bound what a picture may ask of this process, beside MaxSide. Zero means no limit.
type Limits struct {
	Pixels int64 // width × height, of all frames that are decoded
	Bytes  int64 // length of the file
	Frames int   // that are decoded; where only the first is shown, the file may have more
	Memory int64 // bytes that a decoder holds, as it estimates before it starts, and reduced pictures
	// Reserve, if set, is called before memory is taken, with all bytes that the picture will hold then.
	// Its error ends the work on the picture.
	Reserve func(bytes int64) error
}

// MaxProfile bounds an ICC profile, after decompression, in bytes. A larger one counts as absent.
const MaxProfile = colour.MaxProfile

// MaxSide is the largest width and height of a picture, whatever the limits. The work on a picture
// begins with tables that have an entry for each of its columns, before the first row shows that the
// file holds any. No camera or browser comes near this. Two sides multiply without overflow.
const MaxSide = 500_000

// Check refuses a header that asks for more than the limits allow. Set.Open calls it; a format that
// has to read on behind the header before Open returns calls it first.
func (l Limits) Check(h Header) error {
	switch {
	case h.Width <= 0 || h.Height <= 0:
		return &CorruptError{h.Format, 0, fmt.Sprintf("a size of %d×%d", h.Width, h.Height)}
	case h.Width > MaxSide || h.Height > MaxSide:
		return fmt.Errorf("%w: %d×%d pixels, the limit of a side is %d", ErrLimit, h.Width, h.Height, MaxSide)
	}
	if n := int64(h.Width) * int64(h.Height); l.Pixels > 0 && n > l.Pixels {
		return fmt.Errorf("%w: %d×%d is %d pixels, the limit is %d", ErrLimit, h.Width, h.Height, n, l.Pixels)
	}
	return nil
}

// CheckFrames refuses an animation of more frames than the limit allows, or of more pixels in all of
// them: a small file can have many frames.
func (l Limits) CheckFrames(h Header) error {
	if n := h.Frames; l.Frames > 0 && n > l.Frames {
		return fmt.Errorf("%w: %d frames, the limit is %d; raise limits.frames, or write frames: first",
			ErrLimit, n, l.Frames)
	}
	if n := int64(h.Width) * int64(h.Height); l.Pixels > 0 && n > l.Pixels/int64(max(h.Frames, 1)) {
		return fmt.Errorf("%w: %d frames of %d×%d pixels are more than %d pixels, the limit; raise limits.pixels, "+
			"or write frames: first", ErrLimit, h.Frames, h.Width, h.Height, l.Pixels)
	}
	return nil
}

// MoreMemory is what to do about a picture that needs more memory than Limits.Memory, which the memory of a
// process may have lowered.
const MoreMemory = "raise limits.memory, or give the process more memory"

// CheckMemory refuses a decoder that would hold more memory than the limit allows. It is called after
// Shrink, on which the estimate depends.
func (l Limits) CheckMemory(d Decoder) error {
	if n := d.Memory(); l.Memory > 0 && n > l.Memory {
		h := d.Header()
		return fmt.Errorf("%w: decoding %d×%d pixels of %s needs about %d bytes of memory, the limit is %d; %s",
			ErrMemory, h.Width, h.Height, h.Format.Title, n, l.Memory, MoreMemory)
	}
	return nil
}

// TakeMemory is CheckMemory for a decoder that takes its memory at once, and reserves it.
func (l Limits) TakeMemory(d Decoder) error {
	if err := l.CheckMemory(d); err != nil {
		return err
	}
	return l.Take(d.Memory())
}

// Take reserves memory for a picture: n bytes in all.
func (l Limits) Take(n int64) error {
	if l.Reserve == nil {
		return nil
	}
	return l.Reserve(n)
}

// Errors that callers branch on. With each of them, trying again is useless.
var (
	ErrNotImage    = errors.New("not a picture in a known format")
	ErrCorrupt     = errors.New("corrupt")
	ErrUnsupported = errors.New("unsupported")
	ErrLimit       = errors.New("over a limit")
	ErrTooLarge    = errors.New("cannot be made small enough")
	// ErrMemory is the ErrLimit that Limits.Memory sets: elsewhere, there may be more memory.
	ErrMemory = fmt.Errorf("%w", ErrLimit)
)

// Permanent reports whether err is the picture's fault (or the variant's), so that trying again is
// useless.
func Permanent(err error) bool {
	for _, kind := range []error{ErrNotImage, ErrCorrupt, ErrUnsupported, ErrLimit, ErrTooLarge} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// CorruptError is damage at a byte of the file. It matches ErrCorrupt.
type CorruptError struct {
	Format *Format
	Offset int64 // bytes from the start of the file
	Reason string
}

// CorruptAt returns the error of damage at an offset of the file.
func CorruptAt(f *Format, offset int64, format string, args ...any) error {
	return &CorruptError{Format: f, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt %s at byte %d: %s", e.Format.Name, e.Offset, e.Reason)
}

// Is reports whether target is ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }
