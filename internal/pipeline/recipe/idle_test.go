package recipe_test

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestIdleSettings: a setting that has no effect beside another one is refused in a sentence, and the same
// setting alone is not.
func TestIdleSettings(t *testing.T) {
	const text = "source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\nvariants:\n  v: "
	for settings, want := range map[string]string{
		"{width: 9, format: webp, quality: 80, near_lossless: 60}":                     "variants.v.quality: has no effect beside near_lossless; leave out one of the two",
		"{width: 9, format: webp, quality: 80, lossless: true}":                        "variants.v.quality: has no effect beside lossless; leave out one of the two",
		"{width: 9, format: webp, lossless: true, near_lossless: 60}":                  "variants.v.lossless: has no effect beside near_lossless; leave out one of the two",
		"{format: webp, frames: all, poster: 3}":                                       "variants.v.poster: has no effect beside frames; leave out one of the two",
		"{width: 9, format: webp, near_lossless: 60, max_bytes: 9KB}":                  "variants.v.max_bytes: lossless files cannot be made to fit; leave out max_bytes or near_lossless",
		"{width: 9, format: webp, quality: 80}":                                        "",
		"{width: 9, format: webp, quality: 80, lossless: false}":                       "",
		"{width: 9, format: webp, quality: 80, lossless: auto, max_bytes: 9KB}":        "",
		"{width: 9, format: webp, lossless: false, near_lossless: 60}":                 "",
		"{width: 9, quality: 80, lossless: true}":                                      "", // for JPEG and for WebP
		"{width: 9, format: webp, look: high}":                                         "variants.v.look: has no effect without quality: auto; write that, or leave it out",
		"{width: 9, format: webp, quality: auto, look: high, max_bytes: 9KB}":          "",
		"{format: webp, frames: all, quality: auto}":                                   "variants.v.quality: auto is for stills; give a number, or write frames: first",
		"{format: png, frames: all, poster: 3}":                                        "",
		"{frames: all, poster: 3}":                                                     "",
		"{format: webp, frames: first, poster: 3}":                                     "",
		"{width: 9, format: webp, frames: all}":                                        "",
		"{width: 9, format: webp, effort: fast, quality: 80, background: \"#000000\"}": "",
	} {
		_, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(text+settings+"\n"))
		if got := ""; err != nil {
			got = strings.TrimPrefix(err.Error(), "imgmill.yaml:4: ")
			if got != want {
				t.Errorf("%s: %s, want %q", settings, got, want)
			}
		} else if want != "" {
			t.Errorf("%s is accepted, want %q", settings, want)
		}
	}
}
