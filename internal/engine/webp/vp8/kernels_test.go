//go:build amd64 && !purego

package vp8

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

func TestFilterVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for range 3000 {
		a := newBand(3)
		for _, pix := range a.pix {
			copy(pix, cputest.Noise(r, len(pix)))
		}
		for x := range a.edges {
			a.edges[x] = edges{limitsAt(1+r.IntN(63), r.IntN(8)), r.IntN(3) > 0}
		}
		b := newBand(3)
		copy(b.edges, a.edges)
		for p := range a.pix {
			copy(b.pix[p], a.pix[p])
		}
		before := slices.Clone(a.pix[0])
		top := r.IntN(2) == 0
		(&loopFilter{}).filterRow(a, top)
		(&loopFilter{vector: true}).filterRow(b, top)
		for p := range a.pix {
			if !bytes.Equal(a.pix[p], b.pix[p]) {
				t.Fatalf("plane %d differs, edges %+v", p, a.edges)
			}
		}
		if !bytes.Equal(before, a.pix[0]) {
			changed++
		}
	}
	if changed < 1000 {
		t.Errorf("only %d bands were changed", changed)
	}
}

func TestAddPairVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 5000 {
		var ws workspace
		copy(ws[:], cputest.Noise(r, len(ws)))
		var a, b [16]int16
		for k := range a {
			a[k], b[k] = int16(r.IntN(1<<(1+i%15))), -int16(r.IntN(1<<(1+i%15)))
			if r.IntN(2) == 0 {
				a[k], b[k] = b[k], 0
			}
		}
		want := ws
		addDCT(&want, lumaAt+4, &a)
		addDCT(&want, lumaAt+8, &b)
		addPair(&ws, lumaAt+4, &a, &b)
		if ws != want {
			t.Fatalf("%v, %v: the vector kernel differs", a, b)
		}
	}
}

func TestStretchVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	src := make([]byte, 256)
	for i := range src {
		src[i] = byte(i)
	}
	for _, chroma := range []bool{false, true} {
		got, want := make([]byte, 256), make([]byte, 256)
		table := &rangeTables.luma
		if chroma {
			table = &rangeTables.chroma
		}
		stretch(want, src, table)
		if n := stretchWhole(got, src, chroma); n != len(src) {
			t.Fatalf("%d of %d samples", n, len(src))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("chroma %t: %v, want %v", chroma, got, want)
		}
	}
}

// TestEncodeVectorEqualsGo compares the encoder's kernels, for differences of any size, with every
// quantiser.
func TestEncodeVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(5, 6))
	block := func() (b [16]uint8) {
		switch r.IntN(4) {
		case 0: // the largest differences
			for i := range b {
				b[i] = uint8(255 * r.IntN(2))
			}
		default:
			copy(b[:], cputest.Noise(r, 16))
		}
		return b
	}
	coded, lasts := 0, [17]int{} // levels, and last positions of the trellis from -1 on
	for n := range 20_000 {
		src := [2][16]uint8{block(), block()}
		var preds [2][4][16]uint8
		for i := range preds {
			preds[i] = [4][16]uint8{block(), block(), block(), block()}
		}
		blocks := 1 + n&1
		want := hadamards(src[:blocks], preds[:], false)
		if got := hadamards(src[:blocks], preds[:], true); got != want {
			t.Fatalf("Hadamard sums are %v, want %v", got, want)
		}
		var a, b [2][16]int16
		forwardPair(&src[0], &preds[0][0], &src[1], &preds[1][0], &a[0], &a[1], false)
		forwardPair(&src[0], &preds[0][0], &src[1], &preds[1][0], &b[0], &b[1], true)
		if a != b {
			t.Fatalf("coefficients are %v, want %v", b, a)
		}
		var s segment
		s.set(n%len(acQuant), quantDeltas{})
		for _, q := range []quantiser{s.y1, s.uv} {
			table := newQuantTable(q, 1, scoreShift)
			var plain, vector levels
			d, e := table.quick(&a[n&1], &plain, false), table.quick(&a[n&1], &vector, true)
			if d != e || plain != vector {
				t.Fatalf("levels %v with an error of %d, want %v with %d", vector, e, plain, d)
			}
			coded += int(plain.n)
			var ordered, others [16]int16
			squares, last := table.magnitudes(&a[n&1], &ordered, false)
			if sum, i := table.magnitudes(&a[n&1], &others, true); sum != squares || i != last || others != ordered {
				t.Fatalf("magnitudes %v up to %d with %d squared, want %v up to %d with %d",
					others, i, sum, ordered, last, squares)
			}
			lasts[last+1]++
		}
	}
	if coded < 10_000 || slices.Min(lasts[:]) < 10 {
		t.Errorf("only %d levels, with last positions %v", coded, lasts)
	}
}

// TestPredictionVectorEqualsGo compares what the encoder reads and guesses.
func TestPredictionVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(9, 10))
	for range 3000 {
		var ws workspace
		copy(ws[:], cputest.Noise(r, len(ws)))
		pix, stride := cputest.Noise(r, 16*40), 16+r.IntN(24)
		for _, per := range []int{2, 4} {
			want, got := make([][16]uint8, per*per), make([][16]uint8, per*per)
			studioBlocks(pix, stride, per, want, false)
			studioBlocks(pix, stride, per, got, true)
			if !slices.Equal(got, want) {
				t.Fatalf("%d blocks a row: read %v, want %v", per, got, want)
			}
			at, mean := map[int]int{2: vAt, 4: lumaAt}[per], uint8(r.Uint32())
			preds, others := make([][4][16]uint8, per*per), make([][4][16]uint8, per*per)
			predictPlane(&ws, at, per, mean, preds, false)
			predictPlane(&ws, at, per, mean, others, true)
			if !slices.Equal(others, preds) {
				t.Fatalf("%d blocks a row: predicted %v, want %v", per, others, preds)
			}
		}
		sums, squares := quarterSums(pix, stride, false)
		if s, q := quarterSums(pix, stride, true); s != sums || q != squares {
			t.Fatalf("sums %v and %v of squares, want %v and %v", s, q, sums, squares)
		}
		at := blockAt(r.IntN(16))
		var preds, others [numBmodes][16]uint8
		src := [16]uint8(pix)
		plain := ws
		want := subblockGuesses(&plain, at, &src, &preds, false)
		if got := subblockGuesses(&ws, at, &src, &others, true); got != want || others != preds {
			t.Fatalf("predicted %v with sums of %v, want %v with %v", others, got, preds, want)
		}
	}
}

// TestGuessVectorEqualsGo compares the choice of a subblock's mode, with every quantiser, and what it
// leaves. Each mode has to be chosen often.
func TestGuessVectorEqualsGo(t *testing.T) {
	cputest.NeedVector(t)
	r := rand.New(rand.NewPCG(11, 12))
	var chosen [numBmodes]int
	for n := range 20_000 {
		var plain workspace
		copy(plain[:], cputest.Noise(r, len(plain)))
		at := blockAt(r.IntN(16))
		src := [16]uint8(cputest.Noise(r, 16))
		if likely := uint8(r.IntN(numBmodes + 1)); likely < numBmodes {
			predictSubblock(&plain, at, likely)
			gather(&plain, at, &src)
			src[r.IntN(16)] += uint8(r.IntN(9))
		}
		ws := plain
		var s segment
		s.set(n%len(acQuant), quantDeltas{})
		q := newSegmentTables(&s, codec.FastEffort)
		costs := &bmodeCosts[r.IntN(numBmodes)][r.IntN(numBmodes)]
		var want, got struct {
			mode  uint8
			least int32
			b     levels
			coefs [16]int16
		}
		want.mode, want.least = q.guessSubblock(&plain, at, &src, costs, &want.b, &want.coefs, false)
		got.mode, got.least = q.guessSubblock(&ws, at, &src, costs, &got.b, &got.coefs, true)
		if got != want || ws != plain {
			t.Fatalf("quantiser %d: got %v, want %v", n%len(acQuant), got, want)
		}
		chosen[want.mode]++
	}
	if slices.Min(chosen[:]) < 200 {
		t.Errorf("modes were chosen %v times", chosen)
	}
}
