package exif

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestOrientationTable(t *testing.T) {
	// Where stored row 0 is displayed: at the left or right exactly when the sides swap.
	row := map[Orientation]string{
		1: "top", 2: "top", 3: "bottom", 4: "bottom", 5: "left", 6: "right", 7: "right", 8: "left",
	}
	for v := 0; v <= 255; v++ {
		o := Orientation(v)
		_, valid := row[o]
		if o.Valid() != valid {
			t.Errorf("Orientation(%d).Valid() = %t", v, o.Valid())
		}
		if swaps := row[o] == "left" || row[o] == "right"; o.Swaps() != swaps {
			t.Errorf("Orientation(%d).Swaps() = %t", v, o.Swaps())
		}
	}
	if TopLeft != 1 || RightTop != 6 || LeftBottom != 8 {
		t.Errorf("names have the wrong values: TopLeft %d, RightTop %d, LeftBottom %d",
			TopLeft, RightTop, LeftBottom)
	}
}

func TestParseOrientation(t *testing.T) {
	for mark, order := range byteOrders {
		for v := uint16(0); v <= 10; v++ {
			want := Orientation(v)
			if v > 8 {
				want = 0
			}
			forms := map[string]field{
				"short": short(order, tagOrientation, v),
				"long":  {tagOrientation, typeLong, 1, order.AppendUint32(nil, uint32(v))},
				"byte":  {tagOrientation, typeByte, 1, []byte{byte(v)}},
			}
			for form, f := range forms {
				info, err := Parse(build(mark, []field{ascii(0x010F, "maker of the camera\x00"), f}))
				if err != nil || info.Orientation != want {
					t.Errorf("%s %s %d: got %d, %v", mark, form, v, info.Orientation, err)
				}
			}
		}
		// 256+6 must not be mistaken for 6.
		if info, err := Parse(build(mark,
			[]field{short(order, tagOrientation, 262)})); err != nil || info != (Info{}) {
			t.Errorf("%s 262: got %+v, %v", mark, info, err)
		}
	}
}

func TestParseText(t *testing.T) {
	tests := []struct{ stored, artist, copyright string }{
		{"", "", ""},
		{"\x00", "", ""},
		{"Ann\x00", "Ann", "Ann"},
		{"Ann", "Ann", "Ann"},
		{"Ann Example\x00", "Ann Example", "Ann Example"},
		{"Ann Example      \x00", "Ann Example", "Ann Example"},
		{"          \x00\x00\x00\x00", "", ""},
		{"Ann\x00Bob\x00", "Ann", "Ann\x00Bob"},
		{" \x00Bob the editor\x00", "", " \x00Bob the editor"},
		{"Zoë 写真\x00", "Zoë 写真", "Zoë 写真"},
		{"\xff\xfe\x00", "\xff\xfe", "\xff\xfe"},
	}
	for _, test := range tests {
		for mark, order := range byteOrders {
			b := build(mark, []field{
				short(order, tagOrientation, 6), ascii(tagArtist, test.stored),
				{tagCopyright, typeUTF8, uint32(len(test.stored)), []byte(test.stored)},
			})
			got, err := Parse(b)
			if want := (Info{Orientation: 6, Artist: test.artist, Copyright: test.copyright}); err != nil || got != want {
				t.Errorf("%s %q: got %+v, %v, want %+v", mark, test.stored, got, err, want)
			}
		}
	}
}

func TestParseDamage(t *testing.T) {
	le := byteOrders["II"]
	orientation := short(le, tagOrientation, 8)
	whole := build("II", []field{orientation, ascii(tagArtist, "Ann Example\x00")})
	with := func(at int, bytes ...byte) []byte {
		b := append([]byte(nil), whole...)
		copy(b[at:], bytes)
		return b
	}
	tests := []struct {
		name  string
		block []byte
		want  Info
		at    string
	}{
		{"empty", nil, Info{}, "byte 0:"},
		{"truncated header", whole[:7], Info{}, "byte 7:"},
		{"invalid byte order", with(0, []byte("Exif")...), Info{}, "byte 0:"},
		{"BigTIFF", with(2, 43), Info{}, "byte 2:"},
		{"directory in the header", with(4, 4), Info{}, "byte 4:"},
		{"directory past the end", with(4, 0xff, 0xff, 0xff, 0xff), Info{}, "byte 4294967295:"},
		{"truncated in the second entry", whole[:30], Info{Orientation: 8}, "byte 22:"},
		{"truncated in the first entry", whole[:15], Info{}, "byte 10:"},
		{
			"more entries claimed than present",
			append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), whole[10:22]...),
			Info{Orientation: 8}, "byte 22:",
		},
		{"text past the end", whole[:40], Info{Orientation: 8}, "byte 22:"},
		{"text far past the end", with(30, 0xff, 0xff, 0xff, 0xff), Info{Orientation: 8}, "byte 22:"},
		{"text of huge length", with(26, 0xff, 0xff, 0xff, 0xff), Info{Orientation: 8}, "byte 22:"},
		{"text of the wrong type", with(24, typeLong), Info{Orientation: 8}, "byte 22:"},
		{"orientation with two values", with(14, 2), Info{Artist: "Ann Example"}, "byte 10:"},
		{"orientation as text", with(12, typeASCII), Info{Artist: "Ann Example"}, "byte 10:"},
		{
			"text over the limit",
			build("II", []field{ascii(tagArtist, strings.Repeat("a", maxText+1)), orientation}),
			Info{Orientation: 8}, "byte 10:",
		},
	}
	for _, test := range tests {
		got, err := Parse(test.block)
		if err == nil || !strings.Contains(err.Error(), test.at) {
			t.Errorf("%s: error %v does not contain %q", test.name, err, test.at)
		}
		if got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
	// A missing link after the last directory is so common that it does not count as damage.
	if got, err := Parse(build("II", []field{orientation})[:22]); err != nil || got.Orientation != 8 {
		t.Errorf("no link: got %+v, %v", got, err)
	}
	// If a tag occurs twice, the first counts.
	if got, err := Parse(build("II",
		[]field{orientation, short(le, tagOrientation, 3)})); err != nil || got.Orientation != 8 {
		t.Errorf("repeated tag: got %+v, %v", got, err)
	}
}

// camera returns a block as cameras write it: the picture's directory, the Exif directory, and a
// thumbnail at the end.
func camera(mark string, orientation uint16, width, height int, thumbnail []byte) []byte {
	order := byteOrders[mark]
	long := func(tag uint16, v int) field { return field{tag, typeLong, 1, order.AppendUint32(nil, uint32(v))} }
	picture := []field{
		long(tagImageWidth, width), long(tagImageLength, height), ascii(0x010F, "maker\x00"),
		short(order, tagOrientation, orientation), ascii(tagArtist, "Ann Example\x00"), long(tagExifIFD, 0),
	}
	exif := []field{short(order, tagPixelXDimension, uint16(width)), long(tagPixelYDimension, height)}
	small := []field{short(order, 0x0103, 6), long(tagThumbnailOffset, 0), long(tagThumbnailLength, len(thumbnail))}
	// The Exif directory comes between the two, and is linked from the picture's instead.
	b := build(mark, picture, exif, small)
	exifAt := order.Uint32(b[headerSize+2+len(picture)*entrySize:])
	link := int(exifAt) + 2 + len(exif)*entrySize
	smallAt := order.Uint32(b[link:])
	order.PutUint32(b[headerSize+2+5*entrySize+8:], exifAt)
	order.PutUint32(b[headerSize+2+len(picture)*entrySize:], smallAt)
	order.PutUint32(b[link:], 0)
	if thumbnail == nil {
		order.PutUint32(b[headerSize+2+len(picture)*entrySize:], 0)
		return b[:smallAt]
	}
	order.PutUint32(b[int(smallAt)+2+entrySize+8:], uint32(len(b)))
	return append(b, thumbnail...)
}

func TestResized(t *testing.T) {
	thumbnail := bytes.Repeat([]byte("uncropped"), 50)
	for mark := range byteOrders {
		for v := uint16(1); v <= 8; v++ {
			before := camera(mark, v, 4000, 3000, thumbnail)
			given := bytes.Clone(before)
			got := Resized(given, Picture{Width: 320, Height: 200})
			if !bytes.Equal(given, before) {
				t.Fatalf("%s %d: the input was modified", mark, v)
			}
			if bytes.Contains(got, []byte("uncropped")) || len(got) != len(before)-len(thumbnail) {
				t.Errorf("%s %d: the thumbnail is still there: %d bytes of %d", mark, v, len(got), len(before))
			}
			want := camera(mark, 1, 320, 200, nil)
			if !bytes.Equal(got[:len(want)], want) {
				t.Errorf("%s %d: got\n%x, want\n%x", mark, v, got[:len(want)], want)
			}
		}
	}
}

// TestThumbnailInTheMiddle clears a thumbnail that is followed by other data.
func TestThumbnailInTheMiddle(t *testing.T) {
	b := append(camera("II", 6, 40, 30, []byte("uncropped")), "maker note"...)
	got := Resized(b, Picture{Width: 40, Height: 30})
	if bytes.Contains(got, []byte("uncropped")) || !bytes.HasSuffix(got, []byte("maker note")) || len(got) != len(b) {
		t.Errorf("got %q", got)
	}
}

func TestAdobeRGB(t *testing.T) {
	for mark, order := range byteOrders {
		for _, c := range []struct {
			space uint16
			index string
			want  bool
		}{
			{1, "R98\x00", false}, {0xFFFF, "R03\x00", true}, {0xFFFF, "R98\x00", false}, {0xFFFF, "", false}, {2, "", true}, {1, "R03\x00", false},
		} {
			long := func(tag uint16) field { return field{tag, typeLong, 1, order.AppendUint32(nil, 0)} }
			b := build(mark, []field{long(tagExifIFD)}, []field{short(order, tagColorSpace, c.space), long(tagInteropIFD)},
				[]field{ascii(tagInteropIndex, c.index)})
			exifAt := order.Uint32(b[headerSize+2+entrySize:])
			interopAt := order.Uint32(b[int(exifAt)+2+2*entrySize:])
			order.PutUint32(b[headerSize+2+8:], exifAt)
			order.PutUint32(b[int(exifAt)+2+entrySize+8:], interopAt)
			if info, err := Parse(b); err != nil || info.AdobeRGB != c.want {
				t.Errorf("%s, colour space %d, index %q: %+v, %v", mark, c.space, c.index, info, err)
			}
		}
	}
	le := byteOrders["II"]
	nowhere := build("II", []field{{tagExifIFD, typeLong, 1, le.AppendUint32(nil, 1<<31)}})
	if info, err := Parse(nowhere); err != nil || info.AdobeRGB {
		t.Errorf("a link to nowhere: %+v, %v", info, err)
	}
}

func TestResizedLeavesTheRestUnchanged(t *testing.T) {
	le := byteOrders["II"]
	same := map[string][]byte{
		"none":       build("II", []field{ascii(tagArtist, "Ann Example\x00")}),
		"text":       build("II", []field{ascii(tagOrientation, "six")}),
		"two values": build("II", []field{{tagOrientation, typeShort, 2, []byte{6, 0, 6, 0}}}),
		"not TIFF":   []byte("II+\x00\x08\x00\x00\x00 and so on"),
		"empty":      {},
		"nil":        nil,
		"too small":  build("II", []field{{tagImageWidth, typeByte, 1, []byte{200}}}),
	}
	for name, b := range same {
		if got := Resized(b, Picture{Width: 1000, Height: 1000}); !bytes.Equal(got, b) {
			t.Errorf("%s: got %q, want %q", name, got, b)
		}
	}

	// A thumbnail whose range covers the picture's directory is forged: clearing it would clear that.
	b := camera("II", 6, 40, 30, []byte("thumb"))
	smallAt := int(le.Uint32(b[headerSize+2+6*entrySize:]))
	le.PutUint32(b[smallAt+2+entrySize+8:], headerSize)
	if info, err := Parse(Resized(b, Picture{Width: 40, Height: 30})); err != nil || info.Orientation != 1 || info.Artist != "Ann Example" {
		t.Errorf("forged thumbnail: got %+v, %v", info, err)
	}

	// A directory that links to itself must not loop.
	loop := build("II", []field{short(le, tagOrientation, 6)})
	le.PutUint32(loop[22:], 8)
	if info, err := Parse(Resized(loop, Picture{Width: 1, Height: 1})); err != nil || info.Orientation != 1 {
		t.Errorf("loop: got %+v, %v", info, err)
	}

	// The remaining entries of a truncated block are still set.
	cut := build("II", []field{short(le, tagOrientation, 6), short(le, 0x0128, 2)})[:30]
	if info, err := Parse(Resized(cut, Picture{Width: 1, Height: 1})); err == nil || info.Orientation != 1 {
		t.Errorf("truncated: got %+v, %v", info, err)
	}
}

func TestCopyrightOnly(t *testing.T) {
	texts := []string{"", "A", "Ann", "Anna", "Ann Example", "Zoë 写真", "\xff",
		strings.Repeat("long ", 3000) + "."}
	rights := append(texts, "Ann\x00Bob", " \x00Bob")
	for _, artist := range texts {
		for _, copyright := range rights {
			want := Info{Artist: artist, Copyright: copyright}
			b := CopyrightOnly(Info{Orientation: 6, Artist: artist, Copyright: copyright})
			if artist == "" && copyright == "" {
				if b != nil {
					t.Errorf("empty fields: got a block of %d bytes, want none", len(b))
				}
				continue
			}
			if got, err := Parse(b); err != nil || got != want {
				t.Errorf("%.20q, %.20q: got %.40q, %v", artist, copyright, fmt.Sprint(got), err)
			}
			if len(b) > 65533-len("Exif\x00\x00") {
				t.Errorf("%.20q, %.20q: %d bytes do not fit a JPEG segment", artist, copyright, len(b))
			}
		}
	}
	if b := CopyrightOnly(Info{Orientation: 6, Artist: "   ", Copyright: " \x00\x00 "}); b != nil {
		t.Errorf("blank fields: got %x, want no block", b)
	}
	// Compare every byte: header, one field of four bytes stored in its entry, no further
	// directory.
	want := []byte("II*\x00\x08\x00\x00\x00" + "\x01\x00" +
		"\x98\x82\x02\x00\x04\x00\x00\x00Ann\x00" + "\x00\x00\x00\x00")
	if got := CopyrightOnly(Info{Copyright: "Ann"}); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for mark, order := range byteOrders {
		f.Add(build(mark, []field{
			short(order, tagOrientation, 6),
			ascii(tagArtist, "Ann Example\x00"), ascii(tagCopyright, "Ann\x00Bob\x00"),
		}, []field{short(order, tagOrientation, 6)}))
		f.Add(build(mark, []field{{tagOrientation, typeLong, 1, order.AppendUint32(nil, 3)}})[:22])
	}
	f.Add(CopyrightOnly(Info{Artist: "Ann Example", Copyright: "Example"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		info, _ := Parse(b)
		if info.Orientation != 0 && !info.Orientation.Valid() {
			t.Fatalf("orientation %d", info.Orientation)
		}
		if x, y, ok := Subject(b, 8, 8); ok && !(x >= 0 && x <= 1 && y >= 0 && y <= 1) {
			t.Fatalf("a subject at %v, %v", x, y)
		}
		upright := Resized(b, Picture{Width: 8, Height: 8})
		if !bytes.Equal(b, before) {
			t.Fatal("the input was modified")
		}
		after, _ := Parse(upright) // of a forged thumbnail's range, texts may be gone
		if len(upright) > len(b) || after.Orientation > 1 ||
			(info.Orientation != 0) && after.Orientation != 1 {
			t.Fatalf("upright: %d bytes from %d, orientation %d from %d",
				len(upright), len(b), after.Orientation, info.Orientation)
		}
		rights := CopyrightOnly(info)
		if rights == nil {
			if info.Artist != "" || info.Copyright != "" {
				t.Fatalf("%+v: got no block", info)
			}
			return
		}
		want := Info{Artist: info.Artist, Copyright: info.Copyright}
		if got, err := Parse(rights); err != nil || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	})
}

// TestSubject reads where the subject is, in either tag and with either size.
func TestSubject(t *testing.T) {
	for mark, order := range byteOrders {
		shorts := func(tag uint16, v ...uint16) field {
			f := field{tag: tag, typ: typeShort, count: uint32(len(v))}
			for _, n := range v {
				f.value = order.AppendUint16(f.value, n)
			}
			return f
		}
		size := []field{short(order, tagPixelXDimension, 4000), short(order, tagPixelYDimension, 2000)}
		for _, c := range []struct {
			what   string
			fields []field
			x, y   float64
			ok     bool
		}{
			{"nothing", size, 0, 0, false},
			{"a point", append(size, shorts(tagSubjectArea, 1000, 1500)), 0.25, 0.75, true},
			{"a circle", append(size, shorts(tagSubjectArea, 1000, 1500, 200)), 0.25, 0.75, true},
			{"a rectangle", append(size, shorts(tagSubjectArea, 2015, 1511, 2217, 1330)), 2015. / 4000, 1511. / 2000, true},
			{"a location", append(size, shorts(tagSubjectLocation, 2000, 500)), 0.5, 0.25, true},
			{"both", []field{shorts(tagSubjectArea, 80, 10), shorts(tagSubjectLocation, 0, 0)}, 0.8, 0.2, true},
			{"both, in the other order", []field{shorts(tagSubjectLocation, 0, 0), shorts(tagSubjectArea, 80, 10)}, 0.8, 0.2, true},
			{"outside", append(size, shorts(tagSubjectArea, 4001, 0)), 0, 0, false},
			{"too few", append(size, shorts(tagSubjectArea, 4)), 0, 0, false},
			{"too many", append(size, shorts(tagSubjectArea, 4, 4, 4, 4, 4)), 0, 0, false},
		} {
			x, y, ok := Subject(linked(mark, c.fields, nil, nil), 100, 50)
			if ok != c.ok || ok && (x != c.x || y != c.y) {
				t.Errorf("%s %s: %v, %v, %t", mark, c.what, x, y, ok)
			}
		}
	}
	if _, _, ok := Subject(nil, 1, 1); ok {
		t.Error("no block has a subject")
	}
}
