package plane

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/colour"
)

// Model names the colour model: how many colour planes there are, and what their samples mean.
type Model uint8

const (
	// Gray is one plane of luma.
	Gray Model = iota
	// YCbCr is full-range BT.601 luma and two chroma planes, as in JFIF.
	YCbCr
	// RGB is red, green and blue, as stored: no profile is applied.
	RGB
	// CMYK is four planes of ink, 0 for none and 255 for full.
	CMYK
)

// Kinds lists the kinds of the model's colour planes, in order.
func (m Model) Kinds() []Kind {
	switch m {
	case Gray:
		return []Kind{Luma}
	case YCbCr:
		return []Kind{Luma, Chroma, Chroma}
	case CMYK:
		return []Kind{Colour, Colour, Colour, Colour}
	}
	return []Kind{Colour, Colour, Colour}
}

// Colours is the number of colour planes; alpha does not count.
func (m Model) Colours() int { return len(m.Kinds()) }

func (m Model) String() string {
	switch m {
	case Gray:
		return "gray"
	case YCbCr:
		return "YCbCr"
	case RGB:
		return "RGB"
	case CMYK:
		return "CMYK"
	}
	return fmt.Sprintf("model %d", uint8(m))
}

// Kind is what the samples of a plane are.
type Kind uint8

const (
	// Luma is brightness, and always has the picture's full grid.
	Luma Kind = iota
	// Chroma is a colour difference, 128 for none. Only chroma may have a coarser grid than the
	// picture.
	Chroma
	// Colour is one colour component or ink, on the picture's full grid.
	Colour
	// Alpha is opacity, 0 for transparent and 255 for opaque, on the picture's full grid.
	Alpha
)

func (k Kind) String() string { return [...]string{"luma", "chroma", "colour", "alpha"}[k] }

// Space is the colour space that the samples of the colour planes are in. The zero value is sRGB,
// which is what pictures without a declared colour space are shown as.
type Space struct {
	// ICC is the profile of the colour planes (ICC.1:2022), or nil if there is none.
	ICC []byte
	// Source is a space that the file declares otherwise, such as by PNG's gAMA or by code points. It
	// takes precedence over ICC; decoders resolve what their format says of both.
	Source colour.Source
}

// Class returns the data colour space signature of the profile (ICC.1:2022, 7.2.6), such as "RGB "
// or "GRAY", or "" if there is no profile.
func (s Space) Class() string {
	if len(s.ICC) < 128 {
		return ""
	}
	return string(s.ICC[16:20])
}

// For returns s if it can describe samples of model m, and sRGB otherwise.
func (s Space) For(m Model) Space {
	class := s.Class()
	if s.Source != nil {
		return Space{} // no encoder writes it
	}
	switch m {
	case Gray:
		if class == "GRAY" {
			return s
		}
	case YCbCr, RGB:
		if class == "RGB " {
			return s
		}
	case CMYK:
		if class == "CMYK" {
			return s
		}
	}
	return Space{}
}

// Size is the grid of a plane: Width×Height samples are stored, of which the picture covers
// SpanX×SpanY, measured in samples of this plane from its top left corner. The span is fractional
// where subsampling or a scaled decode does not divide the picture evenly: a chroma plane of a 5
// wide 4:2:0 picture is 3 wide and spans 2.5. Sample i is centred at i+0.5, which is JFIF's siting
// for chroma.
type Size struct {
	Width, Height int
	SpanX, SpanY  float64
}

// Whole is a grid whose picture covers all of its samples.
func Whole(w, h int) Size { return Size{w, h, float64(w), float64(h)} }

// transposed is s with its axes exchanged.
func (s Size) transposed() Size { return Size{s.Height, s.Width, s.SpanY, s.SpanX} }

// Plane describes one plane of a picture.
type Plane struct {
	Kind Kind
	Size
}

// Bits is how many bits a sample has. Decoders reduce deeper pictures to it.
const Bits = 8

// Layout describes the planes of a picture: the colour planes in the model's order, then alpha, if
// the picture has it. Colour is straight (not multiplied by alpha), as PNG and WebP store it. Plane
// 0 has the picture's full grid.
type Layout struct {
	Model  Model
	Space  Space
	Bits   int // of every sample; always the constant Bits today
	Planes []Plane
}

// NewLayout is a w×h layout of 8-bit samples in sRGB whose chroma planes, if the model has any, are
// subsampled by subX and subY.
func NewLayout(m Model, alpha bool, w, h, subX, subY int) Layout {
	l := Layout{Model: m, Bits: Bits}
	kinds := m.Kinds()
	if alpha {
		kinds = append(kinds, Alpha)
	}
	for _, k := range kinds {
		s := Whole(w, h)
		if k == Chroma {
			s = Size{
				Width: (w + subX - 1) / subX, SpanX: float64(w) / float64(subX),
				Height: (h + subY - 1) / subY, SpanY: float64(h) / float64(subY),
			}
		}
		l.Planes = append(l.Planes, Plane{k, s})
	}
	return l
}

// Width is the picture's width in samples of plane 0.
func (l Layout) Width() int { return l.Planes[0].Width }

// Height is the picture's height in samples of plane 0.
func (l Layout) Height() int { return l.Planes[0].Height }

// Alpha returns the index of the alpha plane; ok is false if the picture is opaque.
func (l Layout) Alpha() (i int, ok bool) {
	for i, p := range l.Planes {
		if p.Kind == Alpha {
			return i, true
		}
	}
	return -1, false
}

// HasAlpha reports whether there is an alpha plane.
func (l Layout) HasAlpha() bool {
	_, ok := l.Alpha()
	return ok
}

// Subsampled reports whether a chroma plane has a coarser grid than the picture.
func (l Layout) Subsampled() bool {
	for _, p := range l.Planes {
		if p.Size != l.Planes[0].Size {
			return true
		}
	}
	return false
}

// Subsampling is how many samples of the picture's grid lie in one of chroma's, across and down; 1
// and 1 without chroma.
func (l Layout) Subsampling() (x, y int) {
	for _, p := range l.Planes {
		if p.Kind == Chroma {
			return (l.Width() + p.Width - 1) / p.Width, (l.Height() + p.Height - 1) / p.Height
		}
	}
	return 1, 1
}

// Transposed is l with the axes of the picture exchanged.
func (l Layout) Transposed() Layout {
	planes := make([]Plane, len(l.Planes))
	for i, p := range l.Planes {
		planes[i] = Plane{p.Kind, p.transposed()}
	}
	l.Planes = planes
	return l
}
