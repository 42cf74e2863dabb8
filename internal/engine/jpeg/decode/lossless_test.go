package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// losslessFixture is a lossless file with known samples.
type losslessFixture struct {
	w, h, precision, predictor, shift int
	interval                          int // in lines of MCUs
	sampling                          [][2]int
	scans                             [][]int
	before                            []byte
	planes                            [][]uint16
	cut                               int // bytes removed from the end of the last scan
}

func newLossless(w, h, precision, predictor, shift int, sampling ...[2]int) *losslessFixture {
	f := &losslessFixture{w: w, h: h, precision: precision, predictor: predictor, shift: shift, sampling: sampling}
	r := rand.New(rand.NewPCG(uint64(w), uint64(predictor)))
	all := []int{}
	for i := range sampling {
		all = append(all, i)
		pw, ph := f.size(i)
		plane := make([]uint16, pw*ph)
		most := 1<<precision - 1
		for k := range plane {
			x, y := k%pw, k/pw
			v := most * (x*(3+i) + y*2) / (5*w + 2*h)
			switch r.IntN(8) {
			case 0:
				v = r.IntN(most + 1)
			case 1:
				v = most * r.IntN(2)
			}
			plane[k] = uint16(min(v, most)) >> shift << shift
		}
		f.planes = append(f.planes, plane)
	}
	f.scans = [][]int{all}
	return f
}

func (f *losslessFixture) most() (h, v int) {
	for _, s := range f.sampling {
		h, v = max(h, s[0]), max(v, s[1])
	}
	return h, v
}

func (f *losslessFixture) size(i int) (w, h int) {
	hm, vm := f.most()
	return ceilDiv(f.w*f.sampling[i][0], hm), ceilDiv(f.h*f.sampling[i][1], vm)
}

// at returns a sample without the bits that the point transform removes. Outside the picture, the
// nearest sample is repeated.
func (f *losslessFixture) at(i, x, y int) int {
	w, h := f.size(i)
	return int(f.planes[i][min(y, h-1)*w+min(x, w-1)]) >> f.shift
}

func (f *losslessFixture) bytes() []byte {
	out := append([]byte{0xFF, stream.SOI}, f.before...)
	segment := func(m byte, body ...byte) {
		out = append(out, 0xFF, m)
		out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
		out = append(out, body...)
	}
	sof := []byte{byte(f.precision), byte(f.h >> 8), byte(f.h), byte(f.w >> 8), byte(f.w), byte(len(f.sampling))}
	for i, s := range f.sampling {
		sof = append(sof, byte(i+1), byte(s[0]<<4|s[1]), 0)
	}
	segment(stream.SOF3, sof...)
	spec := stream.HuffmanTable{Counts: [17]uint8{4: 14, 5: 3}}
	for i := range 17 {
		spec.Symbols = append(spec.Symbols, uint8(i))
	}
	segment(stream.DHT, append(append([]byte{0}, spec.Counts[1:]...), spec.Symbols...)...)
	hm, vm := f.most()
	for _, s := range f.scans {
		across, down := ceilDiv(f.w, hm), ceilDiv(f.h, vm)
		if len(s) == 1 && len(f.sampling) > 1 {
			across, down = f.size(s[0])
		}
		if f.interval > 0 {
			segment(stream.DRI, byte(f.interval*across>>8), byte(f.interval*across))
		}
		sos := []byte{byte(len(s))}
		for _, c := range s {
			sos = append(sos, byte(c+1), 0)
		}
		segment(stream.SOS, append(sos, byte(f.predictor), 0, byte(f.shift))...)
		out = f.scan(out, &spec, s, across, down)
	}
	return append(out[:len(out)-f.cut], 0xFF, stream.EOI)
}

func (f *losslessFixture) scan(out []byte, spec *stream.HuffmanTable, comps []int, across, down int) []byte {
	b := &fixtureBits{out: out}
	var codes [17][2]uint32
	spec.Each(func(s uint8, c, l uint32) { codes[s] = [2]uint32{c, l} })
	fresh := true
	code := func(i, x, y int, first bool) {
		var p int
		switch {
		case x == 0 && first:
			p = 1 << (f.precision - f.shift - 1)
		case first:
			p = f.at(i, x-1, y)
		case x == 0:
			p = f.at(i, x, y-1)
		default:
			p = []func(a, b, c int) int{
				1: func(a, _, _ int) int { return a },
				2: func(_, b, _ int) int { return b },
				3: func(_, _, c int) int { return c },
				4: func(a, b, c int) int { return a + b - c },
				5: func(a, b, c int) int { return a + (b-c)>>1 },
				6: func(a, b, c int) int { return b + (a-c)>>1 },
				7: func(a, b, _ int) int { return (a + b) >> 1 },
			}[f.predictor](f.at(i, x-1, y), f.at(i, x, y-1), f.at(i, x-1, y-1))
		}
		diff := int(int16(f.at(i, x, y) - p))
		if diff == -32768 {
			b.put(codes[16][0], codes[16][1])
			return
		}
		size, low := bits.Len(uint(max(diff, -diff))), diff
		if diff < 0 {
			low = diff - 1
		}
		b.put(codes[size][0], codes[size][1])
		b.put(uint32(low)&(1<<size-1), uint32(size))
	}
	for y := range down {
		if f.interval > 0 && y > 0 && y%f.interval == 0 {
			b.pad()
			b.out = append(b.out, 0xFF, stream.RST0+byte(y/f.interval-1)&7)
			fresh = true
		}
		for x := range across {
			for _, i := range comps {
				s := f.sampling[i]
				if len(comps) == 1 {
					s = [2]int{1, 1}
				}
				for v := range s[1] {
					for u := range s[0] {
						code(i, x*s[0]+u, y*s[1]+v, fresh && v == 0)
					}
				}
			}
		}
		fresh = false
	}
	b.pad()
	return b.out
}

// eight reduces a sample to 8 bits.
func (f *losslessFixture) eight(v uint16) byte {
	if f.precision >= 8 {
		return byte(v >> (f.precision - 8))
	}
	most := 1<<f.precision - 1
	return byte((int(v)*510 + most) / (2 * most))
}

func (f *losslessFixture) check(t *testing.T, name string) {
	t.Helper()
	p, report := decodeAll(t, f.bytes(), 0, 0)
	if report.Damage != "" {
		t.Errorf("%s: damage %q", name, report.Damage)
	}
	p = stored(p)
	for i, plane := range f.planes {
		w, h := f.size(i)
		if p.Planes[i].Width != w || p.Planes[i].Height != h {
			t.Fatalf("%s: plane %d is %+v, want %d×%d", name, i, p.Planes[i], w, h)
		}
		for k, v := range plane {
			if got := p.Row(i, k/w)[k%w]; got != f.eight(v) {
				t.Fatalf("%s: plane %d, sample %d,%d is %d, want %d of %d", name, i, k%w, k/w, got, f.eight(v), v)
			}
		}
	}
}

// TestLossless decodes every predictor and precision, with point transforms, restarts, subsampling
// and several scans.
func TestLossless(t *testing.T) {
	one := [2]int{1, 1}
	for precision := 2; precision <= 16; precision++ {
		for predictor := 1; predictor <= 7; predictor++ {
			for _, shift := range []int{0, precision / 3} {
				for _, interval := range []int{0, 2} {
					f := newLossless(37, 19, precision, predictor, shift, one)
					f.interval = interval
					f.check(t, fmt.Sprintf("%d bits, predictor %d, shift %d, interval %d", precision, predictor, shift, interval))
				}
			}
		}
	}
	for _, sampling := range [][][2]int{{one, one, one}, {{2, 2}, one, one}, {{2, 1}, one, {1, 1}}} {
		for _, scans := range [][][]int{nil, {{0}, {1, 2}}, {{2}, {0}, {1}}} {
			f := newLossless(37, 19, 8, 5, 0, sampling...)
			f.before, f.interval = jfif, 3
			if scans != nil {
				f.scans = scans
			}
			f.check(t, fmt.Sprint(sampling, scans))
		}
	}
	newLossless(21, 7, 8, 4, 0, one, one, one, one).check(t, "four")
}

// TestLosslessDamage cuts scans and asks for what does not exist.
func TestLosslessDamage(t *testing.T) {
	one := [2]int{1, 1}
	f := newLossless(60, 40, 12, 7, 0, one, one, one)
	f.cut = 500
	if _, err := tryDecode(t, f.bytes(), 1, 8); err == nil {
		t.Error("cut: no error")
	}
	f.interval = 4
	if _, err := tryDecode(t, f.bytes(), 1, 8); err == nil {
		t.Error("cut, with restarts: no error")
	}
	for name, change := range map[string]func(f *losslessFixture, file []byte){
		"predictor 0": func(_ *losslessFixture, b []byte) { b[bytes.Index(b, []byte{0xFF, stream.SOS})+11] = 0 },
		"predictor 8": func(_ *losslessFixture, b []byte) { b[bytes.Index(b, []byte{0xFF, stream.SOS})+11] = 8 },
		"point transform 12": func(_ *losslessFixture, b []byte) {
			b[bytes.Index(b, []byte{0xFF, stream.SOS})+13] = 12
		},
		"category 17": func(_ *losslessFixture, b []byte) {
			b[bytes.Index(b, []byte{0xFF, stream.DHT})+4+17+16] = 17
		},
	} {
		f := newLossless(60, 40, 12, 7, 0, one, one, one)
		file := f.bytes()
		change(f, file)
		if _, err := tryDecode(t, file, 1, 8); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
