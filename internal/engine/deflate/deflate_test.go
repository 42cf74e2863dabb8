package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
)

// samples returns data of several kinds.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 60_000)
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 4)
	}
	words := []byte{}
	for len(words) < 50_000 {
		words = append(words, noise[r.IntN(200)*20:][:3+r.IntN(30)]...)
	}
	return map[string][]byte{
		"nothing": nil, "one": {7}, "two": {7, 7}, "three": {1, 2, 3}, "equal": make([]byte, 30_000),
		"noise": noise, "skewed": skewed, "words": words,
		"mixed": bytes.Join([][]byte{words[:20_000], noise[:10_000], make([]byte, 9000), skewed[:20_000], words}, nil),
	}
}

func inflated(t testing.TB, data, window []byte) []byte {
	t.Helper()
	got, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(data), window))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func appended(t testing.TB, c *Compressor, dst, data []byte, start int, level Level, more bool) []byte {
	t.Helper()
	out, err := c.Append(t.Context(), dst, data, start, level, more)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRoundTrip has Go's decoder read every level, whole and in parts.
func TestRoundTrip(t *testing.T) {
	var c Compressor
	for name, data := range samples() {
		last := 1 << 30
		for level := Entropy; level <= Optimal; level++ {
			got := appended(t, &c, nil, data, 0, level, false)
			if !bytes.Equal(inflated(t, got, nil), data) {
				t.Errorf("%s, level %d: other data", name, level)
			}
			if len(got) > last+last/50 {
				t.Errorf("%s, level %d: %d bytes after %d", name, level, len(got), last)
			}
			last = len(got)
			half := len(data) / 2
			parts := appended(t, &c, nil, data[:half], 0, level, true)
			parts = appended(t, &c, parts, data, half, level, false)
			if !bytes.Equal(inflated(t, parts, nil), data) {
				t.Errorf("%s, level %d: other data in parts", name, level)
			}
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, data := range samples() {
		f.Add(data[:min(len(data), 3000)], uint8(2), uint16(1000))
	}
	f.Fuzz(func(t *testing.T, data []byte, level uint8, at uint16) {
		var c Compressor
		l, start := Level(level%5), min(int(at), len(data))
		first := appended(t, &c, nil, data[:start], 0, l, true)
		all := appended(t, &c, first, data, start, l, false)
		if !bytes.Equal(inflated(t, all, nil), data) {
			t.Error("other data")
		}
	})
}

// TestLengths: the codes of any counts fill Kraft's sum, and are no longer than they may be.
func TestLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		counts := make([]uint32, 2+r.IntN(litSymbols-1))
		for i := range counts {
			counts[i] = uint32(1 + r.ExpFloat64()*r.ExpFloat64()*1000)
			if r.IntN(4) == 0 {
				counts[i] = 1 << r.IntN(20)
			}
		}
		for _, most := range []int{9, 15} {
			lens := make([]uint8, len(counts))
			lengths(lens, counts, most)
			sum := 0
			for i, l := range lens {
				if int(l) > most || l == 0 {
					t.Fatalf("%d bits", l)
				}
				sum += 1 << (most - int(l))
				for k := range lens[:i] {
					if counts[k] > counts[i] && lens[k] > l {
						t.Fatalf("%d occurs more often than %d and has a longer code", k, i)
					}
				}
			}
			if sum != 1<<most {
				t.Fatalf("Kraft's sum is %d of %d", sum, 1<<most)
			}
		}
	}
}
