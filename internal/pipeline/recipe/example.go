package recipe

import (
	"cmp"
	_ "embed"
	"fmt"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

//go:embed example.yaml
var exampleText string

// Example returns a recipe file that names every setting and explains it. Those of a variant are
// listed as comments, with the value that holds without them or, where that depends on the picture,
// an example.
func Example(formats codec.Set) []byte {
	var settings []string
	group := ""
	for _, s := range render.NewSchema(formats).Settings {
		if s.Name == "width" {
			continue
		}
		outer, inner, nested := strings.Cut(s.Name, ".")
		name := s.Name
		if nested {
			name = "  " + inner
			if outer != group {
				settings = append(settings, "    # "+outer+":")
			}
			group = outer
		}
		settings = append(settings, exampleLine(name, s))
	}
	// Not text/template: a program that links it keeps every exported method of every type.
	fill := strings.NewReplacer("{{suffixes}}", strings.Join(formats.Suffixes(), ", "), "{{settings}}", strings.Join(settings, "\n"))
	return []byte(fill.Replace(exampleText))
}

// exampleColumns is the width that the lines of a setting are wrapped to.
const exampleColumns = 100

// exampleLine shows one setting of a variant, in one line or several.
func exampleLine(name string, s *render.Setting) string {
	value := cmp.Or(s.Default, s.Example)
	if s.Type == setting.Colour {
		value = fmt.Sprintf("%q", value)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "    # %-24s #", name+": "+value)
	column := b.Len()
	for word := range strings.FieldsSeq(Describe(s)) {
		if column+1+len(word) > exampleColumns {
			fmt.Fprintf(&b, "\n    # %-24s #", "")
			column = 32
		}
		b.WriteString(" " + word)
		column += 1 + len(word)
	}
	return b.String()
}

// Describe explains a setting in one line: the formats that have it, what it does, what it accepts,
// and what holds without it.
func Describe(s *render.Setting) string {
	text := s.Help
	if s.Formats != nil {
		var titles []string
		for _, f := range s.Formats {
			titles = append(titles, f.Title)
		}
		text = strings.Join(titles, ", ") + ": " + text
	}
	if s.Type == setting.Bool && s.Choices == nil {
		return text
	}
	return fmt.Sprintf("%s (%s; default: %s)", text, s.Allowed(), cmp.Or(s.Default, s.Absent))
}
