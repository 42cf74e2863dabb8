package resample

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// resizeAlpha runs an Alpha over planes (alpha last), band rows at a time, and checks the order of
// its output.
func resizeAlpha(t testing.TB, src [][]byte, x, y Axis, f Filter, band int) [][]byte {
	t.Helper()
	got := make([][]byte, len(src))
	next := 0
	a, err := NewAlpha(x, y, f, len(src)-1, func(plane, y int, row []byte) error {
		if plane != next%len(src) || y != next/len(src) || len(row) != x.Dst {
			t.Fatalf("call %d of out: row %d of plane %d, %d samples", next, y, plane, len(row))
		}
		next++
		got[plane] = append(got[plane], row...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < y.Src; at += band {
		n := min(band, y.Src-at)
		for c, pix := range src {
			if err := a.Rows(c, at,
				plane.Rows{Pix: pix[at*x.Src : (at+n)*x.Src], Stride: x.Src, N: n}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if next != y.Dst*len(src) {
		t.Fatalf("%d rows received out, want %d of %d planes", next, y.Dst, len(src))
	}
	return got
}

// ramp returns an alpha plane with all cases that matter: opaque areas, transparent ones, edges
// between them, and everything in between.
func ramp(seed uint64, w, h int) []byte {
	a := noise(seed, w*h)
	for i := range a {
		switch x, y := i%w, i/w; {
		case x < w/3:
			a[i] = 255
		case x < w/2 && y < h/2:
			a[i] = 0
		}
	}
	return a
}

// checkAlpha compares the result with real arithmetic, within the bound of kernel.go carried
// through the division.
func checkAlpha(t *testing.T, x, y Axis, f Filter) {
	t.Helper()
	n := x.Src * y.Src
	src := [][]byte{noise(1, n), noise(2, n), bytes.Repeat([]byte{170}, n), ramp(3, x.Src, y.Src)}
	got := resizeAlpha(t, src, x, y, f, 5)
	pm := make([]float64, n)
	for i, v := range src[3] {
		pm[i] = float64(v) * 255
	}
	qa := exact(pm, x, y, f)
	off := 1.55*(float64(span(x, f))*32768/one+1) + float64(span(y, f))*50800/one + 0.5
	for i, v := range qa {
		if d := math.Abs(float64(got[3][i]) - min(max(v/255, 0), 255)); d > 0.5+off/255 {
			t.Fatalf("%v %+v %+v: alpha %d is off by %.3f", f, x, y, i, d)
		}
	}
	for c := range 3 {
		for i, v := range src[c] {
			pm[i] = float64(v) * float64(src[3][i])
		}
		for i, v := range exact(pm, x, y, f) {
			if got[3][i] == 0 {
				if got[c][i] != 0 {
					t.Fatalf("colour %d where alpha is 0", got[c][i])
				}
				continue
			}
			if qa[i] < 2*off {
				continue // alpha is too small for a useful bound
			}
			want := v / qa[i] * 255
			limit := 0.5 + (255+math.Abs(want))*off/(qa[i]-off)
			if d := math.Abs(float64(got[c][i]) - min(max(want, 0), 255)); d > limit {
				t.Fatalf("%v %+v %+v: colour %d, sample %d of alpha %d is off by %.3f, bound %.3f",
					f, x, y, c, i, got[3][i], d, limit)
			}
		}
	}
}

func TestAlphaBound(t *testing.T) {
	axes := []Axis{
		whole(1, 3), whole(7, 7), whole(31, 20), whole(20, 31), whole(40, 9),
		{Src: 33, Dst: 20, Start: 3.5, Step: 1},
		{Src: 50, Dst: 17, Start: 12.25, Step: 1.4}, {Src: 3, Dst: 5, Step: 0.5}, whole(90, 7),
	}
	for _, f := range filters {
		for i, x := range axes {
			for _, y := range []Axis{axes[(i*2+1)%len(axes)], axes[(i+4)%len(axes)]} {
				checkAlpha(t, x, y, f)
			}
		}
	}
}

// TestAlphaDoesNotBleed checks that transparent samples contribute no colour, and that ringing in
// alpha does not change colour.
func TestAlphaDoesNotBleed(t *testing.T) {
	x, y := whole(60, 37), whole(40, 23)
	n := x.Src * y.Src
	src := [][]byte{bytes.Repeat([]byte{100}, n), make([]byte, n)}
	for i := range n {
		if i%60 > 20 && i%60 < 44 {
			src[1][i] = 255
		} else {
			src[0][i] = 255
		}
	}
	for _, f := range filters {
		got := resizeAlpha(t, src, x, y, f, 8)
		for i, a := range got[1] {
			if c := got[0][i]; a > 1 && (c < 99 || c > 101) {
				t.Fatalf("%v: colour %d at alpha %d, want 100", f, c, a)
			} else if a == 0 && c != 0 {
				t.Fatalf("%v: colour %d at alpha 0", f, c)
			}
		}
	}
}

// TestAlphaOpaque checks that with alpha 255 everywhere the colours equal those of Plane, except
// for the rounding of halves.
func TestAlphaOpaque(t *testing.T) {
	x, y := whole(60, 37), whole(40, 55)
	n := x.Src * y.Src
	src := [][]byte{noise(1, n), noise(2, n), noise(3, n), bytes.Repeat([]byte{255}, n)}
	for _, f := range filters {
		got := resizeAlpha(t, src, x, y, f, 8)
		for c := range 3 {
			for i, v := range resize(t, src[c], x, y, f, 8) {
				if d := int(v) - int(got[c][i]); d < -1 || d > 1 || got[3][i] != 255 {
					t.Fatalf("%v: colour %d, sample %d: got %d with alpha %d, want %d as from Plane",
						f, c, i, got[c][i], got[3][i], v)
				}
			}
		}
		flat := [][]byte{bytes.Repeat([]byte{77}, n), src[3]}
		got = resizeAlpha(t, flat, x, y, f, 8)
		if !bytes.Equal(got[0], bytes.Repeat([]byte{77}, len(got[0]))) {
			t.Errorf("%v: a flat opaque plane does not stay flat", f)
		}
	}
}

func TestAlphaCopies(t *testing.T) {
	src := [][]byte{noise(1, 21*30), noise(2, 21*30)}
	got := resizeAlpha(t, src, Axis{Src: 21, Dst: 10, Start: 4, Step: 1},
		Axis{Src: 30, Dst: 20, Start: 2, Step: 1}, Lanczos3, 7)
	for i, a := range got[1] {
		at := (i/10+2)*21 + i%10 + 4
		if a != src[1][at] || a != 0 && got[0][i] != src[0][at] || a == 0 && got[0][i] != 0 {
			t.Fatalf("sample %d is %d, alpha %d; source %d, alpha %d",
				i, got[0][i], a, src[0][at], src[1][at])
		}
	}
}

func TestAlphaIsIndependentOfBandHeight(t *testing.T) {
	for _, y := range []Axis{whole(61, 20), whole(61, 90), {Src: 61, Dst: 9, Start: 20.5, Step: 2}} {
		x := whole(53, 31)
		n := x.Src * y.Src
		src := [][]byte{noise(1, n), ramp(2, x.Src, y.Src)}
		want := resizeAlpha(t, src, x, y, Lanczos3, 61)
		for _, band := range []int{1, 2, 16} {
			got := resizeAlpha(t, src, x, y, Lanczos3, band)
			if !bytes.Equal(got[0], want[0]) || !bytes.Equal(got[1], want[1]) {
				t.Errorf("%+v: the result of %d rows at a time differs from that of all at once",
					y, band)
			}
		}
	}
}

func TestAlphaErrors(t *testing.T) {
	stop := errors.New("stop")
	begin := func() *Alpha {
		a, err := NewAlpha(whole(10, 5), whole(10, 5), Box, 1, func(plane, y int, _ []byte) error {
			if plane == 1 && y == 2 {
				return stop
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	rows := func(n int) plane.Rows { return plane.Rows{Pix: make([]byte, 100), Stride: 10, N: n} }
	if err := begin().Rows(1, 0, rows(3)); err == nil {
		t.Error("alpha before colour is accepted")
	}
	if err := begin().Rows(0, 1, rows(3)); err == nil {
		t.Error("rows that skip a row are accepted")
	}
	a := begin()
	if err := a.Rows(0, 0, rows(3)); err != nil {
		t.Fatal(err)
	}
	if err := a.Rows(1, 0, rows(2)); err == nil {
		t.Error("fewer rows of alpha than of colour are accepted")
	}
	a = begin()
	if err := a.Rows(0, 0, rows(10)); err != nil {
		t.Fatal(err)
	}
	if err := a.Rows(1, 0, rows(10)); err != stop {
		t.Errorf("error %v, want that of out", err)
	}
	if _, err := NewAlpha(whole(1, 1), whole(1, 1), Box, 0, nil); err == nil {
		t.Error("a picture of alpha alone is accepted")
	}
}

// TestDivide checks that the division by multiplication is exact for every alpha, at the values
// around each step.
func TestDivide(t *testing.T) {
	for qa := int32(-3); qa < 112000; qa += 1 + qa/900 {
		for _, c := range []int32{0, 1, 100, 254, 255, 300} {
			for d := int32(-2); d <= 2; d++ {
				qc := int32((int64(2*c+1)*int64(qa)/2+int64(d)*128)/255) + d
				rows := [][]byte{{9}, {9}}
				divide(rows, [][]int32{{qc}, {qa}}, make([]int64, 1))
				alpha := byte(math.Round(min(max(float64(qa)/255, 0), 255)))
				var want byte
				if alpha > 0 {
					// n/qa, floored in integer arithmetic, rounds halves up.
					want = byte(min(max((int64(qc)*255+int64(qa)/2)/int64(qa), 0), 255))
					if qc < 0 {
						want = 0
					}
				}
				if rows[0][0] != want || rows[1][0] != alpha {
					t.Fatalf("%d/%d: colour %d alpha %d, want %d and %d",
						qc, qa, rows[0][0], rows[1][0], want, alpha)
				}
			}
		}
	}
}
