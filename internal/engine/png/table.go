package png

// colourTable is the different colours of a picture or an animation, in the order in which they appeared.
type colourTable struct {
	colours []pixel
	slots   [tableSlots]uint16 // by hash: 1 + the index of a colour, or 0
}

const (
	maxColours = 256
	tableSlots = 1 << 10
)

// find returns the slot of a colour, or the free one where it belongs.
func (t *colourTable) find(c pixel) *uint16 {
	for i := uint32(c) * 0x9e3779b1 >> 22; ; i++ {
		slot := &t.slots[i%tableSlots]
		if *slot == 0 || t.colours[*slot-1] == c {
			return slot
		}
	}
}

// add adds the colours of pixels and reports whether there is room for all of them.
func (t *colourTable) add(pixels []pixel) bool {
	for i, c := range pixels {
		if i > 0 && c == pixels[i-1] {
			continue
		}
		slot := t.find(c)
		if *slot > 0 {
			continue
		}
		if len(t.colours) == maxColours {
			return false
		}
		t.colours = append(t.colours, c)
		*slot = uint16(len(t.colours))
	}
	return true
}

// renumber follows a change of the order of the colours.
func (t *colourTable) renumber() {
	clear(t.slots[:])
	for i, c := range t.colours {
		*t.find(c) = uint16(i + 1)
	}
}

// lookUp writes the indexes of colours that the table has.
func (t *colourTable) lookUp(dst []byte, pixels []pixel) {
	if len(pixels) == 0 {
		return
	}
	last, index := pixels[0], byte(*t.find(pixels[0])-1)
	for i, c := range pixels {
		if c != last {
			last, index = c, byte(*t.find(c)-1)
		}
		dst[i] = index
	}
}

// size is about how many bytes the chunks take.
func (t *colourTable) size() int {
	n := 12 + 3*len(t.colours)
	for _, c := range t.colours {
		if c.alpha() < 255 {
			n++
		}
	}
	return n
}

// append appends the chunks PLTE and, unless all colours are opaque, tRNS; or nothing if there is no table.
func (t *colourTable) append(out []byte) []byte {
	if t == nil {
		return out
	}
	var colours, alphas []byte
	for _, c := range t.colours {
		colours = append(colours, byte(c), byte(c>>8), byte(c>>16))
		alphas = append(alphas, byte(c.alpha()))
	}
	for len(alphas) > 0 && alphas[len(alphas)-1] == 255 {
		alphas = alphas[:len(alphas)-1]
	}
	out = appendChunk(out, "PLTE", colours)
	if len(alphas) > 0 {
		out = appendChunk(out, "tRNS", alphas)
	}
	return out
}
