package xmp

import (
	"math"
	"strconv"
	"strings"
)

// RegionKind is what a region shows.
type RegionKind string

// The kinds of regions (MWG, "Guidelines for handling image metadata" 2.0, 5.9).
const (
	Face    RegionKind = "Face"
	Pet     RegionKind = "Pet"
	Focus   RegionKind = "Focus" // what a camera has focused on
	BarCode RegionKind = "BarCode"
)

// Region is a part of a picture that a packet describes. Edges are fractions of the picture's width and height,
// from 0 to 1 from its top left, as it is stored: before its orientation is applied.
type Region struct {
	Kind                     RegionKind
	Left, Top, Right, Bottom float64
	// OfWidth and OfHeight are the size of the picture that the region was marked in, in pixels; 0 if the
	// packet does not say.
	OfWidth, OfHeight float64
}

const (
	nsRegions     = "http://www.metadataworkinggroup.com/schemas/regions/"
	nsArea        = "http://ns.adobe.com/xmp/sType/Area#"
	nsDimensions  = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
	nsPeople      = "http://ns.microsoft.com/photo/1.2/"
	nsPeopleInfo  = "http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
	nsPeopleFaces = "http://ns.microsoft.com/photo/1.2/t/Region#"
)

// Regions returns the regions of the packet: those of the Metadata Working Group (mwg-rs:Regions) and, if it
// has none, the people of Microsoft's schema (MP:RegionInfo), all of which are faces. A region that is not
// within the picture, in part at least, or that cannot be read, is left out.
func (p *Packet) Regions() (all []Region) {
	info := p.property(nsRegions, "Regions")
	applied := info.field(nsRegions, "AppliedToDimensions")
	w, h := applied.number(nsDimensions, "w"), applied.number(nsDimensions, "h")
	for _, n := range info.field(nsRegions, "RegionList").items() {
		r := Region{Kind: RegionKind(n.value(nsRegions, "Type"))}
		if w > 0 && h > 0 {
			r.OfWidth, r.OfHeight = w, h
		}
		if r.Kind == "" {
			r.Kind = Face // which is what programs mean that leave it out
		}
		a := n.field(nsRegions, "Area")
		x, y := a.number(nsArea, "x"), a.number(nsArea, "y")
		width, height := a.number(nsArea, "w"), a.number(nsArea, "h")
		if d := a.number(nsArea, "d"); !(width > 0) && d > 0 { // a circle, whose diameter is of the shorter side
			width, height = d, d
			if w > 0 && h > 0 && a.value(nsArea, "unit") != "pixel" {
				width, height = d*min(w, h)/w, d*min(w, h)/h
			}
		}
		if math.IsNaN(width) || math.IsNaN(height) { // a point
			width, height = 0, 0
		}
		if a.value(nsArea, "unit") == "pixel" {
			x, y, width, height = x/w, y/h, width/w, height/h
		}
		if r.within(x-width/2, y-height/2, x+width/2, y+height/2) {
			all = append(all, r)
		}
	}
	if len(all) > 0 {
		return all
	}
	for _, n := range p.property(nsPeople, "RegionInfo").field(nsPeopleInfo, "Regions").items() {
		sides := strings.Split(n.value(nsPeopleFaces, "Rectangle"), ",")
		if len(sides) != 4 {
			continue
		}
		x, y, width, height := number(sides[0]), number(sides[1]), number(sides[2]), number(sides[3])
		if r := (Region{Kind: Face}); r.within(x, y, x+width, y+height) {
			all = append(all, r)
		}
	}
	return all
}

// within sets the edges of a region, as far as they are in the picture, and reports whether it is there.
func (r *Region) within(left, top, right, bottom float64) bool {
	if !(left <= right && top <= bottom && right >= 0 && bottom >= 0 && left <= 1 && top <= 1) { // or no number
		return false
	}
	r.Left, r.Top, r.Right, r.Bottom = max(left, 0), max(top, 0), min(right, 1), min(bottom, 1)
	return true
}

// field returns a field of a structure (ISO 16684-1, 7.6), which has one of several forms: elements within an
// element that says so, within an rdf:Description, or attributes, which become elements. It returns nil for a
// field that is absent or of a nil node.
func (n *node) field(space, local string) *node {
	if n == nil {
		return nil
	}
	want := name{space, local}
	for _, a := range n.attrs {
		if a.name == want {
			return &node{name: want, text: a.value}
		}
	}
	for _, c := range n.children {
		if c.name == want {
			return c
		}
		if c.name == (name{nsRDF, "Description"}) {
			if f := c.field(space, local); f != nil {
				return f
			}
		}
	}
	return nil
}

// value returns the text of a field, or "".
func (n *node) value(space, local string) string {
	if f := n.field(space, local); f != nil {
		return strings.TrimSpace(f.text)
	}
	return ""
}

// number returns the number in a field, or NaN.
func (n *node) number(space, local string) float64 { return number(n.value(space, local)) }

// number reads a number that is finite, or returns NaN.
func number(text string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}
