// Package ico reads icons and cursors of Windows (ICO and CUR: Microsoft, "Icons in Win32" and
// "Icons and Cursors").
//
// It shows the largest picture of the file and, of several of that size, the deepest. The picture is
// a PNG file or a bitmap without its file header, and is opened with the set of formats that opened
// the icon. Transparency is the alpha channel of a 32-bit bitmap or, if that is empty and in all
// others, the mask behind the pixels; pixels that invert the screen are transparent. The file is
// held in memory. The package never writes.
package ico

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes icons and cursors.
var Format = &codec.Format{
	Name: "ico", Title: "ICO", Aliases: []string{"cur"},
	Refused:    "run lengths",
	Extensions: []string{".ico", ".cur"},
	MediaType:  "image/vnd.microsoft.icon",
	Abilities:  codec.Abilities{Lossless: true, Alpha: true, Palette: true, Bits: 8},
	Detect:     detect,
	Open:       codec.Whole(open),
}

// Lengths of the directory and of its entries, in bytes.
const (
	directoryLength = 6
	entryLength     = 16
)

// detect looks at the first entry as well, for the file has no signature.
func detect(head []byte) bool {
	if len(head) < directoryLength+entryLength {
		return false
	}
	u16 := func(i int) int { return int(binary.LittleEndian.Uint16(head[i:])) }
	kind, count := u16(2), u16(4)
	if u16(0) != 0 || kind != 1 && kind != 2 || count == 0 {
		return false
	}
	size, offset := binary.LittleEndian.Uint32(head[14:]), binary.LittleEndian.Uint32(head[18:])
	reserved := head[9] == 0 || head[9] == 255
	return reserved && size >= 40 && int64(offset) >= directoryLength+entryLength*int64(count)
}
