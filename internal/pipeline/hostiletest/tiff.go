package hostiletest

import "slices"

// addTIFF adds pictures with each kind of private field, directory and gap.
func addTIFF(add adder) {
	clean := rgbTIFF(0, "", nil)
	for name, e := range map[string]entry{
		"text.tiff": text(270), "artist.tiff": text(315), "copyright.tiff": text(33432), "xmp.tiff": blob(700, run),
		"iptc.tiff": blob(33723, run), "photoshop.tiff": blob(34377, run), "private.tiff": text(65000),
		"profile.tiff": blob(34675, profile()), "broken profile.tiff": blob(34675, run),
	} {
		add(name, clean, rgbTIFF(0, run[:64], nil, e))
	}
	sub := directory(further, 0, text(0x9003), blob(0x927c, run), blob(0x9286, run), text(0x001d))
	for name, tag := range map[string]uint16{"exif.tiff": 34665, "position.tiff": 34853, "thumbnails.tiff": 330} {
		add(name, clean, rgbTIFF(0, "", sub, long(tag, further)))
	}
	page := directory(further, 0, long(256, 1), long(257, 1), text(270), long(273, 8), long(279, 64))
	add("second page.tiff", clean, rgbTIFF(further, "", page))
	add("gap.tiff", clean, rgbTIFF(0, run, nil))
	add("after the end.tiff", clean, join(clean, []byte(run), archive()))
}

// further is the offset of the second directory of a TIFF.
const further = 1 << 14

// rgbTIFF returns an uncompressed picture of 30×20 pixels with additional fields, a gap behind its
// pixels, and a second directory. next is the offset of the next page, or 0.
func rgbTIFF(next int, gap string, second []byte, more ...entry) []byte {
	const w, h = 30, 20
	pix := make([]byte, 3*w*h)
	for i := range pix {
		pix[i] = byte(i * 7)
	}
	entries := []entry{
		long(256, w), long(257, h), {258, 3, 3, "\x08\x00\x08\x00\x08\x00"}, long(259, 1), long(262, 2),
		long(273, 8), long(277, 3), long(278, h), long(279, len(pix)),
	}
	entries = append(entries, more...)
	slices.SortFunc(entries, func(a, b entry) int { return int(a.tag) - int(b.tag) })
	at := 8 + len(pix) + len(gap)
	out := join([]byte("II*\x00"), le.AppendUint32(nil, uint32(at)), pix, []byte(gap), directory(at, next, entries...))
	if second != nil {
		out = join(out, make([]byte, further-len(out)), second)
	}
	return out
}
