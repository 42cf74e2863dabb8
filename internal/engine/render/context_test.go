package render

import (
	"context"
	"errors"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestStepsLookAtTheContext runs a large picture through every step with a context that ends at each
// look in turn. A reduced picture can be as large as its source, so the steps must not hold on to a
// context that has ended.
func TestStepsLookAtTheContext(t *testing.T) {
	const side = 400
	d := picture(scene(side, side, plane.RGB, true, 1), 6)
	v := Variant{Width: side + 40, Height: side, Fit: Contain, Enlarge: true, Format: jpegFormat, Colour: DisplayP3}
	looks := 0
	for ; ; looks++ {
		j := &job{variant: v}
		if err := engine.begin(j, d); err != nil {
			t.Fatal(err)
		}
		if err := engine.reduce(t.Context(), d, codec.Limits{}, []*job{j}); err != nil {
			t.Fatal(err)
		}
		p, err := j.finish(&codectest.EndsAfter{Context: t.Context(), Left: looks})
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || p != nil {
			t.Fatalf("after %d looks: %v", looks, err)
		}
	}
	// Turned: 4 planes; converted to P3; laid over the background: 3; YCbCr; chroma: 2; padded: 3.
	if least := side / 16 * 10; looks < least {
		t.Errorf("the steps look at their context %d times, want %d at least", looks, least)
	}
}
