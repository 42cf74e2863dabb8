package render

import (
	"github.com/imgmill/imgmill/internal/codec"
	"github.com/imgmill/imgmill/internal/exif"
	"github.com/imgmill/imgmill/internal/plane"
)

func (j *job) encode(h codec.Header, p *plane.Picture) ([]byte, error) {
	o := codec.EncodeOptions{
		Quality:  j.variant.Quality,
		Effort:   j.variant.Effort,
		MaxBytes: j.variant.MaxBytes,
		ICC:      profileFor(h.ICC, p.Model),
		EXIF:     j.variant.Metadata.keep(h.EXIF),
	}
	if o.Quality == 0 {
		o.Quality = DefaultQuality
	}
	return j.encoder.Encode(p, o)
}

// profileFor is the profile if it describes pixels of model m. One for another colour space was made void by convert.
func profileFor(icc []byte, m plane.Model) []byte {
	space := profileSpace(icc)
	if m == plane.Gray && space == "GRAY" || m != plane.Gray && space == "RGB " {
		return icc
	}
	return nil
}

// profileSpace is the data colour space of a profile (ICC.1:2022, 7.2.6), or empty.
func profileSpace(icc []byte) string {
	if len(icc) < 128 {
		return ""
	}
	return string(icc[16:20])
}

// keep is what of an EXIF block goes into a variant; what is kept says that the picture stands upright.
func (m Metadata) keep(tiff []byte) []byte {
	switch {
	case tiff == nil:
		return nil
	case m == Keep:
		return exif.Upright(tiff)
	case m == Copyright:
		info, _ := exif.Parse(tiff) // gives what could be read beside the error
		return exif.CopyrightOnly(info)
	}
	return nil
}
