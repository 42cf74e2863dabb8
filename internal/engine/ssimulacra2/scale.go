package ssimulacra2

// reach is how far a mean looks to each side, in samples.
const reach = 4

// window is how many rows a mean takes.
const window = 2*reach + 1

// lanes is how many columns the kernels work on at a time, and into how many sums, by column, a row is
// added. Rows have a whole number of such blocks, and a block of zeros on each side.
const lanes = 8

// margin is where a row begins in its buffer.
const margin = lanes

// scale compares the pictures at one size.
type scale struct {
	index         int
	width, height int
	blocks        int // of a row
	y             int // rows taken
	parts         [components]*part
	roots         [components][]float32 // of the row at hand
	next          *scale                // or nil
	above         [2][3][]float32       // for next: an even row that waits for the odd one
	halves        [2][3][]float32
}

// part is one component of the colour space at a scale.
type part struct {
	ring    [window]ringRow
	zero    []float32                    // what is beyond the top and the bottom
	row     [differences][]float32       // the differences of the row at hand
	means   [differences][]float32       // of the row that is finished
	sums    [norms * maps]float64        // over all pixels: of the values of each map, and of their fourth powers
	columns [norms * maps][lanes]float32 // the same, of a row
}

// ringRow is a row of a component: of both pictures, and the means across of its differences.
type ringRow struct {
	values [2][]float32
	across [differences][]float32
}

// Means are taken of four values of each pixel, of which a is the original's and b the other's. The
// variances and the covariance of structural similarity follow from them; they are small differences of
// means, which would be less exact with b in place of a-b.
const (
	original    = iota // a
	difference         // a-b
	squaredDiff        // (a-b)²
	squares            // a²+b²
	differences
)

// newScale returns a scale and those below it.
func newScale(index, width, height int) *scale {
	s := &scale{index: index, width: width, height: height, blocks: (width + lanes - 1) / lanes}
	s.roots = s.newRows()
	for c := range s.parts {
		if significant(&weights[c][index]) {
			s.parts[c] = s.newPart()
		}
	}
	if index+1 < scales && width >= minSide && height >= minSide && significantBelow(index) {
		s.next = newScale(index+1, (width+1)/2, (height+1)/2)
		for i := range s.above {
			s.above[i], s.halves[i] = s.newRows(), s.next.newRows()
		}
	}
	return s
}

// significant reports whether any map of a component is worth computing.
func significant(w *[norms][maps]float64) bool {
	for _, norm := range w {
		for _, weight := range norm {
			if weight >= negligible {
				return true
			}
		}
	}
	return false
}

// significantBelow reports whether that is so at any smaller scale.
func significantBelow(index int) bool {
	for c := range weights {
		for i := index + 1; i < scales; i++ {
			if significant(&weights[c][i]) {
				return true
			}
		}
	}
	return false
}

func (s *scale) newRow() []float32 { return make([]float32, lanes*(s.blocks+2)) }

func (s *scale) newRows() (rows [3][]float32) {
	for i := range rows {
		rows[i] = s.newRow()
	}
	return rows
}

func (s *scale) newPart() *part {
	p := &part{zero: s.newRow()}
	for i := range p.ring {
		for k := range p.ring[i].values {
			p.ring[i].values[k] = s.newRow()
		}
		for k := range p.ring[i].across {
			p.ring[i].across[k] = s.newRow()
		}
	}
	for k := range p.row {
		p.row[k], p.means[k] = s.newRow(), s.newRow()
	}
	return p
}

// row takes the light of the next row of both pictures. It may write to the column behind the last one.
func (s *scale) row(rgb *[2][3][]float32) {
	for i := range rgb {
		s.components(&rgb[i], i)
	}
	for _, p := range s.parts {
		if p != nil {
			s.across(p)
		}
	}
	if s.next != nil {
		s.halve(rgb)
	}
	s.y++
	if s.y > reach {
		s.evaluate(s.y - 1 - reach)
	}
}

// components stores the row of picture i in the colour space: X, Y and B of XYB, moved and stretched to
// about 0 to 1, B as B-Y.
func (s *scale) components(rgb *[3][]float32, i int) {
	needed := components
	if s.parts[compB] == nil {
		needed = compB // X and Y follow from the first two
	}
	for k := range needed {
		rootRow(s.roots[k], rgb[0], rgb[1], rgb[2], &absorbance[k], s.blocks)
	}
	x, y, b := s.roots[0], s.roots[1], s.roots[2]
	opponentRow(x, y, s.blocks)
	if s.parts[compB] != nil {
		for k, v := range b {
			b[k] = v - y[k] + offsetB
		}
	}
	for c, p := range s.parts {
		if p == nil {
			continue
		}
		row := p.ring[s.y%window].values[i][margin:][:s.width]
		from := s.roots[c][margin:][:s.width]
		switch c {
		case compX:
			for k, v := range from {
				row[k] = float32(v*stretchX) + offsetX
			}
		case compY:
			for k, v := range from {
				row[k] = v + offsetY
			}
		default:
			copy(row, from)
		}
	}
}

// across stores the means across of the row at hand.
func (s *scale) across(p *part) {
	r := &p.ring[s.y%window]
	differencesRow(p.row[difference], p.row[squaredDiff], p.row[squares], r.values[0], r.values[1], s.blocks)
	acrossRow(r.across[original], r.values[0], s.blocks)
	for k := difference; k < differences; k++ {
		acrossRow(r.across[k], p.row[k], s.blocks)
	}
}

// halve passes the means of 2×2 samples on. The last column and the last row count twice where there is
// an odd number.
func (s *scale) halve(rgb *[2][3][]float32) {
	last := s.y == s.height-1
	for i := range rgb {
		for c, row := range rgb[i] {
			if s.width%2 == 1 {
				row[margin+s.width] = row[margin+s.width-1]
			}
			switch {
			case s.y%2 == 1:
				halfRow(s.halves[i][c], s.above[i][c], row, s.next.width)
			case last:
				halfRow(s.halves[i][c], row, row, s.next.width)
			default:
				copy(s.above[i][c], row)
			}
		}
	}
	if s.y%2 == 1 || last {
		s.next.row(&s.halves)
	}
}

// evaluate adds row y to the maps.
func (s *scale) evaluate(y int) {
	for _, p := range s.parts {
		if p == nil {
			continue
		}
		var rows [window][]float32
		for k := range p.means {
			for i := range rows {
				if at := y - reach + i; at < 0 || at >= s.height {
					rows[i] = p.zero
				} else {
					rows[i] = p.ring[at%window].across[k]
				}
			}
			downRow(p.means[k], &rows, s.blocks)
		}
		centre := &p.ring[y%window]
		mapsRow(&p.columns, &p.means, centre.values[0], centre.values[1], s.width)
		for i, row := range p.columns {
			for _, v := range row {
				p.sums[i] += float64(v)
			}
		}
		p.columns = [norms * maps][lanes]float32{}
	}
}

// finish evaluates the last rows.
func (s *scale) finish() {
	for y := max(s.height-reach, 0); y < s.height; y++ {
		s.evaluate(y)
	}
}

// absorbance is how much red, green and blue light the three receptors absorb, and what they always do
// (J. Alakuijala et al., JPEG XL next-generation image compression architecture, 2019).
var absorbance = [components][4]float32{
	{0.30, 1 - 0.078 - 0.30, 0.078, bias},
	{0.23, 1 - 0.078 - 0.23, 0.078, bias},
	{0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821, bias},
}

const bias = 0.0037930732552754493

// biasRoot is its cube root.
var biasRoot = cubeRoot(bias)

// How components are moved and stretched.
const (
	stretchX = 14
	offsetX  = 0.42
	offsetY  = 0.01
	offsetB  = 0.55
)
