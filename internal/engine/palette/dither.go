package palette

import "github.com/imgmill/imgmill/internal/engine/setting"

// Dither is how pixels are mapped to a table that does not have their colours.
type Dither string

const (
	// NoDither takes the nearest colour: flat areas stay flat, and gradients show steps.
	NoDither Dither = "none"
	// Ordered adds a fixed pattern before it takes the nearest colour: equal pixels at the same place
	// stay equal from frame to frame.
	Ordered Dither = "ordered"
	// Diffusion passes the error of each pixel on to those that follow (R. W. Floyd and L. Steinberg,
	// "An adaptive algorithm for spatial greyscale", 1976), rows in turn from left and from right.
	Diffusion Dither = "diffusion"
)

// DitherSetting is the setting of formats with palettes that chooses among them.
var DitherSetting = &setting.Setting{
	Name: "dither", Type: setting.Choice, Default: string(Diffusion),
	Choices: []string{string(Diffusion), string(Ordered), string(NoDither)},
	Help: "how to show colours that the palette lacks: by Floyd and Steinberg's error diffusion, " +
		"by a fixed pattern, or by the nearest colour, which makes the smallest files",
}

// Mapper maps the rows of a picture to a table, from the top.
type Mapper struct {
	*Finder
	dither  Dither
	pattern [8][8]int32 // what Ordered adds
	// Errors of Diffusion in 16ths of a level, for each sample of the row and of the one below, with one
	// pixel more on each side.
	here, below [][4]int32
}

// NewMapper returns a mapper of rows of w pixels.
func NewMapper(f *Finder, d Dither, w int) *Mapper {
	m := &Mapper{Finder: f, dither: d}
	switch {
	case d == Ordered && len(f.drawn) > 1:
		spacing := f.spacing()
		for y := range m.pattern {
			for x := range m.pattern[y] {
				m.pattern[y][x] = int32((float64(bayer(x, y))/64 - 63.0/128) * spacing)
			}
		}
	case d == Diffusion:
		m.here, m.below = make([][4]int32, w+2), make([][4]int32, w+2)
	}
	return m
}

// bayer is the matrix of ordered dithering of 8 by 8 (B. E. Bayer, 1973): the bits of x^y and y in
// turn, those of the lowest place first.
func bayer(x, y int) (v int) {
	for bit := range 3 {
		v = v<<2 | (x^y)>>bit&1<<1 | y>>bit&1
	}
	return v
}

// Row maps row y to indexes of the table. Transparent pixels get the index given for them; they
// neither take nor pass on an error.
func (m *Mapper) Row(dst []uint8, row []Colour, y int, transparent uint8) {
	switch m.dither {
	case Diffusion:
		m.diffuse(dst, row, y%2 == 1, transparent)
		return
	case Ordered:
		pattern := &m.pattern[y%8]
		for x, c := range row {
			dst[x] = transparent
			if c != 0 {
				s, add := c.sample(), pattern[x%8]
				dst[x], _ = m.nearest(sample{level(s.r + add), level(s.g + add), level(s.b + add), s.a})
			}
		}
		return
	}
	last, index := Colour(0), transparent
	for x, c := range row {
		if c != last {
			last, index = c, transparent
			if c != 0 {
				index = m.Nearest(c)
			}
		}
		dst[x] = index
	}
}

// level limits a sample to 0 to 255.
func level(v int32) int32 { return max(0, min(v, 255)) }

func (m *Mapper) diffuse(dst []uint8, row []Colour, backwards bool, transparent uint8) {
	m.here, m.below = m.below, m.here
	clear(m.below)
	x, step := 0, 1
	if backwards {
		x, step = len(row)-1, -1
	}
	for range row {
		dst[x] = transparent
		if c := row[x]; c != 0 {
			at := x + 1
			s, e := c.sample(), &m.here[at]
			want := sample{
				level(s.r + (e[0]+8)>>4), level(s.g + (e[1]+8)>>4), level(s.b + (e[2]+8)>>4), level(s.a + (e[3]+8)>>4),
			}
			index, distance := m.nearest(want)
			if dst[x] = index; distance > 0 {
				got := &m.colours[index]
				for i, off := range [4]int32{want.r - got.r, want.g - got.g, want.b - got.b, want.a - got.a} {
					m.here[at+step][i] += 7 * off
					m.below[at-step][i] += 3 * off
					m.below[at][i] += 5 * off
					m.below[at+step][i] += off
				}
			}
		}
		x += step
	}
}
