// Package hevc decodes pictures that are coded with ITU-T H.265 (ISO/IEC 23008-2, HEVC) in intra
// prediction alone, as HEIC files hold them: Main, Main Still Picture, Main 10 and the format range
// extensions (4:0:0 to 4:4:4, 8 to 12 bits). Names and sections are those of ITU-T H.265 (V10,
// 07/2024).
//
// A picture is decoded by rows of coding tree blocks (CTBs). Only the rows that prediction and the
// loop filters still need are held, unless tiles stand side by side. Samples are 16 bits wide
// whatever their depth.
//
//	slice segment data -> cabac -> syntax (CTU, CU, TU) -> residual -> transform -+
//	                                     |                                        v
//	                                     +-> intra prediction ----------------> window
//	                                                                              |
//	                     Sink <- band of rows <- sample adaptive offset <- deblocking
//
// The package never converts colours, reads no container (package heif does), and decodes no inter
// picture: it is refused. Everything is bounded before memory is taken, and every inconsistency that
// the syntax shows is an error, not a picture.
package hevc

import (
	"context"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Info is what parameter sets and the first slice header say about a picture.
type Info struct {
	// CodedWidth and CodedHeight are the luma samples that are coded.
	CodedWidth, CodedHeight int
	// Width and Height are the luma samples within the conformance window, which is what Decode
	// delivers. They are multiples of the chroma subsampling.
	Width, Height int
	// Chroma says how many samples of chroma there are for those of luma.
	Chroma ChromaFormat
	// BitDepthLuma and BitDepthChroma are from 8 to 12.
	BitDepthLuma, BitDepthChroma int
	// Colour is what the video usability information says about colours.
	Colour Colour
	// CTBSize is the side of a coding tree block in luma samples: 16, 32 or 64.
	CTBSize int
	// BandHeight is the most luma rows that a Sink gets at once.
	BandHeight int

	memory int64
}

// Memory estimates how many bytes Decode holds for such a picture, beside the data and the stack.
func (in Info) Memory() int64 { return in.memory }

// MemoryPerThread estimates how many more each further thread takes.
func (in Info) MemoryPerThread() int64 {
	return 3*2*int64(in.CodedWidth+in.CTBSize)*int64(in.CTBSize) + 1<<15
}

// ChromaFormat is chroma_format_idc (Table 6-1).
type ChromaFormat uint8

// The chroma formats.
const (
	Chroma400 ChromaFormat = iota // no chroma
	Chroma420                     // half the columns and half the rows
	Chroma422                     // half the columns
	Chroma444                     // as many as luma
)

// Subsampling returns how many luma columns and rows there are for one of chroma (SubWidthC and
// SubHeightC), 1 and 1 without chroma.
func (f ChromaFormat) Subsampling() (x, y int) {
	switch f {
	case Chroma420:
		return 2, 2
	case Chroma422:
		return 2, 1
	}
	return 1, 1
}

func (f ChromaFormat) String() string {
	return [...]string{"4:0:0", "4:2:0", "4:2:2", "4:4:4"}[f&3]
}

// Colour is the video signal type of the video usability information (E.2.1). Without one, the
// numbers are 2, which means unspecified, and FullRange is false.
type Colour struct {
	// Signalled is video_signal_type_present_flag: FullRange is the file's and not a default.
	Signalled bool
	// Described is colour_description_present_flag: Primaries, Transfer and Matrix are the file's.
	Described bool
	// Primaries, Transfer and Matrix are code points of ITU-T H.273.
	Primaries, Transfer, Matrix int
	// FullRange is video_full_range_flag.
	FullRange bool
}

// Plane is a part of a plane: Height rows of Width samples. Row y begins at Pix[y*Stride].
type Plane struct {
	Pix                   []uint16
	Stride, Width, Height int
}

// Band is some finished rows of a picture.
type Band struct {
	Y int // the first luma row, counted from the top of the conformance window
	// Planes are luma, Cb and Cr; the latter two are empty if the picture has no chroma. Planes[0]
	// has a number of rows that is a multiple of the chroma subsampling.
	Planes [3]Plane
}

// Sink takes finished rows, from the top down, each row once. It must not keep the samples. An error
// of it ends the decoding and is returned unchanged.
type Sink func(Band) error

// ReadInfo reads the parameter sets of c and of data, and the first slice header in data, whose NAL
// units have lengths in front of them. Nothing is allocated by the size of the picture.
func ReadInfo(c Config, data []byte) (Info, error) {
	return readInfo(c.parameterSets, lengthPrefixed(data, c.lengthSize))
}

// Decoder decodes one picture after another and keeps its buffers between them. The zero value is
// ready for use. It must not be used concurrently.
type Decoder struct {
	// Threads is how many goroutines may share the work on one picture, the caller's among them; 0
	// means 1. The samples do not depend on it.
	Threads int

	p       picture
	w       worker
	others  []*worker // of other goroutines
	rbsp    []byte    // of the slice segment in work
	removed []int
}

// Decode decodes the first picture in data, whose parameter sets may be in c, in data or in both, and
// passes its rows to sink. It looks at ctx at least once in each row of CTBs. Errors that are not
// those of ctx or sink wrap codec.ErrCorrupt or codec.ErrUnsupported and name the place.
func (d *Decoder) Decode(ctx context.Context, c Config, data []byte, sink Sink) error {
	return d.decode(ctx, c.parameterSets, lengthPrefixed(data, c.lengthSize), sink)
}

// DecodeAnnexB is Decode for a byte stream with start codes (Annex B), which holds its parameter sets.
func (d *Decoder) DecodeAnnexB(ctx context.Context, stream []byte, sink Sink) error {
	return d.decode(ctx, nil, startCoded(stream), sink)
}

// ReadInfoAnnexB is ReadInfo for a byte stream with start codes (Annex B).
func ReadInfoAnnexB(stream []byte) (Info, error) { return readInfo(nil, startCoded(stream)) }

// corrupt returns an error of damage.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: HEVC: %s", codec.ErrCorrupt, fmt.Sprintf(format, args...))
}

// unsupported returns an error of a coding tool that is not decoded.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: HEVC: %s", codec.ErrUnsupported, fmt.Sprintf(format, args...))
}
