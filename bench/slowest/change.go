package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// sizes are numbers that files like to lie with.
var sizes = []uint32{0, 1, 2, 255, 256, 1000, 4000, 10_000, 14_000, 16_383, 32_767, 65_535, 1 << 20, 1<<32 - 1}

// changed returns a copy of a file with one to four changes.
func (s *search) changed(file []byte) []byte {
	file = slices.Clone(file)
	for range 1 + s.random.IntN(4) {
		if len(file) < 16 {
			break
		}
		file = s.change(file)
	}
	fixChecksums(file)
	return file
}

// change makes one change, most often near the start, where headers are.
func (s *search) change(file []byte) []byte {
	at := s.random.IntN(len(file) - 4)
	if s.random.IntN(2) == 0 {
		at = s.random.IntN(min(len(file)-4, 128))
	}
	number := sizes[s.random.IntN(len(sizes))]
	switch s.random.IntN(9) {
	case 0:
		file[at] = byte(s.random.Uint32())
	case 1:
		file[at] ^= 1 << s.random.IntN(8)
	case 2:
		binary.LittleEndian.PutUint16(file[at:], uint16(number))
	case 3:
		binary.BigEndian.PutUint16(file[at:], uint16(number))
	case 4:
		binary.LittleEndian.PutUint32(file[at:], number)
	case 5:
		binary.BigEndian.PutUint32(file[at:], number)
	case 6: // a part again
		n := min(1+s.random.IntN(4096), len(file)-at)
		return slices.Insert(file, at, slices.Clone(file[at:at+n])...)
	case 7: // a run
		return slices.Insert(file, at, bytes.Repeat([]byte{byte(s.random.Uint32())}, 1+s.random.IntN(4096))...)
	case 8: // a part less
		return slices.Delete(file, at, min(at+1+s.random.IntN(1024), len(file)))
	}
	return file
}

// fixChecksums makes the checksums of a PNG's chunks right, as an attacker would.
func fixChecksums(file []byte) {
	if !bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")) {
		return
	}
	for rest := file[8:]; len(rest) >= 12; {
		n := uint64(binary.BigEndian.Uint32(rest)) + 8
		if n+4 > uint64(len(rest)) {
			return
		}
		binary.BigEndian.PutUint32(rest[n:], crc32.ChecksumIEEE(rest[4:n]))
		rest = rest[n+4:]
	}
}
