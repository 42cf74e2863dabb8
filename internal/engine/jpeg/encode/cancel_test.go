package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// watched is a context that is cancelled when it is asked for the n-th time.
type watched struct {
	context.Context
	most  int64
	asked atomic.Int64
}

func (w *watched) Err() error {
	if w.asked.Add(1) > w.most {
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
		w := &watched{Context: t.Context(), most: 1 << 30}
		if err := Encode(w, io.Discard, p, o); err != nil {
			t.Fatal(err)
		}
		if asked, least := w.asked.Load(), int64(2*400/16); asked < least { // twice for each row of MCUs
			t.Errorf("%s: asked %d times, want %d at least", name, asked, least)
		}
		for o.Threads = 1; o.Threads <= 3; o.Threads += 2 {
			small := jpegtest.Noise(60, 200, 2, 2, 1)
			w = &watched{Context: t.Context(), most: 1 << 30}
			if err := Encode(w, io.Discard, small, o); err != nil {
				t.Fatal(err)
			}
			// Several threads look a few times more or less.
			for n := range w.asked.Load() * 9 / 10 {
				if err := Encode(&watched{Context: t.Context(), most: n}, io.Discard, small, o); !errors.Is(err, context.Canceled) {
					t.Fatalf("%s, %d threads, ended at look %d: error %v", name, o.Threads, n, err)
				}
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
