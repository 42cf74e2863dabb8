package manifest

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// HTML returns the element of a web page that shows a set or a variant: by name, or the first if name is
// empty. alt replaces the alternate text of the manifest unless it is empty.
func (m *Manifest) HTML(name, alt string) (string, error) {
	if alt == "" {
		alt = m.Alt
	}
	shown := m.shown(name)
	if len(shown) == 0 {
		return "", fmt.Errorf("the manifest has no variant %q; it has %s", name, strings.Join(m.names(), ", "))
	}
	i := slices.IndexFunc(m.Sets, func(s Set) bool { return s.Name == shown[0].Set })
	if i < 0 {
		return m.img("", shown[0], "", "", alt), nil
	}
	set := m.Sets[i]
	last := set.Sources[len(set.Sources)-1]
	widest := shown[0] // of those that every browser shows
	for _, v := range shown {
		if v.Type == last.Type && (widest.Type != last.Type || v.Width > widest.Width) {
			widest = v
		}
	}
	if len(set.Sources) == 1 {
		return m.img("", widest, last.SrcSet, set.Sizes, alt), nil
	}
	var b strings.Builder
	b.WriteString("<picture>\n")
	for _, f := range set.Sources[:len(set.Sources)-1] {
		fmt.Fprintf(&b, "  <source%s>\n", attributes("type", f.Type, "srcset", f.SrcSet, "sizes", set.Sizes))
	}
	b.WriteString(m.img("  ", widest, last.SrcSet, set.Sizes, alt))
	b.WriteString("</picture>\n")
	return b.String(), nil
}

// shown returns the variants that a name stands for.
func (m *Manifest) shown(name string) (all []Variant) {
	if name == "" && len(m.Sets) > 0 {
		name = m.Sets[0].Name
	}
	for _, v := range m.Variants {
		if v.Name == name || v.Set == name && v.Set != "" || name == "" && len(all) == 0 {
			all = append(all, v)
		}
	}
	return all
}

// names lists what can be shown.
func (m *Manifest) names() (names []string) {
	for _, v := range m.Variants {
		name := v.Name
		if v.Set != "" {
			name = v.Set
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// img returns the element of a variant, in front of the colour that it mostly has.
func (m *Manifest) img(indent string, v Variant, srcset, sizes, alt string) string {
	if srcset == v.URL {
		srcset = ""
	}
	style := ""
	if m.Placeholder != nil {
		style = "background-color: " + m.Placeholder.Colour
	}
	return fmt.Sprintf("%s<img%s alt=\"%s\" loading=\"lazy\" decoding=\"async\"%s>\n", indent,
		attributes("src", v.URL, "srcset", srcset, "sizes", sizes, "width", fmt.Sprint(v.Width), "height", fmt.Sprint(v.Height)),
		html.EscapeString(alt), attributes("style", style))
}

// attributes returns pairs of names and values as HTML, without those that have no value.
func attributes(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(&b, ` %s="%s"`, pairs[i], html.EscapeString(pairs[i+1]))
		}
	}
	return b.String()
}
