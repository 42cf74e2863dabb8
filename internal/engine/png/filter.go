package png

import (
	"encoding/binary"
	"math"
)

// lead is how many zeros precede a row, so that the first pixel has a left neighbour, and how many
// bytes behind it may be overwritten.
const lead = 16

// filters is how the filters of rows are chosen.
type filters uint8

const (
	unfiltered filters = iota
	alwaysSub          // and the other four filters, in the order of their types
	alwaysUp
	alwaysAverage
	alwaysPaeth
	adaptive    // by their cost
	adaptiveSum // by the sum of absolute values, as section 12.7 has it

	everyFilter = adaptiveSum
)

// filter chooses the filter of each row: the one whose results, taken as signed, are nearest to 0
// (section 12.7). Logarithms are summed instead of absolute values, which saves 0.2 % of the bytes.
type filter struct {
	size, unit int
	row, above []byte // lead, a row, lead
	tries      [5][]byte
}

// newFilter returns a filter of rows of n bytes whose pixels have unit bytes, at most eight.
func newFilter(n, unit int) *filter {
	f := &filter{size: n, unit: unit, row: make([]byte, n+2*lead), above: make([]byte, n+2*lead)}
	for i := range f.tries {
		f.tries[i] = make([]byte, n+lead)
	}
	return f
}

// apply appends the row, filtered, to dst. Of equal costs, the simplest filter wins.
func (f *filter) apply(dst []byte, how filters) []byte {
	n := f.size
	row := f.row[lead:]
	left, above, corner := f.row[lead-f.unit:], f.above[lead:], f.above[lead-f.unit:]
	clear(row[n:]) // what is behind the row counts as nothing
	clear(above[n:])
	copy(f.tries[0], row)
	differences(f.tries[filterSub], f.tries[filterUp], f.tries[filterAverage], row, left, above, n)
	subtractNearest(f.tries[filterPaeth], row, left, above, corner, n)
	choice, least := int(how), -1
	if how >= adaptive {
		choice = 0
		for i, t := range f.tries {
			sum := 0
			if how == adaptive {
				sum = cost(t[:n])
			} else {
				sum = absolutes(t[:n])
			}
			if least < 0 || sum < least {
				choice, least = i, sum
			}
		}
	}
	dst = append(dst, byte(choice))
	return append(dst, f.tries[choice][:n]...)
}

// absolutes is the sum of the absolute values of signed bytes.
func absolutes(b []byte) (sum int) {
	for _, v := range b {
		sum += max(int(int8(v)), -int(int8(v)))
	}
	return sum
}

// subBytes8 subtracts the eight bytes of b from those of a, each modulo 256.
func subBytes8(a, b uint64) uint64 { return (a | high - b&low7) ^ (a^^b)&high }

// differences computes Sub, Up and Average.
func differences(sub, up, mean, row, left, above []byte, n int) {
	if vectorDifferences(sub, up, mean, row, left, above, n) {
		return
	}
	subtract(sub, row, left, n)
	subtract(up, row, above, n)
	subtractMean(mean, row, left, above, n)
}

// subtract computes Sub and Up.
func subtract(dst, row, other []byte, n int) {
	dst, row, other = dst[:n+lead], row[:n+lead], other[:n+lead]
	for i := 0; i < n; i += 8 {
		v := subBytes8(binary.LittleEndian.Uint64(row[i:]), binary.LittleEndian.Uint64(other[i:]))
		binary.LittleEndian.PutUint64(dst[i:], v)
	}
}

// subtractMean computes Average.
func subtractMean(dst, row, left, above []byte, n int) {
	dst, row, left, above = dst[:n+lead], row[:n+lead], left[:n+lead], above[:n+lead]
	for i := 0; i < n; i += 8 {
		a, b := binary.LittleEndian.Uint64(left[i:]), binary.LittleEndian.Uint64(above[i:])
		v := subBytes8(binary.LittleEndian.Uint64(row[i:]), a&b+(a^b)>>1&low7)
		binary.LittleEndian.PutUint64(dst[i:], v)
	}
}

// subtractNearest computes Paeth.
func subtractNearest(dst, row, left, above, corner []byte, n int) {
	if vectorNearest(dst, row, left, above, corner, n) {
		return
	}
	dst, row, left, above, corner = dst[:n], row[:n], left[:n], above[:n], corner[:n]
	for i := range dst {
		dst[i] = row[i] - byte(nearest(int32(left[i]), int32(above[i]), int32(corner[i])))
	}
}

// costs is about how many bits each byte will take, in 32nds: those of the absolute value of the
// signed byte, with one more for its sign. The upper bits of values from 16 on suffice.
var costs = func() (c [256]uint8) {
	for i := range c {
		v := int(int8(i))
		v = max(v, -v)
		if v >= 16 {
			v = v&^15 + 8
		}
		c[i] = uint8(math.Round(32 * math.Log2(float64(1+v))))
	}
	return c
}()

// cost is the sum of the costs of bytes.
func cost(b []byte) int {
	sum, n := vectorCost(b)
	for b = b[n:]; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		sum += int(costs[byte(v)]) + int(costs[byte(v>>8)]) + int(costs[byte(v>>16)]) + int(costs[byte(v>>24)]) +
			int(costs[byte(v>>32)]) + int(costs[byte(v>>40)]) + int(costs[byte(v>>48)]) + int(costs[byte(v>>56)])
	}
	for _, v := range b {
		sum += int(costs[v])
	}
	return sum
}
