package console

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Detail is a picture as the page shows it by itself.
type Detail struct {
	Row
	URL      string          `json:"url"`   // of the source, on this console
	Shows    bool            `json:"shows"` // a browser shows it
	Variants []VariantDetail `json:"variants"`
	Snippets []Snippet       `json:"snippets"`
	Excluded string          `json:"excluded,omitempty"`
}

// VariantDetail is a variant, where it is, and what was done.
type VariantDetail struct {
	mill.Variant
	View    string `json:"view"`   // its URL on this console
	URL     string `json:"url"`    // its URL for web pages
	Before  string `json:"before"` // the URL of the source, reduced alike; empty if the recipe no longer makes the variant
	Shows   bool   `json:"shows"`
	Fit     string `json:"fit"`
	Setting [][2]string
}

// MarshalJSON is without the methods of the embedded variant.
func (v VariantDetail) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"name": v.Name, "set": v.Set, "key": v.Key, "format": v.Format, "w": v.Width, "h": v.Height, "bytes": v.Bytes,
		"view": v.View, "url": v.URL, "before": v.Before, "shows": v.Shows, "fit": v.Fit, "settings": v.Setting,
	})
}

// Snippet is the HTML that shows a variant or a set.
type Snippet struct {
	Name string `json:"name"`
	HTML string `json:"html"`
}

// servePicture describes one picture.
func (c *Console) servePicture(w http.ResponseWriter, r *http.Request) {
	row, ok := c.rows.row(r.FormValue("key"))
	if !ok {
		fail(w, http.StatusNotFound, "the console does not know %s", r.FormValue("key"))
		return
	}
	rec := c.recipe()
	plan := rec.Plan(row.Key)
	d := Detail{
		Row: row, URL: pathOf(sourcePath, row.Key), Shows: displayable("image/" + row.Format), Excluded: plan.Excluded,
		Variants: []VariantDetail{}, Snippets: c.snippets(row),
	}
	d.Row.Variants = nil
	d.Reason = outcome.Short(row.Reason, 4*outcome.MaxReason)
	schema := render.NewSchema(rec.Formats)
	for _, v := range row.Variants {
		d.Variants = append(d.Variants, c.variant(rec, plan, schema, row, v))
	}
	answer(w, d)
}

func (c *Console) variant(rec *recipe.Recipe, plan recipe.Plan, schema *render.Schema, row Row, v mill.Variant) VariantDetail {
	d := VariantDetail{
		Variant: v, View: pathOf(targetPath, v.Key), URL: c.publicURL(rec, v.Key), Shows: displayable("image/" + v.Format),
		Setting: [][2]string{},
	}
	for _, planned := range plan.Variants() {
		if planned.Name != v.Name {
			continue
		}
		d.Fit = string(planned.Fit)
		d.Before = "/api/before?" + query("key", row.Key, "variant", v.Name, "etag", row.ETag)
		for _, s := range schema.Settings {
			if s.Given(&planned) && s.Name != "width" && s.Name != "height" && s.Name != "format" && s.Name != "fit" {
				d.Setting = append(d.Setting, [2]string{s.Name, s.Text(&planned)})
			}
		}
	}
	return d
}

// publicURL returns where web pages find an object of the target: where the recipe says or, if it does not,
// on this console.
func (c *Console) publicURL(rec *recipe.Recipe, key string) string {
	if rec.Target.URL == "" {
		return manifest.URL(strings.TrimSuffix(targetPath, "/"), key)
	}
	return manifest.URL(rec.Target.URL, key)
}

// snippets returns the HTML of each set, and of each variant of none, as a manifest has it.
func (c *Console) snippets(row Row) []Snippet {
	rec := c.recipe()
	m := manifest.Manifest{}
	var names []string
	seen := map[string]bool{}
	for _, v := range row.Variants {
		f := rec.Formats.Named(v.Format)
		if f == nil {
			continue
		}
		m.Variants = append(m.Variants, manifest.Variant{
			Name: v.Name, Set: v.Set, Key: v.Key, URL: c.publicURL(rec, v.Key), Type: f.MediaType, Format: v.Format,
			Width: v.Width, Height: v.Height, Bytes: v.Bytes,
		})
		name := v.Name
		if v.Set != "" {
			name = v.Set
		}
		if !seen[name] {
			names, seen[name] = append(names, name), true
		}
	}
	snippets := []Snippet{}
	data, err := m.Encode(rec.SizesOfSets()) // which also makes the sets
	if err != nil {
		return snippets
	}
	whole, err := manifest.Parse(data)
	if err != nil {
		return snippets
	}
	for _, name := range names {
		if html, err := whole.HTML(name, ""); err == nil {
			snippets = append(snippets, Snippet{name, html})
		}
	}
	return snippets
}
