package render

import (
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/xmp"
)

// subject is what the metadata of a file says about what matters in its picture, once that is upright.
type subject struct {
	faces []area // of people and pets
	focus *Point // of the camera; nil if it is not known
}

// area is a rectangle in a picture: sides are from 0 to 1.
type area struct{ left, top, right, bottom float64 }

// maxFaces bounds the faces that are looked at: the largest.
const maxFaces = 64

// subjectOf reads XMP regions and, for the focus, EXIF. Both relate to the picture as it is stored; but where the
// size that XMP regions apply to has the proportions of the upright picture, and not those of the stored one,
// they have been turned with it.
func subjectOf(h codec.Header) (s subject) {
	turned := func(a area) area { return a.turned(h.Orientation) }
	if h.XMP != nil {
		packet, _ := xmp.Parse(h.XMP, h.ExtendedXMP) // returns what could be read beside the error
		for _, r := range packet.Regions() {
			a := area{r.Left, r.Top, r.Right, r.Bottom}
			upright := h.Orientation.Swaps() && r.OfWidth > 0 && (r.OfWidth > r.OfHeight) != (h.Width > h.Height)
			if !upright {
				a = turned(a)
			}
			switch {
			case r.Kind == xmp.Face || r.Kind == xmp.Pet:
				s.faces = append(s.faces, a)
			case r.Kind == xmp.Focus && s.focus == nil:
				s.focus = a.middle()
			}
		}
	}
	slices.SortStableFunc(s.faces, func(a, b area) int { return int(math.Copysign(1, b.size()-a.size())) })
	s.faces = s.faces[:min(len(s.faces), maxFaces)]
	if s.focus == nil && h.EXIF != nil {
		if x, y, ok := exif.Subject(h.EXIF, h.Width, h.Height); ok {
			s.focus = turned(area{x, y, x, y}).middle()
		}
	}
	return s
}

func (a area) size() float64 { return (a.right - a.left) * (a.bottom - a.top) }

func (a area) middle() *Point { return &Point{(a.left + a.right) / 2, (a.top + a.bottom) / 2} }

// turned returns the area in the upright form of a picture that is stored with orientation o.
func (a area) turned(o exif.Orientation) area {
	x, y := mirrored(o)
	if x {
		a.left, a.right = 1-a.right, 1-a.left
	}
	if y {
		a.top, a.bottom = 1-a.bottom, 1-a.top
	}
	if o.Swaps() {
		a.left, a.top, a.right, a.bottom = a.top, a.left, a.bottom, a.right
	}
	return a
}

// along returns the faces on an axis of an upright w×h picture: 0 is across, 1 down. Around a face, a head has
// a quarter of it on each side, and half of it above.
func (s subject) along(axis, w, h int) (faces []face) {
	edges := func(size int, from, to float64) interval {
		n := float64(size * unit)
		return interval{int(max(math.Floor(from*n), 0)), int(min(math.Ceil(to*n), n))}
	}
	for _, a := range s.faces {
		f := face{area: a.size()}
		if axis == 0 {
			aside := (a.right - a.left) / 4
			f.interval, f.head = edges(w, a.left, a.right), edges(w, a.left-aside, a.right+aside)
		} else {
			tall := a.bottom - a.top
			f.interval, f.head = edges(h, a.top, a.bottom), edges(h, a.top-tall/2, a.bottom+tall/4)
		}
		faces = append(faces, f)
	}
	return faces
}
