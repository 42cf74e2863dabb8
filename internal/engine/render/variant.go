package render

import (
	"cmp"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Fit is how a picture fills a box of Width×Height. The names are those of CSS object-fit and of
// sharp.
type Fit string

const (
	Inside  Fit = "inside"  // as large as fits into the box; the default
	Cover   Fit = "cover"   // covers the box, Position says what is cut off
	Contain Fit = "contain" // fits into the box at Position, the rest is filled with Background
	Fill    Fit = "fill"    // exactly the box, proportions ignored
	Outside Fit = "outside" // as small as covers the box
)

// Embedded says whether a small copy of the picture that its file embeds may stand for it.
type Embedded string

const (
	AutoEmbedded  Embedded = "auto"  // where nobody would see a difference; the default
	NeverEmbedded Embedded = "never" // the picture itself is decoded
)

// Variant is one wanted size of a picture. An empty text stands for the default.
type Variant struct {
	Name string
	// Set is the name of the set that the variant belongs to, or empty. Of the variants of a set that have
	// the same format and would have the same width, the first alone is made.
	Set           string
	Width, Height int // pixels of the upright picture; 0 leaves a side to the proportions
	Fit           Fit
	Position      Position // which part Cover shows, and where Contain puts the picture; empty: Center
	// Focal is what matters in the picture, if whoever uploaded it has said so. With FocalPosition and
	// Attention, it is what Cover shows.
	Focal       *Point
	Enlarge     bool // allow a result larger than the picture
	Filter      resample.Filter
	Embedded    Embedded      // empty: AutoEmbedded
	LinearLight bool          // resample light, not its sRGB levels
	Format      *codec.Format // nil: the picture's own, or the nearest that can be written
	// Encoding holds settings of Format. If that is nil, settings that the picture's format does not
	// have are ignored.
	Encoding setting.Values
	// MaxBytes asks for the best quality whose file is no larger; 0 means no bound. With a nil Format,
	// the output is lossy.
	MaxBytes   int64
	Look       Look     // with the quality "auto"; empty: Good
	Background [3]uint8 // red, green, blue behind transparent pixels and around Contain
	Metadata   Metadata
	Colour     Colour // empty: SRGB
	Intent     Intent // empty: RelativeIntent
	HDR        HDR    // empty: DropHDR
	Frames     int    // of an animation, at most, where Format holds animations; 0 means 1
	Poster     int    // the frame that a still shows, from 1 on, or the last one; 0 means 1
	Watermark  Watermark
	BlackPoint bool // compensate for the black point of profiles
}

// Label is the name that the variant shares with the others of its set, or else its own.
func (v Variant) Label() string { return cmp.Or(v.Set, v.Name) }

// NewVariant returns a variant of default settings. Behind transparency is white: that is what a
// page shows.
func NewVariant(name string) Variant {
	return Variant{Name: name, Background: [3]uint8{255, 255, 255}}
}

// MaxSide bounds a side of a variant, in pixels: it is what a JPEG can hold.
const MaxSide = 65535
