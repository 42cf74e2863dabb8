package encode

import (
	"bytes"
	"hash/crc32"
	"image"
	"math"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/ssimulacra2"
)

// TestLook checks what the efforts promise: at the same quality, pictures that look about as libjpeg's
// do, by SSIMULACRA 2 within 1, in far fewer bytes, and with High in fewer still.
func TestLook(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		efforts := []Options{{libjpeg: true}, {Effort: Normal}, {Effort: High}}
		scores, sizes, pictures := make([]float64, 3), make([]float64, 3), 0
		for _, m := range jpegtest.Kodak(t, 2, 7, 13, 19, 24) {
			p := jpegtest.YCbCr(m, 2, 2)
			for _, q := range []int{60, 75, 85} {
				for i, o := range efforts {
					o.Quality, o.Progressive = q, progressive
					file := encoded(t, p, o)
					scores[i] += score(t, m, file)
					sizes[i] += math.Log(float64(len(file)))
				}
				pictures++
			}
		}
		for i, most := range []float64{1: 0.87, 2: 0.83} {
			n := float64(pictures)
			ratio, gain := math.Exp((sizes[i]-sizes[0])/n), (scores[i]-scores[0])/n
			if i > 0 && (ratio > most || gain < -1) {
				t.Errorf("progressive %v, effort %d: %.3f times the bytes of libjpeg, score %+.2f",
					progressive, efforts[i].Effort, ratio, gain)
			}
		}
	}
}

// score is that of SSIMULACRA 2 of a file, with the standard library's upsampling of chroma.
func score(t *testing.T, original image.Image, file []byte) float64 {
	t.Helper()
	shown, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	w, h := shown.Bounds().Dx(), shown.Bounds().Dy()
	c := ssimulacra2.New(w, h)
	for y := range h {
		var rows [2][3][]byte
		for i, m := range []image.Image{original, shown} {
			for x := range w {
				r, g, b, _ := m.At(x, y).RGBA()
				for k, v := range []uint32{r, g, b} {
					rows[i][k] = append(rows[i][k], byte(v>>8))
				}
			}
		}
		c.Row(rows[0], rows[1])
	}
	return c.Score()
}

// TestSearchedScript requires the searched script to be no larger than the fixed one for the same
// coefficients.
func TestSearchedScript(t *testing.T) {
	for _, size := range [][2]int{{40, 30}, {300, 200}, {8, 8}} {
		for _, q := range []int{30, 80, 97} {
			e, err := New(t.Context(), jpegtest.YCbCr(jpegtest.Scene(size[0], size[1]), 2, 2))
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Quality: q, Progressive: true, Effort: High}
			grids := e.quantised(t, o)
			var found, usual bytes.Buffer
			b := newBitWriter(&found)
			e.searched(t.Context(), b, grids, 2)
			b.flush()
			b = newBitWriter(&usual)
			e.progressive(t.Context(), b, grids, fixedScript(3), 1)
			b.flush()
			searched, fixed := found.Len(), usual.Len()
			if searched > fixed+2 { // The search does not count stuffed zeros.
				t.Errorf("%v quality %d: %d bytes, the fixed script has %d", size, q, searched, fixed)
			}
		}
	}
}

// TestBands requires several bands, and only one where more scans would be too much work for readers.
func TestBands(t *testing.T) {
	for _, c := range []struct{ side, want int }{{100, 4}, {maxSide, 1}} {
		e := &Encoder{}
		for range 3 {
			e.parts = append(e.parts, part{blocksX: (c.side + 7) / 8, blocksY: (c.side + 7) / 8})
		}
		if ends := e.bandEnds(); len(ends) != c.want || ends[c.want-1] != 64 {
			t.Errorf("%d samples a side: bands end at %v, want %d ends", c.side, ends, c.want)
		}
	}
}

// TestSameBytesEverywhere checks the bytes for a picture drawn in integer arithmetic, because they
// must not depend on the machine.
func TestSameBytesEverywhere(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.YCbCr, false, 150, 110, 2, 2))
	for c, pix := range p.Pix {
		w := p.Planes[c].Width
		for i := range pix {
			x, y := i%w, i/w
			pix[i] = byte(128 + (x*y>>5)%90 - (x*x+3*y*y)>>8%70 + (x*31^y*17)%(7+c))
		}
	}
	for _, c := range []struct {
		o    Options
		want uint32
	}{
		{Options{Quality: 80}, 0x083b9de0},
		{Options{Quality: 80, Progressive: true}, 0x8b70b1d1},
		{Options{Quality: 80, Effort: High}, 0x6793461d},
		{Options{Quality: 80, Effort: High, Progressive: true}, 0x8f759769},
	} {
		if got := crc32.ChecksumIEEE(encoded(t, p, c.o)); got != c.want {
			t.Errorf("%+v: checksum %#x, want %#x", c.o, got, c.want)
		}
	}
}
