package render

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/xmp"
)

// withMetadata makes a variant of a picture with metadata and reads back what its file holds.
func withMetadata(t *testing.T, m codec.Metadata, v Variant) (codec.Metadata, Output) {
	t.Helper()
	d := picture(scene(20, 20, plane.RGB, false, 1), 1)
	d.header.Metadata = m
	v.Width = 10
	o := one(t, d, v)
	again, err := engine.Open(bytes.NewReader(o.Data), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return again.Header().Metadata, o
}

func rightsPacket(r xmp.Rights) []byte {
	packet, _ := xmp.New(r).Marshal(0)
	return packet
}

// TestRightsByPrecedence checks for each field that EXIF counts more than XMP, and XMP more than IPTC.
func TestRightsByPrecedence(t *testing.T) {
	exifs := exif.CopyrightOnly(exif.Info{Artist: "Ann", Copyright: "by Ann"})
	artist := exif.CopyrightOnly(exif.Info{Artist: "Zo\xeb"})
	two := exif.CopyrightOnly(exif.Info{Copyright: "by Ann\x00edited by Eve"})
	packet := rightsPacket(xmp.Rights{Creators: []string{"Bob", "Bea"}, Notice: "by Bob", Credit: "Bob & Co", UsageTerms: "ask", WebStatement: "https://b"})
	const iim = "\x1c\x02\x50\x00\x04Cleo\x1c\x02\x6e\x00\x08Cleo Ltd\x1c\x02\x74\x00\x07by Cleo\x1c\x02\x5a\x00\x06a city"
	for name, c := range map[string]struct {
		m    codec.Metadata
		info exif.Info
		want xmp.Rights
	}{
		"none": {},
		"EXIF": {codec.Metadata{EXIF: exifs}, exif.Info{Artist: "Ann", Copyright: "by Ann"}, xmp.Rights{Creators: []string{"Ann"}, Notice: "by Ann"}},
		"XMP": {
			codec.Metadata{XMP: packet}, exif.Info{Artist: "Bob; Bea", Copyright: "by Bob"},
			xmp.Rights{Creators: []string{"Bob", "Bea"}, Notice: "by Bob", Credit: "Bob & Co", UsageTerms: "ask", WebStatement: "https://b"},
		},
		"IPTC": {
			codec.Metadata{IPTC: []byte(iim)}, exif.Info{Artist: "Cleo", Copyright: "by Cleo"},
			xmp.Rights{Creators: []string{"Cleo"}, Notice: "by Cleo", Credit: "Cleo Ltd"},
		},
		"all": {
			codec.Metadata{EXIF: exifs, XMP: packet, IPTC: []byte(iim)}, exif.Info{Artist: "Ann", Copyright: "by Ann"},
			xmp.Rights{Creators: []string{"Ann"}, Notice: "by Ann", Credit: "Bob & Co", UsageTerms: "ask", WebStatement: "https://b"},
		},
		"a field of each": {
			codec.Metadata{EXIF: artist, XMP: rightsPacket(xmp.Rights{Credit: "Bob & Co"}), IPTC: []byte(iim)},
			exif.Info{Artist: "Zo\xeb", Copyright: "by Cleo"}, xmp.Rights{Creators: []string{"Zoë"}, Notice: "by Cleo", Credit: "Bob & Co"},
		},
		"two notices": {codec.Metadata{EXIF: two}, exif.Info{Copyright: "by Ann\x00edited by Eve"}, xmp.Rights{Notice: "by Ann; edited by Eve"}},
	} {
		for _, f := range []*codec.Format{jpegFormat, pngFormat} {
			got, o := withMetadata(t, c.m, Variant{Format: f, Metadata: Copyright})
			info, _ := exif.Parse(got.EXIF)
			p, err := xmp.Parse(got.XMP, nil)
			if err != nil || info != c.info || !reflect.DeepEqual(p.Rights(), c.want) || got.IPTC != nil || o.Dropped != nil {
				t.Errorf("%s to %s: %+v, %+v, %v, dropped %q", name, f, info, p.Rights(), err, o.Dropped)
			}
			if empty := got.EXIF == nil && got.XMP == nil; empty != (name == "none") || bytes.Contains(o.Data, []byte("city")) {
				t.Errorf("%s to %s: EXIF %q, XMP %q", name, f, got.EXIF, got.XMP)
			}
		}
	}
}

// TestLargeXMPIsDivided checks that a JPEG holds a packet of any length in two parts, for us and for
// ExifTool, if that is installed.
func TestLargeXMPIsDivided(t *testing.T) {
	r := xmp.Rights{Creators: []string{"Ann"}, Notice: "by Ann", UsageTerms: strings.Repeat("terms ", 30000), Credit: "an agency"}
	for _, f := range []*codec.Format{jpegFormat, pngFormat} {
		for _, m := range []Metadata{Copyright, Keep} {
			got, o := withMetadata(t, codec.Metadata{XMP: rightsPacket(r)}, Variant{Format: f, Metadata: m})
			p, err := xmp.Parse(got.XMP, got.ExtendedXMP)
			want := r
			want.UsageTerms = strings.TrimSpace(r.UsageTerms)
			if err != nil || !reflect.DeepEqual(p.Rights(), want) || (got.ExtendedXMP != nil) != (f == jpegFormat) || o.Dropped != nil {
				t.Errorf("%s, %s: %v, %d bytes and %d, dropped %q", f, m, err, len(got.XMP), len(got.ExtendedXMP), o.Dropped)
			}
		}
	}
	_, o := withMetadata(t, codec.Metadata{XMP: rightsPacket(r)}, Variant{Format: jpegFormat, Metadata: Keep})
	path := filepath.Join(t.TempDir(), "divided.jpg")
	if err := os.WriteFile(path, o.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := exiftool(t, "-s3", "-XMP-xmpRights:UsageTerms", "-XMP-dc:Rights", path); got != strings.TrimSpace(r.UsageTerms)+"\nby Ann\n" &&
		got != r.UsageTerms+"\nby Ann\n" {
		t.Errorf("ExifTool reads %d bytes: %.60q", len(got), got)
	}
}

// TestDroppedMetadataIsNamed checks that what cannot be kept is named, and only where it was to be kept.
func TestDroppedMetadataIsNamed(t *testing.T) {
	long := func(number byte) []byte { // a dataset of 70,000 bytes
		return append([]byte{0x1c, 2, number, 0x80, 4, 0, 1, 0x11, 0x70}, make([]byte, 70000)...)
	}
	note := exif.Field{Tag: 0x927C, Type: 7, Count: 70000, Value: make([]byte, 70000)}
	block := exif.Write(binary.BigEndian, []exif.Field{{Tag: 0x8769, Fields: []exif.Field{note}}})
	for want, m := range map[string]codec.Metadata{
		"XMP at byte":                 {XMP: []byte("<!DOCTYPE x>")},
		"XMP of ":                     {XMP: make([]byte, xmp.MaxLength+1)},
		"IPTC data: 70009 bytes, of ": {IPTC: long(120)},
		"IPTC data: 7 bytes that say": {IPTC: []byte("damaged")},
		"EXIF maker note":             {EXIF: block},
		"the decoder's reason":        {Missing: []string{"the decoder's reason"}},
	} {
		for _, policy := range []Metadata{Strip, Keep} {
			_, o := withMetadata(t, m, Variant{Format: jpegFormat, Metadata: policy})
			if named := strings.Contains(fmt.Sprint(o.Dropped), want); named != (policy == Keep) || len(o.Dropped) > 1 {
				t.Errorf("%s, metadata: %s: dropped %q", want, policy, o.Dropped)
			}
		}
	}
}

// TestKeptColourSpace checks that EXIF and XMP say sRGB of what was converted to that, and what they said
// of what was not.
func TestKeptColourSpace(t *testing.T) {
	space := exif.Field{Tag: 0xA001, Type: 3, Count: 1, Value: []byte{0xff, 0xff}}
	block := exif.Write(binary.BigEndian, []exif.Field{{Tag: 0x8769, Fields: []exif.Field{space}}})
	packet := []byte(`<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description xmlns:e="http://ns.adobe.com/exif/1.0/" e:ColorSpace="65535"/></r:RDF>`)
	for c, want := range map[Colour]string{SRGB: "1", DisplayP3: "65535", KeepSpace: "65535"} {
		got, _ := withMetadata(t, codec.Metadata{EXIF: block, XMP: packet}, Variant{Format: jpegFormat, Metadata: Keep, Colour: c})
		if !bytes.Contains(got.XMP, []byte(">"+want+"<")) || bytes.Contains(got.EXIF, []byte{0xff, 0xff}) == (want == "1") {
			t.Errorf("%s: EXIF %x, XMP %s", c, got.EXIF, got.XMP)
		}
	}
}
