package qoi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
)

var formats = codec.Set{Format}

// head is the header of a file.
func head(w, h uint32, channels byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("qoif"), w)
	return append(binary.BigEndian.AppendUint32(b, h), channels, 0)
}

// encode writes a file by the rules of the specification, with every kind of chunk.
func encode(w, h int, channels byte, pixels []pixel) []byte {
	b := head(uint32(w), uint32(h), channels)
	var seen [64]pixel
	last, run := pixel{a: 255}, 0
	flush := func() {
		if run > 0 {
			b = append(b, 0xc0|byte(run-1))
			run = 0
		}
	}
	for _, p := range pixels {
		if p == last {
			if run++; run == 62 {
				flush()
			}
			continue
		}
		flush()
		dr, dg, db := int8(p.r-last.r), int8(p.g-last.g), int8(p.b-last.b)
		small := func(v int8) bool { return v >= -2 && v <= 1 }
		near := func(v int8) bool { return v >= -8 && v <= 7 }
		switch {
		case seen[p.hash()] == p:
			b = append(b, p.hash())
		case p.a != last.a:
			b = append(b, 0xff, p.r, p.g, p.b, p.a)
		case small(dr) && small(dg) && small(db):
			b = append(b, 0x40|byte(dr+2)<<4|byte(dg+2)<<2|byte(db+2))
		case dg >= -32 && dg <= 31 && near(dr-dg) && near(db-dg):
			b = append(b, 0x80|byte(dg+32), byte(dr-dg+8)<<4|byte(db-dg+8))
		default:
			b = append(b, 0xfe, p.r, p.g, p.b)
		}
		seen[p.hash()], last = p, p
	}
	flush()
	return append(b, 0, 0, 0, 0, 0, 0, 0, 1)
}

// wander returns pixels that use every kind of chunk.
func wander(n int, alpha bool) []pixel {
	rnd := rand.New(rand.NewPCG(1, 2))
	p := pixel{a: 255}
	pixels := make([]pixel, n)
	for i := range pixels {
		switch rnd.IntN(8) {
		case 0:
			p.r, p.g, p.b = byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())
		case 1:
			if alpha {
				p.a = byte(rnd.Uint32())
			}
		case 2:
			p.r, p.g = p.r+1, p.g-2
		case 3:
			p.r, p.g, p.b = p.r+30, p.g+25, p.b+20
		case 4:
			if i > 20 {
				p = pixels[i-20]
			}
		}
		pixels[i] = p
	}
	return pixels
}

func TestEveryChunk(t *testing.T) {
	const w, h = 97, 31
	for _, channels := range []byte{3, 4} {
		pixels := wander(w*h, channels == 4)
		copy(pixels[500:], make([]pixel, 300)) // a run over several rows
		if channels == 3 {
			for i := range pixels {
				pixels[i].a = 255
			}
		}
		p, _, err := codectest.Decode(formats, encode(w, h, channels, pixels))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range pixels {
			got := codectest.Samples(p, i%w, i/w)
			if len(got) != int(channels) || got[0] != want.r || got[1] != want.g || got[2] != want.b || channels == 4 && got[3] != want.a {
				t.Fatalf("%d channels: pixel %d is %v, not %v", channels, i, got, want)
			}
		}
	}
}

func TestBrokenFilesAreCorrupt(t *testing.T) {
	whole := encode(9, 9, 4, wander(81, true))
	for name, data := range map[string][]byte{
		"no width":           head(0, 5, 3),
		"no pixels":          head(5, 5, 3),
		"too wide":           head(1<<31, 5, 3),
		"cut":                whole[:len(whole)*2/3],
		"half an RGBA chunk": append(head(1, 1, 4), 0xff, 1, 2),
	} {
		if _, _, err := codectest.Decode(formats, data); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := codectest.Decode(formats, whole[:len(whole)-8]); err != nil {
		t.Errorf("without the end marker: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(9, 9, 4, wander(81, true)))
	f.Add(encode(70, 2, 3, wander(140, false)))
	f.Fuzz(func(t *testing.T, data []byte) { codectest.Promises(t, formats, data, 64<<10) })
}

func BenchmarkDecode(b *testing.B) {
	data := encode(1000, 1000, 4, wander(1e6, true))
	b.SetBytes(1e6)
	for b.Loop() {
		if _, _, err := codectest.Decode(formats, bytes.Clone(data)); err != nil {
			b.Fatal(err)
		}
	}
}
