package recipe

import (
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

const (
	defaultKeyOfOne  = "{key}"           // target.key with one variant
	defaultKeyOfMany = "{variant}/{key}" // target.key with several
	// defaultKeep is target.keep_replaced: pages that name replaced objects are in caches of browsers and
	// search engines for weeks.
	defaultKeep   = 30 * 24 * time.Hour
	defaultSetKey = "{variant}/{key}/{width}.{format}"
)

// Default returns the recipe of an empty file, and of the buckets photos-input and photos-output:
// every picture at most 800 pixels wide, under the same key.
func Default(formats codec.Set) *Recipe {
	r := base(formats)
	r.nameBuckets()
	r.fill(render.Variant{})
	return r
}

func (r *Recipe) nameBuckets() { r.Source.Bucket, r.Target.Bucket = "photos-input", "photos-output" }

// base holds the defaults that a file overwrites.
func base(formats codec.Set) *Recipe {
	limits := codec.Limits{Pixels: 200e6, Bytes: 100e6, Frames: 500, Memory: defaultMemory}
	return &Recipe{
		Formats:  formats,
		Source:   Source{Suffixes: formats.Suffixes(), Store: Store{PathStyle: true}},
		Target:   Target{Overwrite: OverwriteOurs, Store: Store{PathStyle: true}, KeepReplaced: defaultKeep},
		Limits:   Limits{Limits: limits, Timeout: time.Minute},
		OnRemove: Keep,
		OnBad:    OnBad{Record: true},
		Gates:    Gates{Wait: defaultWait},
	}
}

// fill adds the defaults that depend on what the file contains. all has the settings of variants that have
// none of their own.
func (r *Recipe) fill(all render.Variant) {
	if len(r.Variants) == 0 {
		v := render.NewVariant("resized")
		v.Width = 800
		r.Variants = []render.Variant{v}
	}
	for i := range r.Variants {
		v := &r.Variants[i]
		if v.MaxBytes > 0 && v.Format == nil {
			v.Format = r.Formats.Lossy() // as render would do; keys can depend on it
		}
		if v.Metadata == "" {
			v.Metadata = all.Metadata
		}
		v.Watermark = watermarkOf(v.Watermark, all.Watermark)
	}
	if r.Target.Key == "" {
		r.Target.Key = defaultKeyOfOne
		if len(r.labels()) > 1 {
			r.Target.Key = defaultKeyOfMany
		}
	}
	if r.Target.SetKey == "" {
		r.Target.SetKey = defaultSetKey
	}
}
