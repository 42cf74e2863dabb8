//go:build (amd64 || arm64) && !purego

package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
	"github.com/imgmill/imgmill/internal/engine/dct"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// TestWalkTracks walks random data, which contains every kind of code and of damage, on tracks and in
// plain Go.
func TestWalkTracks(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(5, 6))
	steps, stops := 0, 0
	for round := range 400 {
		m := randomMCU(t, rng)
		if round%4 == 0 {
			m = flatMCU(m)
		}
		m.ready()
		w := newWalker(nil, m, new(restarts), 1, stretchSize)
		w.ring, w.tracks = make([]*stretch, ringSize(1, true)), newTracks(m)
		w.loaded = 2 + rng.IntN(len(w.ring)-1)
		const left = 0x5A5A // stands for values left by earlier MCUs
		for i := range w.loaded {
			c := new(stretch)
			w.ring[i] = c
			c.size = leadSize + 1 + uint(rng.IntN(2000))
			for i := range c.mem[:c.size] {
				c.mem[i] = byte(rng.Uint32()) & byte(rng.Uint32()|uint32(round&0x30)<<2)
			}
			c.until, c.last, c.fresh = c.size*8+1, true, rng.IntN(2) == 0
			c.reserve(m, 1+rng.IntN(200))
			for i := range c.coef {
				c.coef[i] = left
			}
		}
		head := w.ring[0]
		if !w.tracked(head, leadSize*8+uint(rng.IntN(8)), 1<<20) {
			t.Fatalf("round %d: the first stretch was not walked", round)
		}
		steps, stops = steps+w.tracks.steps, stops+w.tracks.stops
		for i, c := range w.ring[:w.loaded] {
			if c.first < leadSize*8 || !c.tracked {
				continue
			}
			for c.unit > 0 || c.place > 0 {
				c.finishBlock(m)
			}
			d := new(stretch)
			d.mem = c.mem
			d.begin(c.first)
			d.reserve(m, c.mcus)
			d.pos = d.walkMCUsGo(m, d.from(d.pos), 1<<30, c.mcus).pos()
			what := fmt.Sprintf("round %d, stretch %d", round, i)
			if c.pos != d.pos || c.bad != d.bad {
				t.Fatalf("%s: %d MCUs from bit %d on: got bit %d, bad %v; plain Go has bit %d, bad %v",
					what, c.mcus, c.first, c.pos, c.bad, d.pos, d.bad)
			}
			sameBlocks(t, what, m, c, d)
		}
	}
	if t.Logf("%d steps, %d stops", steps, stops); steps < 10*400 {
		t.Errorf("only %d steps", steps)
	}
}

// TestTracksInUsedStretches walks zeros in stretches that have been used for larger blocks, so that they have room for more
// coefficients, which are not zero, than for ends of blocks.
func TestTracksInUsedStretches(t *testing.T) {
	cputest.NeedVector(t)
	zero := func(dc bool) *decodeTable { // has a code of one bit
		table, err := newDecodeTable(&stream.HuffmanTable{Counts: [17]uint8{1: 1}, Symbols: []uint8{0}}, dc)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	m, dc, ac := new(mcu), zero(true), zero(false)
	for _, n := range []int{8, 4, 4} {
		m.add(newUnit(&component{n: n, quant: new([64]uint16)}, dc, ac))
	}
	m.ready()
	for room := 1; room < 40; room++ {
		for size := uint(8); size < 32; size++ {
			w := newWalker(nil, m, new(restarts), 1, stretchSize)
			w.ring, w.tracks = make([]*stretch, ringSize(1, true)), newTracks(m)
			for i := range w.ring {
				c := &stretch{size: leadSize + size, last: true, fresh: true}
				c.reserve(m, room)
				c.until, c.coef = c.size*8+1, make([]int16, 64*m.size)
				for i := range c.coef {
					c.coef[i] = 1
				}
				w.ring[i] = c
			}
			w.loaded = len(w.ring)
			c := w.ring[0]
			if !w.tracked(c, leadSize*8, 1<<20) || c.mcus < int(size) {
				t.Fatalf("room for %d MCUs, %d bytes: %d MCUs", room, size, c.mcus)
			}
			sameBlocks(t, fmt.Sprintf("room for %d MCUs, %d bytes", room, size), m, c, &stretch{coef: make([]int16, len(c.coef))})
		}
	}
}

// flatMCU is an MCU with the codes of another and DC coefficients alone.
func flatMCU(m *mcu) *mcu {
	f := new(mcu)
	for _, u := range m.units {
		f.add(newUnit(&component{n: 1, quant: u.quant}, u.dc, u.ac))
	}
	return f
}

// sameBlocks compares the coefficients of c with those of d.
func sameBlocks(t *testing.T, what string, m *mcu, c, d *stretch) {
	t.Helper()
	for i := range c.mcus {
		for j, u := range m.units {
			at := i*m.size + u.at
			got, want := c.coef[at:][:blockSize(u.n)], d.coef[at:][:blockSize(u.n)]
			pitch := dct.Pitch(u.n)
			for z := range got {
				if read := z%pitch < u.n; read && got[z] != want[z] {
					t.Fatalf("%s, MCU %d, block %d of scale %d: got %v, plain Go has %v", what, i, j, u.n, got, want)
				}
			}
		}
	}
}

// TestTracks checks that tracks walk most stretches and that what they find can be used.
func TestTracks(t *testing.T) {
	cputest.NeedVector(t)
	files := make(map[string][]byte)
	for _, sub := range jpegtest.Samplings {
		files[fmt.Sprint(sub)] = encoded(t, jpegtest.YCbCr(jpegtest.Scene(1600, 1200), sub.X, sub.Y), encode.Options{Quality: 90})
	}
	files["grey"] = encoded(t, jpegtest.Gray(jpegtest.Scene(1600, 1200)), encode.Options{Quality: 90})
	restarts := newFixture(1600, 1200, 1, [2]int{2, 2}, [2]int{1, 1}, [2]int{1, 1})
	restarts.interval = 23
	files["restarts"] = restarts.bytes()
	for name, file := range files {
		checkTracks(t, name, file, 4<<10)
	}
}

// TestTracksOfUnequalLength decodes pictures whose stretches have few blocks or many, so that some are
// complete before others.
func TestTracksOfUnequalLength(t *testing.T) {
	cputest.NeedVector(t)
	rng := rand.New(rand.NewPCG(7, 8))
	for n := 2; n <= 8; n += 3 {
		p := jpegtest.YCbCr(jpegtest.Scene(1600, 1200), 2, 2)
		for i, pix := range p.Pix {
			for k := range pix[:len(pix)/(2+i)] {
				pix[k] = byte(128 + rng.IntN(3*n))
			}
		}
		file := encoded(t, p, encode.Options{Quality: 90})
		want := decodedBy(t, file, n, 1, stretchSize)
		for _, threads := range []int{1, 2} {
			for _, size := range []int{2000, 8000, 20000} {
				what := fmt.Sprintf("scale %d, %d threads, stretches of %d bytes", n, threads, size)
				want.same(t, what, decodedBy(t, file, n, threads, size))
			}
		}
		restore := cpu.Plain()
		decodedBy(t, file, n, 1, stretchSize).same(t, fmt.Sprintf("scale %d, kernels", n), want)
		restore()
	}
}

func TestTracksPhotographs(t *testing.T) {
	cputest.NeedVector(t)
	for _, name := range corpus(t, "photos/*420.jpg", "photos/*422.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkTracks(t, filepath.Base(name), file, stretchSize)
	}
}

// checkTracks checks how much of a file is walked on tracks.
func checkTracks(t *testing.T, name string, file []byte, size int) {
	t.Helper()
	for n := 1; n <= 8; n += 2 {
		s := firstScan(t, file, n)
		if !s.mcu.trackable() {
			continue
		}
		s.walker.stretchSize = size
		s.walker.start()
		for row := range s.rows {
			if err := s.row((s.rows - row) * s.mcus); err != nil {
				t.Fatal(err)
			}
		}
		w := s.walker
		w.stop()
		most := len(file) / size * 3 / 4
		if w.walked < most || w.misses*10 > w.walked || w.tracks.stops*50 > w.tracks.steps {
			t.Errorf("%s, scale %d: %d stretches walked, of which %d useless; %d steps and %d stops",
				name, n, w.walked, w.misses, w.tracks.steps, w.tracks.stops)
		}
	}
}

// firstScan returns the first scan of a file at scale n.
func firstScan(t *testing.T, file []byte, n int) *sequentialScan {
	t.Helper()
	d, err := New(bytes.NewReader(file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.prepare(d.first, true, true); err != nil {
		t.Fatal(err)
	}
	for _, c := range d.comps {
		d.setScale(c, n)
		c.stride = c.padX * c.side
	}
	return d.newSequentialScan(d.first)
}

// TestGreyAtEveryScale compares scans of one block an MCU with progressive ones of the same coefficients.
func TestGreyAtEveryScale(t *testing.T) {
	p := jpegtest.Gray(jpegtest.Scene(1600, 1200))
	baseline := encoded(t, p, encode.Options{Quality: 90})
	progressive := encoded(t, p, encode.Options{Quality: 90, Progressive: true})
	for n := 1; n <= 8; n++ {
		got, _ := decodeAll(t, baseline, 200*n, 150*n)
		want, _ := decodeAll(t, progressive, 200*n, 150*n)
		if !bytes.Equal(got.Pix[0], want.Pix[0]) {
			t.Errorf("at %d/8, a baseline file has other samples than a progressive one", n)
		}
	}
}
