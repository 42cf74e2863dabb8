// Package xmp reads XMP packets and writes those to store with a resized picture: the same properties
// for the new size, without pictures of the old one (Resized), or a new packet of rights alone.
//
// A packet is read as XML with encoding/xml, without document types and entities, and bounded in length,
// depth and number of elements. It is written anew, so that nothing but properties survives: no padding,
// no comments. The package never follows a URL, and looks into no property that it does not name.
//
// It follows ISO 16684-1 (XMP Specification Part 1) for the data model and its serialization, Part 2 for
// the properties, and Part 3, 1.1.3, for packets that are divided in two.
package xmp

// Namespaces of properties that the package reads, writes or removes.
const (
	nsXML       = "http://www.w3.org/XML/1998/namespace"
	nsRDF       = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsX         = "adobe:ns:meta/"
	nsDC        = "http://purl.org/dc/elements/1.1/"
	nsXMP       = "http://ns.adobe.com/xap/1.0/"
	nsRights    = "http://ns.adobe.com/xap/1.0/rights/"
	nsNote      = "http://ns.adobe.com/xmp/note/"
	nsTIFF      = "http://ns.adobe.com/tiff/1.0/"
	nsEXIF      = "http://ns.adobe.com/exif/1.0/"
	nsPhotoshop = "http://ns.adobe.com/photoshop/1.0/"
)

// MaxLength bounds a packet together with its extension, in bytes.
const MaxLength = 1 << 20

const (
	maxDepth = 64    // of elements
	maxNodes = 50000 // elements and attributes: each takes some hundred bytes once it is read
)

// name is the expanded name of an element or attribute: its namespace, and the name there.
type name struct{ space, local string }

// node is an element. It has children or a text.
type node struct {
	name
	attrs    []attr
	children []*node
	text     string
}

type attr struct {
	name
	value string
}

// Packet is the properties of a picture.
type Packet struct {
	about    string // rdf:about
	props    []*node
	prefixes map[string]string // that the packet uses, by namespace
}

// property returns the property of a name, or nil.
func (p *Packet) property(space, local string) *node {
	for _, n := range p.props {
		if n.name == (name{space, local}) {
			return n
		}
	}
	return nil
}

// Empty reports whether the packet has no properties.
func (p *Packet) Empty() bool { return len(p.props) == 0 }
