package png

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// flat is a file of zeros.
func flat(w, h int, colour, depth byte, interlaced bool) []byte {
	d := &drawing{w: w, h: h, colour: colour, depth: depth, interlaced: interlaced}
	var rows int
	f := format{width: w, height: h, colour: colour, depth: int(depth), interlaced: interlaced}
	for _, p := range f.passes(w, h) {
		rows += p.rowLen * p.h
	}
	if colour == typePalette {
		d.before = appendChunk(nil, "PLTE", make([]byte, 3*16))
	}
	return d.fileOf(deflated(make([]byte, rows), 1))
}

func TestMemoryIsAsEstimated(t *testing.T) {
	for _, c := range []struct {
		w, h          int
		colour, depth byte
		interlaced    bool
		most          int64
	}{
		{3000, 2000, 6, 16, false, 2 << 20},
		{3000, 2000, 2, 8, false, 2 << 20},
		{3000, 2000, 3, 4, false, 2 << 20},
		{2000, 3000, 0, 1, false, 2 << 20},
		{200000, 20, 2, 16, false, 12 << 20},
		{1500, 1000, 6, 16, true, 4 << 20},
		{1501, 1001, 2, 8, true, 4 << 20},
	} {
		for threads := 1; threads <= 2; threads++ {
			name := fmt.Sprintf("%d×%d, type %d, %d bits, interlaced %t, %d threads", c.w, c.h, c.colour, c.depth, c.interlaced, threads)
			file := flat(c.w, c.h, c.colour, c.depth, c.interlaced)
			var estimate int64
			got := allocated(func() {
				d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				estimate = d.Memory()
				if _, err := d.Decode(t.Context(), nowhere{}); err != nil {
					t.Fatal(err)
				}
			})
			if got > estimate*5/4 || got < estimate*3/4 || estimate > c.most {
				t.Errorf("%s: %d bytes, estimated %d, expected at most %d", name, got, estimate, c.most)
			}
		}
	}
}

func TestClaimsWithoutDataTakeNoMemory(t *testing.T) {
	for _, c := range []struct {
		w, h       int
		interlaced bool
	}{{100000, 100000, false}, {100000, 100000, true}, {1 << 30, 1, false}, {1, 1 << 30, true}} {
		d := &drawing{w: c.w, h: c.h, colour: 6, depth: 16, interlaced: c.interlaced}
		file := d.fileOf(deflated(make([]byte, 1000), 6))
		var err error
		got := allocated(func() {
			var dec codec.Decoder
			if dec, err = (codec.Set{Format}).Open(bytes.NewReader(file), codec.OpenOptions{}); err == nil {
				_, err = dec.Decode(t.Context(), nowhere{})
			}
		})
		if err == nil || got > 8<<20 {
			t.Errorf("%d×%d, interlaced %t: %d bytes, %v", c.w, c.h, c.interlaced, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for i, k := range types {
		for _, interlaced := range []bool{false, true} {
			d := draw(9, 10, k.colour, k.depth, interlaced, uint64(i))
			if k.colour == typePalette {
				d.before = appendChunk(appendChunk(nil, "PLTE", make([]byte, 3*(1<<k.depth))), "tRNS", []byte{1, 2})
			}
			f.Add(d.file())
		}
	}
	f.Add(animated(join(animationControl(2, 0), control(0, 4, 2, 0, 0, 1, 10, 2, 0)),
		join(control(1, 2, 1, 1, 1, 1, 10, 1, 1), pixelsOf(2, 2, 1, "\x00\xff\x00\x80"))))
	f.Fuzz(func(t *testing.T, file []byte) {
		for threads := 1; threads <= 2; threads++ {
			d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads, Limits: codec.Limits{Pixels: 1e6}})
			if err != nil {
				return
			}
			p := plane.New(d.Header().Layout)
			got := allocated(func() { _, err = d.Decode(t.Context(), p) })
			if most := d.Memory()*5/4 + 256<<10; got > most {
				t.Errorf("%d bytes were allocated, %d expected at most", got, most)
			}
			animation, _ := (codec.Set{Format}).Open(bytes.NewReader(file), codec.OpenOptions{Threads: threads})
			var all []shot
			for range 5 {
				delay, err := animation.(codec.FrameDecoder).NextFrame(t.Context())
				if err != nil {
					break
				}
				p := plane.New(p.Layout)
				if _, err := animation.Decode(t.Context(), p); err != nil {
					t.Error(err)
				}
				all = append(all, shot{p, min(delay, 10_000)})
			}
			if len(all) < 2 || p.Width()*p.Height() > 64*64 {
				continue
			}
			again, _ := shots(t, animate(t, 0, codec.EncodeOptions{Threads: threads, Poster: 1}, all...))
			if err := sameShots(t, again, all); err != nil {
				t.Errorf("encoded: %v", err)
			}
		}
	})
}
