package render

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// What draws attention is measured on a grid of cells, whose longer side has at most 96, from the mean Y, Cb and
// Cr (full-range BT.601, 0 to 255) of the samples in each cell. Let the far difference of two cells be
//
//	D(a, b) = |Ya - Yb| + 2·|Cba - Cbb| + 2·|Cra - Crb|
//
// The salience of a cell is
//
//	edge + distinct + saturation + skin
//
//	edge        (D(left, right) + D(above, below)) / 4       where something begins or ends
//	distinct    min(D(cell, each of the four border means))  what is not like the surroundings; the border
//	                                                         of a photograph is background more often than not
//	saturation  max(|Cb - 128|, |Cr - 128|)
//	skin        max(0, 160 - 4·|Cb - 108| - 4·|Cr - 150|)    for Y from 50 to 230: skin of any shade differs in
//	                                                         luma, and little in chroma
//
// times its mean alpha over 255, less the mean of all cells, so that even texture counts as nothing, and 0 where
// that is negative; then squared, so that a little of much counts more than much of little. Of all windows, the best has the largest sum of salience, where a cell counts in
// full in the middle half of the window and less towards its edges, down to half: what draws attention should not
// be at the edge.
//
// All of it is in integers: pictures with equal samples are cropped in the same way on every machine, by any
// number of threads.

// mostCells is the number of cells on the longer side.
const mostCells = 96

// scores is the salience of the columns or rows of a grid.
type scores []int64

// cell is the mean of the samples in a cell.
type cell struct{ y, cb, cr, alpha int }

// attention returns the salience of each column of cells of p on axis 0, of each row on axis 1. An error is that
// of the context.
func attention(ctx context.Context, p *plane.Picture, axis int) (scores, error) {
	g, err := gridOf(ctx, p)
	if err != nil {
		return nil, err
	}
	salience := g.salience()
	sums := make(scores, g.w)
	if axis == 1 {
		sums = make(scores, g.h)
	}
	for i, s := range salience {
		at := i % g.w
		if axis == 1 {
			at = i / g.w
		}
		sums[at] += int64(s)
	}
	return sums, nil
}

// best returns the start of the best window of length pixels on an axis of so many, of the multiples of step
// from one place to another. Of equally good ones it takes the one that is nearest to the middle of them.
func (s scores) best(from, to, length, pixels, step int) int {
	first, last := (from+step-1)/step, to/step
	if first > last {
		first = last // there is none: this one is nearly
	}
	best, most, distance := first, int64(-1), 0
	tried := map[int]bool{}
	for k := range len(s) + 1 { // windows that begin at the edge of a cell, or end there
		edge := k * pixels / len(s)
		for _, start := range []int{edge, edge - length} {
			at := min(max((start+step/2)/step, first), last)
			if tried[at] {
				continue
			}
			tried[at] = true
			sum := s.within(at*step, length, pixels)
			away := 2*at - first - last
			away = max(away, -away)
			if sum > most || sum == most && (away < distance || away == distance && at < best) {
				best, most, distance = at, sum, away
			}
		}
	}
	return best * step
}

// within returns the salience in a window, in units that depend on its length alone.
func (s scores) within(start, length, pixels int) (sum int64) {
	n := len(s)
	for k, score := range s {
		// The middle of the cell in the window, in 1/(2n) of a pixel; edges are that far from the window's.
		middle := int64(2*k+1)*int64(pixels) - int64(2*n)*int64(start)
		edge := min(middle, int64(2*n)*int64(length)-middle)
		if edge < 0 {
			continue
		}
		quarter := int64(2*n) * int64(length) / 4
		weight := int64(256)
		if edge < quarter {
			weight = 128 + 128*edge/quarter
		}
		sum += weight * score
	}
	return sum
}

// grid is cells in rows.
type grid struct {
	w, h  int
	cells []cell
}

func (g *grid) at(x, y int) cell {
	return g.cells[min(max(y, 0), g.h-1)*g.w+min(max(x, 0), g.w-1)]
}

// gridOf returns the cells of a picture.
func gridOf(ctx context.Context, p *plane.Picture) (*grid, error) {
	w, h := p.Width(), p.Height()
	long := max(w, h)
	n := min(long, mostCells)
	g := &grid{w: max(w*n/long, 1), h: max(h*n/long, 1)}
	for _, s := range p.Planes {
		g.w, g.h = min(g.w, s.Width), min(g.h, s.Height)
	}
	means := make([][]int, len(p.Planes))
	for i := range p.Planes {
		var err error
		if means[i], err = g.means(ctx, p, i); err != nil {
			return nil, err
		}
	}
	g.cells = make([]cell, g.w*g.h)
	for k := range g.cells {
		var v [4]uint8
		for i := range p.Model.Colours() {
			v[i] = uint8(means[i][k])
		}
		c := cell{alpha: 255}
		c.y, c.cb, c.cr = ycc(p.Model, v)
		if a, ok := p.Alpha(); ok {
			c.alpha = means[a][k]
		}
		g.cells[k] = c
	}
	return g, nil
}

// means returns the mean of a plane's samples in each cell, rounded.
func (g *grid) means(ctx context.Context, p *plane.Picture, plane int) ([]int, error) {
	size := p.Planes[plane]
	sums, counts := make([]int, g.w*g.h), make([]int, g.w*g.h)
	err := eachRow(ctx, size.Height, func(y int) {
		row, first := p.Row(plane, y), y*g.h/size.Height*g.w
		for k := range g.w {
			from, to := (k*size.Width+g.w-1)/g.w, ((k+1)*size.Width+g.w-1)/g.w
			sum := 0
			for _, v := range row[from:to] {
				sum += int(v)
			}
			sums[first+k] += sum
			counts[first+k] += to - from
		}
	})
	for i, n := range counts {
		sums[i] = (sums[i] + n/2) / n
	}
	return sums, err
}

// ycc converts one pixel of a model.
func ycc(m plane.Model, v [4]uint8) (y, cb, cr int) {
	switch m {
	case plane.Gray:
		return int(v[0]), 128, 128
	case plane.YCbCr:
		return int(v[0]), int(v[1]), int(v[2])
	case plane.CMYK:
		v[0], v[1], v[2] = ink(v[0], v[3]), ink(v[1], v[3]), ink(v[2], v[3])
	}
	a, b, c := colour.ToYCbCr(v[0], v[1], v[2])
	return int(a), int(b), int(c)
}

func apart(a, b int) int { return max(a-b, b-a) }

// unlike is D.
func unlike(a, b cell) int { return apart(a.y, b.y) + 2*apart(a.cb, b.cb) + 2*apart(a.cr, b.cr) }

// borders returns the means of the top, bottom, left and right edge of the grid, each a twelfth deep.
func (g *grid) borders() (means [4]cell) {
	dx, dy := max(g.w/12, 1), max(g.h/12, 1)
	for i, r := range [4][4]int{{0, 0, g.w, dy}, {0, g.h - dy, g.w, g.h}, {0, 0, dx, g.h}, {g.w - dx, 0, g.w, g.h}} {
		var sum cell
		n := 0
		for y := r[1]; y < r[3]; y++ {
			for x := r[0]; x < r[2]; x++ {
				c := g.at(x, y)
				sum = cell{sum.y + c.y, sum.cb + c.cb, sum.cr + c.cr, 0}
				n++
			}
		}
		means[i] = cell{sum.y / n, sum.cb / n, sum.cr / n, 255}
	}
	return means
}

// salience returns that of each cell.
func (g *grid) salience() []int {
	out := make([]int, len(g.cells))
	borders := g.borders()
	total := 0
	for y := range g.h {
		for x := range g.w {
			c := g.at(x, y)
			edge := (unlike(g.at(x-1, y), g.at(x+1, y)) + unlike(g.at(x, y-1), g.at(x, y+1))) / 4
			distinct := unlike(c, borders[0])
			for _, b := range borders[1:] {
				distinct = min(distinct, unlike(c, b))
			}
			saturation := max(apart(c.cb, 128), apart(c.cr, 128))
			skin := 0
			if c.y >= 50 && c.y <= 230 {
				skin = max(0, 160-4*apart(c.cb, 108)-4*apart(c.cr, 150))
			}
			s := (edge + distinct + saturation + skin) * c.alpha / 255
			out[y*g.w+x] = s
			total += s
		}
	}
	mean := total / len(out)
	for i := range out {
		over := max(0, out[i]-mean)
		out[i] = over * over
	}
	return out
}
