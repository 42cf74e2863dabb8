package heiftest

import "encoding/binary"

// Tiled returns a picture of columns×rows tiles of 64×64 gray pixels, each of them the same item, so that a
// small file has very many pixels. There are 256 of either at most.
func Tiled(columns, rows int) []byte {
	// As x265 codes gray: parameter sets, each with its type and number, and a slice.
	const config = "\x01\x03\x70\x00\x00\x00\x90\x00\x00\x00\x00\x00\x1e\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x03" +
		"\xa0\x00\x01\x00\x18\x40\x01\x0c\x01\xff\xff\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xba\x02\x40" +
		"\xa1\x00\x01\x00\x25\x42\x01\x01\x03\x70\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x1e\xa0\x20\x81\x05\x96" +
		"\xea\x49\x30\xb8\x04\x00\x00\x0f\xa0\x00\x00\x0f\xa0\x20" +
		"\xa2\x00\x01\x00\x07\x44\x01\xc1\x71\x81\xa4\x80"
	const slice = "\x00\x00\x00\x09\x28\x01\xad\x40\xc5\x43\x76\x4e\x70"
	w, h := 64*columns, 64*rows
	grid := fields("\x00\x01", uint8(rows-1), uint8(columns-1), uint32(w), uint32(h))
	tiles := make([]uint16, columns*rows)
	for i := range tiles {
		tiles[i] = 1
	}
	ftyp := box("ftyp", "heic\x00\x00\x00\x00mif1heic")
	const full = uint32(0)
	meta := func(at int) []byte {
		return box("meta", full,
			box("hdlr", full, uint32(0), "pict", make([]byte, 13)),
			box("pitm", full, uint16(2)),
			box("iinf", full, uint16(2), box("infe", uint32(2<<24), uint16(1), uint16(0), "hvc1\x00"),
				box("infe", uint32(2<<24), uint16(2), uint16(0), "grid\x00")),
			box("iloc", full, "\x44\x00", uint16(2),
				uint16(1), uint16(0), uint16(1), uint32(at), uint32(len(slice)),
				uint16(2), uint16(0), uint16(1), uint32(at+len(slice)), uint32(len(grid))),
			box("iref", full, box("dimg", uint16(2), uint16(len(tiles)), tiles)),
			box("iprp", box("ipco", box("hvcC", config), box("ispe", full, uint32(64), uint32(64)), box("ispe", full, uint32(w), uint32(h))),
				box("ipma", full, uint32(2), uint16(1), "\x02\x81\x02", uint16(2), "\x01\x03")))
	}
	head := append(ftyp, meta(len(ftyp)+len(meta(0))+8)...)
	return append(head, box("mdat", slice, grid)...)
}

// fields joins texts and bytes as they are, and integers big-endian in their size.
func fields(parts ...any) (b []byte) {
	for _, p := range parts {
		if s, ok := p.(string); ok {
			p = []byte(s)
		}
		var err error
		if b, err = binary.Append(b, binary.BigEndian, p); err != nil {
			panic(err) // the types above have a size
		}
	}
	return b
}

func box(kind string, parts ...any) []byte {
	body := fields(parts...)
	return fields(uint32(len(body)+8), kind, body)
}
