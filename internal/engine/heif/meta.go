package heif

import "slices"

// meta is what a meta box says: items and their properties (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12,
// 6 and 9).
type meta struct {
	primary    uint32
	items      map[uint32]*item
	order      []*item // as the file lists them
	properties []box   // of the item property container; associations count from 1
	data       box     // idat
	elsewhere  []bool  // by data reference, counted from 0, whether it is another file (dinf)

	extents, associations, references int // so far
}

// item is a picture, or data about one.
type item struct {
	id           uint32
	kind         string // four characters, such as hvc1, grid or Exif
	mediaType    string // of the kind mime
	encoding     string // of the kind mime: how the data is compressed
	protected    bool
	place        location
	associations []association
	references   []reference // from this item to others
}

// location is where the data of an item lies.
type location struct {
	construction int // 0 in the file, 1 in idat, 2 in another item
	reference    int // data_reference_index; 0 is this file
	base         uint64
	extents      []extent
}

type extent struct{ index, offset, length uint64 }

// association is the index of a property, from 1, and its top bit whether it is essential.
type association uint16

func (a association) index() int      { return int(a & 0x7fff) }
func (a association) essential() bool { return a&0x8000 != 0 }

type reference struct {
	kind string
	to   []uint32
}

// targets returns the items that i refers to with a kind of reference, of which there may be several boxes.
func (i *item) targets(kind string) (to []uint32) {
	for _, r := range i.references {
		switch {
		case r.kind != kind:
		case to == nil:
			to = r.to[:len(r.to):len(r.to)]
		default:
			to = append(to, r.to...)
		}
	}
	return to
}

// refersTo reports whether i refers to an item with a kind of reference.
func (i *item) refersTo(kind string, id uint32) bool {
	return slices.ContainsFunc(i.references, func(r reference) bool {
		return r.kind == kind && slices.Contains(r.to, id)
	})
}

// item returns the item of an id, which a box may name before the box that declares it.
func (m *meta) item(c *container, id uint32, at int64) (*item, error) {
	i, ok := m.items[id]
	if !ok {
		if len(m.items) == maxItems {
			return nil, c.s.Corrupt(at, "more than %d items", maxItems)
		}
		i = &item{id: id}
		m.items[id] = i
	}
	return i, nil
}

// readMeta parses a meta box. It is ignored if it is not about pictures or names no primary item.
func (c *container) readMeta(f *fields) error {
	m := &meta{items: map[uint32]*item{}}
	f.full()
	handler := ""
	err := c.boxes(f, func(b box) error {
		f := b.fields()
		switch b.kind {
		case "hdlr":
			f.skip(8)
			handler = string(f.skip(4))
		case "pitm":
			if version, _ := f.full(); version == 0 {
				m.primary = uint32(f.uint16())
			} else {
				m.primary = f.uint32()
			}
		case "iinf":
			return c.itemInfo(m, f)
		case "iloc":
			return c.itemLocations(m, f)
		case "iref":
			return c.itemReferences(m, f)
		case "iprp":
			return c.itemProperties(m, f)
		case "dinf":
			return c.dataReferences(m, f)
		case "idat":
			m.data = b
		}
		return c.ended(f, b.kind)
	})
	if err != nil {
		return err
	}
	if handler == "pict" && m.primary != 0 {
		c.meta = m
	}
	return nil
}

// itemInfo parses an iinf box (ISO/IEC 14496-12, 8.11.6).
func (c *container) itemInfo(m *meta, f *fields) error {
	if version, _ := f.full(); version == 0 {
		f.uint16()
	} else {
		f.uint32()
	}
	if err := c.ended(f, "iinf"); err != nil {
		return err
	}
	return c.boxes(f, func(b box) error {
		if b.kind != "infe" {
			return nil
		}
		f := b.fields()
		version, _ := f.full()
		if version < 2 {
			return nil // of items without a type
		}
		id := f.uint16()
		wide := uint32(id)
		if version > 2 {
			wide = wide<<16 | uint32(f.uint16())
		}
		i, err := m.item(c, wide, b.at)
		if err != nil {
			return err
		}
		if i.kind != "" {
			return c.s.Corrupt(b.at, "item %d is declared twice", wide)
		}
		i.protected = f.uint16() != 0
		i.kind = string(f.skip(4))
		if err := c.ended(f, "infe"); err != nil {
			return err
		}
		f.text() // the name
		if i.kind == "mime" {
			i.mediaType, i.encoding = f.text(), f.text()
		}
		m.order = append(m.order, i)
		return nil
	})
}

// itemLocations parses an iloc box (ISO/IEC 14496-12, 8.11.3).
func (c *container) itemLocations(m *meta, f *fields) error {
	version, _ := f.full()
	sizes := f.uint16()
	offsetSize, lengthSize, baseSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15)
	indexSize := 0
	if version > 0 {
		indexSize = int(sizes & 15)
	}
	for _, n := range []int{offsetSize, lengthSize, baseSize, indexSize} {
		if n != 0 && n != 4 && n != 8 {
			return c.s.Corrupt(f.at, "item locations with fields of size %d", n)
		}
	}
	idSize := 2
	if version > 1 {
		idSize = 4
	}
	for n := f.uint(idSize); n > 0 && !f.short; n-- {
		at := f.at
		i, err := m.item(c, uint32(f.uint(idSize)), at)
		if err != nil {
			return err
		}
		l := location{}
		if version > 0 {
			l.construction = int(f.uint16() & 15)
		}
		l.reference = int(f.uint16())
		l.base = f.uint(baseSize)
		count := int(f.uint16())
		if m.extents += count; m.extents > maxExtents {
			return c.s.Corrupt(at, "more than %d extents of items", maxExtents)
		}
		switch size := indexSize + offsetSize + lengthSize; {
		case size == 0 && count > 1:
			return c.s.Corrupt(at, "item %d has %d parts that are the same", i.id, count)
		case count*size > len(f.b):
			f.skip(len(f.b) + 1)
			return c.ended(f, "iloc")
		}
		l.extents = make([]extent, count)
		for k := range l.extents {
			l.extents[k] = extent{f.uint(indexSize), f.uint(offsetSize), f.uint(lengthSize)}
		}
		if i.place.extents != nil {
			return c.s.Corrupt(at, "item %d has two locations", i.id)
		}
		i.place = l
	}
	return c.ended(f, "iloc")
}

// dataReferences parses a dinf box (ISO/IEC 14496-12, 8.7.1 and 8.7.2). An entry says by its lowest flag that
// it is this file.
func (c *container) dataReferences(m *meta, f *fields) error {
	return c.boxes(f, func(b box) error {
		if b.kind != "dref" {
			return nil
		}
		f := b.fields()
		f.skip(8)
		if err := c.ended(f, "dref"); err != nil {
			return err
		}
		return c.boxes(f, func(b box) error {
			f := b.fields()
			_, flags := f.full()
			m.elsewhere = append(m.elsewhere, flags&1 == 0)
			return c.ended(f, b.kind)
		})
	})
}

// itemReferences parses an iref box (ISO/IEC 14496-12, 8.11.12).
func (c *container) itemReferences(m *meta, f *fields) error {
	idSize := 2
	if version, _ := f.full(); version > 0 {
		idSize = 4
	}
	if err := c.ended(f, "iref"); err != nil {
		return err
	}
	return c.boxes(f, func(b box) error {
		f := b.fields()
		i, err := m.item(c, uint32(f.uint(idSize)), b.at)
		if err != nil {
			return err
		}
		count := int(f.uint16())
		if count*idSize > len(f.b) {
			f.skip(len(f.b) + 1)
			return c.ended(f, b.kind)
		}
		if m.references += count + 1; m.references > maxReferences {
			return c.s.Corrupt(b.at, "more than %d references between items", maxReferences)
		}
		r := reference{kind: b.kind, to: make([]uint32, count)}
		for k := range r.to {
			r.to[k] = uint32(f.uint(idSize))
		}
		i.references = append(i.references, r)
		return c.ended(f, b.kind)
	})
}

// itemProperties parses an iprp box (ISO/IEC 23008-12, 9.3).
func (c *container) itemProperties(m *meta, f *fields) error {
	return c.boxes(f, func(b box) error {
		f := b.fields()
		switch b.kind {
		case "ipco":
			return c.boxes(f, func(p box) error {
				if len(m.properties) == 0x7fff {
					return c.s.Corrupt(p.at, "more than %d properties", 0x7fff)
				}
				m.properties = append(m.properties, p)
				return nil
			})
		case "ipma":
			return c.itemAssociations(m, f)
		}
		return nil
	})
}

// itemAssociations parses an ipma box (ISO/IEC 23008-12, 9.3.1).
func (c *container) itemAssociations(m *meta, f *fields) error {
	version, flags := f.full()
	idSize, size := 2, 1
	if version > 0 {
		idSize = 4
	}
	if flags&1 != 0 {
		size = 2
	}
	for n := f.uint32(); n > 0 && !f.short; n-- {
		at := f.at
		i, err := m.item(c, uint32(f.uint(idSize)), at)
		if err != nil {
			return err
		}
		count := int(f.uint8())
		if m.associations += count; m.associations > maxAssociations {
			return c.s.Corrupt(at, "more than %d associations of properties", maxAssociations)
		}
		for range count {
			v := uint16(f.uint(size))
			if size == 1 {
				v = v&0x80<<8 | v&0x7f
			}
			i.associations = append(i.associations, association(v))
		}
	}
	return c.ended(f, "ipma")
}

// properties returns the properties of an item in their order.
func (m *meta) propertiesOf(i *item) []box {
	var found []box
	for _, a := range i.associations {
		if k := a.index(); k > 0 && k <= len(m.properties) {
			found = append(found, m.properties[k-1])
		}
	}
	return found
}

// property returns the first property of an item of a kind.
func (m *meta) property(i *item, kind string) (b box, ok bool) {
	for _, p := range m.propertiesOf(i) {
		if p.kind == kind {
			return p, true
		}
	}
	return box{}, false
}
