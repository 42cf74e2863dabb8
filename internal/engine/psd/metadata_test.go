package psd

import (
	"bytes"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/iptc"
)

// TestMetadata reads blocks of resources, and names those that are too large.
func TestMetadata(t *testing.T) {
	f := file{channels: 1, width: 3, height: 2, depth: 8, mode: gray, pixels: make([]byte, 6)}
	f.resources = bytes.Join([][]byte{
		resource(iptc.ResourceIIM, "", []byte("\x1c\x02\x50\x00\x03Ann")), resource(iptc.ResourceXMP, "a", []byte("<x/>")),
		resource(iptc.ResourceEXIF, "", make([]byte, codec.MaxMetadata+1)),
	}, nil)
	d, err := formats.Open(bytes.NewReader(f.bytes()), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := d.Header().Metadata
	if string(m.IPTC) != "\x1c\x02\x50\x00\x03Ann" || string(m.XMP) != "<x/>" || m.EXIF != nil || len(m.Missing) != 1 {
		t.Errorf("IPTC %q, XMP %q, %d bytes of EXIF, missing %q", m.IPTC, m.XMP, len(m.EXIF), m.Missing)
	}
}
