package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// sharing returns two formats whose settings share names, and differ in range, choices and default.
func sharing() (a, b *codec.Format) {
	first, second := *jpegFormat, *jpegFormat
	first.Name, first.Title, second.Name, second.Title = "first", "First", "second", "Second"
	first.Settings = []*setting.Setting{
		{Name: "quality", Type: setting.Int, Min: 1, Max: 100, Example: "75", Absent: "80", Help: "quality from 1 to 100"},
		{Name: "effort", Type: setting.Choice, Choices: []string{"low", "high"}, Default: "low", Help: "how hard to try"},
		{Name: "rows", Type: setting.Bool, Default: "false", Help: "rows first"},
	}
	second.Settings = []*setting.Setting{
		{Name: "quality", Type: setting.Int, Min: 0, Max: 10, Example: "7", Absent: "5", Help: "quality from 0 to 10"},
		{Name: "effort", Type: setting.Choice, Choices: []string{"high", "most"}, Default: "high", Help: "how hard to try"},
		{Name: "rows", Type: setting.Bool, Default: "false", Help: "rows first"},
	}
	return &first, &second
}

func TestSharedSettingDescribesEveryFormat(t *testing.T) {
	a, b := sharing()
	s := NewSchema(codec.Set{a, b})
	for _, c := range []struct{ name, allowed, standard, absent, help string }{
		{"quality", "0 to 100", "", "80 (First), 5 (Second)", "for First, quality from 1 to 100; for Second, quality from 0 to 10"},
		{"effort", "low, high, most", "", "low (First), high (Second)", "how hard to try"},
		{"rows", "true, false", "false", "", "rows first"},
	} {
		x := s.Setting(c.name)
		if x.Allowed() != c.allowed || x.Default != c.standard || x.Absent != c.absent || x.Help != c.help {
			t.Errorf("%s: %q, default %q, absent %q, help %q", c.name, x.Allowed(), x.Default, x.Absent, x.Help)
		}
	}
	if !slices.Equal(a.Settings[1].Choices, []string{"low", "high"}) {
		t.Errorf("the format's own choices became %q", a.Settings[1].Choices)
	}
}

// TestSharedSettingIsJudgedForEachFormat sets a value that only one of two formats accepts.
func TestSharedSettingIsJudgedForEachFormat(t *testing.T) {
	a, b := sharing()
	s := NewSchema(codec.Set{a, b})
	for _, c := range []struct {
		name, text string
		format     *codec.Format
		problem    string // part of the only one; empty for none
	}{
		{"quality", "80", a, ""},
		{"quality", "80", b, "not valid for second: 80 is out of range; write a number from 0 to 10; or use format first"},
		{"quality", "80", nil, "not valid for second"},
		{"quality", "0", a, "not valid for first"},
		{"effort", "most", b, ""},
		{"effort", "most", nil, "use low or high; or use format second"},
		{"effort", "high", nil, ""},
	} {
		v := NewVariant("v")
		v.Format = c.format
		text, err := s.Setting(c.name).Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		s.Setting(c.name).Set(&v, text)
		p := s.Problems(v)
		if c.problem == "" && len(p) > 0 || c.problem != "" && (len(p) != 1 || !strings.Contains(p[0].Text, c.problem)) {
			t.Errorf("%s: %s for %v: %+v", c.name, c.text, c.format, p)
		}
	}
}

// TestSharedSettingNamesAllValues gives a value that no format accepts.
func TestSharedSettingNamesAllValues(t *testing.T) {
	a, b := sharing()
	s := NewSchema(codec.Set{a, b})
	if _, err := s.Setting("effort").Parse("best"); err == nil || !strings.Contains(err.Error(), "use low, high or most") {
		t.Errorf("%v", err)
	}
}

// TestGivenFollowsTheFormatsDefault checks that a value counts as the default only where it is that
// of every format that the variant may have: fingerprints leave defaults out.
func TestGivenFollowsTheFormatsDefault(t *testing.T) {
	a, b := sharing()
	s := NewSchema(codec.Set{a, b}).Setting("effort")
	for _, c := range []struct {
		text   string
		format *codec.Format
		given  bool
	}{
		{"", nil, false}, {"", a, false},
		{"low", a, false}, {"low", b, true}, {"low", nil, true},
		{"high", a, true}, {"high", b, false}, {"high", nil, true},
	} {
		v := NewVariant("v")
		v.Format = c.format
		s.Set(&v, c.text)
		if s.Given(&v) != c.given {
			t.Errorf("%q for %v: given is %t", c.text, c.format, !c.given)
		}
	}
	alone := NewSchema(codec.Set{a}).Setting("effort")
	v := NewVariant("v")
	v.Format = a
	alone.Set(&v, "low")
	if alone.Given(&v) {
		t.Error("the default of the only format counts as given")
	}
}

// TestSchemaOfFewFormats checks errors that recommend formats where there is nothing to recommend.
func TestSchemaOfFewFormats(t *testing.T) {
	for _, set := range []codec.Set{nil, {pngFormat}, {engine.Formats.Named("bmp")}} {
		s := NewSchema(set)
		v := NewVariant("v")
		v.Format, v.MaxBytes = pngFormat, 5000
		v.Encoding.Set("quality", "50")
		problems := s.Problems(v)
		for _, name := range []string{"quality", "max_bytes"} {
			if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Setting == name }) {
				t.Errorf("%v: no problem with %s: %+v", set, name, problems)
			}
		}
		for _, text := range []string{"jpeg", "bmp", ""} {
			if _, err := s.Setting("format").Parse(text); err == nil {
				t.Errorf("%v: format %q is accepted", set, text)
			} else {
				problems = append(problems, Problem{"format", err.Error()})
			}
		}
		for _, p := range problems {
			if strings.HasSuffix(p.Text, " ") || strings.HasSuffix(p.Text, ";") || strings.HasSuffix(p.Text, "use") {
				t.Errorf("%v: %s: %q breaks off", set, p.Setting, p.Text)
			}
		}
	}
}

// TestFormatsNameNoSettingOfEveryVariant checks that a format's setting cannot be mistaken for one
// that every variant has.
func TestFormatsNameNoSettingOfEveryVariant(t *testing.T) {
	every := NewSchema(nil)
	for _, f := range engine.Formats {
		for _, own := range f.Settings {
			if every.Setting(own.Name) != nil {
				t.Errorf("%s has a setting %s, which every variant has", f.Name, own.Name)
			}
		}
	}
}
