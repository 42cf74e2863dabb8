package recipe

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const twoVariants = buckets + "variants: {a: {width: 1, format: png}, b: {width: 2, format: jpeg}}\n"

func TestPlan(t *testing.T) {
	r := parse(t, twoVariants)
	p := r.Plan("x/y.jpg")
	if p.Key != "x/y.jpg" || p.Excluded != "" || p.Manifest != (Object{}) || p.BadCopy != "" ||
		p.BadRecord != ".imgmill/bad/x/y.jpg.json" {
		t.Errorf("%+v", p)
	}
	r.OnBad.Record = false
	if p := r.Plan("x/y.jpg"); p.BadCopy != "" || p.BadRecord != "" {
		t.Errorf("without records: %+v", p)
	}
	r.OnBad.Record = true
	r.Manifest, r.OnBad.Prefix = true, "failed/"
	p = r.Plan("x/y.jpg")
	if p.BadCopy != "failed/x/y.jpg" || p.BadRecord != "failed/x/y.jpg.json" {
		t.Errorf("bad copy %q, record %q", p.BadCopy, p.BadRecord)
	}
	got, err := p.Objects()
	want := []Object{
		{"a/x/y.jpg", r.Fingerprint(r.Variants[0])}, {"b/x/y.jpg", r.Fingerprint(r.Variants[1])},
		{"x/y.jpg.imgmill.json", p.Manifest.Fingerprint},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("objects %q, %v, want %q", got, err, want)
	}
	// A key that is not a source has a complete plan too.
	if p := r.Plan("notes.txt"); p.Excluded == "" || len(p.Variants()) != 2 || p.Manifest.Key != "notes.txt.imgmill.json" {
		t.Errorf("%+v", p)
	}
}

// TestManifestFingerprint checks that a manifest becomes stale with any of the variants that it
// lists, and with no other.
func TestManifestFingerprint(t *testing.T) {
	r := parse(t, twoVariants+"manifest: true\nrules: [{match: 'one/*', variants: [a]}]\n")
	both, one := r.Plan("x.jpg").Manifest.Fingerprint, r.Plan("one/x.jpg").Manifest.Fingerprint
	if both == one || len(both) != 16 {
		t.Errorf("fingerprints %q and %q", both, one)
	}
	r.Target.URL = "/pictures/"
	if got := r.Plan("x.jpg").Manifest.Fingerprint; got == both {
		t.Error("another address does not change the fingerprint")
	}
	r.Target.URL = ""
	r.Variants[1].Width++
	if got := r.Plan("x.jpg").Manifest.Fingerprint; got == both {
		t.Error("a changed variant does not change the fingerprint")
	}
	if got := r.Plan("one/x.jpg").Manifest.Fingerprint; got != one {
		t.Error("a variant that is not listed changes the fingerprint")
	}
}

// TestKeysThatNeedThePicture checks what can be planned without the picture.
func TestKeysThatNeedThePicture(t *testing.T) {
	for _, test := range []struct {
		template, format string
		needed           bool
	}{
		{"{variant}/{key}", "", false},
		{"{variant}/{width}/{key}", ", format: png", true},
		{"{variant}/{key}.{height}", ", format: png", true},
		{"{variant}/{stem}.{format}", "", true},
		{"{variant}/{stem}.{format}", ", format: png", false},
	} {
		r := parse(t, key(test.template)+"variants: {a: {width: 1"+test.format+"}}\n")
		p := r.Plan("x.jpg")
		if _, err := p.Objects(); errors.Is(err, ErrNeedsPicture) != test.needed || !test.needed && err != nil {
			t.Errorf("%s%s: %v", test.template, test.format, err)
		}
		if got, err := p.Outputs[0].KeyFor(1, 2, formatNamed("png")); err != nil || strings.Contains(got, "{") {
			t.Errorf("%s%s: completed to %q, %v", test.template, test.format, got, err)
		}
	}
	// A key that no picture can make valid is another error.
	long := strings.Repeat("k", 1020)
	if _, err := parse(t, twoVariants).Plan(long + ".jpg").Objects(); err == nil || errors.Is(err, ErrNeedsPicture) {
		t.Errorf("a key that is too long: %v", err)
	}
}

// TestReserved checks that no source and no output has a key under the reserved prefix, whatever
// uploaders name their pictures.
// TestKeyOfAnotherEncoding: a folder may have names that no key has.
func TestKeyOfAnotherEncoding(t *testing.T) {
	if key, err := parse(t, buckets).Plan("caf\xe9.jpg").Outputs[0].KeyFor(1, 1, nil); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
		t.Errorf("%q, %v", key, err)
	}
}

func TestReserved(t *testing.T) {
	r := parse(t, buckets+"manifest: true\n")
	if p := r.Plan(".imgmill/bad/x.jpg"); !strings.Contains(p.Excluded, "under .imgmill/") || p.CheckManifest() == nil {
		t.Errorf("a source under the prefix: %q, %v", p.Excluded, p.CheckManifest())
	}
	for _, template := range []string{"{key}", "{dir}/{stem}{ext}", "{stem}/{variant}.jpg"} {
		r.Target.Key = template
		key := map[bool]string{true: ".imgmill.jpg", false: ".imgmill/bad/x.jpg"}[template[1] == 's']
		if got, err := r.Plan(key).Outputs[0].KeyFor(1, 1, nil); err == nil || !strings.Contains(err.Error(), "under .imgmill/") {
			t.Errorf("%s of %s: %q, %v", template, key, got, err)
		}
	}
}
