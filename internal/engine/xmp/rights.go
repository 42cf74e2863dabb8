package xmp

import "strings"

// Rights is who made a picture and who may use it. Texts are UTF-8.
type Rights struct {
	Creators     []string // dc:creator
	Notice       string   // of copyright: dc:rights
	Credit       string   // to be shown with the picture: photoshop:Credit
	UsageTerms   string   // xmpRights:UsageTerms
	WebStatement string   // URL of a statement of rights: xmpRights:WebStatement
}

// Rights returns what the packet says about them.
func (p *Packet) Rights() (r Rights) {
	if n := p.property(nsDC, "creator"); n != nil {
		for _, text := range n.texts() {
			if text != "" {
				r.Creators = append(r.Creators, text)
			}
		}
	}
	r.Notice = p.property(nsDC, "rights").localized()
	r.Credit = p.property(nsPhotoshop, "Credit").localized()
	r.UsageTerms = p.property(nsRights, "UsageTerms").localized()
	r.WebStatement = p.property(nsRights, "WebStatement").localized()
	return r
}

// items returns the items of an array (ISO 16684-1, 7.7), or the node itself if it is none. A nil node has none.
func (n *node) items() []*node {
	if n == nil {
		return nil
	}
	if len(n.children) == 1 {
		switch array := n.children[0]; array.name {
		case name{nsRDF, "Seq"}, name{nsRDF, "Bag"}, name{nsRDF, "Alt"}:
			return array.children
		}
	}
	return []*node{n}
}

// texts returns the texts of an array's items, or that of a simple value.
func (n *node) texts() (all []string) {
	for _, item := range n.items() {
		all = append(all, strings.TrimSpace(item.text))
	}
	return all
}

// localized returns the text of a language alternative that is the default, or else the first, or that
// of a simple value.
func (n *node) localized() string {
	if n == nil {
		return ""
	}
	for _, item := range n.items() {
		for _, a := range item.attrs {
			if a.name == (name{nsXML, "lang"}) && strings.EqualFold(a.value, "x-default") {
				return strings.TrimSpace(item.text)
			}
		}
	}
	if texts := n.texts(); len(texts) > 0 {
		return texts[0]
	}
	return ""
}

// New returns a packet that holds rights and nothing else.
func New(r Rights) *Packet {
	p := &Packet{}
	add := func(space, local string, n *node) {
		n.name = name{space, local}
		p.props = append(p.props, n)
	}
	if len(r.Creators) > 0 {
		seq := &node{name: name{nsRDF, "Seq"}}
		for _, c := range r.Creators {
			seq.children = append(seq.children, &node{name: name{nsRDF, "li"}, text: c})
		}
		add(nsDC, "creator", &node{children: []*node{seq}})
	}
	alternative := func(space, local, text string) {
		if text != "" {
			li := &node{name: name{nsRDF, "li"}, text: text, attrs: []attr{{name{nsXML, "lang"}, "x-default"}}}
			add(space, local, &node{children: []*node{{name: name{nsRDF, "Alt"}, children: []*node{li}}}})
		}
	}
	simple := func(space, local, text string) {
		if text != "" {
			add(space, local, &node{text: text})
		}
	}
	alternative(nsDC, "rights", r.Notice)
	simple(nsPhotoshop, "Credit", r.Credit)
	alternative(nsRights, "UsageTerms", r.UsageTerms)
	simple(nsRights, "WebStatement", r.WebStatement)
	return p
}
