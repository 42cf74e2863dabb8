package vp8

import (
	"context"
	"math"
	"sync"

	colours "github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// VP8 has one sample of chroma for four pixels, and decoders interpolate it. Where colours meet, a
// plain mean gives pixels on both sides a share of the other colour without a luma that makes up for
// it, so that blue letters on white fade. Sharp chroma is the iterative method that libwebp calls sharp
// YUV: luma and chroma are changed until what a decoder interpolates has the luminance of the source in
// each pixel, and its mean colour in each four.
//
// Levels have two more bits than those of the picture here. A pixel is its gray and what red, green and
// blue are beyond it, of which the latter is chroma, with one sample for four pixels.

// sharpRounds is how often the differences are made up for at most.
const sharpRounds = 4

// sharpEnough is the mean difference of gray, in levels here, below which there are no more rounds.
const sharpEnough = 3

// maxSharp is the largest level here.
const maxSharp = 4 * 255

// sharpExponent makes of a level what is averaged. Edges between red, green, blue, black and white have
// the smallest errors in RGB with it; light would be about 2.2, and libwebp takes that.
const sharpExponent = 1.25

// sharpLight converts levels to light, by the exponent, in 65535ths, and back.
type sharpLight struct {
	light [maxSharp + 1]uint16
	level [65536]int16
}

var sharpTables = sync.OnceValue(func() *sharpLight {
	light := func(level float64) float64 { return 65535 * math.Pow(level/maxSharp, sharpExponent) }
	t, next := new(sharpLight), 0
	for level := range t.light {
		t.light[level] = uint16(math.Round(light(float64(level))))
		for ; next < len(t.level) && (level == maxSharp || float64(next) < light(float64(level)+0.5)); next++ {
			t.level[next] = int16(level)
		}
	}
	return t
})

// grayOf returns the gray of a colour of levels or of light, by the weights of BT.709.
func grayOf(r, g, b int) int { return (13933*r + 46871*g + 4732*b + 1<<15) >> 16 }

// sharpener is a picture in work. Its sides are even: the last column and row may be there twice.
type sharpener struct {
	*sharpLight
	src        *plane.Picture
	half, rows int        // width and height of chroma
	gray, want []int16    // of pixels: as coded, and as in the source
	chroma     [3][]int16 // red, green and blue beyond gray, as coded
	wantChroma [3][]int16
	pair       [2][3][]int16 // two rows of pixels
	lights     [2][3][]int   // their light
	seenGray   [2][]int16    // and what they come to
	seenChroma [3][]int16
}

// Sharpen returns p, in RGB or in YCbCr without subsampling, with the chroma of VP8.
func Sharpen(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	s := &sharpener{sharpLight: sharpTables(), src: p, half: (p.Width() + 1) / 2, rows: (p.Height() + 1) / 2}
	s.gray, s.want = make([]int16, 4*s.half*s.rows), make([]int16, 4*s.half*s.rows)
	for c := range 3 {
		s.chroma[c], s.wantChroma[c] = make([]int16, s.half*s.rows), make([]int16, s.half*s.rows)
		s.seenChroma[c] = make([]int16, s.half)
		for i := range 2 {
			s.pair[i][c], s.lights[i][c] = make([]int16, 2*s.half), make([]int, 2*s.half)
			s.seenGray[i] = make([]int16, 2*s.half)
		}
	}
	out := plane.New(plane.NewLayout(plane.YCbCr, p.HasAlpha(), p.Width(), p.Height(), 2, 2))
	out.Space = p.Space.For(plane.YCbCr)
	each := func(f func(y int)) error {
		for y := range s.rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			f(y)
		}
		return nil
	}
	if err := each(s.begin); err != nil {
		return nil, err
	}
	last := int64(math.MaxInt64)
	for range sharpRounds {
		var sum int64
		if err := each(func(y int) { sum += s.improve(y) }); err != nil {
			return nil, err
		}
		if sum >= last || sum < sharpEnough*int64(len(s.gray)) {
			break
		}
		last = sum
	}
	if err := each(func(y int) { s.write(out, y) }); err != nil {
		return nil, err
	}
	if from, ok := p.Alpha(); ok {
		to, _ := out.Alpha()
		for y := range p.Height() {
			copy(out.Row(to, y), p.Row(from, y))
		}
	}
	return out, nil
}

// begin measures row y of chroma, and the two of pixels, in the source.
func (s *sharpener) begin(y int) {
	for i, row := range s.pair {
		s.load(min(2*y+i, s.src.Height()-1), row)
		gray := s.gray[(2*y+i)*2*s.half:][:2*s.half]
		for x := range gray {
			gray[x] = int16(grayOf(int(row[0][x]), int(row[1][x]), int(row[2][x])))
		}
	}
	s.measure()
	for i, seen := range s.seenGray {
		copy(s.want[(2*y+i)*2*s.half:], seen)
	}
	for c, seen := range s.seenChroma {
		copy(s.chroma[c][y*s.half:], seen)
		copy(s.wantChroma[c][y*s.half:], seen)
	}
}

// load reads row y of the source. A pixel that does not show is like the one before it that does.
func (s *sharpener) load(y int, out [3][]int16) {
	w := s.src.Width()
	rgb := [3][]byte{s.src.Row(0, y), s.src.Row(1, y), s.src.Row(2, y)}
	if s.src.Model == plane.YCbCr {
		from := rgb
		rgb = [3][]byte{make([]byte, w), make([]byte, w), make([]byte, w)}
		colours.RGBRow(rgb[0], rgb[1], rgb[2], from[0], from[1], from[2])
	}
	shows := func(int) bool { return true }
	if a, ok := s.src.Alpha(); ok {
		shows = func(x int) bool { return s.src.Row(a, y)[x] != 0 }
	}
	last := 0
	for last < w && !shows(last) {
		last++
	}
	for x := range out[0] {
		if k := min(x, w-1); shows(k) {
			last = k
		}
		for c := range out {
			if last < w {
				out[c][x] = int16(rgb[c][last]) << 2
			} else {
				out[c][x] = 0
			}
		}
	}
}

// measure finds the gray that has the light of each pixel of the pair of rows, and what the mean light of
// each four is beyond its gray.
func (s *sharpener) measure() {
	for i := range s.pair {
		for c, row := range s.pair[i] {
			lights := s.lights[i][c][:len(row)]
			for x, v := range row {
				lights[x] = int(s.light[max(0, min(maxSharp, v))])
			}
		}
		r, g, b := s.lights[i][0], s.lights[i][1], s.lights[i][2]
		for x := range s.seenGray[i] {
			s.seenGray[i][x] = s.level[grayOf(r[x], g[x], b[x])]
		}
	}
	for x := range s.half {
		var mean [3]int
		for c := range mean {
			up, down := s.lights[0][c][2*x:][:2], s.lights[1][c][2*x:][:2]
			mean[c] = int(s.level[(up[0]+up[1]+down[0]+down[1]+2)>>2])
		}
		gray := grayOf(mean[0], mean[1], mean[2])
		for c, v := range mean {
			s.seenChroma[c][x] = int16(v - gray)
		}
	}
}

// interpolate sets the pair of rows to what a decoder makes of row y of chroma and its neighbours, as
// RGBRows does.
func (s *sharpener) interpolate(y int) {
	for i := range s.pair {
		gray := s.gray[(2*y+i)*2*s.half:][:2*s.half]
		far := max(0, min(s.rows-1, y+2*i-1))
		for c, out := range s.pair[i] {
			near, next := s.chroma[c][y*s.half:][:s.half], s.chroma[c][far*s.half:][:s.half]
			for x := range near {
				left, right := max(0, x-1), min(s.half-1, x+1)
				here := 9*int32(near[x]) + 3*int32(next[x]) + 8
				out[2*x] = gray[2*x] + int16((here+3*int32(near[left])+int32(next[left]))>>4)
				out[2*x+1] = gray[2*x+1] + int16((here+3*int32(near[right])+int32(next[right]))>>4)
			}
		}
	}
}

// improve makes up for the differences between the source and what a decoder shows of row y of chroma.
// It returns the sum of those of gray.
func (s *sharpener) improve(y int) (sum int64) {
	s.interpolate(y)
	s.measure()
	for i, seen := range s.seenGray {
		gray, want := s.gray[(2*y+i)*2*s.half:][:len(seen)], s.want[(2*y+i)*2*s.half:][:len(seen)]
		for x, v := range seen {
			d := want[x] - v
			gray[x] = max(0, min(maxSharp, gray[x]+d))
			sum += int64(max(d, -d))
		}
	}
	for c, seen := range s.seenChroma {
		chroma, want := s.chroma[c][y*s.half:][:len(seen)], s.wantChroma[c][y*s.half:][:len(seen)]
		for x, v := range seen {
			chroma[x] += want[x] - v
		}
	}
	return sum
}

// write writes row y of chroma, and the rows of luma that go with it.
func (s *sharpener) write(out *plane.Picture, y int) {
	clamp := func(v int32) uint8 { return uint8(clamp((v + 1<<17) >> 18)) }
	s.interpolate(y)
	for i, row := range s.pair[:min(2, out.Height()-2*y)] {
		luma := out.Row(0, 2*y+i)
		for x := range luma {
			luma[x] = clamp(19595*int32(row[0][x]) + 38470*int32(row[1][x]) + 7471*int32(row[2][x]))
		}
	}
	cb, cr := out.Row(1, y), out.Row(2, y)
	for x := range cb {
		at := y*s.half + x
		r, g, b := int32(s.chroma[0][at]), int32(s.chroma[1][at]), int32(s.chroma[2][at])
		cb[x] = clamp(-11059*r - 21709*g + 32768*b + 128<<18)
		cr[x] = clamp(32768*r - 27439*g - 5329*b + 128<<18)
	}
}
