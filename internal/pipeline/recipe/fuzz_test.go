package recipe

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzParse: Parse ends, its problems have lines of the file, and what it accepts is valid and
// keeps its promises.
func FuzzParse(f *testing.F) {
	f.Add(string(Example(all)))
	f.Add(buckets)
	f.Add(key("{dir}/{stem}-{variant}.{format}") + "variants: {a: {max_bytes: 1.5MiB}, b: {width: 3}}\non_remove: remove\n")
	f.Add("source: &a {bucket: x}\ntarget: *a\n")
	f.Add("? {a: b}\n: c\n<<: d\n")
	f.Add("rules:\n- {match: '[', variants: [a]}\n- match: |\n    x\n")
	f.Add("a: 'b\r\n\n\"\t- {[")
	f.Fuzz(func(t *testing.T, data string) {
		r, err := Parse(all, "f", []byte(data))
		if err != nil {
			lines := strings.Count(data, "\n") + strings.Count(data, "\r") + 1
			for _, p := range err.(Errors) {
				if p.Line < 1 || p.Line > lines || p.Text == "" {
					t.Errorf("problem %+v in %d lines", p, lines)
				}
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Errorf("accepted, and not valid: %v", err)
		}
		again, err := Parse(all, "f", []byte(data))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("read twice: %+v, %+v, %v", r, again, err)
		}
		plan, seen := r.Plan("a/b.jpg"), map[string]bool{}
		for _, o := range plan.Outputs {
			format := o.Variant.Format
			if format == nil {
				format = formatNamed("jpeg")
			}
			width := 5
			if o.Variant.Set != "" {
				width = o.Variant.Width // those that are made of a set have different widths
			}
			key, err := o.KeyFor(width, 4, format)
			if err != nil {
				continue
			}
			if seen[key] {
				t.Errorf("two variants get the key %q", key)
			}
			seen[key] = true
			if plan.Excluded == "" && r.Source.Bucket == r.Target.Bucket && r.Plan(key).Excluded == "" {
				t.Errorf("%q is a source again", key)
			}
		}
	})
}
