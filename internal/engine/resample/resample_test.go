package resample

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

func check(t *testing.T, x, y Axis, f Filter) {
	t.Helper()
	src := noise(uint64(x.Src*1000+y.Dst), x.Src*y.Src)
	got := resize(t, src, x, y, f, 7)
	if d, b := worst(got, exact(floats(src), x, y, f)), bound(x, y, f); d > b {
		t.Errorf("%v %+v %+v: off by %.3f, bound %.3f", f, x, y, d, b)
	}
}

func TestBoundOddSizes(t *testing.T) {
	for _, f := range filters {
		for a := 1; a <= 40; a += 1 + a/12 {
			for b := 1; b <= 40; b += 1 + b/12 {
				check(t, whole(a, b), whole(1+(a*7+b)%40, 1+(a+b*11)%40), f)
			}
		}
	}
}

func TestBoundCropsAndSpans(t *testing.T) {
	axes := []Axis{
		{Src: 50, Dst: 17, Start: 12.25, Step: 1.4},       // crop
		{Src: 50, Dst: 30, Start: 49.5 - 15, Step: 0.5},   // enlargement up to the far edge
		{Src: 3, Dst: 5, Step: 0.5},                       // 4:2:0 chroma 5 pixels wide, span 2.5
		{Src: 33, Dst: 20, Start: 3, Step: 1},             // crop of whole samples
		{Src: 33, Dst: 20, Start: 3.5, Step: 1},           // offset of half a sample
		{Src: 40, Dst: 70, Start: -10, Step: 60.0 / 70},   // beyond both edges
		{Src: 101, Dst: 13, Start: 1.0 / 3, Step: 7.7},    // coarse
		{Src: 9, Dst: 4, Start: -8.9, Step: 1.1},          // only the near edge
		{Src: 9, Dst: 3, Start: 13, Step: 1.5},            // only the far edge
		{Src: 257, Dst: 100, Start: 0.001, Step: 2.56999}, // almost everything
		{Src: 64, Dst: 64, Step: 0.99},
	}
	for _, f := range filters {
		for i, x := range axes {
			check(t, x, axes[(i*3+1)%len(axes)], f)
		}
	}
}

// TestHugeReduction checks that ordinary pictures stay close to the exact result. The worst case
// means little here, because a huge reduction has thousands of small weights.
func TestHugeReduction(t *testing.T) {
	for _, f := range filters {
		for _, x := range []Axis{whole(4000, 3), whole(4000, 1),
			{Src: 4000, Dst: 3, Start: 100.5, Step: 1234.5}} {
			y := whole(20, 3)
			src := noise(5, x.Src*y.Src)
			for i := range src {
				src[i] = src[i]/2 + byte(i%x.Src*128/x.Src)
			}
			if d := worst(resize(t, src, x, y, f, 20), exact(floats(src), x, y, f)); d > 0.75 {
				t.Errorf("%v %+v: off by %.3f", f, x, d)
			}
			src, x, y = src[:len(src)/20*5], y, x
			x.Src = 5
			x.Step = 5.0 / 3
			if d := worst(resize(t, src, x, y, f, 1), exact(floats(src), x, y, f)); d > 0.75 {
				t.Errorf("%v %+v: off by %.3f", f, y, d)
			}
		}
	}
}

func TestWeights(t *testing.T) {
	largest := 0
	for _, f := range filters {
		for _, dst := range []int{1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 100, 144, 200, 233, 377, 610} {
			for _, start := range []float64{0, -0.37, 0.5, 20} {
				a := Axis{Src: 100, Dst: dst, Start: start, Step: 80 / float64(dst)}
				tb := newTable(a, f)
				want := reals(a, f)
				for i := range dst {
					sum, size := 0, 0
					first := int(tb.first[i])
					if first < 0 || first+tb.taps > a.Src || int(tb.last[i]) > first+tb.taps {
						t.Fatalf("%v %+v: window %d to %d of sample %d", f, a, first, first+tb.taps, i)
					}
					for k, c := range tb.coef[i*tb.taps:][:tb.taps] {
						sum += int(c)
						size += max(int(c), -int(c))
						if d := float64(c)/one - want[i][first+k]; math.Abs(d) > 1.0/one {
							t.Fatalf("%v %+v: weight %d of sample %d is off by %v", f, a, k, i, d)
						}
						if c != 0 && first+k >= int(tb.last[i]) {
							t.Fatalf("%v %+v: sample %d has a weight after its last", f, a, i)
						}
					}
					if sum != one {
						t.Fatalf("%v %+v: weights of sample %d add up to %d", f, a, i, sum)
					}
					largest = max(largest, size)
				}
			}
		}
	}
	// The bit widths and error bounds of kernel.go rely on this.
	if l := float64(largest) / one; l < 1.5 || l > 1.55 {
		t.Errorf("largest sum of |weights| is %.4f, want a little below 1.55 as in kernel.go", l)
	}
}

func TestSine(t *testing.T) {
	for x := 0.0; x <= 1; x += 1.0 / 1024 {
		if d := math.Abs(sinPi(x) - math.Sin(math.Pi*x)); d > 4e-16 {
			t.Errorf("sinPi(%v) is off by %v", x, d)
		}
	}
}

func TestCopiesExactly(t *testing.T) {
	src := noise(3, 41*29)
	for _, f := range []Filter{Lanczos3, Box, Linear, CatmullRom} {
		if got := resize(t, src, whole(41, 41), whole(29, 29), f, 4); !bytes.Equal(got, src) {
			t.Errorf("%v: identity changes samples", f)
		}
		x, y := Axis{Src: 41, Dst: 20, Start: 7, Step: 1}, Axis{Src: 29, Dst: 11, Start: 5, Step: 1}
		got := resize(t, src, x, y, f, 4)
		for j := range y.Dst {
			if !bytes.Equal(got[j*x.Dst:][:x.Dst], src[(j+5)*41+7:][:x.Dst]) {
				t.Fatalf("%v: a crop changes row %d", f, j)
			}
		}
		// One axis copies and the other does not: each output column equals that of the column
		// alone.
		got = resize(t, src, whole(41, 41), whole(29, 13), f, 4)
		for i := range 41 {
			var col []byte
			for j := range 29 {
				col = append(col, src[j*41+i])
			}
			for j, v := range resize(t, col, whole(1, 1), whole(29, 13), f, 3) {
				if got[j*41+i] != v {
					t.Fatalf("%v: column %d differs from the same column alone", f, i)
				}
			}
		}
	}
}

func TestFlatStaysFlat(t *testing.T) {
	for _, f := range filters {
		for _, v := range []byte{0, 1, 127, 128, 200, 254, 255} {
			for _, x := range []Axis{whole(37, 23), whole(37, 80), whole(400, 3),
				{Src: 37, Dst: 9, Start: 0.3, Step: 3.9}} {
				src := bytes.Repeat([]byte{v}, x.Src*19)
				for _, y := range []Axis{whole(19, 7), whole(19, 19), whole(19, 50)} {
					if got := resize(t, src, x, y, f, 19); !bytes.Equal(got, bytes.Repeat([]byte{v}, len(got))) {
						t.Fatalf("%v %+v %+v: flat %d does not stay flat", f, x, y, v)
					}
				}
			}
		}
	}
}

func TestResultIsIndependentOfBandHeight(t *testing.T) {
	for _, f := range filters {
		for _, y := range []Axis{whole(61, 20), whole(61, 90), whole(61, 61),
			{Src: 61, Dst: 9, Start: 20.5, Step: 2}} {
			x := whole(53, 31)
			src := noise(8, x.Src*y.Src)
			want := resize(t, src, x, y, f, 61)
			for _, band := range []int{1, 2, 16, 60} {
				if !bytes.Equal(resize(t, src, x, y, f, band), want) {
					t.Errorf("%v %+v: the result of %d rows at a time differs from that of all at once",
						f, y, band)
				}
			}
		}
	}
}

// TestEmitsEarly checks that rows are output as early as the window allows.
func TestEmitsEarly(t *testing.T) {
	y := whole(100, 50)
	var rows []int
	p, err := NewPlane(whole(8, 8), y, Linear, func(y int, row []byte) error {
		rows = append(rows, y)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	src := noise(1, 8)
	for at := range 100 {
		if err := p.Rows(at, plane.Rows{Pix: src, Stride: 8, N: 1}); err != nil {
			t.Fatal(err)
		}
		// At step 2, row k is centred at 2k+1 and its window extends 2 further, to source row 2k+2.
		if want := max(0, at/2); len(rows) != want && at < 99 {
			t.Fatalf("%d output rows after %d source rows, want %d", len(rows), at+1, want)
		}
	}
	if len(rows) != 50 {
		t.Fatalf("%d output rows, want 50", len(rows))
	}
}

func TestStrideAndShortBuffers(t *testing.T) {
	x, y := whole(19, 11), whole(13, 6)
	src := noise(4, 19*13)
	want := resize(t, src, x, y, Lanczos3, 13)
	for stride := 19; stride < 24; stride++ {
		for offset := range 3 {
			pix := bytes.Repeat([]byte{99}, offset+12*stride+19)
			for j := range 13 {
				copy(pix[offset+j*stride:], src[j*19:][:19])
			}
			var got []byte
			p, err := NewPlane(x, y, Lanczos3, func(_ int, row []byte) error {
				got = append(got, row...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			pix = pix[offset:len(pix):len(pix)]
			if err := p.Rows(0, plane.Rows{Pix: pix, Stride: stride, N: 13}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("stride %d at %d changes the result", stride, offset)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	out := func(int, []byte) error { return nil }
	good := whole(10, 5)
	nan := math.NaN()
	for _, a := range []Axis{
		{}, {Src: 10, Step: 1}, {Dst: 10, Step: 1}, {Src: 10, Dst: 5},
		{Src: 10, Dst: 5, Step: -1}, {Src: 10, Dst: 5, Step: nan},
		{Src: 10, Dst: 5, Step: 2, Start: nan}, {Src: 10, Dst: 5, Step: math.Inf(1)},
		{Src: 10, Dst: 5, Step: 1e9},
		{Src: 10, Dst: 5, Step: 2, Start: -11}, {Src: 10, Dst: 5, Step: 2, Start: 11},
		{Src: 1 << 30, Dst: 5, Step: 2},
	} {
		if _, err := NewPlane(a, good, Lanczos3, out); err == nil {
			t.Errorf("horizontal %+v is accepted", a)
		}
		if _, err := NewAlpha(good, a, Lanczos3, 3, nil); err == nil {
			t.Errorf("vertical %+v is accepted", a)
		}
	}
	for _, r := range []struct {
		y int
		plane.Rows
	}{
		{1, plane.Rows{Pix: make([]byte, 100), Stride: 10, N: 1}},
		{0, plane.Rows{Pix: make([]byte, 200), Stride: 10, N: 11}},
		{0, plane.Rows{Pix: make([]byte, 19), Stride: 10, N: 2}},
		{0, plane.Rows{Pix: make([]byte, 19), Stride: -1, N: 1}},
		{0, plane.Rows{N: -1}},
	} {
		p, err := NewPlane(good, good, Lanczos3, out)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Rows(r.y, r.Rows); err == nil {
			t.Errorf("%d rows at %d, of stride %d in %d bytes, are accepted",
				r.N, r.y, r.Stride, len(r.Pix))
		}
	}
}

func TestErrorOfOut(t *testing.T) {
	stop := errors.New("stop")
	for _, y := range []Axis{whole(20, 20), whole(20, 9), whole(20, 45)} {
		rows := 0
		p, err := NewPlane(whole(20, 20), y, Box, func(y int, row []byte) error {
			if rows++; y == 3 {
				return stop
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Rows(0, plane.Rows{Pix: make([]byte, 400), Stride: 20, N: 20}); err != stop || rows != 4 {
			t.Errorf("%+v: error %v after %d rows", y, err, rows)
		}
	}
}

func TestFilterNames(t *testing.T) {
	x := whole(9, 5)
	for _, f := range append(filters, "") {
		if _, err := NewPlane(x, x, f, nil); err != nil {
			t.Errorf("%q: %v", f, err)
		}
	}
	if tableOf(x, "") != tableOf(x, Lanczos3) {
		t.Error("the zero value is not Lanczos3")
	}
	if _, err := NewPlane(x, x, "lanczos", nil); err == nil {
		t.Error("an unknown filter is accepted")
	}
}

func TestCopies(t *testing.T) {
	for _, c := range []struct {
		a    Axis
		f    Filter
		want bool
	}{
		{whole(9, 9), Lanczos3, true}, {Axis{Src: 9, Dst: 4, Start: 2, Step: 1}, CatmullRom, true},
		{Axis{Src: 9, Dst: 4, Start: 2.5, Step: 1}, Lanczos3, false}, {whole(9, 8), Box, false},
		{whole(9, 9), Mitchell, false},
		{Axis{Src: 9}, Box, false},
	} {
		if got := c.a.Copies(c.f); got != c.want {
			t.Errorf("%+v %s: %t", c.a, c.f, got)
		}
	}
}

func TestNoAllocationPerRow(t *testing.T) {
	x, y := whole(300, 200), whole(10000, 7000)
	p, err := NewPlane(x, y, Lanczos3, func(int, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	src, at := noise(1, 300), 0
	if n := testing.AllocsPerRun(5000, func() {
		if err := p.Rows(at, plane.Rows{Pix: src, Stride: 300, N: 1}); err != nil {
			t.Fatal(err)
		}
		at++
	}); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}

func TestTablesAreSharedAndFreed(t *testing.T) {
	a := Axis{Src: 1234, Dst: 567, Step: 2.125}
	one, two := tableOf(a, Mitchell), tableOf(a, Mitchell)
	if one != two {
		t.Error("equal axes do not share a table")
	}
	if tableOf(a, Linear) == one {
		t.Error("different filters share a table")
	}
	runtime.KeepAlive(one)
	for range 100 {
		runtime.GC()
		tables.Lock()
		_, live := tables.live[tableKey{a, Mitchell}]
		tables.Unlock()
		if !live {
			return
		}
	}
	t.Error("a table that is no longer used is not freed")
}

// TestSameEverywhere checks that every architecture and implementation produces the same bytes. The
// checksums were taken from plain Go on amd64.
func TestSameEverywhere(t *testing.T) {
	want := map[Filter]uint64{
		Lanczos3: 0x7774b526ea7f0ba8, Box: 0x5918cd2f93d0f4eb, Linear: 0x99525db3e810f38b,
		CatmullRom: 0x5610ff00041d2fb7, Mitchell: 0xdc5a3b6917acf270,
	}
	for _, f := range filters {
		h := fnv.New64a()
		for _, a := range []Axis{whole(200, 151), whole(151, 200),
			{Src: 200, Dst: 31, Start: 3.3, Step: 4.7}, whole(200, 3)} {
			fmt.Fprint(h, newTable(a, f).coef)
			b := Axis{Src: 77, Dst: 60, Start: 0.1, Step: 1.27}
			h.Write(resize(t, noise(9, a.Src*b.Src), a, b, f, 5))
		}
		if h.Sum64() != want[f] {
			t.Errorf("%v: %#x, want %#x", f, h.Sum64(), want[f])
		}
	}
}
