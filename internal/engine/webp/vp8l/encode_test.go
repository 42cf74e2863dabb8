package vp8l

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
)

// TestStagesAskContext checks that every stage looks at its context for each piece of a picture, and returns
// its error.
func TestStagesAskContext(t *testing.T) {
	const w, h = 500, 300
	pix, indexed := make([]uint32, w*h), make([]uint32, w*h)
	for i := range pix {
		pix[i], indexed[i] = uint32(i)*0x9E3779B1, uint32(i%200)<<8
	}
	level := levels[codec.NormalEffort]
	divided := &entropyCoder{
		ctx: t.Context(), pix: pix, width: w, copies: make([]copied, len(pix)), distances: newDistanceCoder(w),
	}
	for name, stage := range map[string]func(ctx context.Context) error{
		"palette": func(ctx context.Context) error { _, err := palette(ctx, indexed); return err },
		"whole": func(ctx context.Context) error {
			return (&entropyWriter{ctx: ctx, level: level}).picture(slices.Clone(pix), w, h)
		},
		"copies": func(ctx context.Context) error { return findCopies(ctx, pix, w, level, make([]copied, len(pix))) },
		"worth":  func(ctx context.Context) error { divided.ctx = ctx; _, err := divided.worthCopies(50); return err },
		"counts": func(ctx context.Context) error { divided.ctx = ctx; _, err := divided.count(); return err },
		"cache":  func(ctx context.Context) error { divided.ctx = ctx; return divided.chooseCache(false) },
		"groups": func(ctx context.Context) error { divided.ctx = ctx; _, err := divided.group(level); return err },
		"parse": func(ctx context.Context) error {
			return parse(ctx, pix, make([]copied, len(pix)), nil, newSymbolCosts(newHistogram(0), divided.distances))
		},
		"predict": func(ctx context.Context) error { _, _, err := predictPicture(ctx, pix, w, h, 4, false); return err },
	} {
		codectest.AsksContext(t, name, w*h/checkPixels, stage)
	}
}

// TestEntropyIsExact: the entropy is that of the formula, and the same in both directions, for choices go
// by it where they do not differ.
func TestEntropyIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		counts := make([]uint32, 1+r.IntN(1300))
		sum, want := 0.0, 0.0
		for i := range counts {
			if r.IntN(3) == 0 {
				if i == 0 || counts[i-1] != 0 {
					want += 4
				}
			} else {
				counts[i] = 1 + r.Uint32N(1<<(n%20))
				sum += float64(counts[i])
				want += 3 - float64(counts[i])*math.Log2(float64(counts[i]))
			}
		}
		want += sum * math.Log2(max(1, sum))
		got := Entropy(counts)
		if is := float64(got) / (1 << costBits); math.Abs(is-want) > 1e-6+sum/(1<<(costBits-1)) {
			t.Errorf("%v bits, want %v", is, want)
		}
		slices.Reverse(counts)
		if again := Entropy(counts); again != got {
			t.Errorf("%d in one direction, %d in the other", got, again)
		}
	}
	if got := Entropy([]uint32{1 << 28, 1 << 28}); got != (6+1<<29)<<costBits {
		t.Errorf("two symbols of the largest picture take %d", got)
	}
}

// TestCopiesReachTheWindow: a copy is found at the largest distance that has a code, and not beyond it,
// where places are kept no longer.
func TestCopiesReachTheWindow(t *testing.T) {
	const most = window - 120
	pix := make([]uint32, window+window/2)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range pix {
		pix[i] = r.Uint32()
	}
	copy(pix[1000+most:][:64], pix[1000:])
	copy(pix[2000+most+1:][:64], pix[2000:])
	copy(pix[300_000+most:][:64], pix[300_000:])
	found := make([]copied, len(pix))
	if err := findCopies(t.Context(), pix, 1<<14, levels[codec.HighEffort], found); err != nil {
		t.Fatal(err)
	}
	parseGreedily(found)
	at := 0
	var copies []int
	for at < len(pix) {
		c := found[at]
		if c == 0 {
			at++
			continue
		}
		if copies = append(copies, at); c.length() != 64 || c.distance() != most {
			t.Errorf("a copy of %d pixels from %d before", c.length(), c.distance())
		}
		at += c.length()
	}
	if want := []int{1000 + most, 300_000 + most}; at != len(pix) || !slices.Equal(copies, want) {
		t.Errorf("%d of %d pixels, with copies at %d, want %d", at, len(pix), copies, want)
	}
}

// TestWorthCopies: copies are looked for where there are long ones, near or far, and not in noise.
func TestWorthCopies(t *testing.T) {
	const w, h = 200, 150
	r := rand.New(rand.NewPCG(5, 6))
	random := make([]uint32, w*h)
	for i := range random {
		random[i] = r.Uint32() & 0x3f3f3f
	}
	for name, c := range map[string]struct {
		pixel func(i int) uint32
		want  bool
	}{
		"noise":            {func(i int) uint32 { return random[i] }, false},
		"far, twice":       {func(i int) uint32 { return random[i%(w*h/2)] }, true},
		"like above":       {func(i int) uint32 { return random[i%w] }, true},
		"a run at the end": {func(i int) uint32 { return random[min(i, w*h*9/10)] }, true},
		"runs":             {func(i int) uint32 { return random[i/10] }, true},
		"short runs":       {func(i int) uint32 { return random[i/2] }, false},
	} {
		pix := make([]uint32, w*h)
		for i := range pix {
			pix[i] = Black | c.pixel(i)
		}
		coder := &entropyCoder{ctx: t.Context(), pix: pix, width: w, distances: newDistanceCoder(w)}
		if got, err := coder.worthCopies(50); err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", name, got, err, c.want)
		}
	}
}
