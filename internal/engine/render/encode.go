package render

import (
	"errors"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// encode gives the file. A JPEG made of a JPEG does not take more bytes than it did, where the variant says nothing of
// quality: DefaultQuality then gives way, down to codec.LowestQuality, and the file is progressive.
func (j *job) encode(d codec.Decoder, p *plane.Picture) ([]byte, error) {
	h := d.Header()
	o := codec.EncodeOptions{
		Quality:     j.variant.Quality,
		Effort:      j.variant.Effort,
		Progressive: j.variant.Progressive,
		MaxBytes:    j.variant.MaxBytes,
		ICC:         profileFor(h.ICC, p.Model),
		EXIF:        j.variant.Metadata.keep(h.EXIF),
	}
	if o.Quality == 0 {
		o.Quality = DefaultQuality
	}
	data, err := j.encoder.Encode(p, o)
	if err != nil || !j.mayNotGrow(h) {
		return data, err
	}
	o.MaxBytes, err = d.Length(int64(len(data)))
	if err != nil || int64(len(data)) <= o.MaxBytes {
		return data, err
	}
	o.Progressive = true
	data, err = j.encoder.Encode(p, o)
	if errors.Is(err, codec.ErrTooLarge) {
		o.MaxBytes, o.Quality = 0, codec.LowestQuality
		return j.encoder.Encode(p, o)
	}
	return data, err
}

// mayNotGrow tells whether nothing but a size, no larger than the picture's, was asked of a JPEG.
func (j *job) mayNotGrow(h codec.Header) bool {
	v, f := j.variant, j.frame
	w, ht := upright(h)
	return v.Quality == 0 && v.MaxBytes == 0 && v.Subsampling == "" && h.Format == codec.JPEG && j.format == codec.JPEG &&
		f.canvasWidth <= w && f.canvasHeight <= ht
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
