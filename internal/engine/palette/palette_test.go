package palette

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func random(rnd *rand.Rand) Colour {
	return RGB(uint8(rnd.IntN(256)), uint8(rnd.IntN(256)), uint8(rnd.IntN(256)))
}

func distance(a, b Colour) (d int) {
	for shift := 0; shift < 24; shift += 8 {
		n := int(a>>shift&255) - int(b>>shift&255)
		d += n * n
	}
	return d
}

// TestNearestIsNearest compares with a search of the whole table.
func TestNearestIsNearest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 7, 256} {
		table := make([]Colour, n)
		for i := range table {
			if table[i] = random(rnd); i%9 == 5 {
				table[i] = 0
			}
		}
		f := NewFinder(table)
		for range 20_000 {
			c := random(rnd)
			want := -1
			for i, e := range table {
				if e != 0 && (want < 0 || distance(e, c) < distance(table[want], c)) {
					want = i
				}
			}
			if got := int(f.Nearest(c)); got != want {
				t.Fatalf("of %d colours, %06x is nearest to %06x, not %06x", n, c, table[want], table[got])
			}
		}
	}
}

// TestColoursAreCounted: few colours come back as they are, and a table of many has the mean of each.
func TestColoursAreCounted(t *testing.T) {
	h := NewHistogram()
	h.Add([]Colour{RGB(1, 2, 3), 0, RGB(0, 0, 0), RGB(1, 2, 3)})
	got, ok := h.Colours(2)
	if !ok || !slices.Equal(got, []Colour{RGB(0, 0, 0), RGB(1, 2, 3)}) {
		t.Errorf("%x, %t", got, ok)
	}
	if _, ok := h.Colours(1); ok {
		t.Error("two colours are one")
	}
	if got := h.Quantise(1); !slices.Equal(got, []Colour{RGB(1, 1, 2)}) {
		t.Errorf("the mean is %x", got)
	}
	if got := h.Quantise(256); !slices.Equal(got, []Colour{RGB(0, 0, 0), RGB(1, 2, 3)}) {
		t.Errorf("a table of two colours: %x", got)
	}
	h.Reset()
	if got, ok := h.Colours(0); !ok || len(got) > 0 {
		t.Errorf("after a reset: %x", got)
	}
}

// TestManyColours: a histogram of more colours than it has cells keeps their number and mean.
func TestManyColours(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	h := NewHistogram()
	var all []Colour
	for range 300 {
		row := make([]Colour, 1000)
		for i := range row {
			row[i] = random(rnd)
		}
		h.Add(row)
		all = append(all, row...)
	}
	var n, red, want int64
	for _, c := range h.cells {
		n, red = n+c.n, red+c.r
	}
	for _, c := range all {
		want += int64(c >> 16 & 255)
	}
	if n != 300_000 || red != want || len(h.cells) > maxCells || h.shift != 3 {
		t.Errorf("%d pixels, red %d, not %d, in %d cells", n, red, want, len(h.cells))
	}
	if _, ok := h.Colours(1 << 20); ok {
		t.Error("colours that are not known")
	}
	table := h.Quantise(256)
	if len(table) != 256 {
		t.Errorf("%d colours", len(table))
	}
	// The best 256 cells of the cube have an error of about 3·40²/12·0.95 (a body-centred lattice).
	if e := h.Error(NewFinder(table)); e > 440 {
		t.Errorf("the mean squared error is %.0f", e)
	}
}

// TestDitherKeepsBrightness: the mean of a flat area between two colours of the table stays, and with
// the nearest colour alone it does not.
func TestDitherKeepsBrightness(t *testing.T) {
	const w, h = 64, 64
	f := NewFinder([]Colour{RGB(100, 100, 100), RGB(140, 140, 140)})
	row := slices.Repeat([]Colour{RGB(115, 115, 115)}, w)
	for d, most := range map[Dither]float64{Diffusion: 0.5, Ordered: 3, NoDither: 15} {
		m := NewMapper(f, d, w)
		sum := 0
		for y := range h {
			dst := make([]uint8, w)
			m.Row(dst, row, y, 9)
			for _, i := range dst {
				sum += 100 + 40*int(i)
			}
		}
		if off := math.Abs(float64(sum)/(w*h) - 115); off > most || d == NoDither && off != most {
			t.Errorf("%s: the mean is off by %.2f", d, off)
		}
	}
}

// TestTransparentPixels get their index and no error.
func TestTransparentPixels(t *testing.T) {
	f := NewFinder([]Colour{RGB(0, 0, 0), RGB(255, 255, 255), 0})
	for _, d := range []Dither{Diffusion, Ordered, NoDither} {
		m := NewMapper(f, d, 4)
		dst := make([]uint8, 4)
		for y := range 9 {
			m.Row(dst, []Colour{0, RGB(90, 90, 90), 0, RGB(255, 255, 255)}, y, 2)
			if dst[0] != 2 || dst[1] == 2 || dst[2] != 2 || dst[3] != 1 {
				t.Errorf("%s: row %d is %v", d, y, dst)
			}
		}
	}
}

// TestAlpha: colours of any opacity are counted, found and kept apart, and an opaque pixel stays opaque.
func TestAlpha(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	h := NewHistogram()
	var row []Colour
	for range 50_000 {
		c := random(rnd) &^ 0x7f7f7f
		if rnd.IntN(2) == 0 {
			c = c&0xffffff | Colour(1+rnd.IntN(254))<<24
		}
		row = append(row, c)
	}
	h.Add(row)
	table := h.Quantise(256)
	f := NewFinder(table)
	if e := h.Error(f); len(table) > 256 || e > 120 {
		t.Errorf("%d colours, the mean squared error is %.0f", len(table), e)
	}
	for _, c := range row {
		best := int32(math.MaxInt32)
		s := c.sample()
		for _, e := range table {
			of := e.sample()
			best = min(best, of.distance(&s))
		}
		got := table[f.Nearest(c)].sample()
		if d := got.distance(&s); d != best || s.a == 255 && got.a < 250 {
			t.Fatalf("%08x is %d from %08x, and %d from another", c, d, table[f.Nearest(c)], best)
		}
	}
}
