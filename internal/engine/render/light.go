package render

import (
	"math"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// The levels of a picture are not proportional to light, so the mean of two levels is darker than
// the mean of the light that they stand for. In linear light every pixel is converted to RGB, and
// each level L to its light by the curve of the picture's space. That of sRGB (IEC 61966-2-1), which
// counts where none is declared or the profile consists of tables, is
//
//	light = L/255/12.92                      for L/255 <= 0.04045
//	light = ((L/255 + 0.055)/1.055)^2.4      above
//
// in 65535ths. That is resampled, and converted to the level whose light is nearest on the scale of
// levels. Alpha is a proportion already; colour is multiplied by it.
//
// Error: the light of a result is off by less than E = 1.55·(nx·2 + 1) + ny·3.1 + 1.8, for nx×ny
// samples in a window: the bound of resample.Planes16, and the rounding of each level's light
// carried through it. From level 0 to 1 it is 20, and more between all others. E is the worst case;
// in a flat place it is 3, which keeps the place flat.

// transfer holds a transfer function in both directions.
type transfer struct {
	light [256]int16   // of a level, in 65535ths less 32768
	level [65536]uint8 // of light
}

var sRGB = sync.OnceValue(func() *transfer { return newTransfer(lightOf) })

// newTransfer tabulates the light, in 65535ths, of levels from 0 to 255, which does not fall.
func newTransfer(light func(level float64) float64) *transfer {
	t := new(transfer)
	next := 0
	for level := range 256 {
		t.light[level] = int16(math.Round(light(float64(level))) - 32768)
		for ; next < len(t.level) && (level == 255 || float64(next) < light(float64(level)+0.5)); next++ {
			t.level[next] = uint8(level)
		}
	}
	return t
}

// transfersOf returns the transfer function of each channel of a space. One that is not of the model's
// channels is ignored, as it is in the conversion.
func transfersOf(s plane.Space, m plane.Model) (t [3]*transfer) {
	src := s.Source
	if src == nil && s.ICC != nil {
		var err error
		if src, err = colour.ParseICC(s.ICC, colour.Rendering{}); err != nil {
			src = nil // a broken profile is ignored
		}
	}
	curves, ok := colour.Curves(src)
	ok = ok && (src.Channels() == 1) == (m == plane.Gray)
	for c := range t {
		if t[c] = sRGB(); !ok {
			continue
		}
		t[c] = newTransfer(func(level float64) float64 { return 65535 * curves[c](level/255) })
		if c > 0 && t[c].light == t[0].light {
			t[c] = t[0]
		}
	}
	return t
}

// lightOf returns the light of a level from 0 to 255, in 65535ths. No value in the tables is so close
// to a rounding boundary that architectures could differ; a test checks that.
func lightOf(level float64) float64 {
	v := level / 255
	if v <= 0.04045 {
		return 65535 * (v / 12.92)
	}
	return 65535 * math.Pow((v+0.055)/1.055, 2.4)
}

// light reduces in linear light, to RGB or to gray, behind an aligner.
type light struct {
	transfer [3]*transfer
	model    plane.Model // of the source
	alpha    bool
	rows     [][]byte // one of each plane of the source
	rgb      [][]byte // the same, converted
	planes   *resample.Planes16
	row      []byte
	store    func(plane, y int, row []byte) error
}

// newLight returns a Sink for rows of layout src, in the space of the layout, that passes rows of the result
// to store.
func newLight(
	x, y resample.Axis, f resample.Filter, src plane.Layout,
	store func(plane, y int, row []byte) error,
) (plane.Sink, error) {
	l := &light{
		transfer: transfersOf(src.Space, src.Model), model: src.Model, alpha: src.HasAlpha(),
		row: make([]byte, x.Dst), store: store,
	}
	if l.model != plane.Gray && l.model != plane.RGB {
		for range 3 {
			l.rgb = append(l.rgb, make([]byte, src.Width()))
		}
	}
	planes := min(3, l.model.Colours())
	if l.alpha {
		planes++
	}
	var err error
	if l.planes, err = resample.NewPlanes16(x, y, f, planes, l.finish); err != nil {
		return nil, err
	}
	return newAligner(src, func(rows [][]byte) error {
		l.rows = rows
		return l.planes.Row(l.fill)
	})
}

// fill writes the light of a row of all planes.
func (l *light) fill(dst [][]int16) {
	colours := l.rows[:l.model.Colours()]
	if l.rgb != nil {
		rgbRow(l.rgb, colours, l.model)
		colours = l.rgb
	}
	for c, row := range colours {
		table := &l.transfer[c].light
		for x, v := range row {
			dst[c][x] = table[v]
		}
	}
	if !l.alpha {
		return
	}
	for x, a := range l.rows[len(l.rows)-1] {
		for c := range colours {
			dst[c][x] = int16(((int(dst[c][x])+32768)*int(a)+127)/255 - 32768)
		}
		dst[len(colours)][x] = int16(int(a)*257 - 32768)
	}
}

// finish stores the levels of a row of light.
func (l *light) finish(y int, q [][]int32) error {
	colours := len(q)
	if l.alpha {
		colours--
	}
	for c := range colours {
		table := &l.transfer[c].level
		for x, v := range q[c] {
			if l.alpha {
				v = undo(v, q[colours][x])
			}
			l.row[x] = table[min(max(v, 0), 65535)]
		}
		if err := l.store(c, y, l.row); err != nil {
			return err
		}
	}
	if !l.alpha {
		return nil
	}
	for x, v := range q[colours] {
		l.row[x] = opacity(v)
	}
	return l.store(colours, y, l.row)
}

// opacity returns the alpha that a resampled 16-bit alpha stands for.
func opacity(a int32) uint8 { return uint8(min(max((a+128)/257, 0), 255)) }

// undo divides the light v by alpha a; it is 0 where nothing shows.
func undo(v, a int32) int32 {
	if opacity(a) == 0 {
		return 0
	}
	return int32(min(max((int64(v)*65535+int64(a)/2)/int64(a), 0), 65535))
}
