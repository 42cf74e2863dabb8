// Package psd reads the flattened picture of Photoshop files (Adobe Photoshop File Formats
// Specification, 2019; PSD and, for large pictures, PSB).
//
// Photoshop stores that picture behind the layers unless "maximize compatibility" was off; the
// layers themselves are never read. Modes are bitmap, gray, duotone (as gray), indexed, RGB and
// CMYK, of 1, 8 or 16 bits, raw or with PackBits. The first channel beyond the colours is alpha if
// the sign of the number of layers marks it so; colours that are stored as they look over white are
// then made straight. Lab, multichannel, 32-bit and Deflate files are refused.
//
// Channels are stored one after another, and are pushed so as planes. A picture with alpha is held
// in memory. The package never writes.
package psd

import (
	"encoding/binary"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Format describes Photoshop files.
var Format = &codec.Format{
	Name: "psd", Title: "PSD", Aliases: []string{"psb", "photoshop"},
	Refused:    "Lab and multichannel, 32 bits per sample, Deflate",
	Extensions: []string{".psd", ".psb"},
	MediaType:  "image/vnd.adobe.photoshop",
	Abilities: codec.Abilities{
		Lossless: true, Alpha: true, Profile: true, EXIF: true, XMP: true, IPTC: true, Bits: 8,
	},
	Detect: func(head []byte) bool {
		return len(head) >= 6 && string(head[:4]) == "8BPS" && (head[4] == 0 && (head[5] == 1 || head[5] == 2))
	},
	Open: open,
}

// Colour modes.
const (
	bitmap  = 0
	gray    = 1
	indexed = 2
	rgb     = 3
	cmyk    = 4
	duotone = 8
)

var modeNames = map[int]string{7: "multichannel", 9: "Lab"}

// reader reads the numbers of a file, and counts its bytes.
type reader struct {
	s     *codec.Stream
	large bool // a PSB, some of whose lengths have 8 bytes
	at    int64
	err   error
}

// bytes reads n bytes, which are not many. After an error they are zero.
func (r *reader) bytes(n int) []byte {
	b := make([]byte, n)
	for got := 0; got < n && r.err == nil; {
		var k int
		k, r.err = r.s.Read(b[got:])
		got += k
		r.at += int64(k)
	}
	if r.err != nil {
		clear(b)
	}
	return b
}

func (r *reader) u16() int   { return int(binary.BigEndian.Uint16(r.bytes(2))) }
func (r *reader) u32() int64 { return int64(binary.BigEndian.Uint32(r.bytes(4))) }

// length reads a length, which has 8 bytes in a PSB if wide.
func (r *reader) length(wide bool) int64 {
	if !wide || !r.large {
		return r.u32()
	}
	n := binary.BigEndian.Uint64(r.bytes(8))
	if n > 1<<62 && r.err == nil {
		r.err = r.s.Corrupt(r.at, "a length of %d bytes", n)
	}
	return int64(n & (1<<62 - 1))
}

// skip discards bytes up to an offset of the file.
func (r *reader) skip(to int64) {
	for r.err == nil && r.at < to {
		var k int
		k, r.err = r.s.Discard(int(min(to-r.at, 1<<30)))
		r.at += int64(k)
	}
}
