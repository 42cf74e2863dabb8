package decode

import (
	"bytes"
	"math"
	"math/bits"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// TestDeepCosines checks that no entry is so close to the middle of two numbers that another
// machine's arithmetic could round it otherwise.
func TestDeepCosines(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for x := range n {
			for u := range n {
				if f := deepCosine(n, x, u); math.Abs(f-math.Floor(f)-0.5) < 1e-6 {
					t.Errorf("n=%d, x=%d, u=%d: %v", n, x, u, f)
				}
			}
		}
	}
}

// TestDeepSequential compares extended sequential pictures of 12 bits with the formula, at every
// scale.
func TestDeepSequential(t *testing.T) {
	for _, c := range []struct {
		interval int
		sampling [][2]int
	}{
		{0, [][2]int{{1, 1}}}, {5, [][2]int{{1, 1}}},
		{0, [][2]int{{2, 2}, {1, 1}, {1, 1}}}, {3, [][2]int{{2, 1}, {1, 1}, {1, 1}}},
		{0, [][2]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}}},
	} {
		f := newFixture(75, 43, 5, c.sampling...)
		f.interval = c.interval
		f.deepen()
		for n := 1; n <= 8; n++ {
			f.compare(t, stored(decodeAt(t, f.bytes(), n)), n, onlyLuma)
		}
	}
}

// TestDeepProgressive compares a grey progressive picture of 12 bits, one scan of DC and one of AC
// coefficients, with the formula.
func TestDeepProgressive(t *testing.T) {
	f := newFixture(75, 43, 5, [2]int{1, 1})
	f.deepen()
	f.sof = stream.SOF2
	var codes [2][256][2]uint32
	for class, s := range f.tables() {
		s.Each(func(symbol uint8, c, l uint32) { codes[class][symbol] = [2]uint32{c, l} })
	}
	f.coder = func(out []byte, across, down int, each func(m int, block func(i int, z *[64]int16))) []byte {
		b := &fixtureBits{out: out}
		put := func(class, run int, v int16) {
			size := bits.Len16(uint16(max(v, -v)))
			c := codes[class][run<<4|size]
			b.put(c[0], c[1])
			b.put(uint32(v+v>>15)&(1<<size-1), uint32(size))
		}
		pred := int16(0)
		for m := range across * down {
			each(m, func(_ int, z *[64]int16) {
				put(0, 0, z[0]-pred)
				pred = z[0]
			})
		}
		b.pad()
		b.out = f.segment(b.out, stream.SOS, 1, f.comps[0].id, 0, 1, 63, 0)
		for m := range across * down {
			each(m, func(_ int, z *[64]int16) {
				run := 0
				for k, v := range z[1:] {
					if run++; v == 0 {
						continue
					}
					for ; run > 16; run -= 16 {
						put(1, 15, 0)
					}
					put(1, run-1, v)
					if run = 0; k == 62 {
						return
					}
				}
				put(1, 0, 0)
			})
		}
		b.pad()
		return b.out
	}
	file := f.bytes()
	file[bytes.Index(file, []byte{0xFF, stream.SOS})+8] = 0 // the first scan ends with DC
	for n := 1; n <= 8; n++ {
		f.compare(t, decodeAt(t, file, n), n, onlyLuma)
	}
}
