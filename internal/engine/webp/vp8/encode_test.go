package vp8

import (
	"bytes"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestTokensAreCounted: the probabilities of a frame follow from all of its tokens, and the costs of its
// last group of rows from all rows above the group before that.
func TestTokensAreCounted(t *testing.T) {
	for _, height := range []int{16, 64, 65, 130, 200, 256, 500} {
		w := NewWriter(codectest.Draw(plane.NewLayout(plane.YCbCr, false, 40, height, 2, 2), codectest.Noisy, 1), codec.NormalEffort)
		if _, err := w.Encode(t.Context(), 90, 3); err != nil {
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
		w := &Writer{mbw: 500, mbh: rows, index: quantiserIndex(60), rows: make([]codedRow, rows)}
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
		w := &Writer{mbw: 50, mbh: rows}
		if got := w.logPartitions(); got != want {
			t.Errorf("%d macroblocks: 2 to the power of %d partitions, want %d", 50*rows, got, want)
		}
		// A coefficient takes 19 bits at most: 7 of its token, 11 more, and the sign.
		if longest := 50 * rows * 400 * 19 / 8 >> want; want > 0 && longest >= 1<<24 {
			t.Errorf("%d macroblocks: a partition could take %d bytes", 50*rows, longest)
		}
	}
}

// TestWithoutSkipFlags: a picture of so many macroblocks that they have no flags for being skipped shows
// the same.
func TestWithoutSkipFlags(t *testing.T) {
	p := codectest.Draw(plane.NewLayout(plane.Gray, false, 150, 170, 1, 1), codectest.Smooth, 6)
	for y := range 90 { // so that some are skipped
		copy(p.Row(0, y), make([]byte, 70))
	}
	var streams, shown [2][]byte
	for i, flags := range []bool{true, false} {
		w := NewWriter(p, codec.NormalEffort)
		w.flagSkipped = flags
		var err error
		if streams[i], err = w.Encode(t.Context(), 60, 1); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(streams[i], 0, new(codec.Format))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Decode(t.Context(), 1, func(rows Rows) error {
			for c := range rows.Pix {
				n := rows.N >> min(c, 1)
				shown[i] = append(shown[i], rows.Pix[c][:n*rows.Stride[c]]...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if bytes.Equal(streams[0], streams[1]) {
		t.Fatal("no macroblock is skipped")
	}
	if !bytes.Equal(shown[0], shown[1]) {
		t.Error("another picture without flags")
	}
}
