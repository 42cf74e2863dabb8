// Package migrate turns the settings of other programs that resize uploads into recipes.
//
// A recipe that it returns is valid, and says in its first lines what could not be carried over. The
// package never guesses silently: a setting without a counterpart is named there. It reads no bucket
// and no network.
package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Result is what became of a file of settings.
type Result struct {
	Program string   // that the settings are of
	Recipe  []byte   // YAML; its first lines are the notes, as comments
	Notes   []string // what could not be carried over, and what is to be filled in; full sentences
}

// Recipe returns the recipe of a file of settings: config.json of aws-lambda-image, or the .env file of
// the Firebase extension Resize Images. The error says what is wrong with a file that is neither.
func Recipe(formats codec.Set, data []byte) (*Result, error) {
	d := &draft{formats: formats}
	var err error
	switch text := bytes.TrimSpace(data); {
	case len(text) == 0:
		return nil, errors.New("is empty; name config.json of aws-lambda-image, or the .env file of Firebase Resize Images")
	case text[0] == '{':
		err = d.lambdaImage(text)
	default:
		err = d.resizeImages(text)
	}
	if err != nil {
		return nil, err
	}
	text := d.yaml()
	if _, err := recipe.Parse(formats, "the recipe made of it", text); err != nil {
		return nil, fmt.Errorf("cannot be made into a recipe: %w", err)
	}
	return &Result{Program: d.program, Recipe: text, Notes: d.notes}, nil
}

// placeholders of buckets that the settings do not name.
const (
	someSource = "your-upload-bucket"
	someTarget = "your-resized-bucket"
)

// draft is a recipe in the making.
type draft struct {
	formats  codec.Set
	program  string
	notes    []string
	source   string // bucket
	target   string // bucket
	aspects  []pair // of the target: cache_control, acl
	outputs  []output
	rules    []pair // glob and list of variants
	sections []pair // others of the file
}

// pair is a setting and its value in YAML.
type pair struct{ name, value string }

// output is what becomes a variant or a set.
type output struct {
	name     string // wanted; empty: from the key or the size
	key      string // template, in which {variant} may be written out; empty: the usual one
	settings []pair
	set      bool // several formats
}

func (o *output) add(name, value string) { o.settings = append(o.settings, pair{name, value}) }

// note records what is lost or to be done.
func (d *draft) note(format string, a ...any) { d.notes = append(d.notes, fmt.Sprintf(format, a...)) }

// name gives every output a name, and makes one template of their keys if they differ in nothing but a
// name. Otherwise the keys are the usual ones, and a note says so.
func (d *draft) name() (key string) {
	key = d.common()
	used := map[string]bool{}
	for i := range d.outputs {
		o := &d.outputs[i]
		base := o.name
		if base == "" {
			base = fmt.Sprintf("variant%d", i+1)
		}
		o.name = base
		for n := 2; used[o.name]; n++ {
			o.name = fmt.Sprintf("%s-%d", base, n)
		}
		used[o.name] = true
	}
	if key != "" {
		return key
	}
	key = "{variant}/{key}"
	for _, o := range d.outputs {
		if o.key != "" {
			d.note("The keys of %s were %s; they are %s now, because a recipe has one template for all variants.",
				o.name, o.key, strings.Replace(key, "{variant}", o.name, 1))
		}
	}
	return key
}

// common returns the template that all keys follow if {variant} stands for what they differ in, and
// names the outputs by that. It returns nothing if there is none.
func (d *draft) common() string {
	if len(d.outputs) == 0 || d.outputs[0].key == "" {
		return ""
	}
	first := d.outputs[0].key
	if len(d.outputs) == 1 {
		return first
	}
	before, after := len(first), len(first)
	for _, o := range d.outputs[1:] {
		before = min(before, shared(first, o.key))
		after = min(after, shared(reversed(first), reversed(o.key)))
	}
	// Names begin and end where a word does: small and smooth differ in more than their ends.
	before = strings.LastIndexAny(first[:before], "/_-.}") + 1
	tail := first[len(first)-after:]
	if i := strings.IndexAny(tail, "/_-.{"); i >= 0 {
		tail = tail[i:]
	} else {
		tail = ""
	}
	names := map[string]bool{}
	for i := range d.outputs {
		o := &d.outputs[i]
		if before+len(tail) >= len(o.key) {
			return ""
		}
		name := o.key[before : len(o.key)-len(tail)]
		if strings.Trim(name, letters) != "" || strings.Trim(name[:1], "_-") == "" || names[name] {
			return ""
		}
		names[name] = true
	}
	for i := range d.outputs {
		o := &d.outputs[i]
		o.name = o.key[before : len(o.key)-len(tail)]
	}
	return first[:before] + "{variant}" + tail
}

// letters are those of a variant's name.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// shared returns the length of what two texts begin with.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// yaml writes the recipe.
func (d *draft) yaml() []byte {
	key := d.name()
	if d.source == "" {
		d.source = someSource
		d.note("The settings do not name the bucket of the uploads: write it instead of %s.", someSource)
	}
	if d.target == "" || d.target == d.source {
		d.target = someTarget
		d.note("Variants were stored beside the uploads. Another bucket keeps them from being taken for uploads: write it instead of %s.", someTarget)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# From the settings of %s.\n", d.program)
	for _, n := range d.notes {
		fmt.Fprintf(&b, "# - %s\n", n)
	}
	sets, singles := false, false
	for _, o := range d.outputs {
		sets, singles = sets || o.set, singles || !o.set
	}
	fmt.Fprintf(&b, "\nsource: {bucket: %s}\ntarget:\n  bucket: %s\n", d.source, d.target)
	if singles {
		fmt.Fprintf(&b, "  key: %q\n", key)
	}
	if sets {
		fmt.Fprintf(&b, "  set_key: %q\n", key)
	}
	for _, p := range d.aspects {
		fmt.Fprintf(&b, "  %s: %s\n", p.name, p.value)
	}
	b.WriteString("variants:\n")
	for _, o := range d.outputs {
		var settings []string
		for _, p := range o.settings {
			settings = append(settings, p.name+": "+p.value)
		}
		fmt.Fprintf(&b, "  %s: {%s}\n", o.name, strings.Join(settings, ", "))
	}
	if len(d.rules) > 0 {
		b.WriteString("rules:\n")
		for _, p := range d.rules {
			variants := p.value
			if variants == "" {
				var names []string
				for _, o := range d.outputs {
					names = append(names, o.name)
				}
				variants = "[" + strings.Join(names, ", ") + "]"
			}
			fmt.Fprintf(&b, "  - {match: %q, variants: %s}\n", p.name, variants)
		}
	}
	for _, p := range d.sections {
		fmt.Fprintf(&b, "%s: %s\n", p.name, p.value)
	}
	return []byte(b.String())
}
