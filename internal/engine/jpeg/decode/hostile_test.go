package decode

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// discard is a sink that only checks the order and the bounds of rows.
type discard struct {
	layout plane.Layout
	next   []int
	bad    string
}

func newDiscard(l plane.Layout) *discard {
	return &discard{layout: l, next: make([]int, len(l.Planes))}
}

func (d *discard) Rows(i, y int, r plane.Rows) error {
	s := d.layout.Planes[i]
	if y != d.next[i] || r.N < 1 || y+r.N > s.Height || r.Stride < s.Width ||
		len(r.Pix) < (r.N-1)*r.Stride+s.Width {
		d.bad = "rows out of order or out of bounds"
	}
	d.next[i] += r.N
	return nil
}

// check returns what is wrong with the rows received, or "" if they were complete.
func (d *discard) check() string {
	for i, s := range d.layout.Planes {
		if d.bad == "" && d.next[i] != s.Height {
			d.bad = "rows are missing"
		}
	}
	return d.bad
}

const maxTestPixels = 1 << 26

// tryDecode decodes at each scale in turn and checks what must hold for any input. It returns the
// largest amount of memory allocated and the first error.
func tryDecode(t testing.TB, file []byte, threads int, scales ...int) (most int64, first error) {
	for _, n := range scales {
		d, err := New(bytes.NewReader(file), Options{Threads: threads})
		if err != nil {
			checkError(t, err)
			return most, err
		}
		h := d.Header()
		if int64(h.Width)*int64(h.Height) > maxTestPixels {
			return most, nil
		}
		l := d.Shrink(ceilDiv(h.Width*n, 8), ceilDiv(h.Height*n, 8))
		sink := newDiscard(l)
		memory := d.Memory()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = d.Decode(context.Background(), sink)
		runtime.ReadMemStats(&after)
		used := int64(after.TotalAlloc - before.TotalAlloc)
		if most = max(most, used); used > 2*memory+1<<20+int64(len(file)) {
			t.Errorf("scale %d of %d×%d allocated %d bytes, estimated %d",
				n, h.Width, h.Height, used, memory)
		}
		if err != nil {
			checkError(t, err)
			if first == nil {
				first = err
			}
			continue
		}
		if bad := sink.check(); bad != "" {
			t.Errorf("scale %d: %s", n, bad)
		}
	}
	return most, first
}

func checkError(t testing.TB, err error) {
	var f *FormatError
	var u *UnsupportedError
	if !errors.As(err, &f) && !errors.As(err, &u) {
		t.Errorf("error of unknown kind: %v", err)
	}
}

// TestDecodeHostile requires every decode of a file of a fuzzing corpus to stay within a second and
// within the estimated memory, with one thread and with several.
func TestDecodeHostile(t *testing.T) {
	files := corpus(t, "corpus/jpeg-hostile/*")
	for _, threads := range []int{1, 2, 4} {
		shown, refused, most := 0, 0, int64(0)
		var slowest time.Duration
		for _, name := range files {
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var first error
			for _, n := range []int{8, 4, 1} {
				begin := time.Now()
				used, err := tryDecode(t, file, threads, n)
				took := time.Since(begin)
				if took > time.Second {
					t.Errorf("%s, %d threads, scale %d, took %v", filepath.Base(name), threads, n, took)
				}
				first, slowest, most = cmp.Or(first, err), max(slowest, took), max(most, used)
			}
			if first == nil {
				shown++
			} else {
				refused++
			}
		}
		t.Logf("%d threads: %d decoded, %d refused, at most %v and %d bytes",
			threads, shown, refused, slowest, most)
	}
}

// TestDecodeLargestMCU checks the memory of several threads for MCUs of 64 blocks against the
// estimate.
func TestDecodeLargestMCU(t *testing.T) {
	file := newFixture(8000, 64, 1, [2]int{4, 4}, [2]int{4, 4}, [2]int{4, 4}, [2]int{4, 4}).bytes()
	for _, threads := range []int{1, 2, 8} {
		runtime.GC()
		runtime.GC() // The second run also frees what the pool has retained.
		d, err := New(bytes.NewReader(file), Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		most, err := tryDecode(t, file, threads, 8)
		if err != nil {
			t.Fatal(err)
		}
		if estimate := d.Memory(); most > estimate+estimate/4 {
			t.Errorf("%d threads: %d bytes, estimated %d", threads, most, estimate)
		}
	}
}

// TestDecodeCut truncates files at many places. Each piece must be decoded or refused, and a
// reader's error must be returned.
func TestDecodeCut(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		file := encoded(t, jpegtest.Noise(90, 70, 2, 2, 1), encode.Options{Quality: 80, Progressive: progressive})
		for n := 0; n < len(file); n += 1 + len(file)/300 {
			tryDecode(t, file[:n], 1, 8, 3)
			if err := failAfter(file[:n]); !errors.Is(err, errBroken) {
				t.Fatalf("progressive %v: reader broken after %d bytes: %v", progressive, n, err)
			}
		}
	}
}

func failAfter(b []byte) error {
	d, err := New(io.MultiReader(bytes.NewReader(b), brokenReader{}), Options{})
	if err != nil {
		return err
	}
	_, err = d.Decode(context.Background(), newDiscard(d.Header().Layout))
	return err
}

var errBroken = errors.New("broken")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }
