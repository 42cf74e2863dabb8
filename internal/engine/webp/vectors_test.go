package webp

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8"
)

// vectors returns libwebp's test vectors with the checksums of their decodes, by file name, as
// dwebp writes them: pgm for planes as stored, ppm for RGB and pam for RGBA.
func vectors(t testing.TB) (dir string, sums map[string]string) {
	root := os.Getenv("IMGMILL_CORPUS")
	if root == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	dir = filepath.Join(root, "corpus", "webp-vectors")
	f, err := os.Open(filepath.Join(dir, "libwebp_tests.md5"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	sums = map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if sum, name, ok := strings.Cut(s.Text(), "  "); ok {
			sums[name] = sum
		}
	}
	return dir, sums
}

// firstPicture returns the first picture of a file.
func firstPicture(t testing.TB, file []byte) *picture {
	t.Helper()
	c, err := readContainer(file, Format, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &c.frames[0].picture
}

// pgm decodes a lossy picture to its planes as they are stored, in the form of dwebp -pgm: luma,
// padded to an even width, above both chroma planes beside each other, above alpha.
func pgm(t testing.TB, p *picture, threads int) []byte {
	r, err := vp8.NewReader(p.data, p.base, Format)
	if err != nil {
		t.Fatal(err)
	}
	w, h := r.Width, r.Height
	cw, ch := (w+1)/2, (h+1)/2
	var planes [3][]byte
	err = r.Decode(t.Context(), threads, func(rows vp8.Rows) error {
		for k := range rows.N {
			planes[0] = append(planes[0], rows.Pix[0][k*rows.Stride[0]:][:w]...)
			if w%2 == 1 {
				planes[0] = append(planes[0], 0)
			}
		}
		for k := range (rows.N + 1) / 2 {
			for i := 1; i < 3; i++ {
				planes[i] = append(planes[i], rows.Pix[i][k*rows.Stride[i]:][:cw]...)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	alpha := alphaPlane(t, p, w, h, 2*cw)
	out := fmt.Appendf(nil, "P5\n%d %d\n255\n", 2*cw, h+ch+len(alpha)/(2*cw))
	out = append(out, planes[0]...)
	for y := range ch {
		out = append(out, planes[1][y*cw:][:cw]...)
		out = append(out, planes[2][y*cw:][:cw]...)
	}
	return append(out, alpha...)
}

// alphaPlane decodes the alpha plane, if there is one.
func alphaPlane(t testing.TB, p *picture, w, h, stride int) []byte {
	if !p.hasAlph {
		return nil
	}
	a, err := p.alphaReader(t.Context(), w, h, Format)
	if err != nil {
		t.Fatal(err)
	}
	plane := make([]byte, stride*h)
	for y := range h {
		if err := a.advance(t.Context(), y, y+1, plane[y*stride:], stride); err != nil {
			t.Fatal(err)
		}
	}
	return plane
}

// pnm decodes a picture to RGB and RGBA, in the forms of dwebp -ppm and -pam.
func pnm(t testing.TB, p *picture, threads int) (ppm, pam []byte) {
	w, h, _, err := p.header(Format)
	if err != nil {
		t.Fatal(err)
	}
	ppm = fmt.Appendf(nil, "P6\n%d %d\n255\n", w, h)
	pam = fmt.Appendf(nil, "P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n", w, h)
	err = p.rgba(t.Context(), Format, threads, func(y int, rows [4][]byte) error {
		for x := range w {
			a := byte(255)
			if rows[3] != nil {
				a = rows[3][x]
			}
			ppm = append(ppm, rows[0][x], rows[1][x], rows[2][x])
			pam = append(pam, rows[0][x], rows[1][x], rows[2][x], a)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ppm, pam
}

// TestVectors compares the decodes of libwebp's test vectors, bit for bit, with dwebp's: the planes
// of lossy pictures before their range is stretched, and RGB and RGBA of all.
func TestVectors(t *testing.T) {
	dir, sums := vectors(t)
	paths, err := filepath.Glob(filepath.Join(dir, "*.webp"))
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	checked := map[string]int{}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := firstPicture(t, file)
			for threads := 1; threads <= 2; threads++ {
				files := map[string][]byte{}
				if p.lossy {
					files["pgm"] = pgm(t, p, threads)
				}
				files["ppm"], files["pam"] = pnm(t, p, threads)
				for kind, data := range files {
					want, ok := sums[name+"."+kind]
					if !ok {
						continue
					}
					checked[kind]++
					if got := fmt.Sprintf("%x", md5.Sum(data)); got != want {
						t.Errorf("%s in %d threads differs from dwebp's", kind, threads)
					}
				}
			}
			if _, err := (codec.Set{Format}).Open(bytes.NewReader(file), codec.OpenOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("checked %v", checked)
	if checked["pgm"] < 160 || checked["ppm"] < 190 || checked["pam"] < 190 {
		t.Errorf("only %v were checked", checked)
	}
}
