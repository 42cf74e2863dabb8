package heif

import "math"

// movie is the first picture track of a file without a primary item: an image sequence (ISO/IEC
// 23008-12, 7), of which the first sample is shown.
type movie struct {
	width, height int
	properties    []box // of the sample entry: hvcC, colr, clap
	coding        string
	at, size      uint64 // of the first sample

	// While the track is parsed.
	handler string
	matrix  [9]int32
	media   bool // there is a sample
}

// readMovie parses a moov box (ISO/IEC 14496-12, 8.2).
func (c *container) readMovie(f *fields) error {
	return c.boxes(f, func(b box) error {
		if b.kind != "trak" || c.movie != nil {
			return nil
		}
		m := &movie{}
		if err := c.track(m, b); err != nil {
			return err
		}
		if m.handler == "pict" || m.handler == "vide" {
			c.movie = m
		}
		return nil
	})
}

// nested are the boxes between a track and the tables of its samples.
var nested = map[string]bool{"mdia": true, "minf": true, "stbl": true}

// track parses a box of a track.
func (c *container) track(m *movie, b box) error {
	return c.boxes(b.fields(), func(b box) error {
		if nested[b.kind] {
			return c.track(m, b)
		}
		f := b.fields()
		switch b.kind {
		case "hdlr":
			f.skip(8)
			m.handler = string(f.skip(4))
		case "tkhd":
			if version, _ := f.full(); version == 1 {
				f.skip(32 + 16)
			} else {
				f.skip(20 + 16)
			}
			for k := range m.matrix {
				m.matrix[k] = int32(f.uint32())
			}
		case "stsd":
			return c.sampleEntry(m, f)
		case "stsz":
			f.full()
			size, count := f.uint32(), f.uint32()
			if size == 0 && count > 0 {
				size = f.uint32()
			}
			m.size = uint64(size)
		case "stz2":
			f.full()
			bits := int(f.uint32() & 255)
			if f.uint32() > 0 {
				m.size = f.uint(max(bits, 8) / 8)
				if bits == 4 {
					m.size >>= 4
				}
			}
		case "stco", "co64":
			f.full()
			if m.media = f.uint32() > 0; m.media {
				m.at = f.uint(map[string]int{"stco": 4, "co64": 8}[b.kind])
			}
		}
		return c.ended(f, b.kind)
	})
}

// sampleEntry parses the first entry of an stsd box (ISO/IEC 14496-12, 12.1.3).
func (c *container) sampleEntry(m *movie, f *fields) error {
	f.full()
	if f.uint32() == 0 {
		return c.s.Corrupt(f.at, "a picture track without a description of its samples")
	}
	if err := c.ended(f, "stsd"); err != nil {
		return err
	}
	first := true
	return c.boxes(f, func(b box) error {
		if !first {
			return nil
		}
		first = false
		m.coding = b.kind
		f := b.fields()
		f.skip(24)
		m.width, m.height = int(f.uint16()), int(f.uint16())
		f.skip(50)
		if f.short {
			return nil // of a track that is no picture
		}
		return c.boxes(f, func(p box) error {
			m.properties = append(m.properties, p)
			return nil
		})
	})
}

// sample returns the first sample of a track.
func (b *builder) sample(m *movie) (*picture, error) {
	p := &picture{item: &item{kind: m.coding}}
	switch {
	case m.coding != "hvc1" && m.coding != "hev1":
		return nil, b.refuse(p.item)
	case !m.media || m.size == 0 || m.at > math.MaxInt64-m.size:
		return nil, b.s.Corrupt(0, "the picture track has no sample")
	}
	if err := b.sized(p, uint32(m.width), uint32(m.height), 0); err != nil {
		return nil, err
	}
	p.data = []section{{int64(m.at), int64(m.size)}}
	var err error
	if p.colour, err = b.colours(m.properties); err != nil {
		return nil, err
	}
	for _, e := range m.properties {
		switch e.kind {
		case "hvcC":
			p.config = e
		case "clap":
			if err := b.clip(&p.view, e.fields()); err != nil {
				return nil, err
			}
		}
	}
	if p.config.body == nil {
		return nil, b.s.Corrupt(0, "the picture track has no decoder configuration")
	}
	p.view.matrix(m.matrix)
	return p, nil
}

// matrix applies the matrix of a track header (ISO/IEC 14496-12, 6.2.2 and 8.3.2), if it turns or
// mirrors by quarters; any other changes nothing.
func (v *view) matrix(m [9]int32) {
	a, b, c, d := m[0], m[1], m[3], m[4]
	switch {
	case a != 0 && d != 0 && b == 0 && c == 0:
		v.then(a < 0, d < 0, false)
	case a == 0 && d == 0 && b != 0 && c != 0:
		v.then(b < 0, c < 0, true)
	}
}
