package webp

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/readerstest"
	xwebp "golang.org/x/image/webp"
)

// TestReaders has other programs read random files, of every size once there are enough of them, in
// every setting, and compares their pixels with ours to the bit. IMGMILL_READERS is the number of
// files; see readerstest.Readers for the programs.
func TestReaders(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("IMGMILL_READERS"))
	if err != nil {
		t.Skip("IMGMILL_READERS is no number of files")
	}
	sizes := rand.New(rand.NewPCG(1, 2)).Perm(mostSide * mostSide)
	readers := readerstest.New(t, "webp")
	var all []*specimen
	for i := range count {
		size := sizes[i%len(sizes)]
		s := newSpecimen(t, i, 1+size%mostSide, 1+size/mostSide)
		readers.Add(t, s.file, readerstest.Specimen{
			Name: s.String(), Width: s.width, Height: s.height, Frames: s.frames, Planes: s.samePlanes,
		})
		all = append(all, s)
	}
	t.Run("libwebp's tools", func(t *testing.T) { byTools(t, readers, all) })
	t.Run("x/image", func(t *testing.T) { byXImage(t, all) })
	readers.Run(t)
}

// samePlanes compares the planes of a lossy still as a reader has them, 4:2:0.
func (s *specimen) samePlanes(pixels []byte) bool {
	c := ((s.width + 1) / 2) * ((s.height + 1) / 2)
	y := len(pixels) - 2*c
	m := &image.YCbCr{Y: pixels[:y], Cb: pixels[y : y+c], Cr: pixels[y+c:], YStride: s.width,
		CStride: (s.width + 1) / 2, Rect: image.Rect(0, 0, s.width, s.height)}
	return bytes.Equal(pgmOf(m, nil, 0), s.pgm)
}

// byTools has webpinfo check the files. dwebp reads stills, as RGBA and, if they are lossy, as planes;
// of animations webpmux counts the frames, and dwebp reads the first.
func byTools(t *testing.T, readers *readerstest.Readers, all []*specimen) {
	for _, name := range []string{"webpinfo", "webpmux", "dwebp"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	var wait sync.WaitGroup
	for first := range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := first; i < len(all); i += runtime.GOMAXPROCS(0) {
				if err := all[i].byTools(readers.File(i)); err != nil {
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
