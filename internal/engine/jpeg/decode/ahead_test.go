package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/cpu"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decodeBy decodes at scale n with a number of threads and a size of their stretches, in bytes, or of
// the steps through the scans of a progressive picture, in blocks.
func decodeBy(t testing.TB, file []byte, n, threads, size int) (*plane.Picture, Report, error) {
	t.Helper()
	d, err := New(bytes.NewReader(file), Options{Threads: threads})
	if err != nil {
		return nil, Report{}, err
	}
	d.stretchSize, d.stepBlocks = size, size
	p := plane.New(d.Shrink(ceilDiv(d.header.Width*n, 8), ceilDiv(d.header.Height*n, 8)))
	r, err := d.Decode(context.Background(), p)
	return p, r, err
}

// TestAheadMemory checks that Memory covers what walks ahead allocate, at the scales where they keep most.
func TestAheadMemory(t *testing.T) {
	file := encoded(t, jpegtest.Noise(1100, 900, 2, 2, 1), encode.Options{Quality: 85})
	for _, threads := range []int{1, 8} {
		for _, n := range []int{1, 2, 8} {
			if got, most := allocated(t, file, threads, n); got > most || threads > 1 && got < most/3 {
				t.Errorf("%d threads, scale %d: %d bytes were allocated, Memory says %d", threads, n, got, most)
			}
		}
	}
}

// TestProgressiveMemory checks the same of coefficients and of the data of scans, of which there is more here than threads
// may have before them.
func TestProgressiveMemory(t *testing.T) {
	file := encoded(t, jpegtest.Noise(1900, 1300, 2, 2, 1), encode.Options{Quality: 85, Progressive: true})
	for _, threads := range []int{1, 2, 8} {
		for _, n := range []int{1, 2, 4, 8} {
			if got, most := allocated(t, file, threads, n); got > most || n > 1 && got < most/2 {
				t.Errorf("%d threads, scale %d: %d bytes were allocated, Memory says %d", threads, n, got, most)
			}
		}
	}
}

// allocated returns how many bytes a decode at n/8 has allocated, and what Memory says.
func allocated(t *testing.T, file []byte, threads, n int) (got, most int64) {
	t.Helper()
	runtime.GC()
	runtime.GC() // also of what pools hold
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := New(bytes.NewReader(file), Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	d.Shrink(ceilDiv(d.header.Width*n, 8), ceilDiv(d.header.Height*n, 8))
	if _, err := d.Decode(t.Context(), newDiscard(d.Header().Layout)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), d.Memory()
}

// sameByThreads checks that the number of threads changes neither the samples nor the report nor
// the error.
func sameByThreads(t testing.TB, file []byte, n, threads, size int) {
	t.Helper()
	want := decodedBy(t, file, n, 1, stretchSize)
	what := fmt.Sprintf("scale %d, %d threads, stretches of %d bytes", n, threads, size)
	want.same(t, what, decodedBy(t, file, n, threads, size))
	what = fmt.Sprintf("scale %d, one thread, stretches of %d bytes", n, size)
	want.same(t, what, decodedBy(t, file, n, 1, size))
}

// sameInPlainGo checks that vector kernels do not change them either.
func sameInPlainGo(t testing.TB, file []byte, n int) {
	t.Helper()
	got := decodedBy(t, file, n, 1, stretchSize)
	defer cpu.Plain()()
	decodedBy(t, file, n, 1, stretchSize).same(t, fmt.Sprintf("scale %d, kernels", n), got)
}

// decoded is the result of a decode.
type decoded struct {
	picture *plane.Picture
	report  Report
	err     error
}

func decodedBy(t testing.TB, file []byte, n, threads, size int) decoded {
	p, r, err := decodeBy(t, file, n, threads, size)
	return decoded{p, r, err}
}

// same checks that two results are equal.
func (want decoded) same(t testing.TB, what string, got decoded) {
	t.Helper()
	err, e := want.err, got.err
	if (err == nil) != (e == nil) || err != nil && err.Error() != e.Error() ||
		got.report != want.report {
		t.Errorf("%s: got %q, %v, want %q, %v", what, got.report.Damage, e, want.report.Damage, err)
	}
	if err != nil || e != nil {
		return
	}
	for i, pix := range want.picture.Pix {
		if k := jpegtest.FirstDifference(got.picture.Pix[i], pix); k < len(pix) {
			w := want.picture.Planes[i].Width
			t.Errorf("%s: plane %d differs at %d,%d", what, i, k%w, k/w)
		}
	}
}

// TestThreads decodes undamaged and damaged pictures, in stretches so small that a walk ahead is
// often useless, and in larger ones.
func TestThreads(t *testing.T) {
	for _, sub := range jpegtest.Samplings {
		file := encoded(t, jpegtest.Noise(300, 200, sub.X, sub.Y, 1), encode.Options{Quality: 85})
		for n := 1; n <= 8; n++ {
			sameByThreads(t, file, n, 2, 40)
			sameByThreads(t, file, n, 3, 3000)
		}
		for i := range 60 {
			sameByThreads(t, damaged(file, i), 1+7*(i%2), 2+i%3, 500)
		}
	}
	for i, s := range [][][2]int{{{1, 1}}, {{4, 4}, {4, 4}, {4, 4}, {4, 4}}, {{3, 1}, {2, 2}, {1, 1}}} {
		f := newFixture(333, 221, uint64(i), s...)
		sameByThreads(t, f.bytes(), 8, 2, 100)
		f.interval = 7
		sameByThreads(t, f.bytes(), 5, 2, 30)
		f.scans = [][]int{{len(s) - 1}}
		sameByThreads(t, f.bytes(), 1, 2, 30)
	}
}

// TestThreadsPhotographs decodes photographs, with and without damage.
func TestThreadsPhotographs(t *testing.T) {
	for _, name := range corpus(t, "photos/sharp*.jpg", "photos/*restart.jpg",
		"photos/dslr-2304*.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			for i, n := range []int{8, 4, 1} {
				sameByThreads(t, file, n, 2, stretchSize)
				sameByThreads(t, damaged(file, i), n, 2, stretchSize)
			}
		})
	}
}

// TestWalkAhead checks that most walks ahead can be used; otherwise threads would be of no use.
func TestWalkAhead(t *testing.T) {
	files := make(map[string][]byte)
	for _, sub := range jpegtest.Samplings {
		files[fmt.Sprint(sub)] = encoded(t, jpegtest.YCbCr(jpegtest.Scene(1600, 1200), sub.X, sub.Y),
			encode.Options{Quality: 90})
	}
	restarts := newFixture(1600, 1200, 1, [2]int{2, 2}, [2]int{1, 1}, [2]int{1, 1})
	restarts.interval = 20 // A segment is about as long as a stretch.
	files["restarts"] = restarts.bytes()
	for name, file := range files {
		d, err := New(bytes.NewReader(file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.prepare(d.first, true, true); err != nil {
			t.Fatal(err)
		}
		for _, c := range d.comps {
			c.stride = c.padX * c.n
		}
		d.stretchSize = 4 << 10
		d.opt.Threads = 2
		s := d.newSequentialScan(d.first)
		w := s.walker
		w.jobs = make(chan *group, len(w.ring)) // no helpers: this thread makes every walk ahead
		w.start()
		for row := range s.rows {
			for len(w.jobs) > 0 {
				w.guess(<-w.jobs, w.tracks)
			}
			if err := s.row((s.rows - row) * s.mcus); err != nil {
				t.Fatal(err)
			}
		}
		w.stop()
		if w.walked < 10 || w.misses*10 > w.walked {
			t.Errorf("%s: %d walks ahead, %d of them useless", name, w.walked, w.misses)
		}
	}
}

// TestThreadsProgressive decodes undamaged and damaged progressive pictures in steps of one row or
// several.
func TestThreadsProgressive(t *testing.T) {
	for _, sub := range jpegtest.Samplings {
		for _, effort := range []encode.Effort{encode.Normal, encode.High} {
			o := encode.Options{Quality: 85, Progressive: true, Effort: effort}
			file := encoded(t, jpegtest.Noise(300, 200, sub.X, sub.Y, 1), o)
			for n := 1; n <= 8; n++ {
				sameByThreads(t, file, n, 2, 1)
				sameByThreads(t, file, n, 3, 100)
			}
			for i := range 40 {
				sameByThreads(t, damaged(file, i), 1+7*(i%2), 2+i%3, 1+50*(i%5))
			}
		}
	}
	file := encoded(t, jpegtest.Noise(300, 200, 2, 2, 1), encode.Options{Quality: 80, Progressive: true})
	head, scans := takeApart(t, file)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 { // scans in any order, some of them repeated, damaged or missing
		b := slices.Clone(head)
		for range random.IntN(20) {
			s := scans[random.IntN(len(scans))]
			if random.IntN(4) == 0 {
				s = damaged(append(make([]byte, 2000), s...), random.IntN(1000))[2000:]
			}
			b = append(b, s...)
		}
		sameByThreads(t, b, 1+random.IntN(8), 2+random.IntN(3), 1+random.IntN(200))
	}
	big := encoded(t, jpegtest.YCbCr(jpegtest.Scene(1600, 1200), 2, 2), encode.Options{Quality: 95, Progressive: true})
	for i := range 8 {
		sameByThreads(t, damaged(big, i), 1+i, 2, stepBlocks)
	}
	file, scan := emptyScans(8000) // More memory than the data justifies.
	for _, n := range []int{1, 5, 8} {
		sameByThreads(t, append(scan(scan(file, 0, 0, 0), 1, 63, 0), 0xFF, stream.EOI), n, 2, 100)
	}
}

// TestThreadsProgressiveTools does the same for what libjpeg writes: restart intervals, arithmetic
// coding, other scripts.
func TestThreadsProgressiveTools(t *testing.T) {
	jpegtest.Tool(t, "cjpeg")
	m := jpegtest.Scene(333, 221)
	for _, coding := range []string{"-optimize", "-arithmetic"} {
		for _, restart := range []string{"0", "1", "7B"} {
			for name, script := range scripts {
				path := filepath.Join(t.TempDir(), "script")
				if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
					t.Fatal(err)
				}
				file := jpegtest.Cjpeg(t, m, coding, "-restart", restart, "-scans", path)
				t.Run(fmt.Sprint(coding, restart, name), func(t *testing.T) {
					for i := range 16 {
						sameByThreads(t, file, 1+i%8, 2+i%3, 1+50*(i%4))
						sameByThreads(t, damaged(file, i), 1+i%8, 2+i%3, 1+50*(i%4))
					}
				})
			}
		}
	}
}

// TestThreadsEnd checks that no goroutine is left running, however a decode ends.
func TestThreadsEnd(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		testThreadsEnd(t, encoded(t, jpegtest.Noise(900, 700, 2, 2, 1), encode.Options{Quality: 85, Progressive: progressive}))
	}
}

func testThreadsEnd(t *testing.T, file []byte) {
	before := runtime.NumGoroutine()
	open := func(r io.Reader) *Decoder {
		d, err := New(r, Options{Threads: 4})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for row := 0; row < 700; row += 16 {
		d := open(bytes.NewReader(file))
		if _, err := d.Decode(context.Background(), &stopAfter{row: row}); err != errBroken {
			t.Fatalf("sink broken at row %d: %v", row, err)
		}
		cut := file[:len(file)*(row+100)/900]
		d = open(io.MultiReader(bytes.NewReader(cut), brokenReader{}))
		_, err := d.Decode(context.Background(), newDiscard(d.Header().Layout))
		if !errors.Is(err, errBroken) {
			t.Fatalf("reader broken at byte %d: %v", len(cut), err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		_, err = open(bytes.NewReader(file)).Decode(ctx, cancelAt{row, cancel})
		if row < 672 && !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at row %d: %v", row, err)
		}
		cancel()
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) { // A goroutine may still be exiting after it has reported its end.
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// cancelAt is a sink that cancels the decode at a row.
type cancelAt struct {
	row    int
	cancel context.CancelFunc
}

func (c cancelAt) Rows(_, y int, _ plane.Rows) error {
	if y >= c.row {
		c.cancel()
	}
	return nil
}
