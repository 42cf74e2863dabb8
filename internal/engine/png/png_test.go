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
	p.Space.ICC = icc
	data, err := encoder{}.Encode(t.Context(), p, codec.EncodeOptions{EXIF: exifBlock})
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

func TestAppendChunkSums(t *testing.T) {
	b := appendChunk(nil, "IEND", nil)
	if want := crc32.ChecksumIEEE([]byte("IEND")); binary.BigEndian.Uint32(b[8:]) != want {
		t.Errorf("% x", b)
	}
}
