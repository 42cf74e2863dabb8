package encode

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// modes returns options for every kind of file at a quality.
func modes(quality int) []Options {
	return []Options{
		{Quality: quality},
		{Quality: quality, Progressive: true},
		{Quality: quality, Effort: High},
		{Quality: quality, Progressive: true, Effort: High},
	}
}

// TestEverySize encodes small pictures of every size in every sampling and mode, and requires each
// plane to decode to nearly the source.
func TestEverySize(t *testing.T) {
	for _, s := range jpegtest.Samplings {
		for w := 1; w <= 35; w++ {
			for h := 1; h <= 35; h += 1 + w%3 {
				p := jpegtest.YCbCr(jpegtest.Scene(w, h), s.X, s.Y)
				var first [][]byte
				for _, o := range modes(95) {
					got := jpegtest.Standard(t, encoded(t, p, o))
					if first == nil {
						first = got
					}
					for i := range got {
						if len(got[i]) != len(p.Pix[i]) {
							t.Fatalf("%s %d×%d: plane %d has %d samples, want %d",
								s.Name, w, h, i, len(got[i]), len(p.Pix[i]))
						}
						if db := jpegtest.PSNR(got[i], p.Pix[i]); db < 33 {
							t.Errorf("%s %d×%d %+v: plane %d at %.1f dB", s.Name, w, h, o, i, db)
						}
						if o.Effort == Normal && !bytes.Equal(got[i], first[i]) {
							t.Errorf("%s %d×%d: progressive differs from baseline in plane %d",
								s.Name, w, h, i)
						}
					}
				}
			}
		}
	}
}

func TestEverySizeGray(t *testing.T) {
	for w := 1; w <= 35; w++ {
		for h := 1; h <= 35; h += 1 + w%3 {
			p := jpegtest.Gray(jpegtest.Scene(w, h))
			for _, o := range modes(95) {
				got := jpegtest.Standard(t, encoded(t, p, o))
				if len(got) != 1 || len(got[0]) != w*h {
					t.Fatalf("%d×%d: %d planes", w, h, len(got))
				}
				if db := jpegtest.PSNR(got[0], p.Pix[0]); db < 33 {
					t.Errorf("%d×%d %+v: %.1f dB", w, h, o, db)
				}
			}
		}
	}
}

// TestEveryQuality requires a higher quality to need more bytes and to be closer to the source, in
// every mode.
func TestEveryQuality(t *testing.T) {
	p := jpegtest.YCbCr(jpegtest.Scene(200, 150), 2, 2)
	for _, o := range []Options{{}, {Progressive: true}, {Effort: High},
		{Progressive: true, Effort: High}} {
		lastBytes, lastDB := 0, 0.0
		for q := 1; q <= 100; q++ {
			o.Quality = q
			file := encoded(t, p, o)
			db := jpegtest.PSNR(jpegtest.Standard(t, file)[0], p.Pix[0])
			// One step of quality may round to the same table, or to a slightly worse one.
			if float64(len(file)) < 0.98*float64(lastBytes) || db < lastDB-0.4 {
				t.Errorf("%+v: %d bytes at %.2f dB after %d at %.2f",
					o, len(file), db, lastBytes, lastDB)
			}
			lastBytes, lastDB = len(file), db
		}
		if lastDB < 48 {
			t.Errorf("%+v: %.1f dB at quality 100", o, lastDB)
		}
	}
}

func TestNoise(t *testing.T) {
	for seed := range uint64(4) {
		p := jpegtest.Noise(97, 61, 2, 1, seed)
		for _, o := range modes(100) {
			got := jpegtest.Standard(t, encoded(t, p, o))
			for i := range got {
				if db := jpegtest.PSNR(got[i], p.Pix[i]); db < 44 {
					t.Errorf("seed %d %+v: plane %d at %.1f dB", seed, o, i, db)
				}
			}
		}
	}
}

// TestLongEndRun has more consecutive empty blocks than one symbol can express.
func TestLongEndRun(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.Gray, false, 8*300, 8*250, 1, 1))
	for i := range p.Pix[0] {
		p.Pix[0][i] = 77
	}
	copy(p.Row(0, p.Height()-1)[p.Width()-3:], "abc")
	for _, o := range modes(90) {
		got := jpegtest.Standard(t, encoded(t, p, o))
		if db := jpegtest.PSNR(got[0], p.Pix[0]); db < 60 {
			t.Errorf("%+v: %.1f dB", o, db)
		}
	}
}

// TestDjpeg checks that libjpeg decodes the output without a warning.
func TestDjpeg(t *testing.T) {
	djpeg := jpegtest.Tool(t, "djpeg")
	for _, s := range jpegtest.Samplings {
		p := jpegtest.YCbCr(jpegtest.Scene(123, 77), s.X, s.Y)
		for _, o := range modes(85) {
			file := filepath.Join(t.TempDir(), "a.jpg")
			if err := os.WriteFile(file, encoded(t, p, o), 0o600); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd := exec.Command(djpeg, "-grayscale", "-dct", "int", "-pnm", file)
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() > 0 {
				t.Fatalf("%s %+v: %v %s", s.Name, o, err, stderr.Bytes())
			}
			head := fmt.Appendf(nil, "P5\n%d %d\n255\n", p.Width(), p.Height())
			if !bytes.HasPrefix(out, head) {
				t.Fatalf("djpeg printed %q", out[:20])
			}
			if db := jpegtest.PSNR(out[len(head):], p.Pix[0]); db < 30 {
				t.Errorf("%s %+v: %.1f dB", s.Name, o, db)
			}
		}
	}
}

func TestMetadata(t *testing.T) {
	icc := make([]byte, 3*stream.ICCChunk-5)
	for i := range icc {
		icc[i] = byte(i * i >> 3)
	}
	exif := bytes.Repeat([]byte("MM"), stream.MaxEXIF/2)
	p := jpegtest.YCbCr(jpegtest.Scene(20, 10), 2, 2)
	file := encoded(t, p, Options{Quality: 70, ICC: icc, Metadata: codec.Metadata{EXIF: exif}})
	jpegtest.Standard(t, file)

	var order, gotICC, gotEXIF []byte
	for at := 2; ; {
		marker, n := file[at+1], int(file[at+2])<<8|int(file[at+3])
		body := file[at+4 : at+2+n]
		order = append(order, marker)
		switch marker {
		case stream.APP1:
			gotEXIF = body[len(stream.EXIFPrefix):]
		case stream.APP2:
			want := append([]byte(stream.ICCPrefix), byte(len(gotICC)/stream.ICCChunk+1), 3)
			if !bytes.Equal(body[:14], want) {
				t.Errorf("ICC segment starts with %q, want %q", body[:14], want)
			}
			gotICC = append(gotICC, body[14:]...)
		}
		if marker == stream.SOS {
			break
		}
		at += 2 + n
	}
	if !bytes.Equal(gotICC, icc) || !bytes.Equal(gotEXIF, exif) {
		t.Errorf("read back %d of %d bytes of profile and %d of %d of EXIF",
			len(gotICC), len(icc), len(gotEXIF), len(exif))
	}
	want := []byte{
		stream.APP0, stream.APP1, stream.APP2, stream.APP2, stream.APP2, stream.DQT, stream.DQT, stream.SOF0,
		stream.DHT, stream.DHT, stream.DHT, stream.DHT, stream.SOS,
	}
	if !bytes.Equal(order, want) {
		t.Errorf("segments % X, want % X", order, want)
	}
}

func TestEncodeErrors(t *testing.T) {
	gray := func(w, h int) *plane.Picture {
		return plane.New(plane.NewLayout(plane.Gray, false, w, h, 1, 1))
	}
	short := gray(8, 8)
	short.Pix[0] = short.Pix[0][:63]
	odd := plane.New(plane.NewLayout(plane.YCbCr, false, 16, 16, 4, 1))
	uneven := plane.New(plane.NewLayout(plane.YCbCr, false, 16, 16, 2, 2))
	uneven.Planes[2].Size = plane.Whole(8, 7)
	ok := Options{Quality: 80}
	for name, c := range map[string]struct {
		p *plane.Picture
		o Options
	}{
		"no quality":     {gray(8, 8), Options{}},
		"quality 101":    {gray(8, 8), Options{Quality: 101}},
		"unknown effort": {gray(8, 8), Options{Quality: 80, Effort: 7}},
		"long EXIF":      {gray(8, 8), Options{Quality: 80, Metadata: codec.Metadata{EXIF: make([]byte, 65528)}}},
		"long ICC":       {gray(8, 8), Options{Quality: 80, ICC: make([]byte, 255*65519+1)}},
		"too wide":       {gray(65536, 1), ok},
		"too high":       {gray(1, 65536), ok},
		"empty":          {gray(0, 0), ok},
		"short plane":    {short, ok},
		"RGB":            {plane.New(plane.NewLayout(plane.RGB, false, 8, 8, 1, 1)), ok},
		"CMYK":           {plane.New(plane.NewLayout(plane.CMYK, false, 8, 8, 1, 1)), ok},
		"alpha":          {plane.New(plane.NewLayout(plane.YCbCr, true, 8, 8, 1, 1)), ok},
		"4:1:1":          {odd, ok},
		"uneven chroma":  {uneven, ok},
	} {
		var b bytes.Buffer
		if err := Encode(t.Context(), &b, c.p, c.o); err == nil {
			t.Errorf("%s: no error", name)
		} else if b.Len() > 0 {
			t.Errorf("%s: %d bytes written despite the error", name, b.Len())
		}
	}
	for _, p := range []*plane.Picture{gray(65535, 1), gray(1, 65535)} {
		if got := jpegtest.Standard(t, encoded(t, p, ok)); len(got[0]) != 65535 {
			t.Errorf("%d×%d: read back %d samples", p.Width(), p.Height(), len(got[0]))
		}
	}
}

// brokenWriter accepts left bytes and then fails.
type brokenWriter struct{ left int }

var errBroken = errors.New("broken")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		n := w.left
		w.left = 0
		return n, errBroken
	}
	w.left -= len(b)
	return len(b), nil
}

func TestWriterErrors(t *testing.T) {
	p := jpegtest.Noise(400, 300, 2, 2, 1)
	for _, o := range []Options{{Quality: 95}, {Quality: 95, Progressive: true}} {
		size := len(encoded(t, p, o))
		for _, left := range []int{0, 100, 40 << 10, size - 1} {
			if err := Encode(t.Context(), &brokenWriter{left}, p, o); !errors.Is(err, errBroken) {
				t.Errorf("%d of %d bytes written: error %v", left, size, err)
			}
		}
		if err := Encode(t.Context(), &brokenWriter{size}, p, o); err != nil {
			t.Errorf("all bytes written: %v", err)
		}
	}
}

// TestEncoderReuse requires the same bytes from an Encoder, however often and from however many
// goroutines it is used.
func TestEncoderReuse(t *testing.T) {
	p := jpegtest.YCbCr(jpegtest.Scene(133, 91), 2, 2)
	e, err := New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for q := 10; q <= 90; q += 20 {
		for _, o := range modes(q) {
			t.Run(fmt.Sprintf("%d/%v/%d", q, o.Progressive, o.Effort), func(t *testing.T) {
				t.Parallel()
				var b bytes.Buffer
				if err := e.Encode(t.Context(), &b, o); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(b.Bytes(), encoded(t, p, o)) {
					t.Error("differs from Encode")
				}
			})
		}
	}
}

// FuzzEncode requires any planes in any mode to decode, with the standard library, to nearly the
// source.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("picture"), uint8(7), uint8(5), uint8(80), uint8(0))
	f.Add([]byte{0, 255, 0, 255, 255}, uint8(33), uint8(17), uint8(99), uint8(0x1F))
	f.Add([]byte{128}, uint8(64), uint8(64), uint8(1), uint8(0x13))
	f.Fuzz(func(t *testing.T, pixels []byte, w, h, quality, mode uint8) {
		if w == 0 || h == 0 || len(pixels) == 0 {
			return
		}
		s := jpegtest.Samplings[mode&3]
		p := plane.New(plane.NewLayout(plane.YCbCr, false, int(w), int(h), s.X, s.Y))
		at := 0
		for _, pix := range p.Pix {
			for i := range pix {
				pix[i] = pixels[at%len(pixels)] + byte(at/len(pixels))
				at++
			}
		}
		o := Options{Quality: 1 + int(quality)%100, Progressive: mode&4 != 0,
			Effort: Effort(mode >> 3 & 1)}
		got := jpegtest.Standard(t, encoded(t, p, o))
		for i := range got {
			if len(got[i]) != len(p.Pix[i]) {
				t.Fatalf("plane %d: got %d samples, want %d", i, len(got[i]), len(p.Pix[i]))
			}
			if db := jpegtest.PSNR(got[i], p.Pix[i]); o.Quality == 100 && db < 40 {
				t.Fatalf("plane %d at %.1f dB", i, db)
			}
		}
	})
}

// TestSharePanic checks that a panic in a thread that share has started reaches the caller, who can
// recover from it.
func TestSharePanic(t *testing.T) {
	defer func() {
		if p := recover(); p != "in the second part" {
			t.Errorf("recovered %v", p)
		}
	}()
	share(2, 2*shareRows, func(part, _, _ int) {
		if part == 1 {
			panic("in the second part")
		}
	})
}

// TestTasks checks that one thread takes the most urgent task first, also of those that others add, and that
// several threads do all of them.
func TestTasks(t *testing.T) {
	for threads := 1; threads < 4; threads++ {
		var work tasks
		var done [6]atomic.Int64
		var order []int
		note := func(n int) func(int) {
			return func(int) {
				done[n].Add(1)
				if threads == 1 {
					order = append(order, n)
				}
			}
		}
		work.add(1, note(0))
		work.add(2, note(1))
		work.add(2, note(2))
		work.add(3, func(int) {
			note(3)(0)
			work.add(0, note(4))
			work.add(4, note(5))
		})
		work.run(threads)
		for n := range done {
			if got := done[n].Load(); got != 1 {
				t.Errorf("%d threads: task %d was done %d times", threads, n, got)
			}
		}
		if want := []int{3, 5, 1, 2, 0, 4}; threads == 1 && !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
	}
}

// TestTasksPanic checks that a panic reaches the caller while other threads wait for more to do.
func TestTasksPanic(t *testing.T) {
	for threads := 1; threads < 4; threads++ {
		func() {
			var work tasks
			defer func() {
				if p := recover(); p != "in a task" {
					t.Errorf("%d threads: recovered %v", threads, p)
				}
			}()
			work.add(1, func(int) {
				time.Sleep(time.Millisecond)
				panic("in a task")
			})
			work.run(threads)
		}()
	}
}

// TestEncodeThreads checks that the number of threads does not change any byte.
func TestEncodeThreads(t *testing.T) {
	for _, sub := range jpegtest.Samplings {
		p := jpegtest.YCbCr(jpegtest.Scene(301, 429), sub.X, sub.Y)
		if sub.X*sub.Y == 4 { // large enough for a sample of its rows
			p = jpegtest.YCbCr(jpegtest.Scene(501, 829), sub.X, sub.Y)
		}
		for _, o := range modes(80) {
			want := encoded(t, p, o)
			for o.Threads = 2; o.Threads < 8; o.Threads++ {
				if got := encoded(t, p, o); !bytes.Equal(got, want) {
					t.Errorf("%v, %+v: %d bytes differ from the %d of one thread",
						sub, o, len(got), len(want))
				}
			}
		}
	}
}
