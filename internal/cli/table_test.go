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
