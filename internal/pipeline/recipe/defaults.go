package recipe

import (
	"slices"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// HEIC is told but not decoded: it is among the suffixes so that such an upload ends as a failure with its reason instead of
// being passed over in silence.
var defaultSuffixes = []string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".tif", ".tiff", ".bmp"}

const (
	defaultKeyOfOne  = "{key}"           // target.key when there is one variant
	defaultKeyOfMany = "{variant}/{key}" // target.key when there are several
)

// Default is the recipe of an empty file, and of the buckets photos-input and photos-output: every picture 800 wide at most,
// under the same key.
func Default() *Recipe {
	r := base()
	r.Source.Bucket, r.Target.Bucket = "photos-input", "photos-output"
	r.fill("")
	return r
}

// base holds the defaults that a file overwrites.
func base() *Recipe {
	return &Recipe{
		Source:   Source{Suffixes: slices.Clone(defaultSuffixes)},
		Limits:   Limits{Limits: codec.Limits{Pixels: 200e6, Bytes: 100e6, Frames: 500}, Timeout: time.Minute},
		OnRemove: Keep,
	}
}

// baseVariant holds the defaults of one variant. Behind transparency is white: that is what a page shows.
func baseVariant(name string) render.Variant {
	return render.Variant{Name: name, Fit: render.Inside, Background: [3]uint8{255, 255, 255}}
}

// fill adds the defaults that depend on what the file says.
func (r *Recipe) fill(metadata render.Metadata) {
	if len(r.Variants) == 0 {
		v := baseVariant("resized")
		v.Width = 800
		r.Variants = []render.Variant{v}
	}
	for i := range r.Variants {
		v := &r.Variants[i]
		if v.MaxBytes > 0 && v.Format == "" {
			v.Format = codec.JPEG // as render would do; said here, it is known where keys are computed
		}
		if v.Metadata == "" {
			v.Metadata = metadata
		}
		if v.Metadata == "" {
			v.Metadata = render.Strip
		}
	}
	if r.Target.Key == "" {
		r.Target.Key = defaultKeyOfOne
		if len(r.Variants) > 1 {
			r.Target.Key = defaultKeyOfMany
		}
	}
}
