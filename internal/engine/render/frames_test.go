package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// film is an animation of plain frames, each brighter than the one before.
type film struct {
	memory
	frames []*plane.Picture
	next   int
	live   int // frames that were decoded
}

func newFilm(n int) *film {
	f := &film{}
	for i := range n {
		p := plane.New(plane.NewLayout(plane.Gray, false, 20, 10, 1, 1))
		for k := range p.Pix[0] {
			p.Pix[0][k] = byte(10 * (i + 1))
		}
		f.frames = append(f.frames, p)
	}
	f.memory = *picture(f.frames[0], 1)
	f.header.Frames = n
	return f
}

func (f *film) Loops() int { return 3 }

func (f *film) NextFrame(context.Context) (int, error) {
	if f.next == len(f.frames) {
		return 0, io.EOF
	}
	f.pix = f.frames[f.next]
	f.next++
	return 100 * f.next, nil
}

func (f *film) Decode(ctx context.Context, s plane.Sink) (codec.Report, error) {
	f.live++
	return f.memory.Decode(ctx, s)
}

// flip is an encoder of animations whose file lists size, loops, delays and brightness.
type flip struct{ fails error }

func (flip) Layout(_ plane.Model, _ bool, w, h int) plane.Layout {
	return plane.NewLayout(plane.Gray, false, w, h, 1, 1)
}

func (flip) Encode(_ context.Context, p *plane.Picture, _ codec.EncodeOptions) ([]byte, error) {
	return fmt.Appendf(nil, "still %d", p.Pix[0][0]), nil
}

func (f flip) Animate(l plane.Layout, loops int, _ codec.EncodeOptions) (codec.FrameWriter, error) {
	return &flipWriter{fmt.Sprintf("%d×%d loops %d:", l.Width(), l.Height(), loops), f.fails}, nil
}

func (flip) FrameMemory(plane.Layout) int64 { return 5000 }

type flipWriter struct {
	text  string
	fails error
}

func (w *flipWriter) WriteFrame(_ context.Context, p *plane.Picture, delay int) error {
	w.text += fmt.Sprintf(" %d for %d ms", p.Pix[0][0], delay)
	return w.fails
}

func (w *flipWriter) Size() int64 { return int64(len(w.text)) }

func (w *flipWriter) Close(context.Context) ([]byte, error) { return []byte(w.text), nil }

func flipFormat(fails error) *codec.Format {
	return &codec.Format{Name: "flip", Title: "Flip", Extensions: []string{".flip"}, Abilities: codec.Abilities{Animation: true},
		Encoder: func(setting.Values) codec.Encoder { return flip{fails} }}
}

func TestAnimationKeepsFramesDelaysAndLoops(t *testing.T) {
	d := newFilm(3)
	variants := []Variant{{Name: "a", Width: 10, Format: flipFormat(nil), Frames: AllFrames}, {Name: "s", Width: 10, Format: pngFormat}, {Name: "b", Width: 4, Format: flipFormat(nil), Frames: AllFrames}}
	out, err := engine.Render(t.Context(), d, codec.Limits{}, variants)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{0: "10×5 loops 3: 10 for 100 ms 20 for 200 ms 30 for 300 ms", 2: "4×2 loops 3: 10 for 100 ms 20 for 200 ms 30 for 300 ms"} {
		if string(out[i].Data) != want {
			t.Errorf("%s: %q, want %q", out[i].Variant.Name, out[i].Data, want)
		}
	}
	if c := rgba(decodePNG(t, out[1]).At(1, 1)); c[0] != 10 { // the first frame
		t.Errorf("the still shows %v", c)
	}
	if d.live != 3 {
		t.Errorf("%d frames were decoded for 3 variants", d.live)
	}
}

// TestAnimationToStills decodes the first frame only.
func TestAnimationToStills(t *testing.T) {
	d := newFilm(3)
	one(t, d, Variant{Width: 10, Format: pngFormat})
	if d.live != 1 || d.next != 0 {
		t.Errorf("%d frames were decoded, %d asked for", d.live, d.next)
	}
	d = newFilm(3)
	one(t, d, Variant{Width: 10, Format: flipFormat(nil)}) // which could hold them all
	if d.live != 1 || d.next != 0 {
		t.Errorf("frames: first: %d frames were decoded, %d asked for", d.live, d.next)
	}
	if o := one(t, newFilm(1), Variant{Width: 10, Format: flipFormat(nil), Frames: AllFrames}); string(o.Data) != "still 10" {
		t.Errorf("a single frame becomes %q", o.Data)
	}
}

// TestSomeFrames: a variant has as many frames as it asks for, and stills show their poster. What no variant
// shows is not decoded.
func TestSomeFrames(t *testing.T) {
	d := newFilm(6)
	flips := flipFormat(nil)
	out, err := engine.Render(t.Context(), d, codec.Limits{Frames: 5}, []Variant{
		{Name: "two", Width: 10, Format: flips, Frames: 2, Poster: 4},
		{Name: "three", Width: 10, Format: flips, Frames: 3},
		{Name: "poster", Width: 10, Format: flips, Poster: 5},
		{Name: "first", Width: 10, Format: pngFormat, Frames: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"10×5 loops 3: 10 for 100 ms 20 for 200 ms", "10×5 loops 3: 10 for 100 ms 20 for 200 ms 30 for 300 ms", "still 50"} {
		if string(out[i].Data) != want {
			t.Errorf("%s: %q, want %q", out[i].Variant.Name, out[i].Data, want)
		}
	}
	if c := rgba(decodePNG(t, out[3]).At(1, 1)); c[0] != 10 {
		t.Errorf("the still shows %v", c)
	}
	if d.live != 4 || d.next != 5 {
		t.Errorf("%d frames were decoded, %d asked for", d.live, d.next)
	}
	for poster, want := range map[int]string{0: "still 10", 1: "still 10", 2: "still 20", 3: "still 30", 99: "still 30"} {
		if o := one(t, newFilm(3), Variant{Width: 10, Format: flips, Poster: poster}); string(o.Data) != want {
			t.Errorf("poster %d: %q, want %q", poster, o.Data, want)
		}
	}
	_, err = engine.Render(t.Context(), newFilm(6), codec.Limits{Frames: 5}, []Variant{{Name: "v", Format: flips, Poster: 6}})
	if !errors.Is(err, codec.ErrLimit) {
		t.Errorf("a poster beyond the limit: %v", err)
	}
	short := newFilm(2)
	short.header.Frames = 3
	if _, err := engine.Render(t.Context(), short, codec.Limits{}, []Variant{{Name: "v", Format: flips, Poster: 3}}); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("a film that is too short: %v", err)
	}
}

// TestFramesText: equal numbers of frames have one text.
func TestFramesText(t *testing.T) {
	s := NewSchema(engine.Formats).Setting("frames")
	for text, want := range map[string]int{"first": 1, "all": AllFrames, "2": 2, "070": 70} {
		canonical, err := s.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var v Variant
		if s.Set(&v, canonical); v.Frames != want || s.Text(&v) != canonical || s.Given(&v) != (text != "first") {
			t.Errorf("%s: %d frames, whose text is %s", text, v.Frames, s.Text(&v))
		}
	}
	for _, text := range []string{"1", "0", "some"} {
		if _, err := s.Parse(text); err == nil {
			t.Errorf("frames: %s is accepted", text)
		}
	}
}

// TestAlphaOfALaterFrame: the first frame, and the header with it, may have no alpha.
func TestAlphaOfALaterFrame(t *testing.T) {
	d := &later{newFilm(2)}
	for i := range d.frames {
		d.frames[i] = plane.New(plane.NewLayout(plane.Gray, true, 20, 10, 1, 1))
	}
	seen := ""
	out, err := engine.Render(t.Context(), d, codec.Limits{}, []Variant{{Name: "v", Width: 10, Format: veil(&seen), Frames: AllFrames}})
	if err != nil || len(out) != 1 || seen != "true true " {
		t.Errorf("frames with alpha: %s, %v", seen, err)
	}
}

// later is an animation whose frames have alpha, and its header not.
type later struct{ *film }

func (l *later) Shrink(int, int) plane.Layout { return l.frames[0].Layout }

// veil is a format of animations that notes for each frame whether it has alpha.
func veil(seen *string) *codec.Format {
	f := flipFormat(nil)
	f.Encoder = func(setting.Values) codec.Encoder { return veiled{seen: seen} }
	return f
}

type veiled struct {
	flip
	seen *string
}

func (veiled) Layout(m plane.Model, alpha bool, w, h int) plane.Layout {
	return plane.NewLayout(m, alpha, w, h, 1, 1)
}

func (v veiled) Animate(plane.Layout, int, codec.EncodeOptions) (codec.FrameWriter, error) {
	return v, nil
}

func (v veiled) WriteFrame(_ context.Context, p *plane.Picture, _ int) error {
	*v.seen += fmt.Sprint(p.HasAlpha(), " ")
	return nil
}

func (veiled) Size() int64 { return 0 }

func (veiled) Close(context.Context) ([]byte, error) { return []byte("film"), nil }

func TestAnimationErrors(t *testing.T) {
	full := errors.New("disk full")
	if _, err := engine.Render(t.Context(), newFilm(2), codec.Limits{}, []Variant{{Name: "v", Format: flipFormat(full), Frames: AllFrames}}); !errors.Is(err, full) || !strings.Contains(err.Error(), "variant v") {
		t.Errorf("%v", err)
	}
	_, err := engine.Render(t.Context(), newFilm(2), codec.Limits{}, []Variant{{Name: "v", Format: flipFormat(nil), Frames: AllFrames, MaxBytes: 5000}})
	if !errors.Is(err, codec.ErrUnsupported) {
		t.Errorf("max_bytes: %v", err)
	}
	_, err = engine.Render(t.Context(), newFilm(3), codec.Limits{Frames: 2}, []Variant{{Name: "v", Format: flipFormat(nil), Frames: AllFrames}})
	if !errors.Is(err, codec.ErrLimit) || !strings.Contains(err.Error(), "3 frames") {
		t.Errorf("too many frames: %v", err)
	}
	w, h := newFilm(2).Header().Width, newFilm(2).Header().Height
	for frames, ok := range map[int]bool{2: true, 3: false} {
		l := codec.Limits{Pixels: int64(2*w*h + 1)}
		_, err = engine.Render(t.Context(), newFilm(frames), l, []Variant{{Name: "v", Format: flipFormat(nil), Frames: AllFrames}})
		if errors.Is(err, codec.ErrLimit) == ok {
			t.Errorf("%d frames of %d×%d with a limit of %d pixels: %v", frames, w, h, l.Pixels, err)
		}
	}
	_, err = engine.Render(t.Context(), newFilm(2), codec.Limits{Memory: 999}, []Variant{{Name: "v", Format: pngFormat}})
	if !errors.Is(err, codec.ErrLimit) || !strings.HasSuffix(err.Error(), codec.MoreMemory) {
		t.Errorf("too much memory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Render(ctx, newFilm(2), codec.Limits{}, []Variant{{Name: "v", Format: flipFormat(nil), Frames: AllFrames}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
