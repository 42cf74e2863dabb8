package tiff

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/iptc"
)

// TestDescriptionBecomesEXIF checks that artist, copyright and the Exif directory arrive, and that a
// picture without a description has no block.
func TestDescriptionBecomesEXIF(t *testing.T) {
	for _, big := range []bool{false, true} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			d := drawing{order: order, big: big, w: 16, h: 16, at: wave(8, unsigned), tags: []tag{
				{tagOrientation, []uint16{6}}, {315, "Ada\x00"}, {33432, "(c) 2026 Ada Lovelace\x00"}, {282, []uint32{72}},
				{270, string(make([]byte, maxField+1))},
			}}
			d.tags = append(d.tags, tag{tagExif, []uint32{0}})
			at := len(d.file(t))
			d.tags[len(d.tags)-1].value = []uint32{uint32(at)}
			file := append(d.file(t), appendTags(order, big, []tag{
				{0x9003, "2026:11:28 21:00:00\x00"}, {37500, []byte("maker note")},
			}, at)...)
			opened, err := openFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h := opened.Header()
			info, err := exif.Parse(h.EXIF)
			if err != nil || info.Artist != "Ada" || info.Copyright != "(c) 2026 Ada Lovelace" || info.Orientation != 6 || h.Orientation != 6 {
				t.Errorf("%+v, %v", info, err)
			}
			if !bytes.Contains(h.EXIF, []byte("2026:11:28")) || bytes.Contains(h.EXIF, []byte("maker note")) || len(h.EXIF) > 400 {
				t.Errorf("the block is %q", h.EXIF)
			}
		}
	}
	plain := drawing{w: 16, h: 16, at: wave(8, unsigned), tags: []tag{{tagOrientation, []uint16{3}}, {282, []uint32{72}}}}
	opened, err := openFile(plain.file(t))
	if err != nil {
		t.Fatal(err)
	}
	if h := opened.Header(); h.EXIF != nil || h.Orientation != 3 {
		t.Errorf("%q, orientation %d", h.EXIF, h.Orientation)
	}
}

// TestXMPAndIPTC checks the tags that hold them, IPTC data as bytes, as numbers of both byte orders, and
// in image resources.
func TestXMPAndIPTC(t *testing.T) {
	iim := []byte("\x1c\x02\x50\x00\x03Ann\x1c\x02\x74\x00\x02An\x00")
	var numbers []uint32
	for i := 0; i < len(iim); i += 4 {
		numbers = append(numbers, binary.LittleEndian.Uint32(iim[i:]))
	}
	resources := iptc.AppendResource(iptc.AppendResource(nil, 0x03ED, []byte("abc")), iptc.ResourceIIM, iim)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for name, value := range map[string]tag{
			"bytes": {tagIPTC, iim}, "numbers": {tagIPTC, numbers}, "resources": {tagPhotoshop, resources}, "wrapped": {tagIPTC, resources},
		} {
			d := drawing{order: order, w: 16, h: 16, at: wave(8, unsigned), tags: []tag{{tagXMP, []byte("<x:xmpmeta/>")}, value}}
			opened, err := openFile(d.file(t))
			if err != nil {
				t.Fatal(err)
			}
			if h := opened.Header(); !bytes.Equal(h.IPTC, iim) || string(h.XMP) != "<x:xmpmeta/>" || h.Missing != nil {
				t.Errorf("%s, %v: IPTC %q, XMP %q, missing %q", name, order, h.IPTC, h.XMP, h.Missing)
			}
		}
	}
	long := drawing{w: 16, h: 16, at: wave(8, unsigned), tags: []tag{{tagXMP, make([]byte, codec.MaxMetadata+1)}}}
	opened, err := openFile(long.file(t))
	if err != nil {
		t.Fatal(err)
	}
	if h := opened.Header(); h.XMP != nil || len(h.Missing) != 1 {
		t.Errorf("too long: %d bytes of XMP, missing %q", len(h.XMP), h.Missing)
	}
}
