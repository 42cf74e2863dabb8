package tiff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// faxEncode encodes rows of bilevel pixels by one of the CCITT schemes.
func faxEncode(raw []byte, w, h, compression, t4 int) []byte {
	size := (w + 7) / 8
	out := &bitWriter{}
	var ref []int
	for y := range h {
		cur := changes(raw[y*size:][:size], w)
		flat := compression != faxT6
		switch compression {
		case faxRLE:
			out.align(8)
		case faxRLEW:
			out.align(16)
		case faxT4:
			if t4&4 != 0 { // fill bits, so that the EOL ends with a byte
				for (out.n+12)%8 != 0 {
					out.put(0, 1)
				}
			}
			out.code("000000000001")
			if t4&1 != 0 {
				flat = y%4 == 0
				out.put(map[bool]int{true: 1}[flat], 1)
			}
		}
		if flat {
			encode1D(out, cur, w)
		} else {
			encode2D(out, ref, cur, w)
		}
		ref = cur
	}
	if compression == faxT6 {
		out.code("000000000001000000000001")
	}
	return out.bytes()
}

// changes lists the columns at which the colour changes, beginning with white.
func changes(row []byte, w int) (list []int) {
	before := byte(0)
	for x := range w {
		if bit := row[x/8] >> (7 - x%8) & 1; bit != before {
			list, before = append(list, x), bit
		}
	}
	return list
}

func encodeRun(out *bitWriter, n int, black bool) {
	codes := strings.Fields(whiteCodes + longCodes)
	if black {
		codes = strings.Fields(blackCodes + longCodes)
	}
	for ; n >= 2560; n -= 2560 {
		out.code(codes[len(codes)-1])
	}
	if n >= 64 {
		out.code(codes[63+n/64])
	}
	out.code(codes[n%64])
}

func encode1D(out *bitWriter, cur []int, w int) {
	at := 0
	for i, x := range append(slices.Clone(cur), w) {
		encodeRun(out, x-at, i%2 == 1)
		at = x
	}
}

func encode2D(out *bitWriter, ref, cur []int, w int) {
	// after is the first change of a list right of a0 to the colour opposite to black.
	after := func(list []int, a0 int, black bool) (int, int) {
		for i, x := range list {
			if x > a0 && (i%2 == 1) == black {
				if i+1 < len(list) {
					return x, list[i+1]
				}
				return x, w
			}
		}
		return w, w
	}
	vertical := map[int]string{0: "1", 1: "011", 2: "000011", 3: "0000011", -1: "010", -2: "000010", -3: "0000010"}
	for a0, black := -1, false; a0 < w; {
		a1, a2 := after(cur, a0, black)
		b1, b2 := after(ref, a0, black)
		code, near := vertical[a1-b1]
		switch {
		case b2 < a1:
			out.code("0001")
			a0 = b2
		case near:
			out.code(code)
			a0, black = a1, !black
		default:
			out.code("001")
			encodeRun(out, a1-max(a0, 0), black)
			encodeRun(out, a2-a1, !black)
			a0 = a2
		}
	}
}

// TestFaxCodesArePrefixCodes checks that no code begins another, that all codes are as many as the
// tables of T.4 have, and that the lengths of both colours add up to what T.4 leaves free.
func TestFaxCodesArePrefixCodes(t *testing.T) {
	for name, text := range map[string]string{"white": whiteCodes + longCodes, "black": blackCodes + longCodes} {
		codes := strings.Fields(text)
		if len(codes) != 64+27+13 {
			t.Fatalf("%s: %d codes", name, len(codes))
		}
		for i, a := range codes {
			for j, b := range codes {
				if i != j && strings.HasPrefix(b, a) {
					t.Errorf("%s: %s begins %s", name, a, b)
				}
			}
			if strings.HasPrefix(a, "00000000") {
				t.Errorf("%s: %s begins like an EOL", name, a)
			}
		}
	}
}

func TestFaxSchemes(t *testing.T) {
	for _, w := range []int{1, 2, 7, 8, 9, 63, 64, 65, 1728, 2561, 6000} {
		for _, noise := range []float64{0, 0.003, 0.05, 0.5} {
			r := rand.New(rand.NewPCG(uint64(w), uint64(noise*1000)))
			h := 9
			pixels := make([]uint64, w*h)
			for i := range pixels {
				switch {
				case i >= w && r.Float64() > noise*2:
					pixels[i] = pixels[i-w] // rows that resemble one another
				case i%w > 0 && r.Float64() > noise:
					pixels[i] = pixels[i-1]
				default:
					pixels[i] = r.Uint64N(2)
				}
			}
			for _, c := range []struct{ compression, t4 int }{
				{faxRLE, 0}, {faxRLEW, 0}, {faxT4, 0}, {faxT4, 4}, {faxT4, 1}, {faxT4, 5}, {faxT6, 0},
			} {
				d := drawing{w: w, h: h, bits: 1, photometric: blackIsZero, compression: c.compression, t4: c.t4,
					rows: 4, at: func(x, y, _ int) uint64 { return pixels[y*w+x] }}
				for _, lsb := range []bool{false, true} {
					d.lsbFirst = lsb
					name := fmt.Sprintf("%d wide, noise %g, compression %d, options %d, lsb %v", w, noise, c.compression, c.t4, lsb)
					p := mustDecode(t, name, d.file(t))
					for i, v := range pixels {
						if p.Pix[0][i] != byte(v*255) {
							t.Fatalf("%s: pixel %d,%d is %d, want %d", name, i%w, i/w, p.Pix[0][i], v*255)
						}
					}
				}
			}
		}
	}
}
