package decode

import "github.com/imgmill/imgmill/internal/engine/plane"

// Raising: a plane that the file samples more coarsely than the picture is brought to the picture's
// size by linear interpolation between the centres of its samples, which is what libjpeg does at
// ratios of 2 (its triangle filter), sample for sample. The first and the last sample of a line
// extend to its ends. Halves are rounded up and down by turns, because a bias is worth 0.7 dB.

// raiser interpolates one component.
type raiser struct {
	columns []tap
	above   []byte // the last line of the component that was received
	next    int    // number of lines passed on
	out     []byte
}

// tap is where a sample of the picture lies among those of a component: at the sample with the given
// index, and by weight/of towards the one after it.
type tap struct{ at, weight int }

// tapAt returns the position of a sample in one direction, in which the component has k of most
// samples and count altogether. Weights are fractions of 2*most.
func tapAt(x, k, most, count int) tap {
	position := (2*x+1)*k - most // of 2*most
	if position <= 0 {
		return tap{}
	}
	t := tap{position / (2 * most), position % (2 * most)}
	if t.at >= count-1 {
		return tap{count - 1, 0}
	}
	return t
}

func (d *Decoder) newRaiser(c *component) *raiser {
	r := &raiser{}
	for x := range d.outputSize(c).Width {
		r.columns = append(r.columns, tapAt(x, c.H, d.hmax, c.size.Width))
	}
	return r
}

// pushRaised passes on the lines of the picture that n lines of a component's band complete. The
// first of them is line y of the component.
func (d *Decoder) pushRaised(sink plane.Sink, c *component, y, n int) error {
	if c.raiser == nil {
		c.raiser = d.newRaiser(c)
	}
	r, size := c.raiser, d.outputSize(c)
	if n = min(n, c.size.Height-y); n <= 0 {
		return nil
	}
	line := func(at int) []byte {
		if at < y {
			return r.above
		}
		return c.band[(at-y)*c.stride:][:c.size.Width]
	}
	first := r.next
	r.out = r.out[:0]
	for ; r.next < size.Height; r.next++ {
		t := tapAt(r.next, c.V, d.vmax, c.size.Height)
		below := t.at
		if t.weight > 0 {
			below++
		}
		if below >= y+n {
			break
		}
		half := 2 * d.vmax * d.hmax
		even, odd := half, half // what is added before the division
		switch {
		case c.H < d.hmax && c.V < d.vmax:
			odd--
		case c.H < d.hmax:
			even--
		case r.next%2 == 0:
			even, odd = half-1, half-1
		}
		r.out = r.raise(r.out, line(t.at), line(below), t.weight, [2]int{even, odd}, 2*d.vmax, 2*d.hmax)
	}
	r.above = append(r.above[:0], line(y+n-1)...)
	if r.next == first {
		return nil
	}
	return sink.Rows(c.index, first, plane.Rows{Pix: r.out, Stride: size.Width, N: r.next - first})
}

// raise appends a line between two of a component: weight of down parts towards the lower one.
func (r *raiser) raise(out, upper, lower []byte, weight int, round [2]int, down, across int) []byte {
	last := len(upper) - 1
	for x, t := range r.columns {
		right := min(t.at+1, last)
		a := int(upper[t.at])*(across-t.weight) + int(upper[right])*t.weight
		b := int(lower[t.at])*(across-t.weight) + int(lower[right])*t.weight
		out = append(out, byte((a*(down-weight)+b*weight+round[x&1])/(down*across)))
	}
	return out
}
