package decode

import (
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// oddTable returns a Huffman code of any shape: codes of random lengths as long as there is room
// for them, or a complete code with lengths up to 11. Its symbols are arbitrary and include some
// that no encoder writes.
func oddTable(t *testing.T, rng *rand.Rand, dc, whole bool) *decodeTable {
	t.Helper()
	var counts [17]int
	switch kind := rng.IntN(4); {
	case whole && kind < 2: // one code of each length, and two of the last
		last := 1 + rng.IntN(11)
		for l := 1; l <= last; l++ {
			counts[l] = 1
		}
		counts[last]++
	case whole: // codes of one length
		l := 1 + rng.IntN(8)
		counts[l] = 1 << l
	default:
		shortest := 1 + rng.IntN(16)
		for range 1 + rng.IntN(200)>>(2*kind) {
			counts[shortest+rng.IntN(17-shortest)]++
		}
	}
	spec, room := new(stream.HuffmanTable), 1<<16
	for l := 1; l <= 16; l++ {
		for ; counts[l] > 0 && room >= 1<<(16-l); counts[l]-- {
			room -= 1 << (16 - l)
			spec.Counts[l]++
			symbol := uint8(rng.Uint32())
			if rng.IntN(2) == 0 {
				symbol &= 0xF0 // ends of blocks, runs of them, and runs of zeros
			}
			if dc {
				symbol &= 15
			}
			spec.Symbols = append(spec.Symbols, symbol)
		}
	}
	table, err := newDecodeTable(spec, dc)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
