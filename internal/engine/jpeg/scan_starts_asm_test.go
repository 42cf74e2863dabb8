//go:build (amd64 || arm64) && !purego

package jpeg

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu/cputest"
)

// firstScan returns the first scan of a file at scale n, for a number of threads.
func firstScan(t *testing.T, file []byte, n, threads int) *sequentialScan {
	t.Helper()
	d, err := NewDecoder(bytes.NewReader(file), DecodeOptions{Threads: threads})
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

// TestFindStarts compares where blocks are found to start, and the coefficients read there, with a
// walk in plain Go.
func TestFindStarts(t *testing.T) {
	cputest.NeedVector(t)
	for n := 1; n <= 2; n++ {
		for quality, subX := range map[int]int{20: 2, 30: 1} {
			file := encode(t, noise(1000, 1000, 2, subX, 1), Options{Quality: quality})
			findStarts(t, file, n)
		}
	}
}

func TestFindStartsPhotographs(t *testing.T) {
	cputest.NeedVector(t)
	for i, name := range corpus(t, "photos/*420.jpg", "photos/*422.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		findStarts(t, file, 1+i%2)
	}
}

// findStarts checks what is found and read in the first segment of a file at scale n.
func findStarts(t *testing.T, file []byte, n int) {
	t.Helper()
	s := firstScan(t, file, n, 2)
	s.walker.misses = maxMisses // no helpers
	m, w, units := &s.mcu, s.walker, len(s.mcu.units)
	defer w.stop()
	w.start()
	c, want := w.ring[w.head], new(stretch)
	found, blocks := 0, 0
	for pos := uint(leadSize * 8); ; c = w.advance() {
		want.mem = c.mem
		for want.begin(pos); want.pos < c.until; want.begin(want.pos) {
			want.reserve(m, 64)
			want.pos = want.walkMCUsGo(m, want.from(want.pos), c.until, 64).pos()
			blocks += want.mcus * units
			c.begin(want.first)
			c.reserve(m, want.mcus)
			c.walkKnown(m, c.until, want.mcus)
			found += c.mcus * units
			if n := c.mcus * m.size; !slices.Equal(c.coef[:n], want.coef[:n]) {
				t.Fatalf("the coefficients of %d MCUs from bit %d on differ", c.mcus, c.first)
			}
			if c.mcus == want.mcus && c.pos != want.pos {
				t.Fatalf("walked from bit %d to %d, not %d", c.first, c.pos, want.pos)
			}
		}
		if c.last {
			break
		}
		pos = want.pos - uint(w.stretchSize)*8
	}
	if t.Logf("%d of %d blocks", found, blocks); found < blocks/2 { // Lanes in noise do not always synchronise.
		t.Errorf("found only %d of %d blocks", found, blocks)
	}
}

// TestGreyAtEveryScale compares scans of one block an MCU with progressive ones of the same coefficients.
func TestGreyAtEveryScale(t *testing.T) {
	p := toGray(scene(1600, 1200))
	baseline := encode(t, p, Options{Quality: 90})
	progressive := encode(t, p, Options{Quality: 90, Progressive: true})
	for n := 1; n <= 8; n++ {
		got, _ := decodeAll(t, baseline, 200*n, 150*n)
		want, _ := decodeAll(t, progressive, 200*n, 150*n)
		if !bytes.Equal(got.Pix[0], want.Pix[0]) {
			t.Errorf("at %d/8, a baseline file has other samples than a progressive one", n)
		}
	}
}
