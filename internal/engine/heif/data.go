package heif

import "math"

// section is a range of the file.
type section struct{ at, n int64 }

// maxNesting bounds how deep items lie in other items, and derived pictures in one another.
const maxNesting = 8

// sections returns where the data of an item lies in the file. Together they are no longer than the
// file: extents that share bytes are refused.
func (c *container) sections(i *item) ([]section, error) {
	budget := maxExtents
	parts, err := c.sectionsOf(i, &budget, 0)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, c.s.Corrupt(0, "item %d has no data", i.id)
	}
	var sum, end int64
	for _, s := range parts {
		end = max(end, s.at+s.n)
		if s.n > end-sum {
			return nil, c.s.Corrupt(s.at, "the parts of item %d share bytes of the file", i.id)
		}
		sum += s.n
	}
	if ok, err := c.reaches(end); err != nil {
		return nil, err
	} else if !ok {
		return nil, c.s.Corrupt(c.size, "the file ends before byte %d, where item %d ends", end, i.id)
	}
	return parts, nil
}

// sectionsOf is sections without a look at the file. budget is how many sections may still be made.
func (c *container) sectionsOf(i *item, budget *int, depth int) ([]section, error) {
	l := i.place
	switch {
	case depth == maxNesting:
		return nil, c.s.Corrupt(0, "items lie within one another, more than %d deep", maxNesting)
	case l.reference > 0 && l.reference <= len(c.meta.elsewhere) && c.meta.elsewhere[l.reference-1]:
		return nil, c.unsupported("item %d lies in another file", i.id)
	case i.protected:
		return nil, c.unsupported("item %d is encrypted", i.id)
	case len(l.extents) == 0:
		return nil, c.s.Corrupt(0, "item %d has no data", i.id)
	}
	var parts []section
	for _, e := range l.extents {
		within, err := c.source(i, e, budget, depth)
		if err != nil {
			return nil, err
		}
		if e.offset > math.MaxInt64-min(l.base, math.MaxInt64) || e.length > math.MaxInt64 {
			return nil, c.s.Corrupt(0, "item %d lies beyond the end of any file", i.id)
		}
		before := len(parts)
		if parts, err = c.cut(i, parts, within, int64(l.base+e.offset), int64(e.length)); err != nil {
			return nil, err
		}
		if *budget -= len(parts) - before + len(within); *budget < 0 {
			return nil, c.s.Corrupt(0, "item %d is in more than %d parts", i.id, maxExtents)
		}
	}
	return parts, nil
}

// source returns what the offset of an extent counts in.
func (c *container) source(i *item, e extent, budget *int, depth int) ([]section, error) {
	switch i.place.construction {
	case 0:
		n := int64(math.MaxInt64)
		if e.length == 0 {
			var err error
			if n, err = c.length(); err != nil {
				return nil, err
			}
		}
		return []section{{0, n}}, nil
	case 1:
		return []section{{c.meta.data.at, int64(len(c.meta.data.body))}}, nil
	case 2:
		from := i.targets("iloc")
		k := max(e.index, 1) - 1
		if k >= uint64(len(from)) {
			return nil, c.s.Corrupt(0, "item %d lies in an item that it does not name", i.id)
		}
		other := c.meta.items[from[k]]
		if other == nil {
			return nil, c.s.Corrupt(0, "item %d lies in item %d, which is not in the file", i.id, from[k])
		}
		return c.sectionsOf(other, budget, depth+1)
	}
	return nil, c.unsupported("item %d has construction method %d", i.id, i.place.construction)
}

// cut appends n bytes of within to parts, from an offset on; 0 means all that there are.
func (c *container) cut(i *item, parts, within []section, offset, n int64) ([]section, error) {
	all := n == 0
	for _, s := range within {
		if offset >= s.n {
			offset -= s.n
			continue
		}
		take := s.n - offset
		if !all {
			take = min(take, n)
		}
		parts = append(parts, section{s.at + offset, take})
		if n -= take; n == 0 {
			return parts, nil
		}
		offset = 0
	}
	if all && offset == 0 {
		return parts, nil
	}
	return nil, c.s.Corrupt(0, "item %d reaches beyond what it lies in", i.id)
}

// data returns the bytes of an item, at most so many.
func (c *container) data(i *item, most int64) ([]byte, error) {
	parts, err := c.sections(i)
	if err != nil {
		return nil, err
	}
	return c.join(parts, most)
}

// head returns the first bytes of an item, at most so many: it may lie in more bytes than it has.
func (c *container) head(i *item, most int64) ([]byte, error) {
	parts, err := c.sections(i)
	if err != nil {
		return nil, err
	}
	left := most
	for k := range parts {
		parts[k].n = min(parts[k].n, left)
		left -= parts[k].n
	}
	return c.join(parts, most)
}

// join returns the bytes of sections, one behind the other.
func (c *container) join(parts []section, most int64) ([]byte, error) {
	var n int64
	for _, s := range parts {
		n += s.n
	}
	if n > most {
		return nil, c.s.Corrupt(parts[0].at, "an item of %d bytes, where %d are the most", n, most)
	}
	if len(parts) == 1 {
		return c.bytes(parts[0].at, n)
	}
	all := make([]byte, 0, n)
	for _, s := range parts {
		b, err := c.bytes(s.at, s.n)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}
