//go:build amd64 && !purego

package decode

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestUnstuffKernel compares what the kernel copies with plain Go, between inaccessible memory.
func TestUnstuffKernel(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(13, 14))
	copied, data := 0, 0
	for round := range 600 {
		after := round%2 == 0
		src := cputest.Guarded[byte](t, 1+rng.IntN(300), after)
		dense := 1 + rng.IntN(60) // one of so many bytes is 0xFF
		for i := range src {
			if src[i] = byte(rng.Uint32()); rng.IntN(dense) == 0 {
				src[i] = 0xFF
			}
			if i > 0 && src[i-1] == 0xFF && rng.IntN(20) > 0 {
				src[i] = 0
			}
		}
		size := 1 + rng.IntN(300)
		dst := cputest.Guarded[byte](t, size, after)
		written, read := unstuffKernel(dst, src)
		copied, data = copied+read, data+len(src)

		restore := cpu.Plain()
		want := make([]byte, size)
		s := newSource(bytes.NewReader(src))
		n, found, ended := s.unstuff(want)
		restore()
		if !bytes.Equal(dst[:written], want[:written]) || written > n {
			t.Fatalf("round %d: %x became %x, in plain Go %x", round, src, dst[:written], want[:n])
		}
		got := make([]byte, size)
		s = newSource(bytes.NewReader(src))
		if k, m, end := s.unstuff(got); k != n || m != found || end != ended || !bytes.Equal(got[:k], want[:n]) {
			t.Fatalf("round %d: %x became %x, %x, %t, in plain Go %x, %x, %t", round, src, got[:k], m, end, want[:n], found, ended)
		}
	}
	if t.Logf("%d of %d bytes", copied, data); copied < data/5 {
		t.Errorf("copied only %d of %d bytes", copied, data)
	}
}
