package png

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

func TestProfileAndEXIFAreWritten(t *testing.T) {
	p := plane.New(plane.NewLayout(plane.RGB, true, 5, 4, 1, 1))
	icc := bytes.Repeat([]byte{1, 2, 3, 4}, 100)
	exifBlock := []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copy(icc[16:], "RGB ")
	p.Space.ICC = icc
	data, err := encoder{}.Encode(t.Context(), p, codec.EncodeOptions{Metadata: codec.Metadata{EXIF: exifBlock}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil { // checks every chunk's sum
		t.Error(err)
	}
	d, err := codec.Set{Format}.Open(bytes.NewReader(data), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if h := d.Header(); !bytes.Equal(h.Layout.Space.ICC, icc) || !bytes.Equal(h.EXIF, exifBlock) {
		t.Errorf("ICC %d bytes, EXIF %d bytes", len(h.Layout.Space.ICC), len(h.EXIF))
	}
}

func TestProfileOfAnotherModelIsLeftOut(t *testing.T) {
	icc := make([]byte, 400)
	copy(icc[16:], "GRAY")
	for _, m := range []plane.Model{plane.Gray, plane.RGB} {
		p := plane.New(plane.NewLayout(m, true, 5, 4, 1, 1))
		p.Space.ICC = icc
		p.Pix[0][3], p.Pix[len(p.Pix)-1][3] = 99, 99
		data, err := encoder{}.Encode(t.Context(), p, codec.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		h := openBytes(t, data, 1).Header()
		if kept := h.Layout.Space.ICC != nil; kept != (m == plane.Gray) || h.Layout.Model != m {
			t.Errorf("a gray profile beside %v: kept is %t; the file is %v", m, kept, h.Layout.Model)
		}
	}
}

func TestAppendChunkSums(t *testing.T) {
	b := appendChunk(nil, "IEND", nil)
	if want := crc32.ChecksumIEEE([]byte("IEND")); binary.BigEndian.Uint32(b[8:]) != want {
		t.Errorf("% x", b)
	}
}
