// Package readerstest has other programs read files that the encoders of the engine write. It is linked into
// tests only, and stands above the engine because it knows a network: chromium fetches the files.
package readerstest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

//go:embed scripts
var scripts embed.FS

// Specimen is a file that other programs read, and what it shows.
type Specimen struct {
	Name          string // how it was made
	Width, Height int
	Frames        [][]byte                 // RGBA
	Planes        func(pixels []byte) bool // compares the planes of a picture that has luma and chroma; nil if there are none
	Within        int                      // by how many levels samples may differ, of an opaque picture
}

// Readers has Pillow, sharp and chromium read files, and compares their pixels, to the bit unless specimens allow more. IMGMILL_PYTHON
// names a Python with Pillow, and IMGMILL_SHARP the folder node_modules/sharp. Programs that the machine
// does not have are left out.
type Readers struct {
	dir, extension string
	all            []Specimen
}

// New returns readers of files with an extension, in a folder of their own.
func New(t *testing.T, extension string) *Readers {
	t.Helper()
	r := &Readers{dir: t.TempDir(), extension: extension}
	for _, name := range []string{"pillow.py", "sharp.js", "chromium.html"} {
		script, err := scripts.ReadFile("scripts/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.dir, name), script, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// File returns the name of file i.
func (r *Readers) File(i int) string {
	return filepath.Join(r.dir, fmt.Sprintf("%d.%s", i, r.extension))
}

// Add adds a file.
func (r *Readers) Add(t *testing.T, file []byte, s Specimen) {
	t.Helper()
	if err := os.WriteFile(r.File(len(r.all)), file, 0o600); err != nil {
		t.Fatal(err)
	}
	r.all = append(r.all, s)
}

// Run has the programs read all files.
func (r *Readers) Run(t *testing.T) {
	count := fmt.Sprint(len(r.all))
	t.Run("Pillow", func(t *testing.T) {
		python := cmp.Or(os.Getenv("IMGMILL_PYTHON"), "python3")
		if err := exec.Command(python, "-c", "import PIL").Run(); err != nil {
			t.Skipf("Pillow: %v", err)
		}
		r.byScript(t, python, filepath.Join(r.dir, "pillow.py"), r.dir, count, r.extension)
	})
	t.Run("sharp", func(t *testing.T) {
		module := os.Getenv("IMGMILL_SHARP")
		if module == "" {
			t.Skip("IMGMILL_SHARP is not set")
		}
		r.byScript(t, "node", filepath.Join(r.dir, "sharp.js"), module, r.dir, count, r.extension)
	})
	t.Run("chromium", r.byChromium)
}

// tally compares frames that a reader has written; see scripts/pillow.py.
type tally struct {
	all     []Specimen
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
		switch format {
		case "I420":
			length = width*height + 2*((width+1)/2)*((height+1)/2)
		case "I422":
			length = width*height + 2*((width+1)/2)*height
		case "I444":
			length = 3 * width * height
		}
		pixels := make([]byte, length)
		if _, err := io.ReadFull(in, pixels); err != nil {
			return err
		}
		c.seen++
		if s := &c.all[i]; width != s.Width || height != s.Height || k >= len(s.Frames) || !s.same(k, format, pixels) {
			c.differs = append(c.differs, fmt.Sprintf("%d: %s; frame %d of %d×%d %s", i, s.Name, k, width, height, format))
		}
	}
}

// same compares the pixels of frame k.
func (s *Specimen) same(k int, format string, pixels []byte) bool {
	want := s.Frames[k]
	switch {
	case slices.Contains([]string{"I420", "I422", "I444"}, format):
		return s.Planes != nil && s.Planes(pixels)
	case s.Within > 0:
		return Near(pixels, want, s.Within)
	case format == "RGBA":
		if bytes.Equal(pixels, want) {
			return true
		}
		for i, v := range want { // what is transparent may have any colour
			if a := want[i|3]; pixels[i] != v && (i%4 == 3 || a != 0) {
				return false
			}
		}
		return true
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

// Near reports whether samples differ by some levels at most.
func Near(a, b []byte, within int) bool {
	if len(a) != len(b) {
		return false
	}
	for i, v := range a {
		if d := int(v) - int(b[i]); d > within || d < -within {
			return false
		}
	}
	return true
}

// report fails if a frame differs or is missing.
func (c *tally) report(t *testing.T) {
	t.Helper()
	want := 0
	for _, s := range c.all {
		want += len(s.Frames)
	}
	if len(c.differs) > 0 || c.seen != want {
		t.Errorf("%d of %d frames were read, and %d differ:\n%s", c.seen, want, len(c.differs),
			strings.Join(c.differs[:min(20, len(c.differs))], "\n"))
	}
}

func (r *Readers) byScript(t *testing.T, name string, args ...string) {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := tally{all: r.all}
	if err := errors.Join(c.read(out), cmd.Wait()); err != nil {
		t.Error(err)
	}
	c.report(t)
}

// byChromium has a page read the files, which a server on this machine offers.
func (r *Readers) byChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip(err)
	}
	c := tally{all: r.all}
	done := make(chan error, 10)
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir(r.dir)))
	mux.HandleFunc("POST /frames", func(_ http.ResponseWriter, q *http.Request) {
		if err := c.read(q.Body); err != nil {
			done <- err
		}
	})
	mux.HandleFunc("POST /done", func(_ http.ResponseWriter, q *http.Request) {
		text, err := io.ReadAll(q.Body)
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
		"--user-data-dir="+t.TempDir(), fmt.Sprintf("%s/chromium.html?%d&%s", server.URL, len(r.all), r.extension))
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
