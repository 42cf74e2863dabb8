package png

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/readerstest"
)

// mostSide is the largest side of the random pictures.
const mostSide = 70

// TestReaders has Go's image/png and other programs read random files, of every size once there are enough of
// them, in every setting, and compares their pixels with ours to the bit. IMGMILL_READERS is the number of
// files; see readerstest.Readers for the programs.
func TestReaders(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("IMGMILL_READERS"))
	if err != nil {
		t.Skip("IMGMILL_READERS is no number of files")
	}
	sizes := rand.New(rand.NewPCG(1, 2)).Perm(mostSide * mostSide)
	readers := readerstest.New(t, "png")
	types := map[string]int{}
	for i := range count {
		size := sizes[i%len(sizes)]
		r := rand.New(rand.NewPCG(19, uint64(i)))
		v := randomSettings(r)
		p := drawRandom(r, 1+size%mostSide, 1+size/mostSide)
		file, err := Format.Encoder(v).Encode(t.Context(), p, codec.EncodeOptions{Threads: 1 + r.IntN(3)})
		if err != nil {
			t.Fatal(err)
		}
		types[fmt.Sprintf("colour type %d of %2d bits, tRNS %t", file[25], file[24], bytes.Contains(file, []byte("tRNS")))]++
		name := fmt.Sprintf("%v, %d×%d, colour type %d of %d bits", v, p.Width(), p.Height(), file[25], file[24])
		got, err := decodeBytes(file, 1)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := rgba(t, p)
		if shown := rgba(t, got); v["colours"] == "" && !bytes.Equal(shown, want) {
			t.Fatalf("%s: we read other pixels", name)
		} else {
			want = shown
		}
		if err := sameForGo(file, want); err != nil {
			t.Errorf("%s: image/png: %v", name, err)
		}
		readers.Add(t, file, readerstest.Specimen{
			Name: name, Width: p.Width(), Height: p.Height(), Frames: [][]byte{want},
		})
	}
	for kind, n := range types {
		t.Logf("%s: %d", kind, n)
	}
	readers.Run(t)
}

// randomSettings draws values of what the descriptor declares; half of them are absent.
func randomSettings(r *rand.Rand) setting.Values {
	var v setting.Values
	for _, s := range Format.Settings {
		switch {
		case r.IntN(2) == 0:
		case s.Type == setting.Int:
			v.Set(s.Name, fmt.Sprint(s.Min+r.Int64N(s.Max-s.Min+1)))
		default:
			v.Set(s.Name, s.Choices[r.IntN(len(s.Choices))])
		}
	}
	return v
}

// drawRandom draws a picture of few or many colours, of levels of some depth or of any, opaque or not.
func drawRandom(r *rand.Rand, w, h int) *plane.Picture {
	p := plane.New(plane.NewLayout([]plane.Model{plane.Gray, plane.RGB}[r.IntN(2)], r.IntN(2) == 0, w, h, 1, 1))
	gray, step := r.IntN(3) == 0, []byte{1, 17, 85, 255}[r.IntN(4)]
	holes := []int{0, 1, 2}[r.IntN(3)]
	var few [][4]byte
	for range 1 << r.IntN(9) {
		few = append(few, [4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	many := r.IntN(3) == 0
	alpha, has := p.Alpha()
	for y := range h {
		for x := range w {
			c := few[(x/5*7+y/3*5+r.IntN(2))%len(few)]
			if many {
				c = [4]byte{byte(3*x + y), byte(x - 2*y), byte(x*y/9 + r.IntN(4)), byte(5 * x)}
			}
			for i := range p.Planes {
				k := i
				if gray {
					k = 0
				}
				p.Row(i, y)[x] = c[k] / step * step
			}
			if !has {
				continue
			}
			switch a := &p.Row(alpha, y)[x]; {
			case holes == 0:
				*a = 255
			case holes == 1:
				*a = byte(int8(c[3]) >> 7)
			default:
				*a = c[3]
			}
			if p.Row(alpha, y)[x] == 0 {
				for i := range alpha {
					p.Row(i, y)[x] = 0
				}
			}
		}
	}
	return p
}

// sameForGo compares what Go's decoder reads, which checks every sum.
func sameForGo(file, want []byte) error {
	m, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return err
	}
	b := m.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			if c.A == 0 {
				c = color.NRGBA{}
			}
			if k := 4 * (y*b.Dx() + x); !bytes.Equal([]byte{c.R, c.G, c.B, c.A}, want[k:k+4]) {
				return fmt.Errorf("%v at %v, not %v", c, image.Pt(x, y), want[k:k+4])
			}
		}
	}
	return nil
}
