package hostiletest

import (
	"bytes"
	"compress/zlib"
	"io"
)

// Blank returns a PNG of one colour, with bits a sample, of a colour type of the PNG specification
// (section 11.2.1): many pixels in few bytes. It is made without its pixels in memory.
func Blank(width, height, bits, colorType int, interlaced bool) []byte {
	channels := map[int]int{0: 1, 2: 3, 6: 4}[colorType]
	passes := [][4]int{{0, 0, 1, 1}} // the first column and row, and the distances
	interlace := byte(0)
	if interlaced { // section 8.2
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
		interlace = 1
	}
	var data bytes.Buffer
	z, _ := zlib.NewWriterLevel(&data, zlib.BestSpeed) // the level exists
	for _, p := range passes {
		columns, rows := (width-p[0]+p[2]-1)/p[2], (height-p[1]+p[3]-1)/p[3]
		row := 1 + (columns*bits*channels+7)/8 // the first byte is the filter's
		io.CopyN(z, zeros{}, int64(row)*int64(rows))
	}
	z.Close()
	header := be.AppendUint32(be.AppendUint32(nil, uint32(width)), uint32(height))
	header = append(header, byte(bits), byte(colorType), 0, 0, interlace)
	return join([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string(header)), chunk("IDAT", data.String()), chunk("IEND", ""))
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
