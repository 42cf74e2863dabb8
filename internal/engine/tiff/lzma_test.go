package tiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// compressible is a picture of repetitions at many distances, with noise below.
func compressible(x, y, k int) uint64 {
	v := x/7*31 + y/5*17 + k*85 + (x*x+y)%13/12*x
	if y > 30 {
		v += x * y * (k + 3) >> 4
	}
	return uint64(v & 255)
}

// xzDrawing is a picture whose samples xz has compressed to a file of testdata.
func xzDrawing(t testing.TB, name string) drawing {
	t.Helper()
	stream, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return drawing{w: 61, h: 43, photometric: rgb, samples: 3, compression: lzma, at: compressible, coded: stream}
}

// TestLZMA reads what xz made of the samples of a picture: with its usual settings, and with the delta
// filter, other contexts and a checksum.
func TestLZMA(t *testing.T) {
	for _, name := range []string{"drawing.xz", "drawing-delta.xz"} {
		d := xzDrawing(t, name)
		stream := d.coded
		compare(t, name, d, mustDecode(t, name, d.file(t)))
		for n := 0; n < len(stream)-40; n += 7 { // the index and the footer are not needed
			d.coded = stream[:n]
			if _, err := decodeFile(d.file(t)); !errors.Is(err, codec.ErrCorrupt) {
				t.Fatalf("%s: %d bytes of %d: %v", name, n, len(stream), err)
			}
		}
		for i := 0; i < len(stream); i += 3 {
			d.coded = bytes.Clone(stream)
			d.coded[i] ^= 1 << (i % 8)
			if _, err := decodeFile(d.file(t)); err != nil && !errors.Is(err, codec.ErrCorrupt) &&
				!errors.Is(err, codec.ErrUnsupported) {
				t.Fatalf("%s: byte %d changed: %v", name, i, err)
			}
		}
	}
}

// TestLZMAStored reads chunks that are not compressed, of which only the first empties the window.
func TestLZMAStored(t *testing.T) {
	d := drawing{w: 61, h: 43, photometric: rgb, samples: 3, compression: lzma, at: wave(8, unsigned)}
	d.coded = d.xz(0x21, 1, 20)
	compare(t, "stored", d, mustDecode(t, "stored", d.file(t)))
	for reason, stream := range map[string][]byte{
		"the .xz filter 0x4":                   d.xz(0x04, 1, 20),
		"invalid .xz header":                   d.xz(0x21, 1, 41),
		"unexpected chunk type":                d.xz(0x21, 2, 20), // the window has not been emptied
		"strip or tile 0 ends before its last": d.xz(0x21, 0, 20),
	} {
		d.coded = stream
		if _, err := decodeFile(d.file(t)); err == nil || !bytes.Contains([]byte(err.Error()), []byte(reason)) {
			t.Errorf("%v, want %q", err, reason)
		}
	}
}

// TestLZMAContexts refuses properties that the format does not allow, where the decoder would find them, too: it does
// not check that a chunk ends with its data.
func TestLZMAContexts(t *testing.T) {
	d := drawing{w: 3, h: 1, photometric: blackIsZero, samples: 1, compression: lzma, at: wave(8, unsigned)}
	zero := func(size, properties byte, rest ...byte) []byte { // a chunk of one 0, which takes six bytes
		return append([]byte{0xE0, 0, 0, 0, size - 1, properties, 0, 0, 0, 0, 0, 0}, rest...)
	}
	const allowed, most = 3*45 + 2*9 + 2, 3*45 + 3*9 + 2 // three bits that count less; together 4 bits and 5
	for _, c := range []struct {
		chunks []byte
		reason string
	}{
		{slices.Concat(zero(6, allowed), zero(6, allowed), zero(6, allowed)), ""},
		{slices.Concat(zero(6, allowed), zero(6, most), zero(6, allowed)), errContexts.Error()},
		{zero(24, allowed, slices.Concat(zero(6, most), zero(6, most))[:18]...), errChunk.Error()},
		{zero(6, allowed, 0x80, 0)[:12], "ends before its last row"},
		{zero(6, allowed, 0x80, 0), "ends before its last row"},
	} {
		d.coded = append(d.xz(0x21, 1, 20)[:24], c.chunks...)
		_, err := decodeFile(d.file(t))
		if c.reason == "" && err != nil || c.reason != "" && (!errors.Is(err, codec.ErrCorrupt) || !strings.Contains(err.Error(), c.reason)) {
			t.Errorf("%v, want %q", err, c.reason)
		}
	}
}

// xz returns a stream of one block of stored chunks, of a filter and a size of window, whose first chunk
// has a control byte.
func (d drawing) xz(filter, control, window byte) []byte {
	raw := d.normal().raw(0, 0, d.w, d.h, 0)
	out := append([]byte("\xfd7zXZ\x00\x00\x00CRC4"), 2, 0, filter, 1, window, 0, 0, 0, 'C', 'R', 'C', '4')
	for len(raw) > 0 {
		n := min(len(raw), 1000)
		out = append(binary.BigEndian.AppendUint16(append(out, control), uint16(n-1)), raw[:n]...)
		raw, control = raw[n:], min(2*control, 2)
	}
	return append(out, 0)
}
