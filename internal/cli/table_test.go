package cli

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestTableNamesDroppedMetadata checks that what a picture's variants lack is below the table, once.
func TestTableNamesDroppedMetadata(t *testing.T) {
	r := mill.Result{Verdict: outcome.Done, Dropped: []string{"XMP: broken\x1b", "IPTC"}, Variants: []mill.Variant{{Name: "a"}, {Name: "b"}}}
	var b strings.Builder
	if err := newTable(&b, recipe.Default(formats.All())).print(resultRows("p.jpg", r)); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, "without") != 1 || !strings.HasSuffix(got, "p.jpg: without XMP: broken\\x1b; IPTC\n") {
		t.Errorf("%q", got)
	}
}

// TestTableTellsFoldersApart checks that pictures of one name in two folders have different rows.
func TestTableTellsFoldersApart(t *testing.T) {
	r := mill.Result{Verdict: outcome.Done, Variants: []mill.Variant{{Name: "a"}}}
	var b strings.Builder
	for _, name := range []string{"2025/IMG_0001.jpg", "/home/ana/all the pictures/2026/IMG_0001.jpg"} {
		if err := newTable(&b, recipe.Default(formats.All())).print(resultRows(name, r)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"\n2025/IMG_0001.jpg ", "\n… pictures/2026/IMG_0001.jpg "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no row begins with %q:\n%s", want, &b)
		}
	}
}

// TestShorten: no gap follows the sign of what is left out, even if a character of two columns is cut.
func TestShorten(t *testing.T) {
	for name, want := range map[string]string{
		"photo.jpg": "photo.jpg", "photograph.jpg": "…raph.jpg", "写真の山.jpg": "…の山.jpg", "a写真の山.jpg": "…の山.jpg",
	} {
		if got := shorten(name, 9); got != want {
			t.Errorf("%s is shortened to %q, want %q", name, got, want)
		}
	}
}
