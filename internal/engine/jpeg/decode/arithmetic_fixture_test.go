package decode

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// arithmeticBits encodes decisions (T.81 D.1), with carries resolved in memory.
type arithmeticBits struct {
	out            []byte
	code, interval uint32
	shifts         uint
	dc             [dcContexts]uint8
	ac             [acContexts]uint8
	pred           [4]int
	condition      [4]int
}

func newArithmeticBits() *arithmeticBits {
	return &arithmeticBits{interval: 1 << 16, shifts: 11}
}

func (b *arithmeticBits) put(context *uint8, value bool) {
	c := *context
	e := estimates[c>>1]
	qe := uint32(e.qe)
	b.interval -= qe
	if probable := value == (c&1 != 0); probable {
		if b.interval >= 0x8000 {
			return
		}
		if b.interval < qe {
			b.code += b.interval
			b.interval = qe
		}
		*context = e.more<<1 | c&1
	} else {
		if b.interval >= qe {
			b.code += b.interval
			b.interval = qe
		}
		*context = (e.less<<1 | c&1) ^ e.exchange
	}
	for b.interval < 0x8000 {
		b.interval <<= 1
		b.code <<= 1
		if b.shifts--; b.shifts == 0 {
			b.byte()
			b.shifts = 8
		}
	}
}

func (b *arithmeticBits) byte() {
	v := b.code >> 19
	if v > 0xFF {
		for i := len(b.out) - 1; ; i-- {
			if b.out[i]++; b.out[i] != 0 {
				break
			}
		}
	}
	b.out = append(b.out, byte(v))
	b.code &= 1<<19 - 1
}

// finish returns the data with stuffed zeros, and without those at its end.
func (b *arithmeticBits) finish() (data []byte) {
	top := (b.code + b.interval - 1) &^ 0xFFFF
	if top < b.code {
		top += 0x8000
	}
	b.code = top << b.shifts
	b.byte()
	b.code <<= 8
	b.byte()
	for len(b.out) > 0 && b.out[len(b.out)-1] == 0 {
		b.out = b.out[:len(b.out)-1]
	}
	for _, v := range b.out {
		if data = append(data, v); v == 0xFF {
			data = append(data, 0)
		}
	}
	return data
}

// magnitude encodes v, the size of a number less 1, from its highest bit on if that is above 1.
func (b *arithmeticBits) magnitude(bins []uint8, x, high, v int) {
	for ; high<<1 <= v; high <<= 1 {
		b.put(&bins[x], true)
		x++
	}
	b.put(&bins[x], false)
	for high >>= 1; high > 0; high >>= 1 {
		b.put(&bins[x+14], v&high != 0)
	}
}

func (b *arithmeticBits) block(i int, z *[64]int16, c conditioning, split int) {
	diff := int(z[0]) - b.pred[i]
	b.pred[i] = int(z[0])
	x := b.condition[i]
	b.condition[i] = 0
	b.put(&b.dc[x], diff != 0)
	if diff != 0 {
		sign, v := 0, diff-1
		if diff < 0 {
			sign, v = 1, -diff-1
		}
		b.put(&b.dc[x+1], sign != 0)
		b.put(&b.dc[x+2+sign], v > 0)
		if v > 0 {
			b.magnitude(b.dc[:], dcHigh, 1, v)
		}
		switch size := v + 1; {
		case 2*size > 1<<c.lower && size <= 1<<c.upper:
			b.condition[i] = 4 + 4*sign
		case size > 1<<c.upper:
			b.condition[i] = 12 + 4*sign
		}
	}
	last := 63
	for last > 0 && z[last] == 0 {
		last--
	}
	for k := 1; k <= last; k++ {
		b.put(&b.ac[3*(k-1)], false)
		for ; z[k] == 0; k++ {
			b.put(&b.ac[3*(k-1)+1], false)
		}
		b.put(&b.ac[3*(k-1)+1], true)
		v := int(z[k])
		even := uint8(evenEstimate << 1)
		b.put(&even, v < 0)
		v = max(v, -v) - 1
		x := 3*(k-1) + 2
		if b.put(&b.ac[x], v > 0); v == 0 {
			continue
		}
		if b.put(&b.ac[x], v > 1); v == 1 {
			continue
		}
		x = acHighLower
		if k > split {
			x = acHighUpper
		}
		b.magnitude(b.ac[:], x, 2, v)
	}
	if last < 63 {
		b.put(&b.ac[3*last], true)
	}
}

// arithmetically returns a fixture's file with arithmetic coding, and the given conditioning.
func (f *fixture) arithmetically(c conditioning, split int) []byte {
	f.sof = stream.SOF9
	f.before = f.segment(f.before, stream.DAC, 0, c.upper<<4|c.lower, 0x10, byte(split))
	f.coder = func(out []byte, across, down int, each func(m int, block func(i int, z *[64]int16))) []byte {
		b := newArithmeticBits()
		for m := range across * down {
			if f.interval > 0 && m > 0 && m%f.interval == 0 {
				out = append(append(out, b.finish()...), 0xFF, stream.RST0+byte(m/f.interval-1)&7)
				b = newArithmeticBits()
			}
			each(m, func(i int, z *[64]int16) { b.block(i, z, c, split) })
		}
		return append(out, b.finish()...)
	}
	return f.bytes()
}

// TestArithmeticFixture decodes files of 8 and of 12 bits with several conditionings at every scale.
func TestArithmeticFixture(t *testing.T) {
	for _, deep := range []bool{false, true} {
		for _, interval := range []int{0, 3} {
			for _, c := range []struct {
				conditioning
				split int
			}{{conditioning{0, 1}, 5}, {conditioning{2, 7}, 1}, {conditioning{0, 0}, 63}} {
				f := newFixture(75, 43, 5, [2]int{2, 1}, [2]int{1, 1}, [2]int{1, 2})
				if f.interval = interval; deep {
					f.deepen()
				}
				file := f.arithmetically(c.conditioning, c.split)
				for n := 1; n <= 8; n++ {
					f.compare(t, decodeAt(t, file, n), n, func(i int) bool { return i == 0 })
				}
			}
		}
	}
}

// TestArithmeticFlatEnd decodes pictures that end so flat that their data ends before them.
func TestArithmeticFlatEnd(t *testing.T) {
	for _, flat := range []int{0, 16, 100, 156} {
		m := jpegtest.Scene(203, 157)
		draw.Draw(m, image.Rect(0, flat, 203, 157), image.NewUniform(color.White), image.Point{}, draw.Src)
		for _, mode := range []string{"-baseline", "-progressive"} {
			for _, restart := range []string{"0", "1", "7B"} {
				t.Run(fmt.Sprint(flat, mode, restart), func(t *testing.T) {
					equalsLibjpeg(t, jpegtest.Cjpeg(t, m, "-arithmetic", mode, "-restart", restart), 1, 8)
				})
			}
		}
	}
	f := newFixture(1600, 1600, 1, [2]int{1, 1})
	for i := range f.comps[0].blocks[1:] {
		f.comps[0].blocks[i+1] = [64]int16{f.comps[0].blocks[0][0]}
	}
	file := f.arithmetically(conditioning{0, 1}, 5)
	t.Logf("a flat picture of 2.5 megapixels has %d bytes", len(file))
	if _, report := decodeAll(t, file, 0, 0); report.Damage != "" {
		t.Errorf("damage %q", report.Damage)
	}
}
