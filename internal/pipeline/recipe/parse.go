package recipe

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

//go:embed example.yaml
var example []byte

// Example is a recipe file that names every setting and says what it does.
func Example() []byte { return slices.Clone(example) }

// Parse reads a recipe, fills in the defaults and checks it. The name is what problems call the file. The error, if any, is
// Errors: all that is wrong, each with its line.
func Parse(name string, data []byte) (*Recipe, error) {
	r, rd := read(name, data)
	if err := rd.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// read is Parse with the reader that did it.
func read(name string, data []byte) (*Recipe, *reader) {
	rd := &reader{report: report{file: name, lines: map[string]int{}}, absent: map[string]bool{}}
	doc := rd.document(data)
	if len(rd.problems) > 0 {
		return nil, rd
	}
	r := base()
	var metadata render.Metadata
	rd.mapping("", doc, []field{
		{"source", func(name string, n ast.Node) {
			rd.mapping(name, n, []field{
				{"bucket", rd.text(&r.Source.Bucket)},
				{"prefix", rd.text(&r.Source.Prefix)},
				{"suffixes", rd.texts(&r.Source.Suffixes)},
			})
		}},
		{"target", func(name string, n ast.Node) {
			rd.mapping(name, n, []field{
				{"bucket", rd.text(&r.Target.Bucket)},
				{"key", rd.parsed(notEmpty(&r.Target.Key))},
			})
		}},
		{"variants", func(name string, n ast.Node) { rd.variants(name, n, r) }},
		{"rules", func(name string, n ast.Node) { rd.rules(name, n, r) }},
		{"limits", func(name string, n ast.Node) {
			rd.mapping(name, n, []field{
				{"pixels", rd.parsed(size(&r.Limits.Pixels, pixelUnits, "200MP"))},
				{"bytes", rd.parsed(size(&r.Limits.Bytes, byteUnits, "100MB"))},
				{"frames", rd.parsed(number(&r.Limits.Frames))},
				{"timeout", rd.parsed(duration(&r.Limits.Timeout))},
			})
		}},
		{"metadata", rd.parsed(word(&metadata, metadatas))},
		{"on_remove", rd.parsed(word(&r.OnRemove, removals))},
		{"on_bad", func(name string, n ast.Node) {
			rd.mapping(name, n, []field{{"prefix", rd.text(&r.OnBad.Prefix)}})
		}},
		{"manifest", rd.parsed(truth(&r.Manifest))},
	})
	for i, s := range r.Source.Suffixes {
		r.Source.Suffixes[i] = strings.ToLower(s)
	}
	if p := r.OnBad.Prefix; p != "" && !strings.HasSuffix(p, "/") {
		r.OnBad.Prefix += "/"
	}
	r.fill(metadata)
	r.check(&rd.report)
	return r, rd
}

func (rd *reader) variants(name string, n ast.Node, r *Recipe) {
	for key, value := range rd.entries(name, n, map[string]int{}) {
		v := baseVariant(key)
		rd.mapping(join(name, key), value, []field{
			{"width", rd.parsed(number(&v.Width))},
			{"height", rd.parsed(number(&v.Height))},
			{"fit", rd.parsed(word(&v.Fit, fits))},
			{"enlarge", rd.parsed(truth(&v.Enlarge))},
			{"filter", rd.parsed(word(&v.Filter, filters))},
			{"linear_light", rd.parsed(truth(&v.LinearLight))},
			{"format", rd.parsed(pictureFormat(&v.Format))},
			{"quality", rd.parsed(number(&v.Quality))},
			{"effort", rd.parsed(word(&v.Effort, efforts))},
			{"subsampling", rd.parsed(word(&v.Subsampling, subsamplings))},
			{"progressive", rd.parsed(truth(&v.Progressive))},
			{"max_bytes", rd.parsed(size(&v.MaxBytes, byteUnits, "300KB"))},
			{"background", rd.parsed(colour(&v.Background))},
			{"metadata", rd.parsed(word(&v.Metadata, metadatas))},
		})
		r.Variants = append(r.Variants, v)
	}
	if _, none := n.(*ast.NullNode); len(r.Variants) == 0 && !none && !rd.bad(name) {
		rd.add(name, "names no variant; leave it out to get pictures 800 wide")
	}
}

func (rd *reader) rules(name string, n ast.Node, r *Recipe) {
	if _, none := n.(*ast.NullNode); none {
		return
	}
	rd.list(name, n, func(name string, n ast.Node) {
		var rule Rule
		rd.mapping(name, n, []field{
			{"match", rd.text(&rule.Match)},
			{"variants", rd.texts(&rule.Variants)},
		})
		r.Rules = append(r.Rules, rule)
	})
}

// pictureFormat takes the names that people use. One that cannot be written is told as the file has it.
func pictureFormat(into *codec.Format) func(string) error {
	return func(s string) error {
		f := codec.Format(strings.ToLower(s))
		switch f {
		case "jpg":
			f = codec.JPEG
		case "tif":
			f = codec.TIFF
		}
		if why := unwritable(f); why != "" {
			return errors.New(why)
		}
		*into = f
		return nil
	}
}

func notEmpty(into *string) func(string) error {
	return func(s string) error {
		if *into = s; s == "" {
			return fmt.Errorf("is empty; write a template like {key}, or leave it out")
		}
		return nil
	}
}

// number reads a whole number over 0. What a 0 would mean, a file says by leaving the line out.
func number(into *int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is no whole number; write digits alone, like 80", s)
		}
		if n <= 0 {
			return fmt.Errorf("%d must be over 0; leave the line out for the default", n)
		}
		*into = n
		return nil
	}
}

func size(into *int64, units []unit, like string) func(string) error {
	return func(s string) error {
		n, err := parseSize(s, units, like)
		if err == nil && n == 0 {
			err = fmt.Errorf("%q must be over 0; write a size like %s", s, like)
		}
		*into = n
		return err
	}
}

func duration(into *time.Duration) func(string) error {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is no time; write a number and a unit, like 60s or 2m", s)
		}
		if *into = d; d <= 0 {
			return fmt.Errorf("%s must be over 0; write a time like 60s", s)
		}
		return nil
	}
}

func truth(into *bool) func(string) error {
	return func(s string) error {
		switch strings.ToLower(s) {
		case "true":
			*into = true
		case "false":
			*into = false
		default:
			return fmt.Errorf("%q is neither true nor false; write one of them", s)
		}
		return nil
	}
}

func word[T ~string](into *T, known []T) func(string) error {
	return func(s string) error {
		if slices.Contains(known, T(s)) {
			*into = T(s)
			return nil
		}
		return errors.New(notOneOf(s, known))
	}
}

func colour(into *[3]uint8) func(string) error {
	return func(s string) error {
		switch strings.ToLower(s) {
		case "white":
			*into = [3]uint8{255, 255, 255}
			return nil
		case "black":
			*into = [3]uint8{}
			return nil
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 24)
		if err != nil || len(s) != 7 || s[0] != '#' {
			return fmt.Errorf(`%q is no colour; write "#rrggbb" in quotes, white or black`, s)
		}
		*into = [3]uint8{uint8(n >> 16), uint8(n >> 8), uint8(n)}
		return nil
	}
}
