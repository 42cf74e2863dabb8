package codec

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// EncodeOptions are what an encoding needs beside the pixels and the settings of its format.
type EncodeOptions struct {
	// Metadata is the blocks to write; those that the format does not have are nil, and the others within
	// its Abilities.
	Metadata
	GainMap *GainMap // or nil; a format without gain maps ignores it
	// Poster is the frame of an animation, from 0 on, that programs show which know no animations. Only
	// APNG lets it be another than the first.
	Poster  int
	Threads int // that may share the work, the caller's among them; 0 means 1
	// Compact asks for the coding with the fewest bytes of those that show the same pixels, at the
	// cost of time. For JPEG that is progressive.
	Compact bool
}

// Encoder writes one format with the settings that it was made with. It keeps no state and may be
// used concurrently.
type Encoder interface {
	// Layout returns the layout that Encode needs of a w×h picture whose planes come as model, with
	// or without alpha.
	Layout(model plane.Model, alpha bool, w, h int) plane.Layout
	// Encode returns the file. Equal input gives equal bytes, on every machine. Errors wrap
	// ErrUnsupported where the format cannot hold the picture, or are those of ctx, which is checked
	// at least every 50 ms.
	Encode(ctx context.Context, p *plane.Picture, o EncodeOptions) ([]byte, error)
}

// LossyEncoder is an Encoder that can trade looks for bytes.
type LossyEncoder interface {
	Encoder
	// Trials prepares to encode one picture several times. p does not change while they are used.
	Trials(ctx context.Context, p *plane.Picture, o EncodeOptions) (Trials, error)
}

// Trials encodes one picture at several qualities, and does only once what they share.
type Trials interface {
	// Quality is the quality of the encoder's settings, on the format's own scale from 1 to 100.
	Quality() int
	// Encode returns the file at a quality: the bytes that the encoder gives with that setting.
	Encode(ctx context.Context, quality int) ([]byte, error)
	// LogStep is the natural logarithm of the quantiser's step at a quality, up to a constant. The
	// logarithm of a file's size falls with it about linearly, which is how a search guesses.
	LogStep(quality int) float64
	// UsualScore is what photographs usually score at a quality (see Score). It rises with it.
	UsualScore(quality int) float64
}

// ShowingEncoder is a LossyEncoder whose files browsers show with finer colours than the planes of 8 bits
// have that a decoder pushes.
type ShowingEncoder interface {
	LossyEncoder
	// Show decodes a file of a picture of w×h pixels as browsers do. emit consumes rows of red, green, blue and
	// alpha, which is nil for a picture without it; a row is valid until emit returns.
	Show(ctx context.Context, file []byte, w, h int, emit func(y int, rows [4][]byte) error) error
}

// HeavyEncoder is an Encoder that holds more than a few rows beside the picture and the file.
type HeavyEncoder interface {
	Encoder
	// Memory returns about how many bytes that is for a picture of layout l.
	Memory(l plane.Layout) int64
}

// CompactEncoder is an Encoder without loss that may find fewer bytes where EncodeOptions.Compact is set.
type CompactEncoder interface {
	Encoder
	// Compacts reports whether it does, with its settings.
	Compacts() bool
}

// ExactEncoder is an Encoder that can write the colours of transparent pixels.
type ExactEncoder interface {
	Encoder
	// Exact reports whether it does.
	Exact() bool
}

// FrameEncoder is an Encoder of a format with animations.
type FrameEncoder interface {
	Encoder
	// Animate begins an animation of pictures of layout l that plays loops times, 0 for ever.
	Animate(l plane.Layout, loops int, o EncodeOptions) (FrameWriter, error)
	// FrameMemory returns about how many bytes a FrameWriter holds beside a frame of layout l and the
	// file.
	FrameMemory(l plane.Layout) int64
}

// FrameWriter collects the frames of an animation.
type FrameWriter interface {
	// WriteFrame appends a picture that is shown for delay milliseconds.
	WriteFrame(ctx context.Context, p *plane.Picture, delay int) error
	// Size is how many bytes the coded frames take that are held until Close.
	Size() int64
	// Close returns the file.
	Close(ctx context.Context) ([]byte, error)
}
