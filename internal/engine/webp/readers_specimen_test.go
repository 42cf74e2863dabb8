package webp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// mostSide is the largest side of the random pictures.
const mostSide = 70

// specimen is a random file, and what it shows.
type specimen struct {
	settings      setting.Values
	input         []*plane.Picture // of a still, one
	file          []byte
	width, height int
	frames        [][]byte // RGBA, as we read them
	pgm           []byte   // of a lossy still: its planes, in the form of dwebp -pgm
}

func (s *specimen) String() string {
	return fmt.Sprintf("%v, %d×%d, %v, alpha %t, %d frames", s.settings, s.width, s.height,
		s.input[0].Model, s.input[0].HasAlpha(), len(s.input))
}

// randomSettings draws values of what the descriptor declares; half of them are absent.
func randomSettings(t testing.TB, r *rand.Rand) setting.Values {
	var v setting.Values
	for _, s := range Format.Settings {
		if r.IntN(2) == 0 {
			continue
		}
		switch s.Type {
		case setting.Int:
			v.Set(s.Name, fmt.Sprint(s.Min+r.Int64N(s.Max-s.Min+1)))
		case setting.Bool:
			words := append([]string{"true", "false"}, s.Choices...)
			v.Set(s.Name, words[r.IntN(len(words))])
		case setting.Choice:
			v.Set(s.Name, s.Choices[r.IntN(len(s.Choices))])
		default:
			t.Fatalf("there are no random values of %s yet", s.Name)
		}
	}
	return v
}

// newSpecimen draws and encodes a picture, in one of ten cases an animation, and reads it back.
func newSpecimen(t *testing.T, i, width, height int) *specimen {
	r := rand.New(rand.NewPCG(17, uint64(i)))
	s := &specimen{settings: randomSettings(t, r), width: width, height: height}
	model := []plane.Model{plane.Gray, plane.YCbCr, plane.RGB}[r.IntN(3)]
	l := Format.Encoder(s.settings).Layout(model, r.IntN(2) == 0, width, height)
	s.input = []*plane.Picture{codectest.Draw(l, r.IntN(codectest.DrawnKinds), r.Uint64())}
	if r.IntN(10) > 0 {
		s.file = encodeWith(t, s.input[0], s.settings, codec.EncodeOptions{Threads: 1 + r.IntN(3)})
		s.checkStill(t)
		return s
	}
	var delays []int
	for range 1 + r.IntN(5) {
		s.input = append(s.input, changedPart(s.input[len(s.input)-1], r))
	}
	for range s.input {
		delays = append(delays, 20+r.IntN(200))
	}
	s.file = animate(t, s.settings, r.IntN(4), s.input, delays)
	s.checkAnimation(t)
	return s
}

// changedPart returns a picture with other samples in a random part.
func changedPart(p *plane.Picture, r *rand.Rand) *plane.Picture {
	other := codectest.Draw(p.Layout, r.IntN(codectest.DrawnKinds), r.Uint64())
	x0, x1, y0, y1 := r.Float64(), r.Float64(), r.Float64(), r.Float64()
	out := plane.New(p.Layout)
	for i, size := range p.Planes {
		for y := range size.Height {
			row := out.Row(i, y)
			copy(row, p.Row(i, y))
			if at := float64(y) / float64(size.Height); at < min(y0, y1) || at > max(y0, y1) {
				continue
			}
			from, to := int(min(x0, x1)*float64(size.Width)), int(max(x0, x1)*float64(size.Width))
			copy(row[from:to+1], other.Row(i, y)[from:to+1])
		}
	}
	return out
}

// rounded reports whether a lossless file may differ from the picture.
func (s *specimen) rounded() bool { return s.settings.Int(nearLosslessSetting, 100) < 100 }

func (s *specimen) checkStill(t *testing.T) {
	p := firstPicture(t, s.file)
	if p.lossy {
		checkLossy(t, s.input[0], s.file)
		s.pgm = pgm(t, p, 1)
	} else if !s.rounded() {
		checkLossless(t, s.input[0], s.file)
	}
	_, pam := pnm(t, p, 1)
	s.frames = [][]byte{pam[len(pam)-4*s.width*s.height:]}
}

// checkAnimation reads the frames. If they are lossless, they have to be those of the input, one after
// the other; equal ones may have become one, and a lone one a still.
func (s *specimen) checkAnimation(t *testing.T) {
	d, err := codec.Set{Format}.Open(bytes.NewReader(s.file), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Header().Frames == 1 {
		s.checkStill(t)
		return
	}
	for {
		if _, err := d.(codec.FrameDecoder).NextFrame(t.Context()); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p := plane.New(d.Header().Layout)
		if _, err := d.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		s.frames = append(s.frames, rgbaOf(p))
	}
	if firstPicture(t, s.file).lossy || s.rounded() || s.settings.Text(losslessSetting) == "auto" {
		return
	}
	at := -1
	for i, p := range s.input {
		want := rgbaOf(p)
		if at >= 0 && sameShown(want, s.frames[at]) {
			continue
		}
		if at++; at == len(s.frames) || !sameShown(want, s.frames[at]) {
			t.Fatalf("frame %d is not what was encoded", i)
		}
	}
}

// rgbaOf returns the pixels of gray or RGB.
func rgbaOf(p *plane.Picture) []byte {
	var out []byte
	alpha, has := p.Alpha()
	for y := range p.Height() {
		for x := range p.Width() {
			for c := range 3 {
				if p.Model == plane.Gray {
					c = 0
				}
				out = append(out, p.Row(c, y)[x])
			}
			a := byte(255)
			if has {
				a = p.Row(alpha, y)[x]
			}
			out = append(out, a)
		}
	}
	return out
}

// sameShown compares pixels, except for the colours of transparent ones.
func sameShown(a, b []byte) bool {
	for i := 0; i < len(a); i += 4 {
		if a[i+3] != b[i+3] || a[i+3] > 0 && !bytes.Equal(a[i:i+3], b[i:i+3]) {
			return false
		}
	}
	return true
}
