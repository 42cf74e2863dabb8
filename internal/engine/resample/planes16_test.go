package resample

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// resizePlanes16 runs a Planes16 over planes of 16-bit values and checks the order of its output.
func resizePlanes16(t *testing.T, src [][]uint16, x, y Axis, f Filter) [][]int32 {
	t.Helper()
	got := make([][]int32, len(src))
	next := 0
	w, err := NewPlanes16(x, y, f, len(src), func(y int, q [][]int32) error {
		if y != next || len(q) != len(src) {
			t.Fatalf("got row %d of %d planes, want row %d of %d", y, len(q), next, len(src))
		}
		next++
		for p := range q {
			if len(q[p]) != x.Dst {
				t.Fatalf("%d values, want %d", len(q[p]), x.Dst)
			}
			got[p] = append(got[p], q[p]...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for at := range y.Src {
		err := w.Row(func(rows [][]int16) {
			for p, row := range rows {
				for i := range row {
					row[i] = int16(int(src[p][at*x.Src+i]) - 32768)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if next != y.Dst {
		t.Fatalf("%d rows received out, want %d", next, y.Dst)
	}
	return got
}

// TestPlanes16Bound compares the values with real arithmetic, not clamped, within the bound of
// kernel.go.
func TestPlanes16Bound(t *testing.T) {
	axes := []Axis{whole(1, 3), whole(9, 9), whole(31, 20), whole(20, 31), whole(90, 7),
		{Src: 33, Dst: 20, Start: 3.25, Step: 1.1}}
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range filters {
		for i, x := range axes {
			y := axes[(i+2)%len(axes)]
			src := make([][]uint16, 2)
			for p := range src {
				for range x.Src * y.Src {
					v := uint16(r.Uint32())
					if r.IntN(2) == 0 {
						v = uint16(-r.IntN(2)) // black and white
					}
					src[p] = append(src[p], v)
				}
			}
			bound := 1.55*(float64(span(x, f))*32768/one+1) + float64(span(y, f))*50800/one + 0.5
			for p, got := range resizePlanes16(t, src, x, y, f) {
				values := make([]float64, len(src[p]))
				for k, v := range src[p] {
					values[k] = float64(v)
				}
				for k, want := range exact(values, x, y, f) {
					if d := math.Abs(float64(got[k]) - want); d > bound {
						t.Fatalf("%v %+v %+v: value %d is off by %.1f, bound %.1f",
							f, x, y, k, d, bound)
					}
				}
			}
		}
	}
}

func TestPlanes16FlatStaysFlat(t *testing.T) {
	x, y := whole(60, 37), whole(40, 55)
	for _, level := range []uint16{0, 1, 32768, 65535} {
		src := slices.Repeat([]uint16{level}, x.Src*y.Src)
		for i, v := range resizePlanes16(t, [][]uint16{src}, x, y, Lanczos3)[0] {
			// h is in steps of two levels, and is weighted once more.
			if d := v - int32(level); d < -2 || d > 2 {
				t.Fatalf("level %d, value %d is %d", level, i, v)
			}
		}
	}
}

func TestPlanes16Errors(t *testing.T) {
	stop := errors.New("stop")
	discard := func(int, [][]int32) error { return nil }
	fail := func(int, [][]int32) error { return stop }
	w, err := NewPlanes16(whole(4, 2), whole(4, 2), Box, 1, fail)
	if err != nil {
		t.Fatal(err)
	}
	fill := func([][]int16) {}
	if err := w.Row(fill); err != nil {
		t.Error(err)
	}
	if err := w.Row(fill); err != stop {
		t.Errorf("error %v, want that of out", err)
	}
	w, err = NewPlanes16(whole(4, 2), whole(1, 1), Box, 1, discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Row(fill); err != nil {
		t.Error(err)
	}
	if err := w.Row(fill); err == nil {
		t.Error("a row beyond the end of the source is accepted")
	}
	if _, err := NewPlanes16(whole(1, 1), whole(1, 1), Box, 0, nil); err == nil {
		t.Error("zero planes are accepted")
	}
	// Rows outside the crop are not requested.
	requested := 0
	crop := Axis{Src: 9, Dst: 2, Start: 3, Step: 1}
	w, err = NewPlanes16(whole(4, 4), crop, Box, 1, discard)
	if err != nil {
		t.Fatal(err)
	}
	for range 9 {
		if err := w.Row(func([][]int16) { requested++ }); err != nil {
			t.Fatal(err)
		}
	}
	if requested != 2 {
		t.Errorf("%d rows were requested, want 2", requested)
	}
}
