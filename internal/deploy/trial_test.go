package deploy

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/mill"
	"github.com/imgmill/imgmill/internal/recipe"
	"github.com/imgmill/imgmill/internal/sample"
)

func TestTrialKey(t *testing.T) {
	for _, test := range []struct {
		prefix   string
		suffixes []string
		ending   string
		want     string // the key's end; empty: refused
	}{
		{"", nil, "", ".jpg"}, {"in/", []string{".png", ".jpg"}, "", ".jpg"}, {"in/", []string{".webp", ".png"}, "", ".webp"},
		{"in/", []string{".jpg"}, ".png", ""}, {"in/", nil, ".heic", ".heic"}, {"", []string{".jpg"}, ".jpg", ".jpg"},
	} {
		r := &recipe.Recipe{Source: recipe.Source{Prefix: test.prefix, Suffixes: test.suffixes}}
		a, err := trialKey(r, test.ending)
		b, _ := trialKey(r, test.ending)
		switch {
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), "does not take")):
			t.Errorf("%+v: %q, %v", test, a, err)
		case test.want != "" && (err != nil || !strings.HasPrefix(a, test.prefix+"imgmill-test-") || !strings.HasSuffix(a, test.want) || a == b):
			t.Errorf("%+v: %q and %q, %v", test, a, b, err)
		}
	}
}

// TestRehearse: keys that hold what only the picture tells are known before the function has seen it.
func TestRehearse(t *testing.T) {
	r, err := recipe.Parse("imgmill.yaml", []byte(`source: {bucket: photos-input}
target: {bucket: photos-output, key: "{stem}-{variant}-{width}x{height}.{format}"}
variants: {thumb: {width: 40, height: 40, fit: cover}, large: {width: 100}}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := rehearse(t.Context(), r, "a.jpg", sample.Photo(200, 100))
	if err != nil || res.Verdict != mill.Done || len(res.Variants) != 2 || res.Variants[0].Key != "a-thumb-40x40.jpg" || res.Variants[1].Key != "a-large-100x50.jpg" {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := rehearse(t.Context(), r, "a.jpg", []byte("no picture")); err != nil || res.Verdict != mill.Skipped || len(res.Variants) != 0 {
		t.Errorf("of no picture: %+v, %v", res, err)
	}
}
