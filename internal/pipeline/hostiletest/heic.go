package hostiletest

import "strings"

// addHEIC adds pictures of 64×64 gray pixels with names, items, properties and boxes of every kind, with
// bytes between and behind them, and with units beside the picture in its data.
func addHEIC(add adder) {
	clean := heic{}.bytes()
	sei := "\x4e\x01" + run
	for name, h := range map[string]heic{
		"exif":               {kind: "Exif", item: "\x00\x00\x00\x06Exif\x00\x00" + exif()},
		"xmp":                {kind: "mime", media: "application/rdf+xml\x00\x00", item: run},
		"unknown item":       {kind: "PLAN", item: run},
		"item name":          {name: run},
		"handler name":       {handler: run},
		"profile":            {property: box("colr", "prof", profile())},
		"broken profile":     {property: box("colr", "prof", run)},
		"unknown property":   {property: box("uuid", "0123456789abcdef", run)},
		"free property":      {property: box("free", run)},
		"message":            {before: string(be.AppendUint32(nil, uint32(len(sei)))) + sei},
		"behind the picture": {behind: run},
		"brand":              {brands: Marker},
		"free box":           {tail: box("free", run)},
		"motion photo":       {tail: box("mpvd", run)},
		"after the end":      {tail: run},
		"a page":             {tail: "<html>" + run + string(archive())},
	} {
		add(name+".heic", clean, h.bytes())
	}
}

// heic is a file of one picture, and what is special about it.
type heic struct {
	brands, handler, name string
	kind, media, item     string // a second item
	property              string // a box
	before                string // units before those of the picture
	behind                string // in mdat
	tail                  string
}

func box(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return string(be.AppendUint32(nil, uint32(len(body)+8))) + kind + body
}

func (h heic) bytes() []byte {
	// As x265 codes gray: parameter sets, each with its type and number, and a slice.
	const sets = "\xa0\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xba\x02\x40" +
		"\xa1\x00\x01\x00\x25\x42\x01\x01\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xa0\x20\x81\x05\x96\xea\x49\x30\xb8\x04" +
		"\x00\x00\x0f\xa0\x00\x00\x0f\xa0\x20" +
		"\xa2\x00\x01\x00\x07\x44\x01\xc1\x71\x81\xa4\x80"
	const slice = "\x00\x00\x00\x09\x28\x01\xad\x40\xc5\x43\x76\x4e\x70"
	short := func(n int) string { return string(be.AppendUint16(nil, uint16(n))) }
	long := func(n int) string { return string(be.AppendUint32(nil, uint32(n))) }
	const zero = "\x00\x00\x00\x00"
	info := func(id int, kind, name, rest string) string {
		return box("infe", "\x02\x00\x00\x00", short(id), "\x00\x00", kind, name, "\x00", rest)
	}
	ftyp := box("ftyp", "heic", zero, "mif1heic", h.brands)
	coded := h.before + slice
	mdat := box("mdat", coded, h.item, h.behind)
	meta := func(at int) string {
		infos, places, n := info(1, "hvc1", h.name, ""), short(1)+"\x00\x00\x00\x01"+long(at)+long(len(coded)), 1
		if h.kind != "" {
			infos += info(2, h.kind, h.name, h.media)
			places += short(2) + "\x00\x00\x00\x01" + long(at+len(coded)) + long(len(h.item))
			n++
		}
		config := "\x01\x03\x70\x00\x00\x00\x90\x00\x00\x00\x00\x00\x1e\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x03" + sets
		associations := "\x02\x81\x02"
		if h.property != "" {
			associations = "\x03\x81\x02\x03"
		}
		return box("meta", zero, box("hdlr", zero, zero, "pict", zero, zero, zero, h.handler, "\x00"),
			box("pitm", zero, short(1)), box("iinf", zero, short(n), infos), box("iloc", zero, "\x44\x00", short(n), places),
			box("iprp", box("ipco", box("hvcC", config), box("ispe", zero, long(64), long(64)), h.property),
				box("ipma", zero, long(1), short(1), associations)))
	}
	return []byte(ftyp + meta(len(ftyp)+len(meta(0))+8) + mdat + h.tail)
}
