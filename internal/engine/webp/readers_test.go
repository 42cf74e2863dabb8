package webp

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	xwebp "golang.org/x/image/webp"
)

// TestReaders has other programs read random files, of every size once there are enough of them, in
// every setting, and compares their pixels with ours to the bit. IMGMILL_READERS is the number of
// files, IMGMILL_PYTHON names a Python with Pillow, and IMGMILL_SHARP the folder node_modules/sharp.
func TestReaders(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("IMGMILL_READERS"))
	if err != nil {
		t.Skip("IMGMILL_READERS is no number of files")
	}
	sizes := rand.New(rand.NewPCG(1, 2)).Perm(mostSide * mostSide)
	dir := t.TempDir()
	var all []*specimen
	for i := range count {
		size := sizes[i%len(sizes)]
		s := newSpecimen(t, i, 1+size%mostSide, 1+size/mostSide)
		if err := os.WriteFile(nameOf(dir, i), s.file, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	t.Run("libwebp's tools", func(t *testing.T) { byTools(t, dir, all) })
	t.Run("x/image", func(t *testing.T) { byXImage(t, all) })
	t.Run("Pillow", func(t *testing.T) {
		python := cmp.Or(os.Getenv("IMGMILL_PYTHON"), "python3")
		if err := exec.Command(python, "-c", "import PIL").Run(); err != nil {
			t.Skipf("Pillow: %v", err)
		}
		byScript(t, all, python, "testdata/readers/pillow.py", dir, fmt.Sprint(count))
	})
	t.Run("sharp", func(t *testing.T) {
		module := os.Getenv("IMGMILL_SHARP")
		if module == "" {
			t.Skip("IMGMILL_SHARP is not set")
		}
		byScript(t, all, "node", "testdata/readers/sharp.js", module, dir, fmt.Sprint(count))
	})
	t.Run("chromium", func(t *testing.T) { byChromium(t, dir, all) })
}

func nameOf(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("%d.webp", i)) }

// byTools has webpinfo check the files. dwebp reads stills, as RGBA and, if they are lossy, as planes;
// of animations webpmux counts the frames, and dwebp reads the first.
func byTools(t *testing.T, dir string, all []*specimen) {
	for _, name := range []string{"webpinfo", "webpmux", "dwebp"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	var wait sync.WaitGroup
	for first := range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := first; i < len(all); i += runtime.GOMAXPROCS(0) {
				if err := all[i].byTools(nameOf(dir, i)); err != nil {
					t.Errorf("%v: %v", all[i], err)
				}
			}
		})
	}
	wait.Wait()
}

func (s *specimen) byTools(file string) error {
	if _, err := output("No error detected.", "webpinfo", file); err != nil {
		return err
	}
	still := file
	if len(s.frames) > 1 {
		still = file + ".frame"
		if _, err := output(fmt.Sprintf("Number of frames: %d\n", len(s.frames)), "webpmux", "-info", file); err != nil {
			return err
		}
		if _, err := output("", "webpmux", "-get", "frame", "1", file, "-o", still); err != nil {
			return err
		}
	}
	pam, err := output("", "dwebp", "-quiet", "-nodither", "-pam", still, "-o", "-")
	if err != nil {
		return err
	}
	if !bytes.HasSuffix(pam, s.frames[0]) {
		return errors.New("dwebp reads other pixels")
	}
	if s.pgm == nil {
		return nil
	}
	pgm, err := output("", "dwebp", "-quiet", "-nodither", "-pgm", still, "-o", "-")
	if err == nil && !bytes.Equal(pgm, s.pgm) {
		err = errors.New("dwebp reads other planes")
	}
	return err
}

// output returns what a command writes, which must contain a text.
func output(text, name string, args ...string) ([]byte, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(text)) {
		return nil, fmt.Errorf("%s: %w: %.300s", name, err, out)
	}
	return out, nil
}

// byXImage reads stills, which is all that golang.org/x/image reads.
func byXImage(t *testing.T, all []*specimen) {
	for _, s := range all {
		if len(s.frames) > 1 {
			continue
		}
		m, err := xwebp.Decode(bytes.NewReader(s.file))
		if err != nil {
			t.Errorf("%v: %v", s, err)
			continue
		}
		equal := false
		switch m := m.(type) {
		case *image.NRGBA:
			equal = bytes.Equal(m.Pix, s.frames[0])
		case *image.YCbCr:
			equal = bytes.Equal(pgmOf(m, nil, 0), s.pgm)
		case *image.NYCbCrA:
			equal = bytes.Equal(pgmOf(&m.YCbCr, m.A, m.AStride), s.pgm)
		}
		if !equal {
			t.Errorf("%v: x/image reads other pixels, as %T", s, m)
		}
	}
}

// pgmOf writes planes as pgm does.
func pgmOf(m *image.YCbCr, alpha []byte, stride int) []byte {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	rows := h + ch
	if alpha != nil {
		rows += h
	}
	out := fmt.Appendf(nil, "P5\n%d %d\n255\n", 2*cw, rows)
	full := func(pix []byte, stride int) {
		for y := range h {
			out = append(append(out, pix[y*stride:][:w]...), make([]byte, w%2)...)
		}
	}
	full(m.Y, m.YStride)
	for y := range ch {
		out = append(append(out, m.Cb[y*m.CStride:][:cw]...), m.Cr[y*m.CStride:][:cw]...)
	}
	if alpha != nil {
		full(alpha, stride)
	}
	return out
}

// tally compares frames that a reader has written; see testdata/readers/pillow.py.
type tally struct {
	all     []*specimen
	seen    int
	differs []string
}

// read reads frames until in ends.
func (c *tally) read(in io.Reader) error {
	for in := bufio.NewReader(in); ; {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		var i, k, width, height int
		var format string
		if _, err := fmt.Sscan(line, &i, &k, &width, &height, &format); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		length := 4 * width * height
		if format == "I420" {
			length = width*height + 2*((width+1)/2)*((height+1)/2)
		}
		pixels := make([]byte, length)
		if _, err := io.ReadFull(in, pixels); err != nil {
			return err
		}
		c.seen++
		if s := c.all[i]; width != s.width || height != s.height || k >= len(s.frames) || !s.same(k, format, pixels) {
			c.differs = append(c.differs, fmt.Sprintf("%d: %v; frame %d of %d×%d %s", i, s, k, width, height, format))
		}
	}
}

// same compares the pixels of frame k.
func (s *specimen) same(k int, format string, pixels []byte) bool {
	switch want := s.frames[k]; format {
	case "RGBA":
		return bytes.Equal(pixels, want)
	case "I420":
		c := ((s.width + 1) / 2) * ((s.height + 1) / 2)
		y := len(pixels) - 2*c
		m := &image.YCbCr{Y: pixels[:y], Cb: pixels[y : y+c], Cr: pixels[y+c:], YStride: s.width,
			CStride: (s.width + 1) / 2, Rect: image.Rect(0, 0, s.width, s.height)}
		return bytes.Equal(pgmOf(m, nil, 0), s.pgm)
	default: // its colours were multiplied by alpha, rounded, and divided again
		for i, v := range want {
			a, off := int(want[i|3]), max(int(v)-int(pixels[i]), int(pixels[i])-int(v))
			if off > 0 && (i&3 == 3 || a == 255 || off*a > 128+a) {
				return false
			}
		}
		return true
	}
}

// report fails if a frame differs or is missing.
func (c *tally) report(t *testing.T) {
	t.Helper()
	want := 0
	for _, s := range c.all {
		want += len(s.frames)
	}
	if len(c.differs) > 0 || c.seen != want {
		t.Errorf("%d of %d frames were read, and %d differ:\n%s", c.seen, want, len(c.differs),
			strings.Join(c.differs[:min(20, len(c.differs))], "\n"))
	}
}

func byScript(t *testing.T, all []*specimen, name string, args ...string) {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := tally{all: all}
	if err := errors.Join(c.read(out), cmd.Wait()); err != nil {
		t.Error(err)
	}
	c.report(t)
}

// byChromium has a page read the files, which a server on this machine offers.
func byChromium(t *testing.T, dir string, all []*specimen) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip(err)
	}
	c := tally{all: all}
	done := make(chan error, 10)
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/readers/chromium.html")
	})
	mux.HandleFunc("POST /frames", func(_ http.ResponseWriter, r *http.Request) {
		if err := c.read(r.Body); err != nil {
			done <- err
		}
	})
	mux.HandleFunc("POST /done", func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if len(text) > 0 && string(text) != "undefined" {
			err = errors.New(string(text))
		}
		done <- err
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+t.TempDir(), fmt.Sprintf("%s/page?%d", server.URL, len(all)))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its children first
	cmd.WaitDelay = 10 * time.Second
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
	case err := <-ended:
		t.Errorf("chromium ended before it was done: %v", err)
	}
	c.report(t)
}
