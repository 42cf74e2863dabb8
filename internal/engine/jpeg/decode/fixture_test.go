package decode

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// fixture is a sequential file with known coefficients, and with any irregularities that a test
// requests.
type fixture struct {
	w, h     int
	sof      byte
	deep     bool // 12 bits, with Huffman tables for every symbol
	comps    []fixtureComponent
	quant    *[64]uint16 // in zigzag order, for all components
	wide     bool        // 16-bit quantisation table
	interval int
	scans    [][]int // components of each scan; nil for all in one
	before   []byte  // whole segments after SOI
	noTables bool    // omits DHT
	dnl      bool    // states the height only in DNL
	fill     int     // number of fill bytes before each marker
	end      []byte  // replaces EOI
	// coder replaces Huffman coding: it calls each for every MCU, which calls block for its blocks.
	coder func(out []byte, across, down int, each func(m int, block func(i int, z *[64]int16))) []byte
}

type fixtureComponent struct {
	id     byte
	h, v   int
	across int         // number of blocks in a row, with those that pad MCUs
	blocks [][64]int16 // quantised, in zigzag order
}

func newFixture(w, h int, seed uint64, sampling ...[2]int) *fixture {
	f := &fixture{w: w, h: h, sof: stream.SOF0, quant: new([64]uint16), end: []byte{0xFF, stream.EOI}}
	for i := range f.quant {
		f.quant[i] = uint16(3 + i/2)
	}
	r := rand.New(rand.NewPCG(seed, 9))
	hmax, vmax := f.most(sampling)
	for i, s := range sampling {
		c := fixtureComponent{id: byte(i + 1), h: s[0], v: s[1]}
		c.across = ceilDiv(w, 8*hmax) * s[0]
		for range c.across * ceilDiv(h, 8*vmax) * s[1] {
			var b [64]int16
			b[0] = int16(r.IntN(400) - 200)
			for k := 1; k < 64; k++ {
				if r.IntN(3) == 0 {
					b[k] = int16(r.NormFloat64() * 60 / float64(k+3))
				}
			}
			c.blocks = append(c.blocks, b)
		}
		f.comps = append(f.comps, c)
	}
	return f
}

func (f *fixture) most(sampling [][2]int) (h, v int) {
	for _, s := range sampling {
		h, v = max(h, s[0]), max(v, s[1])
	}
	return h, v
}

func (f *fixture) precision() byte {
	if f.deep {
		return deepBits
	}
	return 8
}

// deepen makes a picture of 12 bits of one of 8.
func (f *fixture) deepen() {
	f.deep, f.sof = true, stream.SOF1
	for _, c := range f.comps {
		for i := range c.blocks {
			for k := range c.blocks[i] {
				c.blocks[i][k] = c.blocks[i][k]<<deepExcess + int16(k&7-3)*(c.blocks[i][k]&1)
			}
		}
	}
}

// tables returns the table of DC coefficients and that of AC coefficients.
func (f *fixture) tables() [2]*stream.HuffmanTable {
	if !f.deep {
		return [2]*stream.HuffmanTable{&stream.StandardDC[0], &stream.StandardAC[0]}
	}
	dc, ac := &stream.HuffmanTable{Counts: [17]uint8{5: 16}}, &stream.HuffmanTable{Counts: [17]uint8{8: 200, 9: 56}}
	for i := range 256 {
		if i < 16 {
			dc.Symbols = append(dc.Symbols, uint8(i))
		}
		ac.Symbols = append(ac.Symbols, uint8(i))
	}
	return [2]*stream.HuffmanTable{dc, ac}
}

func (f *fixture) hmax() int {
	m := 0
	for _, c := range f.comps {
		m = max(m, c.h)
	}
	return m
}

func (f *fixture) vmax() int {
	m := 0
	for _, c := range f.comps {
		m = max(m, c.v)
	}
	return m
}

func (f *fixture) segment(out []byte, m byte, body ...byte) []byte {
	for range f.fill {
		out = append(out, 0xFF)
	}
	out = append(out, 0xFF, m)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(out, body...)
}

func (f *fixture) bytes() []byte {
	out := append([]byte{0xFF, stream.SOI}, f.before...)
	dqt := []byte{0}
	if f.wide {
		dqt[0] = 0x10
	}
	for _, q := range f.quant {
		if f.wide {
			dqt = append(dqt, byte(q>>8))
		}
		dqt = append(dqt, byte(q))
	}
	out = f.segment(out, stream.DQT, dqt...)
	h := f.h
	if f.dnl {
		h = 0
	}
	sof := []byte{f.precision(), byte(h >> 8), byte(h), byte(f.w >> 8), byte(f.w), byte(len(f.comps))}
	for _, c := range f.comps {
		sof = append(sof, c.id, byte(c.h<<4|c.v), 0)
	}
	out = f.segment(out, f.sof, sof...)
	if !f.noTables {
		for class, s := range f.tables() {
			dht := append([]byte{byte(class << 4)}, s.Counts[1:]...)
			out = f.segment(out, stream.DHT, append(dht, s.Symbols...)...)
		}
	}
	if f.interval > 0 {
		out = f.segment(out, stream.DRI, byte(f.interval>>8), byte(f.interval))
	}
	scans := f.scans
	if scans == nil {
		scans = [][]int{nil}
		for i := range f.comps {
			scans[0] = append(scans[0], i)
		}
	}
	for i, s := range scans {
		sos := []byte{byte(len(s))}
		for _, c := range s {
			sos = append(sos, f.comps[c].id, 0)
		}
		out = f.segment(out, stream.SOS, append(sos, 0, 63, 0)...)
		out = f.scan(out, s)
		if i == 0 && f.dnl {
			out = f.segment(out, stream.DNL, byte(f.h>>8), byte(f.h))
		}
	}
	return append(out, f.end...)
}

// fixtureBits packs codes into bytes.
type fixtureBits struct {
	out  []byte
	acc  uint64
	n    uint
	pred [4]int16
}

func (b *fixtureBits) put(v, n uint32) {
	for ; n > 0; n-- {
		b.acc = b.acc<<1 | uint64(v>>(n-1)&1)
		if b.n++; b.n == 8 {
			if b.out = append(b.out, byte(b.acc)); byte(b.acc) == 0xFF {
				b.out = append(b.out, 0)
			}
			b.n = 0
		}
	}
}

func (b *fixtureBits) pad() {
	for b.n != 0 {
		b.put(1, 1)
	}
	b.pred = [4]int16{}
}

func (f *fixture) scan(out []byte, comps []int) []byte {
	type code struct{ code, length uint32 }
	var dc, ac [256]code
	tables := f.tables()
	tables[0].Each(func(s uint8, c, l uint32) { dc[s] = code{c, l} })
	tables[1].Each(func(s uint8, c, l uint32) { ac[s] = code{c, l} })
	b := &fixtureBits{out: out}
	value := func(run uint8, v int16, t *[256]code) {
		size, m := uint32(0), max(v, -v)
		for ; m>>size != 0; size++ {
		}
		if v < 0 {
			v += 1<<size - 1
		}
		c := t[run<<4|uint8(size)]
		b.put(c.code, c.length)
		b.put(uint32(v)&(1<<size-1), size)
	}
	block := func(i int, z *[64]int16) {
		value(0, z[0]-b.pred[i], &dc)
		b.pred[i] = z[0]
		run := uint8(0)
		for _, v := range z[1:] {
			if v == 0 {
				run++
				continue
			}
			for ; run > 15; run -= 16 {
				b.put(ac[0xF0].code, ac[0xF0].length)
			}
			value(run, v, &ac)
			run = 0
		}
		if run > 0 {
			b.put(ac[0].code, ac[0].length)
		}
	}
	across, down := ceilDiv(f.w, 8*f.hmax()), ceilDiv(f.h, 8*f.vmax())
	alone := len(comps) == 1
	if c := f.comps[comps[0]]; alone {
		across = ceilDiv(ceilDiv(f.w*c.h, f.hmax()), 8)
		down = ceilDiv(ceilDiv(f.h*c.v, f.vmax()), 8)
	}
	each := func(m int, block func(i int, z *[64]int16)) {
		for _, i := range comps {
			c := f.comps[i]
			if alone {
				block(i, &c.blocks[m/across*c.across+m%across])
				continue
			}
			for y := range c.v {
				for x := range c.h {
					block(i, &c.blocks[(m/across*c.v+y)*c.across+m%across*c.h+x])
				}
			}
		}
	}
	if f.coder != nil {
		return f.coder(out, across, down, each)
	}
	for m := range across * down {
		if f.interval > 0 && m > 0 && m%f.interval == 0 {
			b.pad()
			b.out = append(b.out, 0xFF, stream.RST0+byte(m/f.interval-1)&7)
		}
		each(m, block)
	}
	b.pad()
	return b.out
}

// sample evaluates the formula for a sample of component i at n/8, without rounding.
func (f *fixture) sample(i, n, x, y int) float64 {
	c := f.comps[i]
	return f.formula(&c.blocks[y/n*c.across+x/n], n, x%n, y%n)
}

func (f *fixture) formula(block *[64]int16, n, x, y int) float64 {
	scale := func(k int) float64 {
		if k == 0 {
			return math.Sqrt2 / 4
		}
		return 0.5
	}
	sum := 0.0
	for k, q := range block {
		if u, v := int(stream.Zigzag[k]&7), int(stream.Zigzag[k]>>3); q != 0 && u < n && v < n {
			sum += scale(u) * scale(v) * float64(q) * float64(f.quant[k]) *
				math.Cos(float64((2*x+1)*u)*math.Pi/float64(2*n)) *
				math.Cos(float64((2*y+1)*v)*math.Pi/float64(2*n))
		}
	}
	if f.deep { // Its upper 8 bits; the middle of what is reduced to them.
		return (min(max(sum+deepLevel, 0), 1<<deepBits-1) - 7.5) / 16
	}
	return min(max(sum+128, 0), 255)
}

// raised interpolates between the samples of a component at n/8 for a sample of the picture.
func (f *fixture) raised(i, n, x, y int) float64 {
	c := f.comps[i]
	axis := func(x, k, most, length int) (at, next int, weight float64) {
		p := max((float64(x)+0.5)*float64(k)/float64(most)-0.5, 0)
		last := ceilDiv(length*k*n, 8*most) - 1
		at = min(int(p), last)
		return at, min(at+1, last), p - math.Floor(p)
	}
	x0, x1, wx := axis(x, c.h, f.hmax(), f.w)
	y0, y1, wy := axis(y, c.v, f.vmax(), f.h)
	return (f.sample(i, n, x0, y0)*(1-wx)+f.sample(i, n, x1, y0)*wx)*(1-wy) +
		(f.sample(i, n, x0, y1)*(1-wx)+f.sample(i, n, x1, y1)*wx)*wy
}

// compare compares a picture decoded at scale n of all components with the formula. Planes for
// which whole returns true have the picture's size and interpolated samples.
func (f *fixture) compare(t *testing.T, p *plane.Picture, n int, whole func(i int) bool) {
	t.Helper()
	tolerance := 0.75
	if f.deep {
		tolerance = 0.501
	}
	for i, c := range f.comps {
		w, h := f.w*c.h*n, f.h*c.v*n
		wd, hd := 8*f.hmax(), 8*f.vmax()
		if whole(i) {
			w, h = f.w*n*f.hmax(), f.h*n*f.vmax()
		}
		want := plane.Size{
			Width: ceilDiv(w, wd), Height: ceilDiv(h, hd),
			SpanX: float64(w) / float64(wd), SpanY: float64(h) / float64(hd),
		}
		if p.Planes[i].Size != want {
			t.Fatalf("plane %d is %+v, want %+v", i, p.Planes[i], want)
		}
		for y := range want.Height {
			for x, got := range p.Row(i, y) {
				exact, off := 0.0, tolerance
				if whole(i) {
					exact, off = f.raised(i, n, x, y), tolerance+0.5
				} else {
					exact = f.sample(i, n, x, y)
				}
				if math.Abs(exact-float64(got)) > off {
					t.Fatalf("plane %d, sample %d,%d is %d, want %.2f", i, x, y, got, exact)
				}
			}
		}
	}
}

func onlyLuma(i int) bool { return i == 0 }
