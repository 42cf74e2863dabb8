package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// ofFormat returns the setting of a format's encoder.
func ofFormat(own *setting.Setting, f *codec.Format) *Setting {
	s := &Setting{Setting: *own, Rewrites: true, Formats: []*codec.Format{f}}
	s.Choices = slices.Clone(own.Choices) // share appends to them
	s.set = func(v *Variant, text string) {
		v.Encoding = maps.Clone(v.Encoding) // variants are copied by value
		v.Encoding.Set(own.Name, text)
	}
	s.text = func(v *Variant) string { return v.Encoding[own.Name] }
	s.parse = func(text string) (string, error) {
		var first error
		for _, f := range s.Formats {
			canonical, err := f.Setting(own.Name).Parse(text)
			if err == nil {
				return canonical, nil
			}
			first = cmp.Or(first, err)
		}
		if _, err := s.Setting.Parse(text); err != nil {
			return "", err // which names the values of all formats
		}
		return "", first
	}
	return s
}

// share adds a format whose encoder has a setting of the same name and type. The description then
// covers the values of each format; where defaults or help differ, it names their formats. misfits
// judges a value for one format.
func (s *Setting) share(own *setting.Setting, f *codec.Format) {
	s.Min = min(s.Min, own.Min)
	if s.Max != 0 {
		s.Max = max(s.Max, own.Max)
	}
	if own.Max == 0 {
		s.Max = 0
	}
	for _, c := range own.Choices {
		if !slices.Contains(s.Choices, c) {
			s.Choices = append(s.Choices, c)
		}
	}
	s.Formats = append(s.Formats, f)
	s.Help = s.each(func(x *setting.Setting) string { return x.Help }, "for %[2]s, %[1]s", "; ")
	if s.Default != own.Default || s.Default == "" {
		s.Default = ""
		s.Absent = s.each(func(x *setting.Setting) string { return cmp.Or(x.Default, x.Absent) }, "%s (%s)", ", ")
	}
}

// each returns a text of the setting in every format: the text itself where all agree, and otherwise
// each with its formats, as in "80 (JPEG, WebP), 50 (AVIF)", where the layout is "%s (%s)".
func (s *Setting) each(of func(*setting.Setting) string, layout, separator string) string {
	var texts []string
	titles := map[string]string{}
	for _, f := range s.Formats {
		text := of(f.Setting(s.Name))
		if titles[text] == "" {
			texts = append(texts, text)
			titles[text] = f.Title
		} else {
			titles[text] += ", " + f.Title
		}
	}
	if len(texts) == 1 {
		return texts[0]
	}
	for i, text := range texts {
		texts[i] = fmt.Sprintf(layout, text, titles[text])
	}
	return strings.Join(texts, separator)
}

// givenFor reports whether text is another value than the default of format f or, if that is nil, of
// one of the formats that have the setting. The default of a format does not depend on which other
// formats share the setting.
func (s *Setting) givenFor(f *codec.Format, text string) bool {
	if text == "" {
		return false
	}
	formats := s.Formats
	if f != nil {
		formats = []*codec.Format{f}
	}
	return slices.ContainsFunc(formats, func(f *codec.Format) bool {
		own := f.Setting(s.Name)
		return own == nil || text != own.Default
	})
}

// misfits returns what is wrong with the value of a format's setting for format f or, if that is
// nil, for each that has the setting.
func (s *Setting) misfits(f *codec.Format, text string) (why []string) {
	formats := s.Formats
	if f != nil {
		if formats = []*codec.Format{f}; f.Setting(s.Name) == nil {
			return []string{fmt.Sprintf("%s has no such setting; leave it out or use format %s",
				f.Name, setting.OneOf(codec.Set(s.Formats).Names()))}
		}
	}
	for _, f := range formats {
		if _, err := f.Setting(s.Name).Parse(text); err != nil {
			reason := fmt.Sprintf("not valid for %s: %v", f.Name, err)
			if others := s.taking(text); len(others) > 0 {
				reason += "; or use format " + setting.OneOf(others)
			}
			why = append(why, reason)
		}
	}
	return why
}

// taking returns the names of the formats in which text is a value of the setting.
func (s *Setting) taking(text string) (names []string) {
	for _, f := range s.Formats {
		if _, err := f.Setting(s.Name).Parse(text); err == nil {
			names = append(names, f.Name)
		}
	}
	return names
}
