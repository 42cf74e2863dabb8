package colour

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// rowFunctions are the functions that have kernels, on rows of n samples of in inputs.
var rowFunctions = map[string]struct {
	in, out int
	run     func(n int, out, in [][]byte)
}{
	"RGBRow": {3, 3, func(n int, out, in [][]byte) {
		RGBRow(out[0][:n], out[1][:n], out[2][:n], in[0][:n], in[1][:n], in[2][:n])
	}},
	"YCbCrRow": {3, 3, func(n int, out, in [][]byte) {
		YCbCrRow(out[0][:n], out[1][:n], out[2][:n], in[0][:n], in[1][:n], in[2][:n])
	}},
	"LumaRow":   {3, 1, func(n int, out, in [][]byte) { LumaRow(out[0][:n], in[0][:n], in[1][:n], in[2][:n]) }},
	"DoubleRow": {1, 1, func(n int, out, in [][]byte) { DoubleRow(out[0][:n], in[0][:(n+1)/2]) }},
	"mixer": {3, 3, func(n int, out, in [][]byte) { // with all kernels, in chunks
		src, err := newRGB(DisplayP3, srgbToLight)
		if err != nil {
			panic(err)
		}
		long := func(rows [][]byte) (all [][]byte) {
			for _, r := range rows {
				all = append(all, bytes.Repeat(r, 10))
			}
			return all
		}
		rows := long(in)
		newMixer(src, fromXYZ(ToSRGB)).row(rows, rows)
		for c := range out {
			copy(out[c], rows[c][9*n:])
		}
	}},
	"MeanRow": {2, 1, func(n int, out, in [][]byte) { MeanRow(out[0][:n/2], in[0][:n], in[1][:n]) }},
}

// TestKernelsEqualGo compares rows of every length, which end where memory ends, with plain Go.
func TestKernelsEqualGo(t *testing.T) {
	plainOnly := blocks(block) == 0 // on a machine without kernels
	if !plainOnly {
		cputest.NeedVector(t)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for name, f := range rowFunctions {
		for n := range 200 {
			in := make([][]byte, f.in)
			for i := range in {
				in[i] = make([]byte, n)
				for x := range in[i] {
					in[i][x] = byte(r.Uint32())
					if n%3 == 0 { // extremes
						in[i][x] = byte(int(in[i][x]) >> 7 * 255)
					}
				}
			}
			fast, slow := planes(f.out, n), planes(f.out, n)
			f.run(n, fast, in)
			restore := cpu.Plain()
			f.run(n, slow, in)
			restore()
			for i := range fast {
				if !bytes.Equal(fast[i], slow[i]) {
					t.Fatalf("%s of %d samples: output %d differs", name, n, i)
				}
			}
		}
	}
}

// TestMixEqualsGo compares the matrix kernel with plain Go, and that with 64-bit integers.
func TestMixEqualsGo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		src := &rgbSpace{}
		for c := range src.curve {
			src.curve[c] = clamp01
		}
		scale := []float64{1, 2.03, 30, 40000}[round%4]
		for i := range 9 {
			src.matrix[i/3][i%3] = (2*r.Float64() - 1) * scale
		}
		m := newMixer(src, matrix{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}})
		n := 1 + round%100
		in := make([][]uint16, 3)
		for c := range in {
			in[c] = make([]uint16, n)
			for x := range in[c] {
				in[c][x] = uint16(r.Uint32())
				if round%5 == 0 {
					in[c][x] = uint16(int(in[c][x]) >> 15 * 65535)
				}
			}
		}
		fast, slow := clone(in), clone(in)
		m.mix(fast[0], fast[1], fast[2])
		restore := cpu.Plain()
		m.mix(slow[0], slow[1], slow[2])
		restore()
		for c := range fast {
			if !slices.Equal(fast[c], slow[c]) {
				t.Fatalf("round %d: vector kernel differs from plain Go", round)
			}
			for x, got := range slow[c] {
				sum := int64(1) << m.shift >> 1
				for k := range in {
					sum += int64(m.m[c][k]) * (int64(int16(in[k][x])) + 32768)
				}
				if want := clamp16(sum >> m.shift); got != want {
					t.Fatalf("round %d: %d, want %d", round, got, want)
				}
			}
		}
	}
}

func clone(rows [][]uint16) (c [][]uint16) {
	for _, row := range rows {
		c = append(c, slices.Clone(row))
	}
	return c
}

// TestEncoderIsNearest checks the level of every light.
func TestEncoderIsNearest(t *testing.T) {
	e := levels()
	for light := range 65536 {
		want := math.Round(255 * lightToSRGB(float64(light)/65535))
		if got := e.nearest(uint16(light)); float64(got) != want {
			t.Fatalf("light %d: level %d, want %g", light, got, want)
		}
	}
}
