package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Position is which part of a picture Cover shows, and where Contain puts it: one of the following, or two
// percentages as in CSS object-position, "0% 50%" for the left edge.
type Position string

const (
	Center Position = "center" // the default
	// FocalPosition is what the picture itself says: its Variant.Focal, else the faces that its metadata
	// lists, else what its camera has focused on, else its centre.
	FocalPosition Position = "focal"
	// Attention is Variant.Focal or else, among the parts that hold the faces that the metadata lists, the
	// one that draws most attention by the measure of attention.go.
	Attention Position = "attention"
)

// Focal reports whether a focal point of the picture decides what is shown.
func (p Position) Focal() bool { return p == FocalPosition || p == Attention }

// percentages returns the place that is shown, or the centre where the picture decides.
func (p Position) percentages() (x, y float64) { return setting.Percentages(string(p)) }

// Point is a place in an upright picture, from 0, 0 at the top left to 1, 1.
type Point struct{ X, Y float64 }

// ParsePoint reads two numbers from 0 to 1 with a comma or blanks between them, such as "0.3, 0.6".
func ParsePoint(text string) (*Point, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	var v [2]float64
	var err error
	for i := 0; i < len(fields) && i < len(v) && err == nil; i++ {
		v[i], err = strconv.ParseFloat(fields[i], 64)
	}
	if err != nil || len(fields) != len(v) || !(v[0] >= 0 && v[0] <= 1 && v[1] >= 0 && v[1] <= 1) { // or no numbers
		return nil, fmt.Errorf("%q is not a point; write two numbers from 0 to 1, across and down, like 0.3,0.6", text)
	}
	return &Point{v[0], v[1]}, nil
}

// String returns a text that ParsePoint reads.
func (p Point) String() string {
	return strconv.FormatFloat(p.X, 'g', -1, 64) + "," + strconv.FormatFloat(p.Y, 'g', -1, 64)
}

// along returns the coordinate on axis 0, across, or 1, down.
func (p Point) along(axis int) float64 {
	if axis == 0 {
		return p.X
	}
	return p.Y
}

// placeAt returns where a window begins on an axis if p percent of what it leaves out lies before it. Except
// at the centre and the ends it begins at a whole pixel, so that pixels that keep their size are copied.
func placeAt(size, length, p float64) float64 {
	start := (size - length) * p / 100
	if p == 0 || p == 50 || p == 100 {
		return start
	}
	return min(math.Round(start), size-length)
}

// place moves the window of Cover to where the variant wants it in a w×h picture. Where pixels are to decide,
// it sets f.starts, and leaves the window at the centre.
func (f *frame) place(v Variant, w, h int, s subject) {
	x, y := v.Position.percentages()
	f.window.x = placeAt(float64(w), f.window.width, x)
	f.window.y = placeAt(float64(h), f.window.height, y)
	if !v.Position.Focal() {
		return
	}
	start, size, length, result := &f.window.x, w, f.window.width, f.width
	if f.axis = 0; float64(h)-f.window.height > float64(w)-f.window.width { // the other may differ by rounding
		start, size, length, result = &f.window.y, h, f.window.height, f.height
		f.axis = 1
	}
	starts := interval{0, units(float64(size) - length)}
	if starts.to < unit {
		return
	}
	if v.Focal != nil {
		at := min(units(v.Focal.along(f.axis)*float64(size)), size*unit-1)
		starts = starts.and(interval{at + 1 - units(length), at})
	}
	starts, held := hold(s.along(f.axis, w, h), starts, units(length))
	first, last := float64(starts.from)/unit, float64(starts.to)/unit
	var middle float64
	switch {
	case v.Focal != nil:
		middle = v.Focal.along(f.axis) * float64(size)
	case v.Position == Attention:
		if (last-first)*float64(result)/length >= fewPixels {
			f.starts = starts
			return
		}
		middle = (first+last)/2 + length/2
	case held != interval{}:
		middle = float64(held.from+held.to) / 2 / unit
	case s.focus != nil:
		middle = s.focus.along(f.axis) * float64(size)
	default:
		return // the centre
	}
	if math.Ceil(first) <= math.Floor(last) {
		first, last = math.Ceil(first), math.Floor(last)
	}
	*start = min(max(math.Round(middle-length/2), first), last)
}

// fewPixels of the result are too little to choose among for a look at the picture to be worth it.
const fewPixels = 4

// unit is how many parts a pixel has in intervals.
const unit = 256

func units(pixels float64) int { return int(pixels * unit) }

// interval is from one place on an axis to another, both included, in units.
type interval struct{ from, to int }

func (i interval) empty() bool { return i.from > i.to }

func (i interval) and(j interval) interval { return interval{max(i.from, j.from), min(i.to, j.to)} }

// face is what a face takes of an axis, from edge to edge, and what it takes with the rest of its head, as far as
// the picture goes.
type face struct {
	interval
	head interval
	area float64 // of the face in the picture
}

// hold returns which of the windows of a length, by their starts, hold faces whole: those whose faces have the
// largest area together and, of these, the windows that hold the heads around them too, if there are any. held
// is what these faces take. Of equal choices it takes that nearest to the middle of starts.
func hold(faces []face, starts interval, length int) (holding, held interval) {
	holdingOne := func(f interval) interval { return starts.and(interval{f.to - length, f.from}) }
	best, most, distance := 0, 0.0, 0
	for _, f := range faces { // the best windows include the first that holds one of the faces
		at := holdingOne(f.interval)
		if at.empty() {
			continue
		}
		area := 0.0
		for _, g := range faces {
			if with := holdingOne(g.interval); with.from <= at.from && at.from <= with.to {
				area += g.area
			}
		}
		away := 2*at.from - starts.from - starts.to
		if away = max(away, -away); area > most || area == most && away < distance {
			best, most, distance = at.from, area, away
		}
	}
	if most == 0 {
		return starts, interval{}
	}
	holding, held = starts, interval{math.MaxInt, 0}
	heads := starts
	for _, f := range faces {
		if one := holdingOne(f.interval); one.from <= best && best <= one.to {
			holding, heads = holding.and(one), heads.and(holdingOne(f.head))
			held = interval{min(held.from, f.from), max(held.to, f.to)}
		}
	}
	if !heads.empty() {
		holding = heads
	}
	return holding, held
}
