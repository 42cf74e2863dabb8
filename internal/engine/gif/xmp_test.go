package gif

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"strings"
	"testing"
)

// TestXMP reads packets that are longer than a piece of the file, and those that are not there.
func TestXMP(t *testing.T) {
	var b bytes.Buffer
	m := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.Black, color.White})
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	plain := b.Bytes()
	trailer := []byte{1}
	for v := 255; v >= 0; v-- {
		trailer = append(trailer, byte(v))
	}
	trailer = append(trailer, 0)
	extension := func(name, packet string, trailer []byte) []byte {
		return slices.Concat([]byte("\x21\xff\x0b"+name), []byte(packet), trailer)
	}
	const head = 13 + 3*2 // with the palette of two colours
	insert := func(at int, parts ...[]byte) []byte {
		return slices.Concat(plain[:at], slices.Concat(parts...), plain[at:])
	}
	long := strings.Repeat("<x:xmpmeta>\x05</x:xmpmeta>", 10000)
	end := len(plain) - 1
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"none":                {plain, ""},
		"before the frame":    {insert(head, extension("XMP DataXMP", "<x/>", trailer)), "<x/>"},
		"behind the frame":    {insert(end, extension("XMP DataXMP", "<x/>", trailer)), "<x/>"},
		"long":                {insert(head, extension("XMP DataXMP", long, trailer)), long},
		"two":                 {insert(end, extension("XMP DataXMP", "<x/>", trailer), extension("XMP DataXMP", "<y/>", trailer)), "<x/>"},
		"another application": {insert(head, extension("XMP DataXM!", "<x/>", trailer)), ""},
		"nothing in it":       {insert(head, extension("XMP DataXMP", "", trailer)), ""},
		"short":               {insert(head, extension("XMP DataXMP", "\x04<x/>\x00", nil)), ""},
		"the file ends":       {slices.Concat(plain[:end], extension("XMP DataXMP", strings.Repeat("\xff", 300), nil)), ""},
	} {
		d, err := openFile(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.Header().XMP; string(got) != c.want && name != "the file ends" || len(got) > len(c.file) {
			t.Errorf("%s: %.100q", name, got)
		}
	}
}
