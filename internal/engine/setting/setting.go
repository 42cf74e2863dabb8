// Package setting describes the choices that a user makes about a picture, so that a recipe file,
// command-line flags, help texts, documentation tables and fingerprints can all be derived from one
// description.
//
// A value travels as its canonical text: the one spelling that all texts of equal meaning share.
// The package knows no particular setting; those stand beside the code that obeys them.
package setting

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Type is what a value of a setting looks like.
type Type uint8

const (
	// Int is a whole number from Min to Max, or one of Choices if there are any.
	Int Type = iota
	// Bool is true or false, or one of Choices if there are any.
	Bool
	// Choice is one of Choices.
	Choice
	// Bytes is a number of bytes from Min on, with or without a unit: 300KB. Its canonical text is
	// the number alone.
	Bytes
	// Colour is "#rrggbb", white or black. Its canonical text is "#rrggbb" in lower case.
	Colour
	// Position is a place in a box, named as in CSS object-position, or one of Choices. Its canonical text
	// is center, two percentages, or the choice.
	Position
	// Percent is a percentage of at most two decimals, from Min to Max: 12.5%.
	Percent
	// Name is the name of a file, perhaps in folders: letters, digits and .-_/ alone, so that it is the same
	// everywhere.
	Name
)

// Setting is one setting.
type Setting struct {
	Name     string // in a recipe: lower case, words joined by underscores
	Help     string // what it does, as half a sentence
	Type     Type
	Min, Max int64    // Int, Bytes and Percent; a Max of 0 is no bound
	Choices  []string // Choice, Int, Bool and Position: canonical texts
	Default  string   // the canonical text that an absent setting stands for; "" if that depends on the picture
	Absent   string   // where Default is "": what happens without the setting, as half a sentence
	Example  string   // a typical value, for `config example` and error texts
	// MayGrow marks a setting with which a user weighs bytes against looks. A variant that names it
	// may have more bytes than its source.
	MayGrow bool
	// IdleBeside are the names of settings of the same format beside which this one has no effect; of
	// "name: value", beside that value alone.
	IdleBeside []string
}

// Parse returns the canonical text of a value. The error is a clause that says what is wrong and
// what to write; the caller puts the setting's name before it.
func (s *Setting) Parse(text string) (string, error) {
	switch s.Type {
	case Int:
		if v := strings.ToLower(text); slices.Contains(s.Choices, v) {
			return v, nil
		}
		return s.parseInt(text)
	case Bool:
		v := strings.ToLower(text)
		switch {
		case v == "true" || v == "false" || slices.Contains(s.Choices, v):
			return v, nil
		case len(s.Choices) > 0:
			return "", fmt.Errorf("%q is not valid; use %s", text, OneOf(s.words()))
		}
		return "", fmt.Errorf("%q is neither true nor false", text)
	case Choice:
		if v := strings.ToLower(text); slices.Contains(s.Choices, v) {
			return v, nil
		}
		return "", fmt.Errorf("%q is not valid; use %s", text, OneOf(s.Choices))
	case Bytes:
		n, err := ParseSize(text, ByteUnits, s.Example)
		if err == nil && n < s.Min {
			err = fmt.Errorf("%q is too small; write a size like %s", text, s.Example)
		}
		return strconv.FormatInt(n, 10), err
	case Position:
		return s.parsePosition(text)
	case Percent:
		return s.parsePercent(text)
	case Name:
		return parseName(text)
	}
	return parseColour(text)
}

func (s *Setting) parseInt(text string) (string, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && len(s.Choices) > 0:
		return "", fmt.Errorf("%q is not valid; use %s or a whole number", text, strings.Join(s.Choices, ", "))
	case err != nil:
		return "", fmt.Errorf("%q is not a whole number; write digits only, like %s", text, s.Example)
	case s.Max > 0 && (n < s.Min || n > s.Max):
		return "", fmt.Errorf("%d is out of range; write a number from %d to %d", n, s.Min, s.Max)
	case n < s.Min:
		return "", fmt.Errorf("%d is too small; write %d or more", n, s.Min)
	}
	return strconv.FormatInt(n, 10), nil
}

// Allowed says in words which values the setting accepts: "1 to 100", "normal, high".
func (s *Setting) Allowed() string {
	switch s.Type {
	case Int:
		words := strings.Join(append(slices.Clip(s.Choices), ""), ", ")
		if s.Max > 0 {
			return fmt.Sprintf("%s%d to %d", words, s.Min, s.Max)
		}
		return fmt.Sprintf("%s%d or more", words, s.Min)
	case Bool:
		return strings.Join(s.words(), ", ")
	case Choice:
		return strings.Join(s.Choices, ", ")
	case Bytes:
		return "a size like " + s.Example
	case Percent:
		return fmt.Sprintf("%d%% to %d%%", s.Min, s.Max)
	case Name:
		return "a name like " + s.Example
	case Position:
		return OneOf(append([]string{"names and percentages as in CSS, like top, left top, 25% 75%"}, s.Choices...))
	}
	return `"#rrggbb", white, black`
}

// words are the values of a Bool.
func (s *Setting) words() []string { return append([]string{"true", "false"}, s.Choices...) }

// OneOf joins words to "a, b or c".
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Values holds canonical texts by the names of their settings. An absent name stands for the
// default.
type Values map[string]string

// Set stores text, or removes the name if text is "".
func (v *Values) Set(name, text string) {
	if text == "" {
		delete(*v, name)
		return
	}
	if *v == nil {
		*v = Values{}
	}
	(*v)[name] = text
}

// Text returns the canonical text of s, or its default.
func (v Values) Text(s *Setting) string {
	if text, ok := v[s.Name]; ok {
		return text
	}
	return s.Default
}

// Int returns the value of an Int or Bytes setting, or fallback if it is absent and has no default.
// Values hold canonical texts only, so there is nothing to fail on.
func (v Values) Int(s *Setting, fallback int64) int64 {
	if n, err := strconv.ParseInt(v.Text(s), 10, 64); err == nil {
		return n
	}
	return fallback
}

// Bool returns the value of a Bool setting.
func (v Values) Bool(s *Setting) bool { return v.Text(s) == "true" }

// Unit is a suffix of a number and what it multiplies by.
type Unit struct {
	Name string
	Size float64
}

// Decimal and binary units both mean what they say: 1 KB is 1000 bytes, 1 KiB 1024 (IEC 80000-13).
var (
	ByteUnits = []Unit{
		{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"b", 1},
	}
	PixelUnits = []Unit{{"kp", 1e3}, {"mp", 1e6}, {"gp", 1e9}}
)

// ParseSize reads a number with one of the units, or none, in any case: "300KB", "1.5 MiB",
// "200MP", "4096". Fractions of one are cut off. The error recommends a size like example.
func ParseSize(text string, units []Unit, example string) (int64, error) {
	digits, factor := strings.ToLower(strings.TrimSpace(text)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(digits, u.Name); ok {
			digits, factor = strings.TrimSpace(rest), u.Size
			break
		}
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.Trim(digits, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a size; write a number and a unit, like %s", text, example)
	}
	// Above 2^53 a float64 skips whole numbers; no picture and no object comes near.
	if n *= factor; n > 1<<53 {
		return 0, fmt.Errorf("%q is too large; write a size like %s", text, example)
	}
	return int64(math.Floor(n)), nil
}

func parseColour(text string) (string, error) {
	switch c := strings.ToLower(text); {
	case c == "white":
		return "#ffffff", nil
	case c == "black":
		return "#000000", nil
	case len(c) == 7 && c[0] == '#' && strings.Trim(c[1:], "0123456789abcdef") == "":
		return c, nil
	}
	return "", fmt.Errorf(`%q is not a colour; write "#rrggbb" in quotes, white or black`, text)
}
