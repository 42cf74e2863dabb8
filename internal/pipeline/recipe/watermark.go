package recipe

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// settingFields are the fields of settings. Those whose names have a dot are in a mapping of the name before it, which
// may also be the value of the first of them alone.
func (rd *reader) settingFields(settings []*render.Setting, of func(*render.Setting) value) (fields []field) {
	for i, s := range settings {
		outer, _, nested := strings.Cut(s.Name, ".")
		if !nested {
			fields = append(fields, field{s.Name, of(s)})
			continue
		}
		if i > 0 && strings.HasPrefix(settings[i-1].Name, outer+".") {
			continue
		}
		var inner []field
		for _, s := range settings[i:] {
			if name, ok := strings.CutPrefix(s.Name, outer+"."); ok {
				inner = append(inner, field{name, of(s)})
			}
		}
		mapping, alone := rd.object(inner...), inner[0].value
		fields = append(fields, field{outer, value{func(name string, n ast.Node) {
			if _, text := n.(*ast.StringNode); text {
				alone.read(name, n)
				return
			}
			mapping.read(name, n)
		}, anyOf(alone.schema, mapping.schema)}})
	}
	return fields
}

// watermark is the setting of all variants that have none of their own.
func (rd *reader) watermark(schema *render.Schema, everywhere *render.Variant) field {
	var own []*render.Setting
	for _, s := range schema.Settings {
		if strings.HasPrefix(s.Name, "watermark.") {
			own = append(own, s)
		}
	}
	return rd.settingFields(own, func(s *render.Setting) value { return rd.setting(s, everywhere) })[0]
}

// watermarkOf returns the watermark of a variant whose own settings take precedence over those of all.
func watermarkOf(own, all render.Watermark) render.Watermark {
	m := render.Watermark{
		Image: cmp.Or(own.Image, all.Image), Position: cmp.Or(own.Position, all.Position), Scale: cmp.Or(own.Scale, all.Scale),
		Opacity: cmp.Or(own.Opacity, all.Opacity), Margin: cmp.Or(own.Margin, all.Margin), Tile: own.Tile || all.Tile,
	}
	if m.Image == render.NoWatermark {
		return render.Watermark{}
	}
	return m
}

// overlays is where the target bucket has overlays: nobody but its owner can write there, as opposed to the source, and no
// output can have such a key.
const overlays = Reserved + "overlays/"

// OverlayKey returns the key of an overlay in the target bucket.
func OverlayKey(name string) string { return overlays + name }

// Overlays lists the overlays of all variants.
func (r *Recipe) Overlays() (names []string) {
	for _, v := range r.Variants {
		if name := v.Watermark.Image; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Overlay is a version of an overlay.
type Overlay struct {
	Picture *render.Overlay
	ETag    string
}

// WithOverlays returns the recipe with overlays, by their names. They are part of the fingerprints.
func (r *Recipe) WithOverlays(loaded map[string]Overlay) *Recipe {
	with := *r
	with.overlayETags = map[string]string{}
	with.Variants = slices.Clone(r.Variants)
	for i := range with.Variants {
		m := &with.Variants[i].Watermark
		if o, ok := loaded[m.Image]; ok {
			m.Overlay, with.overlayETags[m.Image] = o.Picture, o.ETag
		}
	}
	return &with
}
