package xmp

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Parse reads a packet and, of a packet that was divided, its extension, which may be nil. A property
// that occurs twice counts once. Beside an error, the Packet holds what was read until then.
func Parse(packet, extension []byte) (*Packet, error) {
	p := &Packet{prefixes: map[string]string{}}
	if n := len(packet) + len(extension); n > MaxLength {
		return p, fmt.Errorf("XMP of %d bytes, more than %d", n, MaxLength)
	}
	// The reference to an extension says nothing once both are read.
	r := &reader{Packet: p, seen: map[name]bool{{nsNote, "HasExtendedXMP"}: true}}
	for _, part := range [][]byte{packet, extension} {
		if err := r.document(part); err != nil {
			return p, err
		}
	}
	return p, nil
}

// reader builds the properties of a packet from XML.
type reader struct {
	*Packet
	seen  map[name]bool // properties that are not read (again)
	nodes int           // elements and attributes until now
	stack []*node       // open elements
	text  []byte        // since the last start of an element
}

// document reads the rdf:Description elements of an XML document.
func (r *reader) document(data []byte) error {
	// Packets in JPEG files often end with a NUL; that of the header may be preceded by one.
	d := xml.NewDecoder(bytes.NewReader(bytes.Trim(data, "\x00")))
	r.stack = r.stack[:0]
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			switch t := t.(type) {
			case xml.StartElement:
				err = r.start(t)
			case xml.EndElement:
				r.end()
			case xml.CharData:
				r.text = append(r.text, t...)
			case xml.Directive:
				err = errors.New("a document type")
			}
		}
		if err != nil {
			return fmt.Errorf("XMP at byte %d: %w", d.InputOffset(), err)
		}
	}
}

// start opens an element.
func (r *reader) start(t xml.StartElement) error {
	if r.nodes += 1 + len(t.Attr); r.nodes > maxNodes {
		return fmt.Errorf("more than %d elements and attributes", maxNodes)
	}
	if len(r.stack) == maxDepth {
		return fmt.Errorf("more than %d elements inside one another", maxDepth)
	}
	n := &node{name: name{t.Name.Space, t.Name.Local}}
	if strings.Contains(n.local, ":") { // encoding/xml accepts a colon at either end
		return fmt.Errorf("the name %q", n.local)
	}
	seen := map[name]bool{}
	for _, a := range t.Attr {
		switch {
		case strings.Contains(a.Name.Local, ":"):
			return fmt.Errorf("the name %q", a.Name.Local)
		case a.Name.Space == "xmlns":
			if _, ok := r.prefixes[a.Value]; !ok {
				r.prefixes[a.Value] = a.Name.Local
			}
		case a.Name.Space == "" && a.Name.Local == "xmlns":
		case !seen[name{a.Name.Space, a.Name.Local}]:
			seen[name{a.Name.Space, a.Name.Local}] = true
			n.attrs = append(n.attrs, attr{name{a.Name.Space, a.Name.Local}, a.Value})
		}
	}
	if len(r.stack) > 0 {
		parent := r.stack[len(r.stack)-1]
		parent.children = append(parent.children, n)
	}
	r.stack, r.text = append(r.stack, n), r.text[:0]
	return nil
}

// end closes an element. The properties of an rdf:Description of the first level are kept; so they are
// where damage follows.
func (r *reader) end() {
	n := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	if n.children == nil {
		n.text = string(r.text)
	}
	if n.name != (name{nsRDF, "Description"}) || len(r.stack) == 0 ||
		r.stack[len(r.stack)-1].name != (name{nsRDF, "RDF"}) || r.inside("Description") {
		return
	}
	for _, a := range n.attrs {
		switch {
		case a.name == name{nsRDF, "about"} || a.name == name{"", "about"}:
			if r.about == "" {
				r.about = a.value
			}
		case a.space != nsRDF && a.space != nsXML:
			r.add(&node{name: a.name, text: a.value})
		}
	}
	for _, c := range n.children {
		if c.space != nsRDF {
			r.add(c)
		}
	}
	r.stack[len(r.stack)-1].children = nil // read
}

// inside reports whether an element of RDF with that name is open.
func (r *reader) inside(local string) bool {
	for _, n := range r.stack {
		if n.name == (name{nsRDF, local}) {
			return true
		}
	}
	return false
}

// add keeps a property. Names that the packet leaves without a namespace are none.
func (r *reader) add(n *node) {
	if n.space == "" || strings.HasPrefix(n.space, "xmlns") || r.seen[n.name] {
		return
	}
	r.seen[n.name] = true
	r.props = append(r.props, n)
}
