package recipe

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// jsonSchema is a JSON Schema, or a part of one.
type jsonSchema map[string]any

func arrayOf(items jsonSchema, orType ...string) jsonSchema {
	return jsonSchema{"type": append([]string{"array"}, orType...), "items": items}
}

func anyOf(schemas ...jsonSchema) jsonSchema { return jsonSchema{"anyOf": schemas} }

// Schema returns the JSON Schema of recipes, by which editors complete and explain settings. It accepts
// every recipe that Parse accepts in the spelling of the documentation, and knows nothing of settings
// that do not go together.
func Schema(formats codec.Set) ([]byte, error) {
	rd := &reader{describes: true}
	s := rd.recipe(base(formats), &render.Variant{}).schema
	s.explain("", explanations(string(Example(formats))))
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Recipe of imgmill"
	s["description"] = "imgmill.yaml: which pictures become which variants, and where they are stored."
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// explain adds descriptions to the settings below name.
func (s jsonSchema) explain(name string, texts map[string]string) {
	properties, _ := s["properties"].(jsonSchema)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		child := properties[key].(jsonSchema)
		full := join(name, key)
		if _, has := child["description"]; !has && texts[full] != "" {
			child["description"] = texts[full]
		}
		child.explain(full, texts)
		for _, below := range []string{"items", "additionalProperties"} {
			if each, ok := child[below].(jsonSchema); ok {
				each.explain(full, texts)
			}
		}
	}
}

// exampleSetting is a line of the example with a setting: its indentation, its name and its comment.
var exampleSetting = regexp.MustCompile(`^( *)([a-z_]+):(?: .*?)?(?:  +# (.*)| # (.*))?$`)

// explanations returns the comments of the example by the names of the settings beside or below them,
// without the names of variants.
func explanations(example string) map[string]string {
	texts := map[string]string{}
	var path []string
	above := ""
	for line := range strings.Lines(example) {
		line = strings.TrimRight(line, "\n")
		if comment, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "# "); ok {
			above = strings.TrimSpace(above + " " + comment)
			continue
		}
		m := exampleSetting.FindStringSubmatch(line)
		if m == nil {
			above = ""
			continue
		}
		path = append(path[:min(len(path), len(m[1])/2)], m[2])
		name := strings.Join(path, ".")
		if len(path) == 3 && path[0] == "variants" {
			name = path[0] + "." + path[2]
		}
		if text := strings.TrimSpace(above + " " + m[3] + m[4]); texts[name] == "" {
			texts[name] = text
		}
		above = ""
	}
	return texts
}

// settingSchema is that of a variant's setting, with its description.
func (r *reader) settingSchema(s *render.Setting) jsonSchema {
	if !r.describes {
		return nil
	}
	schema := jsonSchema{}
	switch s.Type {
	case setting.Int:
		schema["type"], schema["minimum"] = "integer", s.Min
		if s.Max > 0 {
			schema["maximum"] = s.Max
		}
		if len(s.Choices) > 0 {
			schema = anyOf(schema, jsonSchema{"enum": s.Choices})
		}
	case setting.Bool:
		schema["type"] = "boolean"
		if len(s.Choices) > 0 {
			schema = anyOf(schema, jsonSchema{"enum": s.Choices})
		}
	case setting.Choice:
		schema["enum"] = append(slices.Clone(s.Choices), s.Aliases...)
	case setting.Bytes:
		schema["type"], schema["examples"] = []string{"string", "integer"}, []string{s.Example}
	case setting.Position:
		schema["type"], schema["examples"] = "string", append([]string{"top", "left top", "25% 75%"}, s.Choices...)
	case setting.Name:
		schema["type"], schema["examples"] = "string", []string{s.Example}
	case setting.Percent:
		schema["type"], schema["pattern"] = "string", `^\s*[0-9]{0,3}(\.[0-9]{0,2})?%\s*$`
	case setting.Colour:
		schema["type"], schema["pattern"] = "string", "^(#[0-9A-Fa-f]{6}|white|black)$"
	}
	if s.Help != "" {
		schema["description"] = Describe(s)
	}
	if s.Default != "" {
		schema["default"] = typed(s)
	}
	return schema
}

// typed returns the default of a setting as its type in JSON.
func typed(s *render.Setting) any {
	var v any = s.Default
	if n, err := strconv.ParseInt(s.Default, 10, 64); err == nil && s.Type == setting.Int {
		v = n
	}
	if b, err := strconv.ParseBool(s.Default); err == nil && s.Type == setting.Bool {
		v = b
	}
	return v
}
