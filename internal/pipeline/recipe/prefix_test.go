package recipe_test

import (
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestTargetPrefixes also checks that outputs do begin with them, and that MayWrite knows their keys.
func TestTargetPrefixes(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  []string
		never []string // keys that nothing gets
	}{
		{"target: {bucket: out-bucket}", []string{"in/"}, []string{"index.html", "a.jpg", "in/a/"}},
		{"target: {bucket: out-bucket, key: 'thumbs/{key}'}", []string{"thumbs/in/"}, []string{"a.jpg", "thumbs/a.css"}},
		{"target: {bucket: out-bucket}\nvariants: {s: {width: 1}, sm: {width: 2}}", []string{"s/in/", "sm/in/"}, []string{"m/a.jpg"}},
		{"target: {bucket: out-bucket, key: '{variant}/{key}'}\nvariants: {s: {width: 1}, sm: {width: 2}}\non_bad: {prefix: bad/}",
			[]string{"bad/", "s/in/", "sm/in/"}, []string{"m/a.jpg", "bad"}},
		{"target: {bucket: out-bucket, key: '{stem}.{format}'}\nvariants: {s: {format: png}}", []string{""}, []string{"a.jpg"}},
		{"target: {bucket: out-bucket, key: '{dir}/{variant}-{stem}.jpg'}\nvariants: {s: {width: 1, format: jpeg}}",
			[]string{"in/"}, []string{"a.jpg", "in/s-a.png"}},
		{"target: {bucket: out-bucket, key: 'v-{variant}/{stem}.html'}", []string{"v-resized/"}, []string{"index.html"}},
	} {
		r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: in-bucket, prefix: in/}\n"+test.text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.TargetPrefixes(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.text, got, test.want)
		}
		for _, source := range []string{"in/a.jpg", "in/b/c.PNG"} {
			plan := r.Plan(source)
			objects, err := plan.Objects()
			if err != nil {
				t.Fatal(err)
			}
			if plan.BadCopy != "" {
				objects = append(objects, recipe.Object{Key: plan.BadCopy})
			}
			for _, o := range objects {
				begins := slices.ContainsFunc(test.want, func(p string) bool { return len(o.Key) > len(p) && o.Key[:len(p)] == p })
				if !begins || !r.MayWrite(o.Key) {
					t.Errorf("%s: %s is not expected (it begins as expected: %t)", test.text, o.Key, begins)
				}
			}
		}
		for _, key := range test.never {
			if r.MayWrite(key) {
				t.Errorf("%s: something may get the key %s", test.text, key)
			}
		}
	}
}

// TestAccess: the objects that are read and written, beside the outputs.
func TestAccess(t *testing.T) {
	for _, test := range []struct {
		text           string
		source, target []string
	}{
		{"source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}", []string{""}, []string{""}},
		{"source: {bucket: in-bucket, prefix: in/}\ntarget: {bucket: out-bucket}", []string{"in/"}, []string{".imgmill/bad/", "in/"}},
		{"source: {bucket: in-bucket, prefix: in/}\ntarget: {bucket: out-bucket, key: 'web/{key}'}\nmanifest: true\non_bad: {record: false}",
			[]string{"in/"}, []string{"in/", "web/in/"}},
		{"source: {bucket: in-bucket}\ntarget: {bucket: out-bucket, key: 'web/{key}'}\nmanifest: true", []string{""}, []string{""}},
		{"source: {bucket: in-bucket, prefix: in/}\ntarget: {bucket: out-bucket, key: 'web/{key}'}\non_bad: {prefix: bad/}\nwatermark: a.png\n" +
			"gates: {tag: {scan: clean}, placeholder: other/refused.png}\nnotify: [{to: 'arn:aws:sqs:us-east-1:123456789012:there'}]",
			[]string{"in/", "other/refused.png"}, []string{".imgmill/overlays/a.png", ".imgmill/unsent/", "bad/", "web/in/"}},
	} {
		r, err := recipe.Parse(formats.All(), "test", []byte(test.text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if source, target := r.SourceAccess(), r.TargetAccess(); !slices.Equal(source, test.source) || !slices.Equal(target, test.target) {
			t.Errorf("%s: %q and %q, want %q and %q", test.text, source, target, test.source, test.target)
		}
	}
}
