package hostiletest

import "strings"

// bitmap is a BMP of 5×2 pixels in the making. Its texts are put where they fit.
type bitmap struct {
	bits, compression          int
	reserved, extra, gap, tail string // in the file header, in the bitmap header, before and behind the pixels
	table, pixels, profile     string
}

func (b bitmap) bytes() []byte {
	length := 40
	if b.profile != "" || b.bits == 32 {
		length = 124
	}
	header := make([]byte, length)
	le.PutUint32(header, uint32(length))
	header[4], header[8] = 5, 2
	header[12], header[14], header[16] = 1, byte(b.bits), byte(b.compression)
	copy(header[24:32], b.extra) // the resolution
	if b.bits == 32 {
		for i, mask := range []uint32{0xff0000, 0xff00, 0xff, 0xff000000} {
			le.PutUint32(header[40+4*i:], mask)
		}
	}
	at := 14 + length + len(b.table) + len(b.gap)
	if b.profile != "" {
		copy(header[56:], "DEBM")
		le.PutUint32(header[112:], uint32(at-14+len(b.pixels)))
		le.PutUint32(header[116:], uint32(len(b.profile)))
	}
	file := append([]byte("BM"), make([]byte, 12)...)
	copy(file[6:10], b.reserved)
	le.PutUint32(file[10:], uint32(at))
	return join(file, header, []byte(b.table+b.gap+b.pixels+b.profile+b.tail))
}

// addBMP adds bitmaps with markers in each field, table, gap and padding that shows nothing.
func addBMP(add adder) {
	const row, blank = "\x01\x00\x01\x00\x01", "\x00\x00\x00"
	const colours = "\x10\x20\x30\x00\xf0\xe0\xd0\x00"
	plain := bitmap{bits: 8, table: colours + strings.Repeat("\x00", 4*254), pixels: row + blank + row + blank}
	for name, change := range map[string]func(*bitmap){
		"reserved.bmp":       func(b *bitmap) { b.reserved, b.extra = Marker[:4], Marker },
		"gap.bmp":            func(b *bitmap) { b.gap = run },
		"after the end.bmp":  func(b *bitmap) { b.tail = run },
		"an archive.bmp":     func(b *bitmap) { b.tail = string(archive()) },
		"unused colours.bmp": func(b *bitmap) { b.table = colours + strings.Repeat(run, 4)[:4*254] },
		"padding.bmp":        func(b *bitmap) { b.pixels, b.tail = row+Marker[:3]+row+Marker[3:6], Marker },
		"profile.bmp":        func(b *bitmap) { b.profile = profile() },
		"broken profile.bmp": func(b *bitmap) { b.profile = run },
	} {
		data := plain
		change(&data)
		add(name, plain.bytes(), data.bytes())
	}
	plain.compression, plain.pixels = 1, "\x05\x00\x00\x00\x05\x01\x00\x01"
	data := plain
	data.tail = run
	add("behind the runs.bmp", plain.bytes(), data.bytes())

	hidden := func(text string) bitmap {
		pix := append(make([]byte, 36), 1, 2, 3, 255)
		for i := 0; i < 36 && text != ""; i++ {
			if i%4 < 3 {
				pix[i] = text[i%len(text)]
			}
		}
		return bitmap{bits: 32, compression: 3, pixels: string(pix), tail: text}
	}
	add("hidden colours.bmp", hidden("").bytes(), hidden(Marker).bytes())
}
