package recipe

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// These tests hold a recipe against an uploader who chooses keys.

// TestGlobsAreBounded checks that a glob whose braces stand for too many globs is refused, and that
// the slowest that is accepted is quickly compared with the longest key.
func TestGlobsAreBounded(t *testing.T) {
	const refused = "stand for more than 1000 globs"
	rules := func(globs ...string) string {
		yaml := buckets + "variants: {v: {width: 1}}\nrules:\n"
		for _, g := range globs {
			yaml += fmt.Sprintf("  - {match: '%s', variants: [v]}\n", g)
		}
		return yaml
	}
	for _, test := range []struct {
		globs []string
		want  string // "" if it is accepted
	}{
		{[]string{strings.Repeat("{a,a}", 9) + "b"}, ""},
		{[]string{strings.Repeat("{a,a}", 10) + "b"}, refused},
		{[]string{strings.Repeat("{a,a}", 60) + "b"}, refused},
		{[]string{strings.Repeat("{a,", 60) + "a" + strings.Repeat("}", 60)}, ""},
		{[]string{strings.Repeat("{{a,a},", 20) + "a" + strings.Repeat("}", 20)}, ""},
		{[]string{strings.Repeat("{{a,a}{a,a},", 9) + "a" + strings.Repeat("}", 9)}, ""},
		{[]string{strings.Repeat("{a,{b,c}", 30) + strings.Repeat("}", 30)}, refused},
		{[]string{strings.Repeat("{a,a}", 9) + "b", strings.Repeat("{a,a}", 9) + "c"}, refused},
		{[]string{strings.Repeat(`\{a,a\}`, 60), "[{,}]", "photos/**/*.{jpg,jpeg,png}"}, ""},
		{[]string{strings.Repeat("a", 1025)}, "the limit for keys is 1024"},
	} {
		_, err := Parse(all, "f", []byte(rules(test.globs...)))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.globs, err, test.want)
		}
	}
	r := parse(t, rules("**/"+strings.Repeat("*{a,a}", 9)+"b"))
	for _, key := range []string{strings.Repeat("a", 1020) + ".jpg", strings.Repeat("a/", 510) + ".jpg", strings.Repeat("a", 1e6) + ".jpg"} {
		start := time.Now()
		r.Plan(key)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("a key of %d bytes took %s", len(key), d)
		}
	}
}

// TestPathElements checks that target.key cannot climb out of its folder.
func TestPathElements(t *testing.T) {
	for _, k := range []string{"../{key}", "a/../{key}", "./{key}", "{dir}/../{stem}", "{dir}/./{stem}", "{stem}/.."} {
		if _, err := Parse(all, "f", []byte(key(k))); err == nil || !strings.Contains(err.Error(), "path element") {
			t.Errorf("%s: %v", k, err)
		}
	}
	for _, k := range []string{"..a/{key}", "{stem}..", ".{stem}", "{dir}/...{stem}"} {
		parse(t, key(k))
	}
}

// TestReservedPrefix checks that no variant can get the key of a copy of a bad upload.
func TestReservedPrefix(t *testing.T) {
	const refused = "where copies of bad uploads are kept"
	for _, test := range []struct{ prefix, key, more, want string }{
		{"", "{key}", "on_bad: {prefix: bad/}", refused},
		{"", "{dir}/{stem}.jpg", "on_bad: {prefix: bad}", refused},
		{"", "bad/{key}", "on_bad: {prefix: bad/}", refused},
		{"", "{variant}/{key}", "on_bad: {prefix: resized/}", refused},
		{"bad/", "{key}", "on_bad: {prefix: bad/}", refused},
		{"", "{stem}/{key}", "on_bad: {prefix: bad/}", refused},
		{"in/", "{key}", "on_bad: {prefix: bad/}", ""},
		{"", "{variant}/{key}", "on_bad: {prefix: bad/}", ""},
		{"", "pictures/{key}", "on_bad: {prefix: bad/}", ""},
		{"", "{stem}.jpg", "on_bad: {prefix: bad/}", ""},
		{"", "{key}", "", ""},
		// A manifest has the key of its source.
		{"", "out/{key}", "on_bad: {prefix: bad/}\nmanifest: true", ""},
	} {
		yaml := fmt.Sprintf("source: {bucket: one, prefix: %q}\ntarget: {bucket: two, key: %q}\n%s\n", test.prefix, test.key, test.more)
		_, err := Parse(all, "f", []byte(yaml))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot %v, want %q", yaml, err, test.want)
		}
	}
	yaml := "source: {bucket: one, suffixes: []}\ntarget: {bucket: two, key: 'out/{key}.jpg'}\non_bad: {prefix: bad/}\nmanifest: true\n"
	if _, err := Parse(all, "f", []byte(yaml)); err == nil || !strings.Contains(err.Error(), "could get the key of a copy") {
		t.Errorf("a manifest and a copy: %v", err)
	}
}

// TestLongKeys checks which keys a plan has for a source whose key leaves no room for more.
func TestLongKeys(t *testing.T) {
	r := parse(t, "source: {bucket: one}\ntarget: {bucket: two, key: 'o/{key}'}\non_bad: {prefix: bad/}\nmanifest: true\n")
	part := func(n int) string { return strings.Repeat("p", n-4) + ".jpg" }
	for _, test := range []struct {
		key            string
		manifest, copy bool // whether they have their usual keys
	}{
		{"a.jpg", true, true},
		{part(250), true, true},
		{part(251), true, false}, // with .json, the record would have a part of 256 bytes
		{strings.Repeat("d/", 500) + part(11), true, true},
		{strings.Repeat("d/", 500) + part(12), false, true},
		{strings.Repeat("d/", 500) + part(16), false, false},
	} {
		p := r.Plan(test.key)
		if err := p.CheckManifest(); (err == nil) != test.manifest {
			t.Errorf("%d bytes: manifest: %v", len(test.key), err)
		}
		if _, err := p.Objects(); (err == nil) != test.manifest {
			t.Errorf("%d bytes: objects: %v", len(test.key), err)
		}
		if usual := p.BadCopy == "bad/"+test.key; usual != test.copy || p.BadRecord != p.BadCopy+".json" {
			t.Errorf("%d bytes: the copy has the key %q, the record %q", len(test.key), p.BadCopy, p.BadRecord)
		}
		if len(p.BadRecord) > 1024 || LongPart(p.BadRecord) > 0 {
			t.Errorf("no store holds %q", p.BadRecord)
		}
	}
	if p := r.Plan(strings.Repeat("k", 1021) + ".jpg"); !strings.Contains(p.Excluded, "the limit for keys is 1024") {
		t.Errorf("a key that no store has: %q", p.Excluded)
	}
	if LongPart("a/"+part(255)+"/b") != 0 || LongPart("a/"+part(256)+"/b") != 256 {
		t.Error("LongPart does not begin at 256 bytes")
	}
}

// TestMemoryOfThePlace checks which limit holds in a place with so much memory.
func TestMemoryOfThePlace(t *testing.T) {
	for _, test := range []struct {
		limits    string
		has, want int64
	}{
		{"", 3e9, 3e9},
		{"", 5e8, 5e8},
		{"limits: {memory: 700MB}\n", 3e9, 7e8},
		{"limits: {memory: 700MB}\n", 5e8, 5e8},
	} {
		r := parse(t, buckets+test.limits)
		before := r.Limits.Memory
		if got := r.WithMemory(test.has).Limits.Memory; got != test.want {
			t.Errorf("%q, %d bytes: the limit is %d", test.limits, test.has, got)
		}
		if r.Limits.Memory != before {
			t.Error("WithMemory changed the recipe")
		}
	}
}
