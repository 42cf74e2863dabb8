package formats

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// exact are the settings with which a format keeps pixels of few colours as they are.
func exact(f *codec.Format) setting.Values {
	if f.Lossy {
		return setting.Values{"lossless": "true"}
	}
	return nil
}

// sprite is a square that moves over a ground with a hole, and is transparent in every third frame.
func sprite(frames int) (all []*plane.Picture) {
	for i := range frames {
		p := plane.New(plane.NewLayout(plane.RGB, true, 40, 30, 1, 1))
		for y := range 30 {
			for x := range 40 {
				c := [4]byte{byte(x &^ 7), byte(y &^ 7), 90, 255}
				if x > 30 && y > 20 {
					c = [4]byte{}
				}
				if dx, dy := x-3*i, y-2*i; dx >= 0 && dx < 9 && dy >= 0 && dy < 9 {
					c = [4]byte{250, byte(40 * (i % 2)), 0, 255}
					if i%3 == 2 {
						c = [4]byte{}
					}
				}
				for k, v := range c {
					p.Row(k, y)[x] = v
				}
			}
		}
		all = append(all, p)
	}
	return all
}

// film returns what a file shows: its frames, for how long each, and how many times.
func film(t *testing.T, file []byte) (frames []*plane.Picture, delays []int, loops int) {
	t.Helper()
	d, err := open(bytes.NewReader(file), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f := d.(codec.FrameDecoder)
	for {
		delay, err := f.NextFrame(t.Context())
		if errors.Is(err, io.EOF) {
			return frames, delays, f.Loops()
		}
		if err != nil {
			t.Fatal(err)
		}
		p := plane.New(f.Shrink(0, 0))
		if _, err := f.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		frames, delays = append(frames, p), append(delays, delay)
	}
}

// TestAnimationMatrix makes an animation in every format that can be written of one in every format that
// can be read: frames, times and the number of loops are the same, whatever way they went.
func TestAnimationMatrix(t *testing.T) {
	const loops = 3
	want := sprite(8)
	engine := &render.Engine{Formats: All()}
	animated := All().Writable().Where(func(f *codec.Format) bool { return f.Animation })
	if len(animated) != 3 {
		t.Fatalf("animations can be written as %v", animated.Names())
	}
	for _, from := range animated {
		w, err := from.Encoder(exact(from)).(codec.FrameEncoder).Animate(want[0].Layout, loops, codec.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range want {
			if err := w.WriteFrame(t.Context(), p, 20+10*i); err != nil {
				t.Fatal(err)
			}
		}
		file, err := w.Close(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var variants []render.Variant
		for _, to := range animated {
			variants = append(variants, render.Variant{
				Name: to.Name, Format: to, Encoding: exact(to), Frames: render.AllFrames, Poster: 5,
			})
		}
		_, outputs, err := engine.Make(t.Context(), bytes.NewReader(file), codec.Limits{}, variants)
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		for _, o := range outputs {
			frames, delays, n := film(t, o.Data)
			if len(frames) != len(want) || n != loops {
				t.Errorf("%s to %s: %d frames, %d loops", from, o.Format, len(frames), n)
				continue
			}
			for i, p := range want {
				for k := range p.Pix {
					if !bytes.Equal(frames[i].Pix[k], p.Pix[k]) {
						t.Errorf("%s to %s: frame %d has other pixels in plane %d", from, o.Format, i, k)
					}
				}
				if delays[i] != 20+10*i {
					t.Errorf("%s to %s: frame %d is shown for %d ms", from, o.Format, i, delays[i])
				}
			}
		}
	}
}

// written returns an animation that is shown once, 50 ms for each frame.
func written(t *testing.T, e codec.Encoder, frames []*plane.Picture) []byte {
	t.Helper()
	w, err := e.(codec.FrameEncoder).Animate(frames[0].Layout, 1, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range frames {
		if err := w.WriteFrame(t.Context(), p, 50); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPosterOfAnimatedPNG: programs that know no animations show the frame that poster chooses, or the last
// one of those that are kept.
func TestPosterOfAnimatedPNG(t *testing.T) {
	engine := &render.Engine{Formats: All()}
	frames := sprite(6)
	f := All().Named("png")
	file := written(t, f.Encoder(nil), frames)
	for poster, want := range map[int]int{0: 0, 1: 0, 2: 1, 4: 3, 9: 3} {
		v := render.Variant{Name: "v", Format: f, Frames: 4, Poster: poster}
		_, outputs, err := engine.Make(t.Context(), bytes.NewReader(file), codec.Limits{}, []render.Variant{v})
		if err != nil {
			t.Fatal(err)
		}
		still := bytes.Replace(outputs[0].Data, []byte("acTL"), []byte("acTl"), 1) // which nobody knows
		d, err := open(bytes.NewReader(still), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := decode(d)
		if err != nil || d.Header().Frames != 1 || !bytes.Equal(p.Pix[0], frames[want].Pix[0]) {
			t.Errorf("poster %d: %v, %d frames; frame %d is not shown", poster, err, d.Header().Frames, want)
		}
	}
}

// TestMemoryOfAnimations: what the writers of an animation hold from frame to frame counts for the limit.
func TestMemoryOfAnimations(t *testing.T) {
	frames := sprite(3)
	engine := &render.Engine{Formats: All()}
	for _, f := range All().Writable().Where(func(f *codec.Format) bool { return f.Animation }) {
		e := f.Encoder(exact(f)).(codec.FrameEncoder)
		file := written(t, f.Encoder(exact(f)), frames)
		v := render.Variant{Name: "v", Width: 2000, Height: 1500, Enlarge: true, Format: f, Encoding: exact(f), Frames: render.AllFrames}
		most := e.FrameMemory(plane.NewLayout(plane.RGB, true, 2000, 1500, 1, 1))
		for limit, fits := range map[int64]bool{most: false, most + 40e6: true} {
			_, _, err := engine.Make(t.Context(), bytes.NewReader(file), codec.Limits{Memory: limit}, []render.Variant{v})
			if fits && err != nil || !fits && !errors.Is(err, codec.ErrLimit) {
				t.Errorf("%s within %d bytes: %v", f, limit, err)
			}
		}
	}
}

// TestMemoryOfCodedFrames: memory is reserved for the coded frames, as they accumulate.
func TestMemoryOfCodedFrames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var frames []*plane.Picture
	for range 9 {
		p := plane.New(plane.NewLayout(plane.RGB, false, 64, 48, 1, 1))
		for _, pix := range p.Pix {
			for i := range pix {
				pix[i] = byte(rnd.Uint32())
			}
		}
		frames = append(frames, p)
	}
	source := All().Named("png")
	file := written(t, source.Encoder(exact(source)), frames)
	engine := &render.Engine{Formats: All()}
	for _, f := range All().Writable().Where(func(f *codec.Format) bool { return f.Animation }) {
		var asked []int64 // by the decoder, and with each frame
		l := codec.Limits{Reserve: func(n int64) error {
			asked = append(asked, n)
			return nil
		}}
		v := render.Variant{Name: "v", Format: f, Encoding: exact(f), Frames: render.AllFrames}
		_, outputs, err := engine.Make(t.Context(), bytes.NewReader(file), l, []render.Variant{v})
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(len(outputs[0].Data)); len(asked) != 1+len(frames) || asked[len(frames)]-asked[1] < n*3/4 {
			t.Errorf("%s: %d bytes are reserved, for a file of %d", f, asked, n)
		}
	}
}
