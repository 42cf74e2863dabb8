package codectest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"

	"golang.org/x/image/tiff"

	"github.com/imgmill/imgmill/internal/engine/heif/heiftest"
)

var be, le = binary.BigEndian, binary.LittleEndian

// Large returns pictures of many pixels in files of less than 100 kB, in every format that can be read:
// of one colour, of noise that is repeated, and such that leave most of their pixels out. Some are
// long, so that a width of 800 pixels hardly reduces them.
func Large() ([][]byte, error) {
	all := slices.Concat(largeJPEG(), largeWebP(), largeTIFF(), largeBMP(), largeOthers(),
		[][]byte{inks(), heiftest.Tiled(100, 100), heiftest.Tiled(13, 250), heiftest.IPhone})
	add := func(draw func(b *bytes.Buffer) error) error {
		var b bytes.Buffer
		err := draw(&b)
		all = append(all, b.Bytes())
		return err
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	for _, m := range []image.Image{
		image.NewGray(image.Rect(0, 0, 9000, 9000)),                                            // also in an icon
		&image.NRGBA{Rect: image.Rect(0, 0, 800, 20_000), Stride: 0, Pix: make([]byte, 4*800)}, // one row, again and again
		tiled(800, 3500),
	} {
		if err := add(func(b *bytes.Buffer) error { return encoder.Encode(b, m) }); err != nil {
			return nil, err
		}
	}
	for _, size := range []image.Point{{8000, 8000}, {800, 60_000}} {
		m := &image.Paletted{Rect: image.Rectangle{Max: size}, Pix: make([]byte, size.X), Palette: palette.Plan9}
		if err := add(func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) }); err != nil {
			return nil, err
		}
	}
	gray := &image.Gray{Rect: image.Rect(0, 0, 800, 10_000), Pix: make([]byte, 800)}
	if err := add(func(b *bytes.Buffer) error { return jpeg.Encode(b, gray, &jpeg.Options{Quality: 1}) }); err != nil {
		return nil, err
	}
	long := &image.RGBA{Rect: image.Rect(0, 0, 800, 20_000), Pix: make([]byte, 4*800)}
	if err := add(func(b *bytes.Buffer) error {
		return tiff.Encode(b, long, &tiff.Options{Compression: tiff.Deflate})
	}); err != nil {
		return nil, err
	}
	first := slices.IndexFunc(all, func(file []byte) bool { return bytes.HasPrefix(file, []byte("\x89PNG")) })
	return append(all, icon(all[first])), nil
}

// tiled returns a picture of eight rows of noise, which are repeated.
func tiled(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range 8 * m.Stride {
		m.Pix[i] = byte(i*i>>3*7+i>>5) | byte(i&3+1)>>2*255
	}
	for n := 8 * m.Stride; n < len(m.Pix); n *= 2 {
		copy(m.Pix[n:], m.Pix[:n])
	}
	return m
}

// largeJPEG returns pictures with arithmetic coding, which has no least number of bits for a block:
// sequential, in the usual number of scans, and in many.
func largeJPEG() (all [][]byte) {
	for _, size := range [][2]int{{14_000, 14_000}, {3050, 65_500}} {
		head := []byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0}
		head = append(head, bytes.Repeat([]byte{9}, 64)...)
		frame := func(sof byte) []byte {
			out := append(slices.Clone(head), 0xFF, sof, 0, 17, 8)
			out = be.AppendUint16(be.AppendUint16(out, uint16(size[1])), uint16(size[0]))
			return append(out, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
		}
		scan := func(out []byte, band, data string, components ...byte) []byte {
			out = append(out, 0xFF, 0xDA, 0, byte(6+2*len(components)), byte(len(components)))
			for _, c := range components {
				out = append(out, c, min(c-1, 1)*0x11) // its tables
			}
			return append(append(out, band...), data...)
		}
		end := []byte{0xFF, 0xD9}
		all = append(all, append(scan(frame(0xC9), "\x00\x3F\x00", "\x35\x3E\xC0", 1, 2, 3), end...))
		for _, low := range []byte{0, 1, 12} {
			file := scan(frame(0xCA), "\x00\x00\x00", "\x66\x11\x80", 1, 2, 3)
			for at := low; ; at-- {
				for c := range byte(3) {
					high := (at + 1) << 4
					if at == low {
						high = 0
					}
					file = scan(file, string([]byte{1, 63, high | at}), "\xA5\xE3", c+1)
				}
				if at == 0 {
					break
				}
			}
			all = append(all, append(file, end...))
		}
	}
	return all
}

// largeWebP returns lossless pictures whose five codes have one symbol each.
func largeWebP() (all [][]byte) {
	for _, size := range [][2]uint32{{12_000, 16_383}, {800, 16_383}, {64, 64}} {
		chunk := append([]byte("VP8L\x0d\x00\x00\x00"), 0x2F)
		chunk = le.AppendUint32(chunk, size[0]-1|(size[1]-1)<<14|1<<28)
		chunk = append(chunk, "\x07\x10\x11\x11\x88\x88\xfe\x07\x00"...)
		file := le.AppendUint32([]byte("RIFF"), uint32(4+len(chunk)))
		all = append(all, append(append(file, "WEBP"...), chunk...))
	}
	return all
}

// largeTIFF returns white pages with CCITT T.6 coding, of which a row is one bit.
func largeTIFF() (all [][]byte) {
	for _, size := range [][2]uint32{{3000, 65_000}, {800, 100_000}} {
		data := bytes.Repeat([]byte{0xFF}, int(size[1]+7)/8)
		file := le.AppendUint32([]byte("II*\x00"), uint32(8+len(data)))
		file = append(append(file, data...), 9, 0)
		for _, e := range [][2]uint32{
			{256, size[0]}, {257, size[1]}, {258, 1}, {259, 4}, {262, 0}, {273, 8}, {277, 1}, {278, size[1]}, {279, uint32(len(data))},
		} {
			file = le.AppendUint16(le.AppendUint16(file, uint16(e[0])), 4) // LONG
			file = le.AppendUint32(le.AppendUint32(file, 1), e[1])
		}
		all = append(all, append(file, 0, 0, 0, 0))
	}
	return all
}

// inks returns a TIFF of CMYK with repeated colours, compressed with Deflate, and a profile whose table has
// to be looked up for each colour.
func inks() []byte {
	const w, h = 800, 12_000
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	row := bytes.Repeat([]byte("\x10\x90\x31\x07\xf2\x23\x54\x1d"), w/2) // two colours in turn
	for range h {
		if _, err := z.Write(row); err != nil {
			panic(err) // a bytes.Buffer never fails
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	profile := inkProfile()
	bits := le.AppendUint64(nil, 8<<48|8<<32|8<<16|8)
	file := le.AppendUint32([]byte("II*\x00"), uint32(16+data.Len()+len(profile)))
	file = append(append(append(file, bits...), data.Bytes()...), profile...)
	file = append(file, 10, 0)
	for _, e := range [][4]uint32{
		{256, 4, 1, w}, {257, 4, 1, h}, {258, 3, 4, 8}, {259, 4, 1, 8}, {262, 4, 1, 5}, {273, 4, 1, 16}, {277, 4, 1, 4},
		{278, 4, 1, h}, {279, 4, 1, uint32(data.Len())}, {34675, 7, uint32(len(profile)), uint32(16 + data.Len())},
	} {
		file = le.AppendUint16(le.AppendUint16(file, uint16(e[0])), uint16(e[1]))
		file = le.AppendUint32(le.AppendUint32(file, e[2]), e[3])
	}
	return append(file, 0, 0, 0, 0)
}

// inkProfile returns a profile of CMYK with a table of five points along each ink (ICC.1:2022, 10.10).
func inkProfile() []byte {
	table := append([]byte("mft2\x00\x00\x00\x00\x04\x03\x05\x00"), make([]byte, 36)...)
	table = append(table, 0, 2, 0, 2)
	table = append(table, bytes.Repeat([]byte{0, 0, 0xFF, 0xFF}, 4)...)
	for i := range 5 * 5 * 5 * 5 {
		light := 4 - max(i/125, i/25%5, i/5%5, i%5)
		table = be.AppendUint16(table, uint16(light*0xFF00/4)) // L*
		table = append(table, 0x80, byte(i), 0x80, byte(i/5))
	}
	table = append(table, bytes.Repeat([]byte{0, 0, 0xFF, 0xFF}, 3)...)
	head := make([]byte, 128)
	be.PutUint32(head, uint32(128+4+12+len(table)))
	copy(head[8:], "\x02\x40\x00\x00prtrCMYKLab ")
	copy(head[36:], "acsp")
	copy(head[68:], "\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d") // D50
	head = append(head, "\x00\x00\x00\x01A2B0\x00\x00\x00\x90"...)
	return append(be.AppendUint32(head, uint32(len(table))), table...)
}

// largeBMP returns run lengths: of one colour, and with no pixel at all.
func largeBMP() (all [][]byte) {
	for _, c := range []struct {
		w, h int
		runs []byte
	}{
		{14_000, 14_000, []byte{0, 1}},
		{800, 200_000, []byte{0, 1}},
		{800, 60_000, bytes.Repeat([]byte{0, 2, 0, 7, 255, 3}, 9000)},
		{800, 9000, bytes.Repeat([]byte{255, 1, 255, 1, 255, 1, 35, 1, 0, 0}, 9000)},
	} {
		file := append([]byte("BM"), make([]byte, 8)...)
		file = le.AppendUint32(file, 14+40+8)
		file = le.AppendUint32(file, 40)
		file = le.AppendUint32(le.AppendUint32(file, uint32(c.w)), uint32(c.h))
		file = append(file, 1, 0, 8, 0, 1, 0, 0, 0) // RLE8
		file = append(file, make([]byte, 12)...)
		file = le.AppendUint32(le.AppendUint32(file, 2), 0)
		file = append(file, 255, 0, 0, 0, 0, 255, 0, 0)
		all = append(all, append(append(file, c.runs...), 0, 1))
	}
	return all
}

// largeOthers returns pictures in formats that take a line or two each.
func largeOthers() [][]byte {
	qoi := append(be.AppendUint32(be.AppendUint32([]byte("qoif"), 800), 7000), 4, 0)
	qoi = append(qoi, bytes.Repeat([]byte{0xFD}, 800*7000/62+1)...) // runs of 62 pixels
	qoi = append(qoi, 0, 0, 0, 0, 0, 0, 0, 1)
	return [][]byte{
		qoi,
		append([]byte("P4 800 900\n"), make([]byte, 90_000)...),
		append([]byte("P4 8 90000\n"), make([]byte, 90_000)...),
		append([]byte("P5 80 550 65535\n"), make([]byte, 2*80*550)...),
		append([]byte("P1 300 300\n"), bytes.Repeat([]byte{'1'}, 90_000)...),
		append([]byte("P3 110 100 255\n"), bytes.Repeat([]byte("1 0 "), 16_500)...),
		photoshop(0, 1, 1, 14_000, 1600), photoshop(3, 3, 8, 800, 1500), photoshop(3, 4, 8, 800, 1100),
		photoshop(4, 5, 8, 800, 900), photoshop(1, 1, 16, 800, 2500),
	}
}

// photoshop returns a PSD whose rows are PackBits of one value.
func photoshop(mode, channels, bits, w, h int) []byte {
	file := append([]byte("8BPS\x00\x01"), make([]byte, 6)...)
	file = be.AppendUint16(file, uint16(channels))
	file = be.AppendUint32(be.AppendUint32(file, uint32(h)), uint32(w))
	file = be.AppendUint16(be.AppendUint16(file, uint16(bits)), uint16(mode))
	file = append(append(file, make([]byte, 12)...), 0, 1)
	var row []byte
	for n := (w*bits + 7) / 8; n > 0; n -= min(n, 128) {
		row = append(row, byte(257-min(n, 128)), 5)
	}
	for range channels * h {
		file = be.AppendUint16(file, uint16(len(row)))
	}
	return append(file, bytes.Repeat(row, channels*h)...)
}

// icon returns an ICO with one picture.
func icon(file []byte) []byte {
	out := append([]byte{0, 0, 1, 0, 1, 0}, 0, 0, 0, 0, 1, 0, 32, 0)
	out = le.AppendUint32(le.AppendUint32(out, uint32(len(file))), 22)
	return append(out, file...)
}
