package recipe

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imgmill/imgmill/internal/engine/formats"
)

// compiledSchema is the schema of recipes, read by an implementation of JSON Schema that is not ours.
func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(formats.All())
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("recipe.json", value); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("recipe.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, recipe string) error {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(recipe))
	if err != nil {
		t.Fatalf("%v\n%s", err, recipe)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

// TestSchemaAcceptsRecipes validates the example, each setting that it explains as a comment, and the
// recipes of the documentation.
func TestSchemaAcceptsRecipes(t *testing.T) {
	s := compiledSchema(t)
	example := string(Example(formats.All()))
	if err := validate(t, s, example); err != nil {
		t.Error(err)
	}
	commented := regexp.MustCompile(`(?m)^    # ([a-z_]+: \S[^#]*?) +#`).FindAllStringSubmatch(example, -1)
	for _, m := range commented {
		if err := validate(t, s, "variants: {a: {"+m[1]+"}}"); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
	if len(commented) < 15 {
		t.Errorf("only %d settings as comments", len(commented))
	}
	pages, err := filepath.Glob("../../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range append(pages, "../../../README.md", "../../../README.ja.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			if _, err := ParseAnywhere(formats.All(), page, []byte(block[1])); err != nil {
				continue // a part of a recipe, or of another file
			}
			seen++
			if err := validate(t, s, block[1]); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block[1])
			}
		}
	}
	if seen < 3 {
		t.Errorf("only %d recipes in the documentation", seen)
	}
}

// TestSchemaRefuses looks at mistakes that an editor shows while somebody types.
func TestSchemaRefuses(t *testing.T) {
	s := compiledSchema(t)
	for _, recipe := range []string{
		"sources: {bucket: a}",
		"source: {bukcet: a}",
		"target: {overwrite: all}",
		"target: {acl: public-read-write}",
		"variants: {a: {widht: 3}}",
		"variants: {a: {width: 0}}",
		"variants: {a: {width: wide}}",
		"variants: {a: {fit: stretch}}",
		"variants: {a: {format: heic}}",
		"variants: {a: {progressive: yes please}}",
		"variants: {a: {background: red}}",
		"variants: {p: {widths: [a]}}",
		"variants: {p: {widths: [1], formats: {avi: {}}}}",
		"variants: {p: {widths: [1], formats: {jpeg: {width: 2}}}}",
		"rules: [{matches: x}]",
		"manifest: maybe",
		"object_metadata: all",
	} {
		if validate(t, s, recipe) == nil {
			t.Errorf("accepts %s", recipe)
		}
	}
}

// TestSchemaExplains looks for settings without a description.
func TestSchemaExplains(t *testing.T) {
	text, err := Schema(formats.All())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties map[string]struct {
			Properties map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"source.suffixes": "in upper or lower case", "target.key": "{key} is the source's key", "target.overwrite": "replace only outputs",
		"target.keep_replaced": "forever keeps it", "limits.frames": "of an animation", "source.endpoint": "URL of a store",
	} {
		section, setting, _ := strings.Cut(name, ".")
		if got := s.Properties[section].Properties[setting].Description; !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", name, got, want)
		}
	}
}
