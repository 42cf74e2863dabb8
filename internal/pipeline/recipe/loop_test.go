package recipe

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// TestLoops checks which recipes with one bucket for sources and outputs are refused as loops.
func TestLoops(t *testing.T) {
	const (
		loop     = "target.key: variant"
		badLoop  = "on_bad.prefix: copies"
		manifest = "manifest: manifests"
	)
	file := func(prefix, suffixes, key, more string) string {
		if suffixes != "" {
			suffixes = ", suffixes: " + suffixes
		}
		return fmt.Sprintf("source: {bucket: one, prefix: %q%s}\ntarget: {bucket: one, key: %q}\n%s", prefix, suffixes, key, more)
	}
	for _, test := range []struct{ yaml, want string }{
		{file("", "", "{key}", ""), loop},
		{file("", "", "thumbs/{key}", ""), loop},
		{file("in/", "", "out/{key}", ""), ""},
		{file("in/", "", "{key}", ""), loop},
		{file("in/", "", "in/out/{key}", ""), loop},
		{file("in/", "", "i{key}", ""), ""},
		{file("ii", "", "i{key}", ""), loop},
		{file("in/", "", "{dir}/{stem}-x{ext}", ""), loop},
		{file("in/", "", "x{dir}/{stem}{ext}", ""), ""},
		{file("in/", "", "{stem}{ext}", ""), ""},
		{file("in", "", "{stem}{ext}", ""), loop},
		{file("in/", "", "{stem}/{ext}", ""), loop},
		{file("in/", "", "{format}/{stem}{ext}", ""), ""},
		{file("jpg/", "", "{format}/{stem}{ext}", ""), loop},
		{file("jpg/", "", "{format}/{stem}{ext}", "variants: {a: {width: 1, format: png}}"), ""},
		{file("8", "", "{width}/{key}", ""), loop},
		{file("a8", "", "{width}/{key}", ""), ""},
		{file("thumb/", "", "{variant}/{key}", "variants: {thumb: {width: 1}, big: {width: 2}}"), loop},
		{file("thumbs/", "", "{variant}/{key}", "variants: {thumb: {width: 1}, big: {width: 2}}"), ""},
		// Sources with one suffix and outputs with another.
		{file("", "[.png]", "{dir}/{stem}.{format}", "variants: {a: {width: 1, format: jpeg}}"), ""},
		{file("", "[.png]", "{dir}/{stem}.{format}", "variants: {a: {width: 1}}"), loop},
		{file("", "[.png]", "{dir}/{stem}.{format}", "variants: {a: {width: 1, format: png}}"), loop},
		{file("", "[.jpg]", "{key}.small", ""), ""},
		{file("", "[.jpg, .SMALL]", "{key}.small", ""), loop},
		{file("", "[.jpg]", "{stem}{ext}", ""), loop},
		{file("", "[.jpg]", "{ext}/{stem}x", ""), ""},
		{file("", "[.jpg]", "{ext}/{stem}", ""), loop},
		{file("", "[]", "{key}.small", ""), loop},
		{file("", "[.x.jpg]", "{stem}.y{ext}", ""), ""},
		{file("", "[.x.jpg]", "{stem}.x{ext}", ""), loop},
		{file("", "[.x.jpg]", "{stem}{ext}", ""), loop},
		// .y has no extension, which makes .y.x.jpg a source; x.q.jpg.b is one by its second
		// suffix; x.8 by its width.
		{file("", "[.x.jpg, .y]", "{stem}.x{ext}.jpg", ""), loop},
		{file("", "[.jpg, .q.jpg.b]", "{key}.b", ""), loop},
		{file("", "[.jpg, .r.jpg.c]", "{key}.b", ""), ""},
		{file("", "[.8]", "{stem}.{width}", ""), loop},
		// A folder without its slash is continued by the template.
		{file("a/axx", "", "a/{dir}xx{stem}{ext}", ""), loop},
		{file("a/axx", "", "a/{dir}/{stem}{ext}", ""), ""},
		// Copies of bad uploads and manifests are outputs as well.
		{file("in/", "", "out/{key}", "on_bad: {prefix: in/failed}"), badLoop},
		{file("in/", "", "out/{key}", "on_bad: {prefix: failed}"), ""},
		{file("in", "", "out/{key}", "on_bad: {prefix: i}"), ""},
		{file("i", "", "out/{key}", "on_bad: {prefix: in}"), badLoop},
		{file("", "[.png]", "{stem}.jpg", "on_bad: {prefix: failed}"), badLoop},
		{file("in/", "", "out/{stem}.{format}", "manifest: true"), ""},
		{file("in/", "[.jpg, .json]", "out/{stem}.{format}", "manifest: true"), manifest},
		{file("in/", "[]", "out/{stem}.{format}", "manifest: true"), manifest},
	} {
		_, err := Parse(all, "f", []byte(test.yaml))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot %v, want %q", test.yaml, err, test.want)
		}
		if twoBuckets := strings.Replace(test.yaml, "target: {bucket: one", "target: {bucket: two", 1); test.want != "" {
			if _, err := Parse(all, "f", []byte(twoBuckets)); err != nil {
				t.Errorf("%s\nrefused in two buckets: %v", twoBuckets, err)
			}
		}
	}
}

// draw generates short texts from few letters, so that two of them often agree.
type draw struct{ *rand.Rand }

func (d draw) from(options ...string) string { return options[d.IntN(len(options))] }

func (d draw) several(most int, options ...string) string {
	var b strings.Builder
	for range d.IntN(most + 1) {
		b.WriteString(d.from(options...))
	}
	return b.String()
}

// file draws a recipe that reads and writes one bucket.
func (d draw) file() string {
	var variants, suffixes []string
	for _, name := range []string{"a", "ab", "b", "a1", "1", "j"}[d.IntN(4):][:1+d.IntN(2)] {
		variants = append(variants, fmt.Sprintf("%s: {width: %d%s}", name, 1+d.IntN(20), d.from("", "", ", format: png", ", format: jpeg", ", max_bytes: 5KB")))
	}
	for _, s := range []string{".jpg", ".b", ".png", ".a.b", ".json"} {
		if d.IntN(3) == 0 {
			suffixes = append(suffixes, s)
		}
	}
	template := d.several(4, "{key}", "{dir}", "{dir}/", "{stem}", "{ext}", "{variant}", "{variant}/", "{width}", "{height}", "{format}", ".{format}", "a", "b", "/", ".b", ".jpg", "1", "out/")
	setTemplate := d.from("{variant}/{key}/{width}.{format}", d.from("", "s/")+template+"{width}", "{stem}{width}"+template)
	for _, name := range []string{"p", "a2"} {
		if d.IntN(3) == 0 {
			variants = append(variants, fmt.Sprintf("%s: {widths: [%d, %d]%s}", name, 1+d.IntN(5), 6+d.IntN(15),
				d.from("", ", format: png", ", formats: [png, jpeg]", ", max_bytes: 5KB")))
		}
	}
	return fmt.Sprintf("source: {bucket: one, prefix: %q, suffixes: [%s]}\ntarget: {bucket: one, key: %q, set_key: %q}\nvariants: {%s}\non_bad: {prefix: %q}\nmanifest: %s\n",
		d.several(3, "a", "b", "/", "1", "out", "j"), strings.Join(suffixes, ", "), template, setTemplate, strings.Join(variants, ", "),
		d.from("", "", "a", "out", "b/a", "1"), d.from("true", "false"))
}

// sourceKey draws the key of a source, or "".
func (d draw) sourceKey(r *Planner) string {
	key := r.Source.Prefix + d.several(4, "a", "b", "/", "1", ".", "j", "K", "out/", ".jpg", ".b", ".json")
	if n := len(r.Source.Suffixes); n > 0 && d.IntN(8) > 0 {
		key += r.Source.Suffixes[d.IntN(n)]
		if d.IntN(2) == 0 {
			key = key[:len(key)-1] + strings.ToUpper(key[len(key)-1:])
		}
	}
	if r.Plan(key).Excluded != "" {
		return ""
	}
	return key
}

// output draws a size and format that render could have produced for a variant.
func (d draw) output(v render.Variant) (width, height int, f *codec.Format) {
	if f = v.Format; f == nil {
		f = []*codec.Format{formatNamed("jpeg"), formatNamed("png")}[d.IntN(2)]
	}
	width = 1 + d.IntN(20)
	if v.Set != "" {
		width = v.Width // those that are made of a set have different widths
	}
	return width, 1 + d.IntN(20), f
}

// rounds is how many random recipes are drawn: the first quarter of those of make sim, unless IMGMILL_SEEDS is set.
func rounds(all int) int {
	if os.Getenv("IMGMILL_SEEDS") == "" {
		return all / 4
	}
	return all
}

// TestNoLoops checks on random recipes that no key that an accepted one writes is the key of a
// source.
func TestNoLoops(t *testing.T) {
	d := draw{rand.New(rand.NewPCG(1, 2))}
	accepted, refused, checked := 0, 0, 0
	for range rounds(12000) {
		yaml := d.file()
		r, err := Parse(all, "f", []byte(yaml))
		if err != nil {
			if strings.Contains(err.Error(), "its own source") {
				refused++
			}
			continue
		}
		accepted++
		planner := r.Planner()
		for range 30 {
			source := d.sourceKey(planner)
			if source == "" {
				continue
			}
			plan := planner.Plan(source)
			written := map[string]string{plan.BadCopy: "bad copy", plan.BadRecord: "bad record", plan.Manifest.Key: "manifest"}
			delete(written, "") // not written
			for _, o := range plan.Outputs {
				if key, err := o.KeyFor(d.output(o.Variant)); err == nil {
					written[key] = "variant " + o.Variant.Name
				}
			}
			for key, what := range written {
				checked++
				if planner.Plan(key).Excluded == "" {
					t.Fatalf("the %s of %q is written to %q, the key of a source:\n%s", what, source, key, yaml)
				}
			}
		}
	}
	t.Logf("%d recipes accepted, %d refused as loops, %d keys checked", accepted, refused, checked)
	if accepted < rounds(150) || refused < rounds(300) || checked < rounds(10000) {
		t.Errorf("%d recipes accepted, %d refused as loops, %d keys checked: too few to prove anything", accepted, refused, checked)
	}
}

// TestNoCollisions checks on random recipes that the variants and the manifest of a source all have
// different keys.
func TestNoCollisions(t *testing.T) {
	d := draw{rand.New(rand.NewPCG(3, 4))}
	accepted, refused, checked := 0, 0, 0
	for range rounds(20000) {
		yaml := strings.Replace(d.file(), "target: {bucket: one", "target: {bucket: two", 1)
		r, err := Parse(all, "f", []byte(yaml))
		if err != nil {
			if strings.Contains(err.Error(), "could get the same key") {
				refused++
			}
			continue
		}
		if len(r.Variants) < 2 && !r.Manifest {
			continue
		}
		accepted++
		planner := r.Planner()
		for range 30 {
			source := d.sourceKey(planner)
			if source == "" {
				continue
			}
			plan := planner.Plan(source)
			written := map[string]string{}
			if r.Manifest {
				written[plan.Manifest.Key] = "the manifest"
			}
			for _, o := range plan.Outputs {
				key, err := o.KeyFor(d.output(o.Variant))
				if err != nil {
					continue
				}
				checked++
				if r.OnBad.Prefix != "" && strings.HasPrefix(key, r.OnBad.Prefix) {
					t.Fatalf("%q: variant %s is written to %q, among copies of bad uploads:\n%s", source, o.Variant.Name, key, yaml)
				}
				if other, ok := written[key]; ok {
					t.Fatalf("%q: variant %s and %s share the key %q:\n%s", source, o.Variant.Name, other, key, yaml)
				}
				written[key] = "variant " + o.Variant.Name
			}
		}
	}
	t.Logf("%d recipes accepted, %d refused for collisions, %d keys checked", accepted, refused, checked)
	if accepted < rounds(150) || refused < rounds(300) || checked < rounds(10000) {
		t.Errorf("%d recipes accepted, %d refused for collisions, %d keys checked: too few to prove anything", accepted, refused, checked)
	}
}
