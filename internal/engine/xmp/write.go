package xmp

import (
	"cmp"
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// common are the prefixes that the specifications give to namespaces.
var common = map[string]string{
	nsRDF: "rdf", nsX: "x", nsXML: "xml", nsDC: "dc", nsXMP: "xmp", nsRights: "xmpRights",
	nsNote: "xmpNote", nsTIFF: "tiff", nsEXIF: "exif", nsPhotoshop: "photoshop",
}

// guidLength is the length of the name of an extension: the MD5 sum of it, in hexadecimal digits.
const guidLength = 2 * md5.Size

// GUID returns the name by which a packet refers to its extension (Part 3, 1.1.3.1).
func GUID(extension []byte) string { return fmt.Sprintf("%X", md5.Sum(extension)) }

// Marshal returns the packet, without padding, or nil if it has no properties. Of one that has more than
// most bytes, unless that is 0, the largest properties are in an extension, to which the packet refers.
// Where not even the reference fits, it returns nil.
func (p *Packet) Marshal(most int) (packet, extension []byte) {
	if len(p.props) == 0 {
		return nil, nil
	}
	packet, _ = p.wrapped(p.props)
	if most == 0 || len(packet) <= most {
		return packet, nil
	}
	link := &node{name: name{nsNote, "HasExtendedXMP"}, text: strings.Repeat("0", guidLength)}
	packet, sizes := p.wrapped(append(slices.Clone(p.props), link))
	order := make([]int, len(p.props)) // the largest first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	moved := make([]bool, len(p.props))
	for n := len(packet); n > most && len(order) > 0; order = order[1:] {
		moved[order[0]] = true
		n -= sizes[order[0]]
	}
	var stay, move []*node
	for i, n := range p.props {
		if moved[i] {
			move = append(move, n)
		} else {
			stay = append(stay, n)
		}
	}
	extension, _ = p.document(move)
	link.text = GUID(extension)
	if packet, _ = p.wrapped(append(stay, link)); len(packet) > most {
		return nil, nil
	}
	return packet, extension
}

// wrapped returns properties as a packet (ISO 16684-1, 7.3), and the length of each.
func (p *Packet) wrapped(props []*node) (packet []byte, sizes []int) {
	// The identifier is the same in all packets.
	packet = []byte("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>")
	document, sizes := p.document(props)
	return append(append(packet, document...), "<?xpacket end=\"w\"?>"...), sizes
}

// document returns properties as an XML document, and the length of each.
func (p *Packet) document(props []*node) (document []byte, sizes []int) {
	w := &writer{prefixes: map[string]string{}, hints: p.prefixes, taken: map[string]bool{"xmlns": true}}
	for _, space := range []string{nsX, nsRDF, nsXML} {
		w.prefix(space)
	}
	w.declared = nil // above the properties, or known to all readers
	for _, n := range props {
		w.declare(n)
	}
	w.string(`<x:xmpmeta xmlns:x="` + nsX + `"><rdf:RDF xmlns:rdf="` + nsRDF + `"><rdf:Description rdf:about="`)
	w.escaped(p.about)
	w.string(`"`)
	for _, space := range w.declared {
		w.string(` xmlns:` + w.prefixes[space] + `="`)
		w.escaped(space)
		w.string(`"`)
	}
	w.string(">")
	for _, n := range props {
		start := len(w.out)
		w.node(n)
		sizes = append(sizes, len(w.out)-start)
	}
	w.string("</rdf:Description></rdf:RDF></x:xmpmeta>")
	return w.out, sizes
}

// writer writes nodes as XML.
type writer struct {
	out      []byte
	prefixes map[string]string // by namespace
	declared []string          // namespaces, in the order of their first use
	taken    map[string]bool   // prefixes
	hints    map[string]string // prefixes to prefer, by namespace
	numbered int               // prefixes that were made up
}

func (w *writer) string(s string) { w.out = append(w.out, s...) }

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// escaped writes text for an element or an attribute. What XML cannot hold becomes U+FFFD.
func (w *writer) escaped(s string) { xml.EscapeText(w, []byte(s)) } // Write never fails

// declare chooses prefixes for the namespaces of a node and of those inside it.
func (w *writer) declare(n *node) {
	w.prefix(n.space)
	for _, a := range n.attrs {
		w.prefix(a.space)
	}
	for _, c := range n.children {
		w.declare(c)
	}
}

func (w *writer) prefix(space string) {
	if _, ok := w.prefixes[space]; ok || space == "" {
		return
	}
	prefix := cmp.Or(common[space], w.hints[space])
	for prefix == "" || w.taken[prefix] {
		w.numbered++
		prefix = fmt.Sprint("ns", w.numbered)
	}
	w.prefixes[space], w.taken[prefix] = prefix, true
	w.declared = append(w.declared, space)
}

// qualified writes a name with its prefix.
func (w *writer) qualified(n name) {
	if n.space != "" {
		w.string(w.prefixes[n.space] + ":")
	}
	w.string(n.local)
}

func (w *writer) node(n *node) {
	w.string("<")
	w.qualified(n.name)
	for _, a := range n.attrs {
		w.string(" ")
		w.qualified(a.name)
		w.string(`="`)
		w.escaped(a.value)
		w.string(`"`)
	}
	if n.children == nil && n.text == "" {
		w.string("/>")
		return
	}
	w.string(">")
	for _, c := range n.children {
		w.node(c)
	}
	if n.children == nil {
		w.escaped(n.text)
	}
	w.string("</")
	w.qualified(n.name)
	w.string(">")
}
