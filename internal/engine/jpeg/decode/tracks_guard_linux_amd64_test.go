//go:build !purego

package decode

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// TestTracksKernelBounds runs the kernel on data and coefficients that border on inaccessible memory.
func TestTracksKernelBounds(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(11, 12))
	mcus, stops := 0, 0
	for round := range 400 {
		m := randomMCU(t, rng)
		if round%4 == 0 {
			m = flatMCU(m)
		}
		m.ready()
		r, after := newTracks(m), round%2 == 0
		var mems [maxTracks][]byte
		var coefs [maxTracks][]int16
		room := 8 + rng.IntN(100)
		for i := range r.tracks {
			mems[i] = cputest.Guarded[byte](t, 16+rng.IntN(400), after)
			fillOdd(rng, mems[i])
			coefs[i] = cputest.Guarded[int16](t, room*m.size+1, after)
		}
		for range 20 {
			for i := range r.tracks {
				mem, at := mems[i], &r.tracks[i]
				row := &r.rows[rng.IntN(len(m.units))].table[rng.IntN(64)]
				*at = track{
					at: address(&mem[0])*8 + uint(rng.IntN(8*len(mem)-63)), row: address(row), block: &coefs[i][0],
					table: *row, end: address(&mem[len(mem)-8]) * 8, limit: &coefs[i][(room-1)*m.size],
				}
			}
			if r.run() {
				stops++
			}
			for i := range r.tracks {
				at := &r.tracks[i]
				if past := int(at.at - address(&mems[i][0])*8); past > 8*len(mems[i]) {
					t.Fatalf("round %d, track %d: the next bit is %d, past the end of %d bytes", round, i, past, len(mems[i]))
				}
				mcus += int(uintptr(unsafe.Pointer(at.block))-uintptr(unsafe.Pointer(&coefs[i][0]))) / 2 / m.size
			}
		}
	}
	if t.Logf("%d MCUs, stuck %d times", mcus, stops); mcus < 400 || stops < 400 {
		t.Errorf("only %d MCUs, stuck %d times", mcus, stops)
	}
}
