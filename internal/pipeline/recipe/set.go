package recipe

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// Set is an entry of variants that stands for several: one for each of its widths in each of its
// formats. They are among Recipe.Variants, under names such as page.640.webp, which no entry can have.
type Set struct {
	Name    string
	Widths  []int     // pixels, ascending; empty: one variant of each format
	Formats codec.Set // in the order of the file; empty: one variant of each width
	// Sizes is the attribute of that name in HTML: how wide a page shows the picture. Empty: as wide as the
	// window, and no wider than the picture.
	Sizes string
}

// mostMembers bounds the widths of a set, and its formats.
const mostMembers = 16

// setReader reads an entry of variants that may be a set.
type setReader struct {
	*reader
	schema   *render.Schema
	set      Set
	settings map[*codec.Format]map[string]string // of a format alone, canonical
}

// fields returns the settings that make an entry a set.
func (rd *setReader) fields() []field {
	width := rd.setting(rd.schema.Setting("width"), &render.Variant{})
	return []field{
		{"widths", value{rd.widths, arrayOf(width.schema)}},
		{"formats", value{rd.formats, rd.formatsSchema()}},
		{"sizes", rd.text(&rd.set.Sizes)},
	}
}

func (rd *setReader) widths(name string, n ast.Node) {
	rd.list(name, n, func(at string, n ast.Node) {
		var v render.Variant
		rd.setting(rd.schema.Setting("width"), &v).read(at, n)
		switch {
		case rd.bad(at):
		case slices.Contains(rd.set.Widths, v.Width):
			rd.add(at, "%d is listed twice; remove one", v.Width)
		default:
			rd.set.Widths = append(rd.set.Widths, v.Width)
		}
	})
	slices.Sort(rd.set.Widths)
	rd.checkCount(name, len(rd.set.Widths), "width")
}

// formats reads a list of formats, or a mapping from formats to settings of their own.
func (rd *setReader) formats(name string, n ast.Node) {
	add := func(at string, text ast.Node) (f *codec.Format) {
		var v render.Variant
		rd.setting(rd.schema.Setting("format"), &v).read(at, text)
		switch {
		case rd.bad(at):
			return nil
		case slices.Contains(rd.set.Formats, v.Format):
			rd.add(at, "%s is listed twice; remove one", v.Format)
			return nil
		}
		rd.set.Formats = append(rd.set.Formats, v.Format)
		return v.Format
	}
	if _, list := n.(*ast.SequenceNode); list {
		rd.list(name, n, func(at string, n ast.Node) { add(at, n) })
	} else {
		for key, value := range rd.entries(name, n, map[string]int{}) {
			at := join(name, key)
			f := add(at, &ast.StringNode{Value: key})
			if f == nil {
				continue
			}
			rd.settings[f] = map[string]string{}
			rd.ownSettings(f).read(at, value)
		}
	}
	rd.checkCount(name, len(rd.set.Formats), "format")
}

// ownSettings are the settings of one format of the set.
func (rd *setReader) ownSettings(f *codec.Format) value {
	own := slices.DeleteFunc(slices.Clone(rd.schema.Settings), func(s *render.Setting) bool {
		return s.Name == "width" || s.Name == "height" || s.Name == "format"
	})
	return rd.object(rd.settingFields(own, func(s *render.Setting) value { return rd.own(s, f) })...)
}

// own is a setting for one format of the set.
func (rd *setReader) own(s *render.Setting, f *codec.Format) value {
	return rd.parsed(single{func(text string) error {
		canonical, err := s.Parse(text)
		rd.settings[f][s.Name] = canonical
		return err
	}, rd.settingSchema(s)})
}

// formatsSchema is that of formats: a list of names, or a mapping from names to settings.
func (rd *setReader) formatsSchema() jsonSchema {
	if !rd.describes {
		return nil
	}
	name := rd.settingSchema(rd.schema.Setting("format"))
	own := jsonSchema{"type": []string{"object", "null"}, "propertyNames": name, "additionalProperties": rd.ownSettings(nil).schema}
	return anyOf(arrayOf(name), own)
}

// checkCount reports a list of widths or formats that has none, or too many.
func (rd *setReader) checkCount(name string, n int, noun string) {
	switch {
	case rd.bad(name):
	case n == 0:
		rd.add(name, "lists no %s; list at least one, or leave it out", noun)
	case n > mostMembers:
		rd.add(name, "lists %d %ss; a set has at most %d", n, noun, mostMembers)
	}
}

// members returns the variants of the set, of which v has the settings that all share: v itself if the
// entry is no set.
func (rd *setReader) members(name string, v render.Variant) []render.Variant {
	s := rd.set
	switch {
	case s.Sizes != "" && len(s.Widths) == 0:
		rd.add(join(name, "sizes"), "has no effect without widths; leave it out")
		return []render.Variant{v}
	case len(s.Widths) == 0 && len(s.Formats) == 0:
		return []render.Variant{v}
	case len(s.Widths) > 0 && v.Width > 0:
		rd.add(join(name, "width"), "stands beside widths; leave out one of the two")
	case len(s.Widths) > 0 && v.Height > 0:
		rd.add(join(name, "height"), "stands beside widths; leave it out, so that it follows from each width")
	case len(s.Formats) > 0 && v.Format != nil:
		rd.add(join(name, "format"), "stands beside formats; leave out one of the two")
	}
	for _, setting := range slices.Sorted(maps.Keys(v.Encoding)) {
		has := func(f *codec.Format) bool { return f.Setting(setting) != nil }
		if len(s.Formats) > 0 && !slices.ContainsFunc(s.Formats, has) {
			rd.add(join(name, setting), "none of the formats has such a setting; leave it out")
		}
	}
	formats, widths := s.Formats, s.Widths
	if len(formats) == 0 {
		formats = codec.Set{v.Format}
	}
	if len(widths) == 0 {
		widths = []int{v.Width}
	}
	var all []render.Variant
	for _, f := range formats {
		for _, w := range widths {
			all = append(all, rd.member(v, w, f))
		}
	}
	return all
}

func (rd *setReader) member(v render.Variant, width int, f *codec.Format) render.Variant {
	v.Name, v.Set, v.Width, v.Format = rd.set.Name, rd.set.Name, width, f
	if len(rd.set.Widths) > 0 {
		v.Name += "." + strconv.Itoa(width)
	}
	if len(rd.set.Formats) > 0 {
		v.Name += "." + f.Name
		v.Encoding = maps.Clone(v.Encoding)
		maps.DeleteFunc(v.Encoding, func(setting, _ string) bool { return f.Setting(setting) == nil })
	}
	for setting, text := range rd.settings[f] {
		rd.schema.Setting(setting).Set(&v, text)
	}
	return v
}

// nameOf returns the name of a variant's setting in the file: a format of a set may have its own.
func (rep *report) nameOf(v render.Variant, setting string) string {
	entry := join("variants", v.Label())
	if v.Set != "" && v.Format != nil {
		own := join(join(entry, "formats."+v.Format.Name), setting)
		if _, ok := rep.lines[own]; ok {
			return own
		}
	}
	return join(entry, setting)
}

// SizesOfSets returns the attributes sizes that sets state, by the name of the set.
func (r *Recipe) SizesOfSets() map[string]string {
	sizes := map[string]string{}
	for _, s := range r.Sets {
		sizes[s.Name] = s.Sizes
	}
	return sizes
}

// labels lists the names of the entries of variants.
func (r *Recipe) labels() (names []string) {
	for _, v := range r.Variants {
		if !slices.Contains(names, v.Label()) {
			names = append(names, v.Label())
		}
	}
	return names
}

// keyOf returns the setting that names the keys of a variant, and its value.
func (r *Recipe) keyOf(v render.Variant) (name, template string) {
	if v.Set != "" {
		return "target.set_key", r.Target.SetKey
	}
	return "target.key", r.Target.Key
}

// Hashed reports whether the keys of some variants contain a {hash}.
func (r *Recipe) Hashed() bool {
	t, err := r.templates()
	return err == nil && slices.ContainsFunc(r.Variants, func(v render.Variant) bool { return t.of(v).uses(hash) })
}

// templates are target.key and target.set_key.
type templates struct{ single, set template }

func (t templates) of(v render.Variant) template {
	if v.Set != "" {
		return t.set
	}
	return t.single
}

func (r *Recipe) templates() (t templates, err error) {
	if t.single, err = parseTemplate(r.Target.Key); err != nil {
		return t, fmt.Errorf("target.key: %w", err)
	}
	if t.set, err = parseTemplate(r.Target.SetKey); err != nil {
		return t, fmt.Errorf("target.set_key: %w", err)
	}
	return t, nil
}
