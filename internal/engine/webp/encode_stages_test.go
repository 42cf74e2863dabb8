package webp

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestTokensAreCounted: the probabilities of a frame follow from all of its tokens, and the costs of its
// last group of rows from all rows above the group before that.
func TestTokensAreCounted(t *testing.T) {
	for _, height := range []int{16, 64, 65, 130, 200, 256, 500} {
		w := newLossyWriter(draw(plane.NewLayout(plane.YCbCr, false, 40, height, 2, 2), noisy, 1), codec.NormalEffort)
		if _, err := w.encode(t.Context(), 90, 3); err != nil {
			t.Fatal(err)
		}
		last := (w.mbh - 1) / groupRows
		var before, all tokenCounts
		for y := range w.rows {
			if y == (last-1)*groupRows {
				before = all
			}
			rest := w.rows[y].levels
			for _, m := range w.rows[y].macroblocks {
				if !m.skip {
					rest = addPacked(&all, rest, m.subblocks)
				}
			}
			if len(rest) > 0 {
				t.Fatalf("height %d: %d bytes of levels are left over", height, len(rest))
			}
		}
		probs, costs := before.best(), new(tokenCosts)
		if last < 2 {
			probs = defaultCoeffProbs
		}
		if costs.set(&probs); w.groups[last%2].costs != *costs {
			t.Errorf("height %d: the last group does not go by the tokens above the one before it", height)
		}
		if *w.total() != all {
			t.Errorf("height %d: the total is not that of all tokens", height)
		}
	}
}

// addPacked adds the packed blocks of a macroblock to counts, and returns what follows them.
func addPacked(counts *tokenCounts, packed []byte, subblocks bool) []byte {
	for i := range 25 {
		plane, first := lumaWithDC, 0
		switch {
		case i > 16:
			plane = chromaPlane
		case i > 0 && !subblocks:
			plane, first = lumaBehindY2, 1
		case i == 0 && subblocks:
			continue
		case i == 0:
			plane = y2Plane
		}
		b, ctx := levels{n: packed[0] & 31}, packed[0]>>5
		packed = packed[1:]
		for k := first; k < int(b.n); k++ {
			var v int
			v, packed = unpackLevel(packed)
			b.v[k] = int16(v)
		}
		counts.add(&b, plane, first, ctx)
	}
	return packed
}

// TestManyMacroblocksHaveOneQuantiser: where the segments' map would be too long, the quantiser is that
// of the picture, not of its smoothest part.
func TestManyMacroblocksHaveOneQuantiser(t *testing.T) {
	for _, rows := range []int{maxSegmented / 500, maxSegmented/500 + 1} {
		w := &lossyWriter{mbw: 500, mbh: rows, index: quantiserIndex(60), rows: make([]codedRow, rows)}
		for y := range w.rows {
			w.rows[y].macroblocks = make([]macroblock, w.mbw)
			for x := range w.mbw {
				w.activities = append(w.activities, uint16(x%200))
			}
		}
		if err := w.segment(t.Context()); err != nil {
			t.Fatal(err)
		}
		segments, indexes := map[uint8]int{}, map[int]int{}
		for y := range w.rows {
			for x := range w.rows[y].macroblocks {
				s := w.rows[y].macroblocks[x].segment
				segments[s]++
				indexes[w.indexes[s]]++
			}
		}
		want := maxSegments
		if rows*w.mbw > maxSegmented {
			want = 1
		}
		if len(segments) != want || len(indexes) != want || want == 1 && indexes[w.index] == 0 {
			t.Errorf("%d macroblocks: segments %v, quantisers %v of a picture of %d", rows*w.mbw, segments, indexes, w.index)
		}
	}
}

// TestPartitions: only pictures of a size that is worth it have several, and none whose partitions could
// exceed what their lengths allow.
func TestPartitions(t *testing.T) {
	for rows, want := range map[int]int{1: 0, 19: 0, 20: 2, 1000: 2, 1001: 0} {
		w := &lossyWriter{mbw: 50, mbh: rows}
		if got := w.logPartitions(); got != want {
			t.Errorf("%d macroblocks: 2 to the power of %d partitions, want %d", 50*rows, got, want)
		}
		// A coefficient takes 19 bits at most: 7 of its token, 11 more, and the sign.
		if longest := 50 * rows * 400 * 19 / 8 >> want; want > 0 && longest >= 1<<24 {
			t.Errorf("%d macroblocks: a partition could take %d bytes", 50*rows, longest)
		}
	}
}

// endsAfter is a context that ends when it has been asked so many times.
type endsAfter struct {
	context.Context
	left int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestTrialAfterCancelledOne: what a trial that was cancelled has left behind changes no later one.
func TestTrialAfterCancelledOne(t *testing.T) {
	p := draw(plane.NewLayout(plane.YCbCr, true, 90, 170, 2, 2), smooth, 5)
	want := encodeWith(t, p, nil, codec.EncodeOptions{})
	for n := range 12 {
		trials, err := Format.Encoder(nil).(codec.LossyEncoder).Trials(t.Context(), p, codec.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := trials.Encode(&endsAfter{t.Context(), n}, 30); !errors.Is(err, context.Canceled) {
			t.Fatalf("%d looks: %v", n, err)
		}
		got, err := trials.Encode(t.Context(), DefaultQuality)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d looks: other bytes than without a trial before, %v", n, err)
		}
	}
}

// TestStagesAskContext checks that every stage of lossless pictures and of alpha looks at its context
// for each piece of a picture, and returns its error.
func TestStagesAskContext(t *testing.T) {
	const w, h = 500, 300
	p := draw(plane.NewLayout(plane.RGB, true, w, h, 1, 1), noisy, 1)
	few := draw(plane.NewLayout(plane.RGB, false, w, h, 1, 1), stripes, 1)
	pix, indexed := make([]uint32, w*h), make([]uint32, w*h)
	for i := range pix {
		pix[i], indexed[i] = uint32(i)*0x9E3779B1, uint32(i%200)<<8
	}
	level := losslessLevels[codec.NormalEffort]
	divided := &entropyCoder{
		ctx: t.Context(), pix: pix, width: w, copies: make([]copied, len(pix)), distances: newDistanceCoder(w),
	}
	for name, stage := range map[string]func(ctx context.Context) error{
		"planes":  func(ctx context.Context) error { _, err := losslessEncoder{}.encodePicture(ctx, few, 1); return err },
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
		"filter":  func(ctx context.Context) error { _, _, err := chooseFilter(ctx, p, 3); return err },
		"alpha":   func(ctx context.Context) error { _, err := alphaChunk(ctx, p); return err },
	} {
		const least = w * h / checkPixels
		c := &endsAfter{t.Context(), math.MaxInt}
		if err := stage(c); err != nil {
			t.Fatal(err)
		}
		looks := math.MaxInt - c.left
		if looks < least {
			t.Errorf("%s: %d looks at the context, want %d at least", name, looks, least)
		}
		for _, n := range []int{0, least / 2, looks - 1} {
			if err := stage(&endsAfter{t.Context(), n}); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: ended at look %d of %d: %v", name, n, looks, err)
			}
		}
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
		got := entropy(counts)
		if is := float64(got) / (1 << costBits); math.Abs(is-want) > 1e-6+sum/(1<<(costBits-1)) {
			t.Errorf("%v bits, want %v", is, want)
		}
		slices.Reverse(counts)
		if again := entropy(counts); again != got {
			t.Errorf("%d in one direction, %d in the other", got, again)
		}
	}
	if got := entropy([]uint32{1 << 28, 1 << 28}); got != (6+1<<29)<<costBits {
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
	if err := findCopies(t.Context(), pix, 1<<14, losslessLevels[codec.HighEffort], found); err != nil {
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

// TestWithoutSkipFlags: a picture of so many macroblocks that they have no flags for being skipped shows
// the same.
func TestWithoutSkipFlags(t *testing.T) {
	p := draw(plane.NewLayout(plane.Gray, false, 150, 170, 1, 1), smooth, 6)
	for y := range 90 { // so that some are skipped
		copy(p.Row(0, y), make([]byte, 70))
	}
	var files [2][]byte
	for i, flags := range []bool{true, false} {
		w := newLossyWriter(p, codec.NormalEffort)
		w.flagSkipped = flags
		data, err := w.encode(t.Context(), 60, 1)
		if err != nil {
			t.Fatal(err)
		}
		if files[i], err = riff(appendChunk(nil, "VP8 ", data)); err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(files[0], files[1]) {
		t.Fatal("no macroblock is skipped")
	}
	_, a := decodeBytes(t, files[0])
	_, b := decodeBytes(t, files[1])
	for i := range a.Pix {
		if !bytes.Equal(a.Pix[i], b.Pix[i]) {
			t.Errorf("plane %d differs", i)
		}
	}
}
