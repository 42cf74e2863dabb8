package jpegtest

import (
	"bytes"
	"fmt"
	"image"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Tool returns the path of a program, or skips the test if it is not installed.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// Cjpeg encodes with libjpeg.
func Cjpeg(t testing.TB, m *image.RGBA, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(Tool(t, "cjpeg"), append([]string{"-dct", "int"}, args...)...)
	cmd.Stdin = bytes.NewReader(ppm(m))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cjpeg %v: %v", args, err)
	}
	return out
}

// ppm returns a picture in the format that cjpeg reads.
func ppm(m *image.RGBA) []byte {
	b := fmt.Appendf(nil, "P6\n%d %d\n255\n", m.Rect.Dx(), m.Rect.Dy())
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			c := m.RGBAAt(x, y)
			b = append(b, c.R, c.G, c.B)
		}
	}
	return b
}

// Djpeg decodes with libjpeg to 1 or 3 samples per pixel, with the accurate integer method
// and with coarse planes raised by repetition, or by interpolation if smooth is set. complaint holds
// libjpeg's messages about the file, and is empty if the file is valid.
func Djpeg(t testing.TB, file []byte, smooth bool) (w, h, samples int, pix []byte, complaint string) {
	t.Helper()
	args := []string{"-dct", "int", "-nosmooth", "-pnm"}
	if smooth {
		args = slices.Delete(args, 2, 3)
	}
	cmd := exec.Command(Tool(t, "djpeg"), args...)
	var out, messages bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(file), &out, &messages
	if err := cmd.Run(); err != nil || messages.Len() > 0 {
		text := strings.ReplaceAll(strings.TrimSpace(messages.String()), "\n", "; ")
		return 0, 0, 0, nil, fmt.Sprintf("%s (%v)", text, err)
	}
	var kind byte
	var depth int
	r := bytes.NewReader(out.Bytes())
	if _, err := fmt.Fscanf(r, "P%c\n%d %d\n%d\n", &kind, &w, &h, &depth); err != nil {
		t.Fatal(err)
	}
	samples = map[byte]int{'5': 1, '6': 3}[kind]
	return w, h, samples, out.Bytes()[out.Len()-w*h*samples:], ""
}
