package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/imgmill/imgmill/internal/engine/jpeg"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

type jpegEncoder struct{}

func (jpegEncoder) Wants(model plane.Model, _ bool, w, h int, s Subsampling) plane.Layout {
	if model == plane.Gray {
		return plane.NewLayout(plane.Gray, false, w, h, 1, 1)
	}
	x, y := s.ratio()
	return plane.NewLayout(plane.YCbCr, false, w, h, x, y)
}

func (jpegEncoder) Encode(p *plane.Picture, o EncodeOptions) ([]byte, error) {
	opt := jpeg.Options{Quality: o.Quality, Progressive: o.Progressive, ICC: o.ICC, EXIF: o.EXIF, Threads: threads()}
	busy.Add(1)
	defer busy.Add(-1)
	if o.Effort == HighEffort {
		opt.Effort, opt.Progressive = jpeg.High, true
	}
	if o.MaxBytes > 0 {
		b, _, err := jpeg.Fit(p, opt, int(min(o.MaxBytes, math.MaxInt)), min(LowestQuality, o.Quality), o.Quality)
		if errors.Is(err, jpeg.ErrTooLarge) {
			return nil, fmt.Errorf("%w: %w", ErrTooLarge, err)
		}
		return b, unwritable(err)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, p, opt)
	return b.Bytes(), unwritable(err)
}

// unwritable: a buffer takes everything, so an error says what a JPEG cannot hold, and will say so again.
func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnsupported, err)
}
