package render

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

func TestPositionPlacesTheWindow(t *testing.T) {
	for _, c := range []struct {
		position string
		want     string // of a 400×100 and of a 100×400 picture in a square
	}{
		{"", "150,0 0,150"}, {"center", "150,0 0,150"}, {"left", "0,0 0,150"}, {"top", "150,0 0,0"}, {"right bottom", "300,0 0,300"},
		{"25% 75%", "75,0 0,225"}, {"0.33%", "1,0 0,150"}, {"right 10% bottom 20%", "270,0 0,240"}, {"focal", "150,0 0,150"},
	} {
		var v Variant
		if c.position != "" {
			s := NewSchema(engine.Formats).Setting("position")
			text, err := s.Parse(c.position)
			if err != nil {
				t.Fatal(err)
			}
			s.Set(&v, text)
		}
		v.Width, v.Height, v.Fit = 50, 50, Cover
		wide, tall := fit(v, 400, 100, subject{}).window, fit(v, 100, 400, subject{}).window
		if got := fmt.Sprintf("%v,%v %v,%v", wide.x, wide.y, tall.x, tall.y); got != c.want {
			t.Errorf("%q: %s, want %s", c.position, got, c.want)
		}
	}
	f := fit(Variant{Width: 100, Height: 100, Fit: Contain, Position: "100% 25%"}, 40, 80, subject{})
	if f.left != 60 || f.top != 4 { // 5, on a whole sample of chroma
		t.Errorf("a contained picture is at %d,%d", f.left, f.top)
	}
}

// TestPositionPixels: pixels that keep their size are copied from where the position says.
func TestPositionPixels(t *testing.T) {
	p := scene(90, 40, plane.YCbCr, false, 1)
	r := &raw{subX: 1, subY: 1}
	for position, left := range map[Position]int{"0% 50%": 0, "33.33% 50%": 17, "100% 50%": 50} {
		one(t, picture(p, 1), Variant{Width: 40, Height: 40, Fit: Cover, Position: position, Format: r.format()})
		for i := range p.Planes {
			for y := range 40 {
				if !slices.Equal(r.got.Row(i, y), p.Row(i, y)[left:][:40]) {
					t.Fatalf("%s: row %d of plane %d is not that from column %d on", position, y, i, left)
				}
			}
		}
	}
}

// cropped returns which part of a picture, upright, a variant shows.
func cropped(t *testing.T, d codec.Decoder, v Variant) window {
	t.Helper()
	v.Format = pngFormat
	j := &job{variant: v, subject: func() subject { return subjectOf(d.Header()) }}
	if err := engine.begin(j, d); err != nil {
		t.Fatal(err)
	}
	if err := engine.reduce(t.Context(), d, codec.Limits{}, []*job{j}); err != nil {
		t.Fatal(err)
	}
	return j.frame.window
}

// regions returns a packet with faces, whose areas are in the picture as it is stored.
func regions(w, h int, faces []area) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description `+
		`xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" `+
		`xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"><mwg-rs:Regions rdf:parseType="Resource">`+
		`<mwg-rs:AppliedToDimensions stDim:w="%d" stDim:h="%d" stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag>`, w, h)
	for _, a := range faces {
		fmt.Fprintf(&b, `<rdf:li><rdf:Description mwg-rs:Type="Face"><mwg-rs:Area stArea:x="%v" stArea:y="%v" stArea:w="%v" stArea:h="%v" `+
			`stArea:unit="normalized"/></rdf:Description></rdf:li>`, (a.left+a.right)/2, (a.top+a.bottom)/2, a.right-a.left, a.bottom-a.top)
	}
	b.WriteString(`</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions></rdf:Description></rdf:RDF></x:xmpmeta>`)
	return []byte(b.String())
}

// layArea returns where a camera with orientation o stores an area of the upright picture, by the table of lay.
func layArea(a area, o exif.Orientation) area {
	place := func(x, y float64) (float64, float64) {
		switch o {
		case 2:
			return 1 - x, y
		case 3:
			return 1 - x, 1 - y
		case 4:
			return x, 1 - y
		case 5:
			return y, x
		case 6: // stored x, y is shown at h-1-y, x
			return y, 1 - x
		case 7:
			return 1 - y, 1 - x
		case 8:
			return 1 - y, x
		}
		return x, y
	}
	x0, y0 := place(a.left, a.top)
	x1, y1 := place(a.right, a.bottom)
	return area{min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)}
}

// TestFacesAreHeld crops 1,000 pictures with random faces to random sizes. A crop that can hold all faces does;
// another one holds at least one, if it can hold any.
func TestFacesAreHeld(t *testing.T) {
	whole, some := 0, 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 19))
		w, h := 40+r.IntN(160), 40+r.IntN(160)
		p := plane.New(plane.NewLayout(plane.YCbCr, false, w, h, 1, 1))
		for i := range p.Pix { // coloured blocks, so that attention has something to choose
			for range 6 {
				x, y, v := r.IntN(w), r.IntN(h), byte(r.IntN(256))
				for k := range min(20, h-y) {
					for m := range min(20, w-x) {
						p.Row(i, y+k)[x+m] = v
					}
				}
			}
		}
		o := exif.Orientation(1 + r.IntN(8))
		var faces, laid []area
		for range 1 + r.IntN(3) {
			size := 0.05 + 0.2*r.Float64()
			x, y := r.Float64()*(1-size), r.Float64()*(1-size)
			faces = append(faces, area{x, y, x + size, y + size})
			laid = append(laid, layArea(faces[len(faces)-1], o))
		}
		stored := lay(p, o)
		v := Variant{Width: 10 + r.IntN(60), Height: 10 + r.IntN(60), Fit: Cover, Position: FocalPosition}
		if seed%2 == 0 {
			v.Position = Attention
		}
		d := picture(stored, o)
		d.header.XMP = regions(stored.Width(), stored.Height(), laid)
		got := cropped(t, d, v)
		edge := 0.26 * got.width / float64(v.Width) // a quarter of a pixel of the result
		if v.Position == FocalPosition {
			edge = 1e-6
		}
		scale := max(float64(v.Width)/float64(w), float64(v.Height)/float64(h))
		width, height := float64(v.Width)/scale-0.01, float64(v.Height)/scale-0.01 // of what can be held
		held, holdable := 0, 0
		least, most := [2]float64{1e9, 1e9}, [2]float64{}
		for _, f := range faces {
			x0, x1, y0, y1 := f.left*float64(w), f.right*float64(w), f.top*float64(h), f.bottom*float64(h)
			if x0 >= got.x-edge && x1 <= got.x+got.width+edge && y0 >= got.y-edge && y1 <= got.y+got.height+edge {
				held++
			}
			if x1-x0 <= width && y1-y0 <= height {
				holdable++
			}
			least = [2]float64{min(least[0], x0), min(least[1], y0)}
			most = [2]float64{max(most[0], x1), max(most[1], y1)}
		}
		switch {
		case most[0]-least[0] <= width && most[1]-least[1] <= height:
			whole++
			if held != len(faces) {
				t.Errorf("seed %d: %s of %d×%d, orientation %d: %d of %d faces %v are within %+v", seed, v.Position, w, h, o, held, len(faces), faces, got)
			}
		case holdable > 0:
			some++
			if held == 0 {
				t.Errorf("seed %d: %s of %d×%d, orientation %d: none of %v is within %+v", seed, v.Position, w, h, o, faces, got)
			}
		}
	}
	if whole < 400 || some < 100 {
		t.Errorf("%d crops could hold all faces, %d some", whole, some)
	}
}

func TestFocalPosition(t *testing.T) {
	square := Variant{Width: 50, Height: 50, Fit: Cover, Position: FocalPosition}
	with := func(p *Point) Variant { v := square; v.Focal = p; return v }
	face, far := area{0.05, 0.2, 0.15, 0.6}, area{0.9, 0.2, 0.98, 0.5}
	for _, c := range []struct {
		what string
		v    Variant
		s    subject
		want float64 // x in a picture of 400×100
	}{
		{"nothing known", square, subject{}, 150},
		{"a face", square, subject{faces: []area{face}}, 0},
		{"the larger of two faces", square, subject{faces: []area{face, far}}, 0},
		{"a focus", square, subject{focus: &Point{0.5, 0.1}}, 150},
		{"a focus at the edge", square, subject{focus: &Point{1, 0}}, 300},
		{"a face before a focus", square, subject{faces: []area{far}, focus: &Point{0, 0}}, 300},
		{"a point", with(&Point{0.6, 0}), subject{}, 190},
		{"a point before a focus", with(&Point{0.6, 0}), subject{focus: &Point{0, 0}}, 190},
		{"a point, and a face beside it", with(&Point{0.2, 0}), subject{faces: []area{face}}, 15}, // 0.05·400, less a quarter of the face
		{"a point without the face", with(&Point{0.6, 0}), subject{faces: []area{face}}, 190},
	} {
		f := fit(c.v, 400, 100, c.s)
		if math.Abs(f.window.x-c.want) > 1.01 && !strings.Contains(c.what, "beside") || f.looks() {
			t.Errorf("%s: from %v, want %v", c.what, f.window.x, c.want)
		}
		if strings.Contains(c.what, "beside") && (f.window.x > 20 || f.window.x+f.window.width < 80) {
			t.Errorf("%s: %v", c.what, f.window)
		}
	}
	v := square
	v.Position = Attention
	if f := fit(v, 400, 100, subject{focus: &Point{0, 0}}); !f.looks() {
		t.Error("the focus of a camera keeps attention from looking")
	}
	v.Focal = &Point{0.6, 0}
	if f := fit(v, 400, 100, subject{}); f.looks() || f.window.x != 190 {
		t.Errorf("attention with a point: %+v", f)
	}
}

// disc draws a reddish disc on a gray ramp.
func disc(m plane.Model, w, h, cx, cy, radius int) *plane.Picture {
	p := plane.New(plane.NewLayout(plane.RGB, false, w, h, 1, 1))
	for y := range h {
		for x := range w {
			v := [3]uint8{uint8(90 + 60*x/w), uint8(90 + 60*x/w), uint8(95 + 60*x/w)}
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) < radius*radius {
				v = [3]uint8{240, 170, 120}
			}
			for i := range v {
				p.Row(i, y)[x] = v[i]
			}
		}
	}
	if m == plane.RGB {
		return p
	}
	q, err := inModel(context.Background(), p, m)
	if err != nil {
		panic(err)
	}
	return q
}

// TestAttentionFindsADisc in every model and orientation, and shows the same pixels of each orientation.
func TestAttentionFindsADisc(t *testing.T) {
	for _, cx := range []int{20, 70, 190, 275} {
		for _, m := range []plane.Model{plane.Gray, plane.YCbCr, plane.RGB} {
			p := disc(m, 300, 100, cx, 50, 15)
			for _, side := range []int{100, 31} {
				v := Variant{Width: side, Height: side, Fit: Cover, Position: Attention}
				for o := exif.Orientation(1); o <= 8; o++ {
					got := cropped(t, picture(lay(p, o), o), v)
					if got.x > float64(cx-15) || got.x+got.width < float64(cx+15) || got.y != 0 {
						t.Errorf("%v, a disc at %d, side %d, orientation %d: %+v", m, cx, side, o, got)
					}
				}
			}
		}
	}
}

// TestAttentionIsTheSameEverywhere compares the choice with one that was made on another machine.
func TestAttentionIsTheSameEverywhere(t *testing.T) {
	for seed, want := range map[uint64]window{1: {118, 0, 80, 80}, 2: {2, 0, 80, 80}, 3: {0, 0, 80, 80}} {
		r := rand.New(rand.NewPCG(seed, 7))
		p := plane.New(plane.NewLayout(plane.RGB, false, 200, 80, 1, 1))
		for i := range p.Pix {
			for k := range p.Pix[i] {
				p.Pix[i][k] = byte(128 + r.IntN(64)*(k/37%3))
			}
		}
		if got := cropped(t, picture(p, 1), Variant{Width: 40, Height: 40, Fit: Cover, Position: Attention}); got != want {
			t.Errorf("seed %d: %+v, want %+v", seed, got, want)
		}
	}
}

// TestAttentionCutsWholePixels: what is shown is a part of the whole reduced picture, also where chroma is
// subsampled, and each frame of an animation shows the same part.
func TestAttentionCutsWholePixels(t *testing.T) {
	p := disc(plane.YCbCr, 300, 100, 232, 50, 15)
	whole := through(t, p, 1, Variant{Width: 150, Height: 50})
	got := through(t, p, 1, Variant{Width: 50, Height: 50, Fit: Cover, Position: Attention})
	left := slices.Index(whole.Row(0, 25), 255) // none
	for x := range 101 {
		if slices.Equal(got.Row(0, 25), whole.Row(0, 25)[x:x+50]) {
			left = x
			break
		}
	}
	if left < 60 || left%2 != 0 {
		t.Fatalf("the part begins at column %d", left)
	}
	for i, s := range got.Planes {
		at := left
		if s.Kind == plane.Chroma {
			at /= 2
		}
		for y := range s.Height {
			if !slices.Equal(got.Row(i, y), whole.Row(i, y)[at:at+s.Width]) {
				t.Fatalf("row %d of plane %d is not that of the whole picture", y, i)
			}
		}
	}
	if got := through(t, disc(plane.YCbCr, 30, 10, 25, 5, 3), 1, Variant{Width: 40, Height: 20, Fit: Cover, Position: Attention}); got.Width() != 20 || got.Height() != 10 {
		t.Errorf("too small: %d×%d", got.Width(), got.Height())
	}

	film := newFilm(2)
	film.frames = []*plane.Picture{disc(plane.Gray, 300, 100, 232, 50, 15), disc(plane.Gray, 300, 100, 50, 50, 15)}
	film.header.Layout, film.header.Width, film.header.Height = film.frames[0].Layout, 300, 100
	var frames []*plane.Picture
	format := flipFormat(nil)
	j := &job{variant: Variant{Width: 50, Height: 50, Fit: Cover, Position: Attention, Format: format, Frames: AllFrames}, subject: func() subject { return subject{} }}
	if err := engine.begin(j, film); err != nil {
		t.Fatal(err)
	}
	var windows []window
	for range 2 {
		if _, err := film.NextFrame(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := engine.reduce(t.Context(), film, codec.Limits{}, []*job{j}); err != nil {
			t.Fatal(err)
		}
		frames, windows = append(frames, j.reduced), append(windows, j.frame.window)
	}
	if windows[0] != windows[1] || frames[0].Width() != 50 || frames[1].Width() != 50 {
		t.Errorf("frames show %v, in %d and %d columns", windows, frames[0].Width(), frames[1].Width())
	}
	whole = through(t, film.frames[1], 1, Variant{Width: 150, Height: 50})
	if at := int(windows[1].x / 2); !slices.Equal(frames[1].Row(0, 25), whole.Row(0, 25)[at:at+50]) {
		t.Error("the second frame is not that part of the whole one")
	}
}

// TestIdlePosition: a position that nothing is placed by is reported.
func TestIdlePosition(t *testing.T) {
	s := NewSchema(engine.Formats)
	for _, c := range []struct {
		v    Variant
		idle bool
	}{
		{Variant{}, false}, {Variant{Position: Center}, false}, {Variant{Position: "0% 0%"}, true},
		{Variant{Position: "0% 0%", Fit: Cover}, false}, {Variant{Position: "0% 0%", Fit: Contain}, false}, {Variant{Position: Attention, Fit: Contain}, true},
		{Variant{Position: FocalPosition, Fit: Inside}, true}, {Variant{Position: FocalPosition, Fit: Cover, Format: jpegFormat}, false},
	} {
		c.v.Width, c.v.Height = 10, 10
		if idle := s.Idle(c.v); (len(idle) > 0) != c.idle || c.idle && idle[0].Setting != "position" {
			t.Errorf("%+v: %+v", c.v, idle)
		}
	}
}

func TestParsePoint(t *testing.T) {
	for text, want := range map[string]string{"0.3,0.6": "0.3,0.6", " 1 ,  0": "1,0", "0.25 1e-1": "0.25,0.1", ".5,.5": "0.5,0.5"} {
		if p, err := ParsePoint(text); err != nil || p.String() != want {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "0.5", "0.5,0.5,0.5", "1.1,0", "-0.1,0", "NaN,0", "a,b", "30% 60%", ","} {
		if p, err := ParsePoint(text); err == nil || !strings.Contains(err.Error(), "like 0.3,0.6") {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	}
}
