package codectest

import (
	"context"
	"errors"
	"math"
	"testing"
)

// EndsAfter is a context that ends when it has been asked Left times.
type EndsAfter struct {
	context.Context
	Left int
}

// Err implements context.Context.
func (c *EndsAfter) Err() error {
	if c.Left--; c.Left < 0 {
		return context.Canceled
	}
	return nil
}

// AsksContext checks that work looks at its context so many times at least, and returns its error, whether that comes at
// the first look, in the middle or at the last one.
func AsksContext(t *testing.T, name string, least int, work func(ctx context.Context) error) {
	t.Helper()
	c := &EndsAfter{Context: t.Context(), Left: math.MaxInt}
	if err := work(c); err != nil {
		t.Fatal(err)
	}
	looks := math.MaxInt - c.Left
	if looks < least {
		t.Errorf("%s: %d looks at the context, want %d at least", name, looks, least)
	}
	for _, n := range []int{0, least / 2, looks - 1} {
		if err := work(&EndsAfter{Context: t.Context(), Left: n}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: ended at look %d of %d: %v", name, n, looks, err)
		}
	}
}
