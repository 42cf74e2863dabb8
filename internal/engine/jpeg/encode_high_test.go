package jpeg

import (
	"bytes"
	"hash/crc32"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestHighEffort checks what High promises: at the same quality, pictures no worse than Normal's in
// no more bytes, and in far fewer than libjpeg's.
func TestHighEffort(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		sizeNearest, sizeHigh := 0, 0
		for n, m := range kodak(t, 2, 7, 13, 19, 24) {
			p := toYCbCr(m, 2, 2)
			for _, q := range []int{60, 75, 85} {
				normal := encode(t, p, Options{Quality: q, Progressive: progressive})
				high := encode(t, p, Options{Quality: q, Progressive: progressive, Effort: High})
				sizeNearest += len(encode(t, p,
					Options{Quality: q, Progressive: progressive, nearest: true}))
				sizeHigh += len(high)
				before := psnr(decodeStandard(t, normal)[0], p.Pix[0])
				after := psnr(decodeStandard(t, high)[0], p.Pix[0])
				if float64(len(high)) > 1.01*float64(len(normal)) || after < before-0.1 {
					t.Errorf("kodak %d quality %d progressive %v: %d bytes at %.2f dB, Normal has %d at %.2f",
						n, q, progressive, len(high), after, len(normal), before)
				}
			}
		}
		if float64(sizeHigh) > 0.94*float64(sizeNearest) {
			t.Errorf("progressive %v: %d bytes, libjpeg has %d", progressive, sizeHigh, sizeNearest)
		}
	}
}

// TestSearchedScript requires the searched script to be no larger than the fixed one for the same
// coefficients.
func TestSearchedScript(t *testing.T) {
	for _, size := range [][2]int{{40, 30}, {300, 200}, {8, 8}} {
		for _, q := range []int{30, 80, 97} {
			e, err := NewEncoder(t.Context(), toYCbCr(scene(size[0], size[1]), 2, 2))
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Quality: q, Progressive: true, Effort: High}
			grids := e.quantiseHigh(t.Context(), newTables(&o), 1)
			write := func(script []scan) int {
				var out bytes.Buffer
				b := newBitWriter(&out)
				e.progressive(t.Context(), b, grids, script)
				b.flush()
				return out.Len()
			}
			searched, fixed := write(e.searchScript(t.Context(), grids)), write(fixedScript(3))
			if searched > fixed+2 { // The search does not count stuffed zeros.
				t.Errorf("%v quality %d: %d bytes, the fixed script has %d", size, q, searched, fixed)
			}
		}
	}
}

// TestSameBytesEverywhere checks the bytes for a picture drawn in integer arithmetic, because they
// must not depend on the machine.
func TestSameBytesEverywhere(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.YCbCr, false, 150, 110, 2, 2))
	for c, pix := range p.Pix {
		w := p.Planes[c].Width
		for i := range pix {
			x, y := i%w, i/w
			pix[i] = byte(128 + (x*y>>5)%90 - (x*x+3*y*y)>>8%70 + (x*31^y*17)%(7+c))
		}
	}
	for _, c := range []struct {
		o    Options
		want uint32
	}{
		{Options{Quality: 80}, 0x8a2a0630},
		{Options{Quality: 80, Progressive: true}, 0xf21ceb1d},
		{Options{Quality: 80, Effort: High}, 0x869b6563},
		{Options{Quality: 80, Effort: High, Progressive: true}, 0xf8154fa9},
	} {
		if got := crc32.ChecksumIEEE(encode(t, p, c.o)); got != c.want {
			t.Errorf("%+v: checksum %#x, want %#x", c.o, got, c.want)
		}
	}
}
