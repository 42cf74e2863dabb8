package exif

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// linked returns a block of IFD0, the Exif IFD, the interoperability IFD and IFD1, which are linked by
// the first fields of the first two and by the directories' own links.
func linked(mark string, exif, interop, thumbnail []field) []byte {
	order := byteOrders[mark]
	long := func(tag uint16) field { return field{tag, typeLong, 1, order.AppendUint32(nil, 0)} }
	exif = append([]field{long(tagInteropIFD)}, exif...)
	b := build(mark, []field{long(tagExifIFD), short(order, tagOrientation, 6)}, exif, interop, thumbnail)
	link := func(at, n int) int { return at + 2 + n*entrySize } // of a directory of n entries
	exifAt := int(order.Uint32(b[link(headerSize, 2):]))
	interopAt := int(order.Uint32(b[link(exifAt, len(exif)):]))
	thumbnailAt := int(order.Uint32(b[link(interopAt, len(interop)):]))
	order.PutUint32(b[headerSize+2+8:], uint32(exifAt))
	order.PutUint32(b[exifAt+2+8:], uint32(interopAt))
	order.PutUint32(b[link(headerSize, 2):], uint32(thumbnailAt))
	order.PutUint32(b[link(exifAt, len(exif)):], 0)
	order.PutUint32(b[link(interopAt, len(interop)):], 0)
	return b
}

// TestColourSpaceIsCorrected checks that a picture that was converted is not taken for Adobe RGB, and
// that one that was not stays as it was.
func TestColourSpaceIsCorrected(t *testing.T) {
	for mark, order := range byteOrders {
		for space, want := range map[uint16]bool{0: true, SRGB: false, Uncalibrated: false} {
			b := linked(mark, []field{short(order, tagColorSpace, Uncalibrated)},
				[]field{ascii(tagInteropIndex, "R03\x00"), short(order, tagRelatedWidth, 4000)}, []field{short(order, 0x0103, 1)})
			got := Resized(b, Picture{Width: 320, Height: 200, ColorSpace: space})
			if info, err := Parse(got); err != nil || info.AdobeRGB != want || info.Orientation != TopLeft {
				t.Errorf("%s, space %d: %+v, %v", mark, space, info, err)
			}
			if bytes.Contains(got, []byte("R98")) == want || bytes.Contains(got, order.AppendUint16(nil, 4000)) {
				t.Errorf("%s, space %d: interoperability index or width: %x", mark, space, got)
			}
		}
	}
}

// TestStripsOfThumbnailAreRemoved clears a thumbnail that is not a JPEG file.
func TestStripsOfThumbnailAreRemoved(t *testing.T) {
	le := byteOrders["II"]
	const strip = "uncropped strip."
	longs := func(tag uint16, v ...uint32) field {
		f := field{tag, typeLong, uint32(len(v)), nil}
		for _, n := range v {
			f.value = le.AppendUint32(f.value, n)
		}
		return f
	}
	at := uint32(len(linked("II", nil, nil, []field{longs(tagStripOffsets, 0, 0), longs(tagStripByteCounts, 0, 0)})))
	b := linked("II", nil, nil, []field{longs(tagStripOffsets, at, at+16), longs(tagStripByteCounts, 16, 16)})
	b = append(b, strip+strip+"the rest"...)
	got := Resized(b, Picture{Width: 8, Height: 8})
	if bytes.Contains(got, []byte("uncropped")) || !bytes.HasSuffix(got, []byte("the rest")) || len(got) != len(b) {
		t.Errorf("got %q", got)
	}
}

// TestPreviewsInMakerNotesAreBlanked checks that only what is a JPEG file is blanked.
func TestPreviewsInMakerNotesAreBlanked(t *testing.T) {
	const preview = "\xff\xd8\xff\xdb\x00\x08uncrop\xff\xe1\x00\x08\xff\xd9\xff\xd9\xff\xd9\xff\xda\x00\x08ped scan\xff\x00d\xff\xd9"
	const none = "\xff\xd8\xff\xdb\x00\x04no\x00\xff\xd9"
	blank := strings.Repeat("\x00", len(preview))
	for mark := range byteOrders {
		for note, want := range map[string]string{
			"before" + preview + "between" + preview + "after": "before" + blank + "between" + blank + "after",
			"before" + none + preview:                          "before" + none + blank,
			"before" + preview[:len(preview)-2] + "rest":       "before" + strings.Repeat("\x00", len(preview)+2),
			none + "\xff\xd8\xff":                              none + "\xff\xd8\xff",
		} {
			b := linked(mark, []field{{tagMakerNote, typeUndefined, uint32(len(note)), []byte(note)}}, nil, nil)
			if got := Resized(b, Picture{}); !bytes.Contains(got, []byte(want)) || len(got) != len(b) {
				t.Errorf("%s: of %q, got %q", mark, note, got)
			}
			if !bytes.Contains(b, []byte(note)) {
				t.Errorf("%s: the input was modified", mark)
			}
		}
	}
}

// TestReducedKeepsWhatFits checks that only the maker note, large values and, last, what does not fit
// are missing.
func TestReducedKeepsWhatFits(t *testing.T) {
	for mark, order := range byteOrders {
		b := linked(mark, []field{
			ascii(0x9003, "2026:11:28 21:00:00\x00"), {tagMakerNote, typeUndefined, 70000, bytes.Repeat([]byte("maker"), 14000)},
			{0x9286, typeUndefined, maxValue + 1, bytes.Repeat([]byte("c"), maxValue+1)}, short(order, tagColorSpace, 1),
		}, []field{ascii(tagInteropIndex, "R98\x00")}, []field{ascii(0x0131, "thumbnailer\x00")})
		got := Reduced(b, 65527)
		info, err := Parse(got)
		if err != nil || info.Orientation != 6 || !bytes.Contains(got, []byte("2026:11:28")) || !bytes.Contains(got, []byte("R98")) {
			t.Errorf("%s: %+v, %v, %q", mark, info, err, got)
		}
		if s := string(got); strings.Contains(s, "maker") || strings.Contains(s, "ccc") || strings.Contains(s, "thumbnailer") {
			t.Errorf("%s: %q", mark, got)
		}
		for most := range len(got) + 1 {
			if n := len(Reduced(b, most)); n > most {
				t.Errorf("%s: %d bytes where %d fit", mark, n, most)
			}
		}
		if whole := Reduced(b, len(got)); !bytes.Equal(whole, got) {
			t.Errorf("%s: %d bytes of the %d that fit", mark, len(whole), len(got))
		}
	}
	if got := Reduced([]byte("II+\x00\x08\x00\x00\x00 and so on"), 1000); got != nil {
		t.Errorf("of no block: %q", got)
	}
}

func FuzzReduced(f *testing.F) {
	for mark, order := range byteOrders {
		f.Add(linked(mark, []field{ascii(0x9003, "2026:11:28 21:00:00\x00")}, []field{ascii(tagInteropIndex, "R98\x00")},
			[]field{short(order, 0x0103, 6)}), 200)
	}
	f.Fuzz(func(t *testing.T, b []byte, most int) {
		got := Reduced(b, most)
		if len(got) > max(most, 0) {
			t.Fatalf("%d bytes where %d fit", len(got), most)
		}
		if again := Reduced(got, most); !bytes.Equal(again, got) {
			t.Fatalf("reduced again: %x from %x", again, got)
		}
	})
}

// TestHostileBlocksAreCheap checks that no block makes the work grow with the square of its length.
func TestHostileBlocksAreCheap(t *testing.T) {
	le := byteOrders["II"]
	const size = 4 << 20
	long := func(tag uint16, v uint32) field { return field{tag, typeLong, 1, le.AppendUint32(nil, v)} }
	many := make([]field, 60000) // of the same tag, each as long as the rest of the block
	for name, f := range map[string]field{
		"maker notes":      {tagMakerNote, typeUndefined, size / 2, le.AppendUint32(nil, size/4)},
		"interoperability": {tagInteropIndex, typeASCII, maxText, le.AppendUint32(nil, size/4)},
	} {
		for i := range many {
			many[i] = f
		}
		b := append(build("II", []field{long(tagExifIFD, headerSize+2+entrySize+4)}), build("II", many)[headerSize:]...)
		if f.tag == tagInteropIndex {
			b = append(build("II", []field{long(tagExifIFD, 26)}), build("II", []field{short(le, tagColorSpace, Uncalibrated), long(tagInteropIFD, 26+2+24+4)})[headerSize:]...)
			b = append(b, build("II", many)[headerSize:]...)
		}
		b = append(b, bytes.Repeat([]byte("\xff\xd8\xff\xe0\x00\x06\xff\xd8\xff\xe0"), size/10)...)
		start := time.Now()
		Parse(b)
		Resized(b, Picture{Width: 1, Height: 1, ColorSpace: SRGB})
		Reduced(b, 65527)
		if took := time.Since(start); took > 10*time.Second { // it takes 0.1 s
			t.Errorf("%s: %v", name, took)
		}
	}
}
