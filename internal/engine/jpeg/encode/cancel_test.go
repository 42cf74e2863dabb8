package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// watched is a context that is cancelled when it is asked for the n-th time.
type watched struct {
	context.Context
	left  int
	asked int
}

func (w *watched) Err() error {
	w.asked++
	if w.left--; w.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestEncodeAsksContext checks for every way to encode that the context is looked at often, and that
// an encode that it ends at any time returns its error.
func TestEncodeAsksContext(t *testing.T) {
	p := jpegtest.Noise(2500, 400, 2, 2, 1)
	for _, o := range []Options{
		{Quality: 85}, {Quality: 85, Progressive: true},
		{Quality: 85, Effort: High}, {Quality: 85, Effort: High, Progressive: true},
	} {
		name := fmt.Sprintf("progressive %t, effort %d", o.Progressive, o.Effort)
		w := &watched{Context: t.Context(), left: 1 << 30}
		if err := Encode(w, io.Discard, p, o); err != nil {
			t.Fatal(err)
		}
		if least := 2 * 400 / 16; w.asked < least { // twice for each row of MCUs
			t.Errorf("%s: asked %d times, want %d at least", name, w.asked, least)
		}
		small := jpegtest.Noise(120, 100, 2, 2, 1)
		w = &watched{Context: t.Context(), left: 1 << 30}
		if err := Encode(w, io.Discard, small, o); err != nil {
			t.Fatal(err)
		}
		for n := range w.asked {
			if err := Encode(&watched{Context: t.Context(), left: n}, io.Discard, small, o); !errors.Is(err, context.Canceled) {
				t.Fatalf("%s, ended at look %d of %d: error %v", name, n, w.asked, err)
			}
		}
	}
}

// TestTokensJoin joins lists of which some are empty, as those of threads are that the end of a context has
// kept from their rows.
func TestTokensJoin(t *testing.T) {
	for set := range 8 {
		var all tokenList
		var want []uint16
		for i := range uint16(3) {
			var next tokenList
			for n := range uint16(set>>i&1) * (stream.ChunkSize + 5) {
				next.keep(append(next.room(1), n^i))
				want = append(want, n^i)
			}
			all.join(&next)
		}
		if got := slices.Concat(append(all.full, all.last)...); !slices.Equal(got, want) {
			t.Errorf("lists %03b: got %d tokens, want %d", set, len(got), len(want))
		}
		all.reset()
	}
}
