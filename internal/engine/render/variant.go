package render

import (
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// Fit says how a picture takes a box of Width×Height. The names are those of CSS object-fit and of sharp.
type Fit string

const (
	Inside  Fit = "inside"  // as large as fits into the box; the default
	Outside Fit = "outside" // as small as covers the box
	Cover   Fit = "cover"   // covers the box, what stands out is cut off evenly
	Contain Fit = "contain" // fits into the box, the rest is filled with Background
	Fill    Fit = "fill"    // exactly the box, proportions ignored
)

// Metadata says what of the picture's EXIF block goes into a variant. A colour profile is not metadata: it stays with the
// pixels that it describes.
type Metadata string

const (
	Strip     Metadata = "strip"     // nothing; the default
	Copyright Metadata = "copyright" // artist and copyright
	Keep      Metadata = "keep"      // everything, position included
)

// DefaultQuality is the IJG quality of a JPEG when a variant names none.
const DefaultQuality = 80

// Variant is one wanted size of a picture.
type Variant struct {
	Name          string
	Width, Height int // pixels of the upright picture; 0 leaves a side to the proportions
	Fit           Fit
	Enlarge       bool // allow a result larger than the picture
	Filter        resample.Filter
	LinearLight   bool              // resample light, not its sRGB levels
	Format        codec.Format      // empty: the picture's own, or the nearest that can be written
	Quality       int               // 1 to 100, IJG scale; 0: DefaultQuality, or less, see job.encode. JPEG only
	Effort        codec.Effort      // empty: normal
	Subsampling   codec.Subsampling // empty: 4:2:0. JPEG only
	Progressive   bool              // JPEG only
	MaxBytes      int64             // find the best quality whose file is no larger; 0: no bound. Makes an empty Format JPEG
	Background    [3]uint8          // red, green, blue behind transparent pixels and around Contain
	Metadata      Metadata
}

// MaxSide bounds a side of a variant; it is what a JPEG can hold.
const MaxSide = 65535

// Problem is one bad setting of a variant, by the setting's name in a recipe.
type Problem struct{ Setting, Text string }

// Problems gives all that is wrong with a variant.
func (v Variant) Problems() []Problem {
	var p []Problem
	add := func(setting, format string, args ...any) {
		p = append(p, Problem{setting, fmt.Sprintf(format, args...)})
	}
	side := func(setting string, n int) {
		if n < 0 || n > MaxSide {
			add(setting, "%d is not a number of pixels from 1 to %d", n, MaxSide)
		}
	}
	side("width", v.Width)
	side("height", v.Height)
	switch v.Fit {
	case "", Inside:
	case Outside, Cover, Contain, Fill:
		if v.Width == 0 || v.Height == 0 {
			add("fit", "%s needs both width and height", v.Fit)
		}
	default:
		add("fit", "%q is none of inside, cover, contain, fill, outside", v.Fit)
	}
	lossless := false
	if v.Format != "" {
		if _, err := codec.EncoderFor(v.Format); err != nil {
			add("format", "%q cannot be written; use jpeg or png", v.Format)
		}
		lossless = v.Format == codec.PNG
	}
	if v.Quality < 0 || v.Quality > 100 {
		add("quality", "%d is not a quality from 1 to 100", v.Quality)
	} else if v.Quality > 0 && lossless {
		add("quality", "%s is lossless and has none; leave it out or use format jpeg", v.Format)
	}
	switch v.Effort {
	case "", codec.NormalEffort, codec.HighEffort:
	default:
		add("effort", "%q is none of normal, high", v.Effort)
	}
	if v.MaxBytes < 0 {
		add("max_bytes", "%d is not a number of bytes", v.MaxBytes)
	} else if v.MaxBytes > 0 && lossless {
		add("max_bytes", "%s is lossless and cannot be made to fit; use format jpeg", v.Format)
	}
	switch v.Subsampling {
	case "", codec.Subsample420, codec.Subsample422, codec.Subsample444:
		if v.Subsampling != "" && lossless {
			add("subsampling", "%s keeps all colour samples; leave it out or use format jpeg", v.Format)
		}
	default:
		add("subsampling", "%q is none of 4:2:0, 4:2:2, 4:4:4", v.Subsampling)
	}
	if v.Progressive && lossless {
		add("progressive", "%s has no scans; leave it out or use format jpeg", v.Format)
	}
	switch v.Filter {
	case "", resample.Lanczos3, resample.CatmullRom, resample.Mitchell, resample.Linear, resample.Box:
	default:
		add("filter", "%q is none of lanczos3, catmull-rom, mitchell, linear, box", v.Filter)
	}
	switch v.Metadata {
	case "", Strip, Copyright, Keep:
	default:
		add("metadata", "%q is none of strip, copyright, keep", v.Metadata)
	}
	return p
}

// Validate is nil or an error that tells all Problems.
func (v Variant) Validate() error {
	var errs []error
	for _, p := range v.Problems() {
		errs = append(errs, fmt.Errorf("%s: %s", p.Setting, p.Text))
	}
	return errors.Join(errs...)
}
