package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/formats"
)

// readSeeds reads the pictures in folders, by format, and adds those of ours.
func readSeeds(folders []string) (map[*codec.Format][][]byte, error) {
	all := formats.All().Readable()
	seeds := map[*codec.Format][][]byte{}
	large, err := codectest.Large()
	if err != nil {
		return nil, fmt.Errorf("draw large pictures: %w", err)
	}
	for _, file := range append(drawn(), large...) {
		f := all.Detect(file)
		seeds[f] = append(seeds[f], file)
	}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			if info, err := e.Info(); err != nil || info.Size() > maxBytes {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if f := all.Detect(data); f != nil {
				seeds[f] = append(seeds[f], data)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return seeds, nil
}

// drawn returns pictures in formats that are rare in folders of pictures: 64×64 pixels of noise.
func drawn() [][]byte {
	be, le := binary.BigEndian, binary.LittleEndian
	const side = 64
	noise := make([]byte, side*side*4)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}

	qoi := append(be.AppendUint32(be.AppendUint32([]byte("qoif"), side), side), 4, 0)
	for i := range side * side {
		qoi = append(append(qoi, 0xFF), noise[4*i:4*i+4]...) // QOI_OP_RGBA
	}
	qoi = append(qoi, 0, 0, 0, 0, 0, 0, 0, 1)

	psd := append([]byte("8BPS\x00\x01"), make([]byte, 6)...)
	psd = be.AppendUint32(be.AppendUint32(be.AppendUint16(psd, 3), side), side)
	psd = append(psd, 0, 8, 0, 3)              // 8 bits, RGB
	psd = append(psd, make([]byte, 3*4)...)    // three empty sections
	raw := append(append(psd, 0, 0), noise...) // not compressed
	packed := append(bytes.Clone(psd), 0, 1)   // PackBits
	for range 3 * side {
		packed = be.AppendUint16(packed, 2)
	}
	for i := range 3 * side {
		packed = append(packed, (1-side)&0xFF, byte(i))
	}

	ico := []byte{0, 0, 1, 0, 1, 0, side, side, 0, 0, 1, 0, 32, 0}
	ico = le.AppendUint32(le.AppendUint32(ico, uint32(40+len(noise)+side*8)), 22)
	ico = le.AppendUint32(le.AppendUint32(le.AppendUint32(ico, 40), side), 2*side) // BITMAPINFOHEADER
	ico = append(append(ico, 1, 0, 32, 0), make([]byte, 24)...)
	ico = append(append(ico, noise...), make([]byte, side*8)...) // and the mask

	return [][]byte{
		qoi, raw, packed, ico,
		append([]byte("P6 64 64 255\n"), noise...),
		append([]byte("P4 64 64\n"), noise...),
		[]byte("P3 4 4 255\n" + string(bytes.Repeat([]byte("12 200 31 "), 16))),
		append([]byte("P7\nWIDTH 64\nHEIGHT 64\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"), noise...),
	}
}
