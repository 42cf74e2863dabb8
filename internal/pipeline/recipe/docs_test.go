package recipe

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/heif"
	"github.com/imgmill/imgmill/internal/engine/render"
)

var update = flag.Bool("update", false, "write the generated tables into the documentation")

// TestDocumentedTables compares the tables of the documentation with the formats and settings that the
// program has.
func TestDocumentedTables(t *testing.T) {
	if heif.HEIC.Open == nil {
		t.Skip("the documentation is of programs with HEVC")
	}
	for _, c := range []struct{ file, name, table string }{
		{"../../../docs/recipe.md", "settings", settingsTable(render.NewSchema(formats.All()))},
		{"../../../docs/formats.md", "formats", formatsTable(formats.All())},
		{"../../../docs/formats.md", "refused", refusedTable(formats.All())},
	} {
		data, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, found := strings.Cut(string(data), "<!-- "+c.name+":")
		comment, rest, ends := strings.Cut(rest, " -->\n")
		old, after, closed := strings.Cut(rest, "<!-- end -->")
		if !found || !ends || !closed {
			t.Fatalf("%s has no place for the table of %s", c.file, c.name)
		}
		if want := "\n" + c.table + "\n"; old != want {
			if !*update {
				t.Errorf("%s: the table of %s is not that of the program; run go test ./internal/pipeline/recipe -update\n got: %s\nwant: %s",
					c.file, c.name, old, want)
				continue
			}
			text := before + "<!-- " + c.name + ":" + comment + " -->\n" + want + "<!-- end -->" + after
			if err := os.WriteFile(c.file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func settingsTable(schema *render.Schema) string {
	var b strings.Builder
	b.WriteString("| setting | values | without it | what it does |\n|:--|:--|:--|:--|\n")
	for _, s := range schema.Settings {
		help := s.Help
		if s.Formats != nil {
			help = strings.Join(titles(s.Formats), ", ") + ": " + help
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, s.Allowed(), cmp.Or(s.Default, s.Absent), help)
	}
	return b.String()
}

func titles(formats []*codec.Format) []string {
	var titles []string
	for _, f := range formats {
		titles = append(titles, f.Title)
	}
	return titles
}

func formatsTable(formats codec.Set) string {
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return ""
	}
	blocks := func(f *codec.Format) string {
		var names []string
		for i, has := range []bool{f.EXIF, f.XMP, f.IPTC} {
			if has {
				names = append(names, []string{"EXIF", "XMP", "IPTC"}[i])
			}
		}
		return strings.Join(names, " ")
	}
	var b strings.Builder
	b.WriteString("| format | extensions | read | written | lossy | lossless | alpha | animation | profile | metadata |\n" +
		"|:--|:--|:--|:--|:--|:--|:--|:--|:--|:--|\n")
	for _, f := range formats {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", f.Title, strings.Join(f.Extensions, " "),
			yes(f.Open != nil), yes(f.Encoder != nil), yes(f.Lossy), yes(f.Lossless), yes(f.Alpha), yes(f.Animation),
			yes(f.Profile), blocks(f))
	}
	return b.String()
}

func refusedTable(formats codec.Set) string {
	var b strings.Builder
	b.WriteString("| format | refused |\n|:--|:--|\n")
	for _, f := range formats {
		if f.Refused != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", f.Title, f.Refused)
		}
	}
	return b.String()
}

// TestSettingsOfPillow parses what the pages about Pillow recommend.
func TestSettingsOfPillow(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| .* \\| [^|`]*`([^`]+)`[^|]* \\|$")
	for _, page := range []string{"../../../docs/from-python.md", "../../../docs/from-python.ja.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		_, table, _ := strings.Cut(string(text), "| Pillow |")
		if table == "" {
			_, table, _ = strings.Cut(string(text), "| In Pillow |")
		}
		table, _, _ = strings.Cut(table, "\n\n")
		rows := row.FindAllStringSubmatch(table, -1)
		if len(rows) < 8 {
			t.Errorf("%s: %d rows with settings", page, len(rows))
		}
		for _, m := range rows {
			settings := strings.Trim(m[1], "{}")
			if !strings.Contains(settings, "width") {
				settings += ", width: 400"
			}
			if _, err := ParseAnywhere(formats.All(), page, []byte("variants: {a: {"+settings+"}}")); err != nil {
				t.Errorf("%s: %v", m[1], err)
			}
		}
	}
}

// TestListOfPages compares llms.txt, the list of the documentation for programs, with the pages that there are.
func TestListOfPages(t *testing.T) {
	list, err := os.ReadFile("../../../llms.txt")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		if !strings.Contains(string(list), "(docs/"+filepath.Base(page)+")") {
			t.Errorf("llms.txt lacks docs/%s", filepath.Base(page))
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(list), -1) {
		if _, err := os.Stat(filepath.Join("../../..", m[1])); err != nil {
			t.Error(err)
		}
	}
}
