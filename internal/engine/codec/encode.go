package codec

import (
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Effort is how much time an encoder may take for fewer bytes. Lossless formats ignore it.
type Effort string

const (
	NormalEffort Effort = "normal"
	HighEffort   Effort = "high" // JPEG: progressive, with trellis quantisation; several times slower
)

// Subsampling says how many samples of chroma there are beside those of luma. Only JPEG has a choice.
type Subsampling string

const (
	Subsample420 Subsampling = "4:2:0" // half as many across and down; the default
	Subsample422 Subsampling = "4:2:2" // half as many across
	Subsample444 Subsampling = "4:4:4" // as many
)

// ratio is how many samples of luma there are to one of chroma.
func (s Subsampling) ratio() (x, y int) {
	switch s {
	case Subsample422:
		return 2, 1
	case Subsample444:
		return 1, 1
	}
	return 2, 2
}

// LowestQuality is where a search for MaxBytes stops: below it a picture is hardly one.
const LowestQuality = 10

// EncodeOptions are the choices of one encoding. An Encoder ignores what its format has no room for only where said.
type EncodeOptions struct {
	Quality     int // 1 to 100, IJG scale; lossless formats ignore it
	Effort      Effort
	Progressive bool  // JPEG: coarse first; high effort always is
	MaxBytes    int64 // the best quality, up to Quality, whose file is no larger; 0: no bound. Lossless formats refuse it
	ICC         []byte
	EXIF        []byte // TIFF-structured block without the "Exif\0\0" prefix
}

// ErrTooLarge: no quality from LowestQuality on gives a file within MaxBytes.
var ErrTooLarge = errors.New("cannot be made small enough")

// Encoder writes one format.
type Encoder interface {
	// Wants is the layout that Encode takes for a w×h picture that comes as model and alpha and is to be subsampled as s.
	Wants(model plane.Model, alpha bool, w, h int, s Subsampling) plane.Layout
	// Encode gives the file. Equal input gives equal bytes, on every machine.
	Encode(p *plane.Picture, o EncodeOptions) ([]byte, error)
}

// EncoderFor is the encoder of a format, or an error that wraps ErrUnsupported.
func EncoderFor(f Format) (Encoder, error) {
	switch f {
	case JPEG:
		return jpegEncoder{}, nil
	case PNG:
		return pngEncoder{}, nil
	}
	return nil, fmt.Errorf("%w: %s cannot be written; use jpeg or png", ErrUnsupported, f)
}

// Nearest is the format to write a picture in when none is named: its own, or else PNG for what may be transparent or
// must stay exact and JPEG for the rest.
func Nearest(h Header) Format {
	switch {
	case h.Format == JPEG, h.Format == PNG:
		return h.Format
	case h.Layout.Alpha, h.Format == GIF:
		return PNG
	}
	return JPEG
}
