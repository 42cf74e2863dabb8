package hostiletest

// entry is a field of a TIFF directory.
type entry struct {
	tag, kind uint16
	count     uint32
	data      string // of up to 4 bytes, or what lies elsewhere
}

// text returns a field of text.
func text(tag uint16) entry { return entry{tag, 2, uint32(len(run)), run} }

// blob returns a field of bytes.
func blob(tag uint16, data string) entry { return entry{tag, 7, uint32(len(data)), data} }

// long returns a field of one number.
func long(tag uint16, v int) entry {
	return entry{tag, 4, 1, string(le.AppendUint32(nil, uint32(v)))}
}

// directory returns a TIFF directory for offset at, with the data of its fields behind it, and next as
// the offset of the directory after it.
func directory(at, next int, entries ...entry) []byte {
	out := le.AppendUint16(nil, uint16(len(entries)))
	at += 2 + 12*len(entries) + 4
	var values []byte
	for _, e := range entries {
		out = le.AppendUint16(le.AppendUint16(out, e.tag), e.kind)
		out = le.AppendUint32(out, e.count)
		if len(e.data) <= 4 {
			out = append(out, (e.data + "\x00\x00\x00\x00")[:4]...)
			continue
		}
		out = le.AppendUint32(out, uint32(at+len(values)))
		values = append(append(values, e.data...), make([]byte, len(e.data)&1)...)
	}
	return append(le.AppendUint32(out, uint32(next)), values...)
}

// exif returns an EXIF block whose texts, maker note, position and thumbnail are markers.
func exif() string {
	out := []byte("II*\x00\x08\x00\x00\x00")
	const room = 4096 // for each directory
	for i, entries := range [][]entry{
		{text(0x010e), text(0x010f), text(0x0110), text(0x0131), text(0x013b), blob(0x02bc, run), text(0x8298),
			long(0x8769, 8+room), long(0x8825, 8+2*room), blob(0x9c9b, run), text(0xfde8)},
		{text(0x9003), blob(0x927c, run), blob(0x9286, run), text(0xa420), text(0xa430), text(0xa435)},
		{blob(0x001b, run), blob(0x001c, run), text(0x001d)},
		{long(0x0201, 8+3*room+64), long(0x0202, len(run))}, // a thumbnail
	} {
		next := 0
		if i == 0 {
			next = 8 + 3*room
		}
		d := directory(8+i*room, next, entries...)
		if i == 3 {
			d = append(append(d, make([]byte, 64-len(d))...), run...)
		}
		out = append(append(out, d...), make([]byte, room-len(d))...)
	}
	return string(append(out, run...))
}

// profile returns a matrix profile with markers in texts, private tags, reserved fields and
// between its tags.
func profile() string {
	head := []byte(run[:128])
	copy(head[8:], "\x02\x40\x00\x00mntrRGB XYZ ")
	copy(head[36:], "acsp")
	copy(head[64:], "\x00\x00\x00\x00\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")
	tags := []struct{ name, data string }{
		{"desc", "desc" + Marker[:4] + run}, {"cprt", "text\x00\x00\x00\x00" + run}, {"dmnd", run},
		{"rXYZ", "XYZ " + Marker[:4] + "\x00\x00\x6f\xa2\x00\x00\x38\xf5\x00\x00\x03\x90" + Marker},
		{"gXYZ", "XYZ " + Marker[:4] + "\x00\x00\x62\x99\x00\x00\xb7\x85\x00\x00\x18\xda" + Marker},
		{"bXYZ", "XYZ " + Marker[:4] + "\x00\x00\x24\xa0\x00\x00\x0f\x84\x00\x00\xb6\xcf" + Marker},
		{"wtpt", "XYZ " + Marker[:4] + "\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d" + Marker},
		{"rTRC", "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" + Marker},
		{"gTRC", "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" + Marker},
		{"bTRC", "curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33" + Marker},
		{"priv", run},
	}
	table, values := be.AppendUint32(nil, uint32(len(tags))), ""
	for _, tag := range tags {
		at := 128 + 4 + 12*len(tags) + len(values)
		table = be.AppendUint32(be.AppendUint32(append(table, tag.name...), uint32(at)), uint32(len(tag.data)))
		values += tag.data + Marker
	}
	out := join(head, table, []byte(values))
	be.PutUint32(out, uint32(len(out)))
	return string(out)
}
