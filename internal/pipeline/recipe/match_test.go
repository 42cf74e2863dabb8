package recipe

import (
	"strings"
	"testing"
)

func TestExcluded(t *testing.T) {
	r := parse(t, "source: {bucket: in-1, prefix: photos/, suffixes: [.jpg, .tar.gz]}\ntarget: {bucket: out-1}\n")
	for key, why := range map[string]string{
		"photos/a.jpg": "", "photos/a.JPG": "", "photos/a.jPg": "", "photos/.jpg": "", "photos/x/y.tar.gz": "", "photos/夏.jpg": "",
		"": "empty", "photos/": "folder", "photos/a.jpg/": "folder", "a.jpg": "source.prefix", "Photos/a.jpg": "source.prefix",
		"photos/a.png": "source.suffixes", "photos/a": "source.suffixes", "photos/ajpg": "source.suffixes", "photos/a.gz": "source.suffixes",
		"photos/a.jpg.json": "source.suffixes",
	} {
		got := r.Plan(key).Excluded
		if !strings.Contains(got, why) || (got == "") != (why == "") {
			t.Errorf("%q: excluded for the reason %q, want %q", key, got, why)
		}
	}
	r.Source.Suffixes = nil
	if why := r.Plan("photos/anything").Excluded; why != "" {
		t.Errorf("without suffixes, a key is excluded: %s", why)
	}
	if r.Plan("photos/folder/").Excluded == "" {
		t.Error("without suffixes, a folder is not excluded")
	}
}

func TestRules(t *testing.T) {
	r := parse(t, buckets+`
variants: {a: {width: 1}, b: {width: 2}, c: {width: 3}}
rules:
  - {match: "avatars/*.png", variants: [b]}
  - {match: "avatars/**", variants: [c, a]}
  - {match: "drafts/**", variants: []}
  - {match: "**/x{1,2}.jpg", variants: [a]}
  - {match: "avatars/x1.jpg", variants: [b]}
`)
	for key, want := range map[string]string{
		"avatars/p.png": "b", "avatars/p.jpg": "ca", "avatars/q/p.png": "ca", "drafts/p.jpg": "", "x1.jpg": "a", "deep/er/x2.jpg": "a",
		"avatars/x1.jpg": "ca", "other.jpg": "abc", "x3.jpg": "abc", "Avatars/p.png": "abc", "a b+c%/x1.jpg": "a",
	} {
		got := ""
		for _, o := range r.Plan(key).Outputs {
			got += o.Variant.Name
		}
		if got != want {
			t.Errorf("%q gets %q, want %q", key, got, want)
		}
	}
}
