package tiff

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// TestHostileDirectories checks that sizes, counts and offsets that no file justifies end with an
// error, without memory for what they claim.
func TestHostileDirectories(t *testing.T) {
	order := binary.LittleEndian
	plain := []tag{
		{tagImageWidth, []uint32{64}}, {tagImageLength, []uint32{64}}, {tagBitsPerSample, []uint16{8}},
		{tagPhotometric, []uint16{blackIsZero}}, {tagStripOffsets, []uint32{8}}, {tagStripByteCounts, []uint32{4096}},
	}
	write := func(change func(dir []byte), replaced ...tag) []byte {
		tags := append([]tag{}, replaced...)
		for _, t := range plain {
			keep := true
			for _, r := range replaced {
				keep = keep && r.tag != t.tag
			}
			if keep {
				tags = append(tags, t)
			}
		}
		dir := appendTags(order, false, tags, 8)
		if change != nil {
			change(dir)
		}
		return append(append([]byte("II*\x00\x08\x00\x00\x00"), dir...), make([]byte, 5000)...)
	}
	// count overwrites the count of an entry, and the offset of its values.
	count := func(number uint16, n, at uint32) func([]byte) {
		return func(dir []byte) {
			for i := range int(order.Uint16(dir)) {
				if e := dir[2+12*i:]; order.Uint16(e) == number {
					order.PutUint32(e[4:], n)
					order.PutUint32(e[8:], at)
				}
			}
		}
	}
	for name, file := range map[string][]byte{
		"giant size":            write(nil, tag{tagImageWidth, []uint32{1 << 30}}, tag{tagImageLength, []uint32{1 << 30}}),
		"no width":              write(nil, tag{tagImageWidth, []uint32{0}}),
		"many strips":           write(count(tagStripOffsets, 1<<31, 8), tag{tagRowsPerStrip, []uint32{1}}),
		"many bits":             write(count(tagBitsPerSample, 1<<31, 1<<31)),
		"too few strips":        write(nil, tag{tagRowsPerStrip, []uint32{1}}),
		"strip without data":    write(nil, tag{tagStripByteCounts, []uint32{0}}, tag{tagStripOffsets, []uint32{0}}),
		"strip beyond the file": write(nil, tag{tagStripOffsets, []uint32{1 << 31}}),
		"giant tiles":           write(nil, tag{tagTileWidth, []uint32{1 << 31}}, tag{tagTileLength, []uint32{1 << 31}}),
		"tiles of no size":      write(nil, tag{tagTileWidth, []uint32{0}}, tag{tagTileLength, []uint32{16}}),
		"short palette":         write(nil, tag{tagPhotometric, []uint16{palette}}, tag{tagColorMap, []uint16{1, 2, 3}}),
		"no entries":            []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"many entries":          []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f"),
		"directory beyond":      []byte("II+\x00\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decodeFile(file)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrLimit) && !errors.Is(err, codec.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
}

// TestCompressedDataStopsWithItsRows checks that data behind the last row is not decompressed.
func TestCompressedDataStopsWithItsRows(t *testing.T) {
	for _, c := range []int{packBits, lzw, deflate, zstandard} {
		d := drawing{w: 64, h: 64, photometric: blackIsZero, compression: c, at: wave(8, unsigned)}.normal()
		file := d.assemble([][]byte{d.compress(t, append(d.raw(0, 0, 64, 64, 0), make([]byte, 2<<20)...), 64, 64)})
		compare(t, "too much data", d, mustDecode(t, "too much data", file))
	}
}
