//go:build !purego

package decode

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestTracksKernelBounds runs the kernel on data, coefficients and ends that border on inaccessible
// memory.
func TestTracksKernelBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	steps, stops := 0, 0
	for round := range 400 {
		m := randomMCU(t, rng)
		m.ready()
		if m.tables == nil {
			t.Skip("the processor lacks the vector instructions")
		}
		r, after, limit := newTracks(m), round%2 == 0, 1+rng.IntN(20)
		units := len(m.units)
		var mems [maxTracks][]byte
		for i := range r.tracks {
			size := 1 + rng.IntN(400)
			mem := cputest.Guarded[byte](t, size+units*slack, after)
			fillOdd(rng, mem)
			coef := cputest.Guarded[int16](t, limit*m.size+blockRoom, after)
			ends := cputest.Guarded[byte](t, limit*units+1, after)
			mems[i] = mem
			r.tracks[i] = track{next: &mem[0], bits: rng.UintN(8), end: &mem[size], coef: &coef[0], ends: &ends[0]}
		}
		start := r.tracks
		for range 20 {
			r.tracks = start
			for i := range r.tracks { // Start at other bits.
				t := &r.tracks[i]
				size := uintptr(unsafe.Pointer(t.end)) - uintptr(unsafe.Pointer(t.next))
				t.next = &mems[i][rng.IntN(int(size))]
			}
			r.left = limit
			if tracksKernel((*byte)(unsafe.Pointer(r))) {
				stops++
			}
			steps += limit - r.left
		}
		for i := range r.tracks {
			next := uintptr(unsafe.Pointer(r.tracks[i].next)) - uintptr(unsafe.Pointer(&mems[i][0]))
			if next > uintptr(len(mems[i])) {
				t.Fatalf("round %d, track %d: the next byte is %d, past the end of %d", round, i, next, len(mems[i]))
			}
		}
	}
	if t.Logf("%d steps, %d stops", steps, stops); steps < 400 {
		t.Errorf("only %d steps", steps)
	}
}
