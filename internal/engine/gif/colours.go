package gif

// colours are the samples of each colour index: red lowest, then green, blue and alpha. Indexes
// beyond the table are opaque black, as all are without one; the transparent one has no colour.
type colours [256]uint32

func newColours(f *frame) *colours {
	c := &colours{}
	for i := range c {
		c[i] = 255 << 24
		if 3*i+2 < len(f.table) {
			c[i] |= uint32(f.table[3*i]) | uint32(f.table[3*i+1])<<8 | uint32(f.table[3*i+2])<<16
		}
	}
	if f.transparent >= 0 {
		c[f.transparent] = 0
	}
	return c
}

// apply writes a row of colour indexes to three planes, or four with alpha.
func (c *colours) apply(dst [][]byte, indexes []byte) {
	n := len(indexes)
	r, g, b := dst[0][:n], dst[1][:n], dst[2][:n]
	if len(dst) == 3 {
		for x, v := range indexes {
			s := c[v]
			r[x], g[x], b[x] = byte(s), byte(s>>8), byte(s>>16)
		}
		return
	}
	a := dst[3][:n]
	for x, v := range indexes {
		s := c[v]
		r[x], g[x], b[x], a[x] = byte(s), byte(s>>8), byte(s>>16), byte(s>>24)
	}
}

// over is apply for the indexes that are not transparent.
func (c *colours) over(dst [][]byte, indexes []byte, transparent byte) {
	for i, p := range dst {
		p = p[:len(indexes)]
		for x, v := range indexes {
			if v != transparent {
				p[x] = byte(c[v] >> (8 * i))
			}
		}
	}
}
