package placeholder

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
)

// reference is what the implementations on npm make of a picture that testdata/reference.mjs describes.
type reference struct {
	Width, Height, Kind, Seed int
	ThumbHash, BlurHash       string
	NX, NY                    int
}

// draw draws as draw of testdata/reference.mjs.
func (r reference) draw() Pixels {
	px := Pixels{r.Width, r.Height, make([]uint8, 0, 4*r.Width*r.Height)}
	state := uint32(r.Seed)
	for y := range r.Height {
		for x := range r.Width {
			for c := range 4 {
				state ^= state << 13
				state ^= state >> 17
				state ^= state << 5
				v := int(state)
				switch {
				case c == 3 && r.Kind != 4:
					v = 255
				case r.Kind == 1:
					v = x*(r.Seed%5+1) + y*(r.Seed%7) + 60*c
				case r.Kind == 2:
					v = (x>>4)*97 + (y>>3)*41 + 71*c + r.Seed
				case r.Kind == 3:
					v = r.Seed * (c + 3)
				}
				px.RGBA = append(px.RGBA, uint8(v))
			}
		}
	}
	return px
}

// values takes a ThumbHash apart: its flags and sizes, and the numbers that count, without coefficients in
// units of a scale that is 0.
func values(hash []byte) (kind int, numbers []int) {
	head := int(hash[0]) | int(hash[1])<<8 | int(hash[2])<<16 | int(hash[3])<<24 | int(hash[4])<<32
	transparent, landscape := head>>23&1 == 1, head>>39&1 == 1
	limit, start := 7, 5
	scales := []int{head >> 18 & 31, head >> 27 & 63, head >> 33 & 63}
	numbers = append(scales, head&63, head>>6&63, head>>12&63)
	counts := []int{0, 5, 5}
	if transparent {
		limit, start = 5, 6
		scales, counts = append(scales, int(hash[5]>>4)), append(counts, 14)
		numbers = append(numbers, int(hash[5]>>4), int(hash[5]&15))
	}
	nx, ny := max(3, head>>24&7), limit
	if landscape {
		nx, ny = limit, max(3, head>>24&7)
	}
	for cy := range ny {
		for cx := 0; cx*ny < nx*(ny-cy); cx++ {
			counts[0]++
		}
	}
	counts[0]--
	at := 2 * start
	for i, n := range counts {
		for range n {
			if scales[i] > 0 {
				numbers = append(numbers, int(hash[at/2]>>(at%2*4)&15))
			}
			at++
		}
	}
	return head & (1<<23 | 7<<24 | 1<<39), numbers
}

// alike reports whether two ThumbHashes differ in nothing but numbers that lie between two values.
func alike(a, b string) bool {
	var hashes [2][]byte
	for i, text := range []string{a, b} {
		var err error
		if hashes[i], err = base64.StdEncoding.DecodeString(text); err != nil || len(hashes[i]) < 6 {
			return false
		}
	}
	if len(hashes[0]) != len(hashes[1]) {
		return false
	}
	kind, ours := values(hashes[0])
	wanted, theirs := values(hashes[1])
	if kind != wanted || len(ours) != len(theirs) {
		return false
	}
	far := 0
	for i := range ours {
		far = max(far, ours[i]-theirs[i], theirs[i]-ours[i])
	}
	return far <= 1
}

// alikeBlur is alike for BlurHashes.
func alikeBlur(a, b string) bool {
	if len(a) != len(b) || a[0] != b[0] {
		return false
	}
	digits := func(s string) (n int) {
		for i := range len(s) {
			n = n*83 + strings.IndexByte(digits83, s[i])
		}
		return n
	}
	scale := func(s string) float64 { return float64(digits(s[1:2])+1) / 166 }
	// A step between two values is 17/81 of the scale at most, and scales may be of neighbouring values, too.
	limit := max(scale(a), scale(b))*17/81 + math.Abs(scale(a)-scale(b)) + 1e-9
	same := math.Abs(scale(a)-scale(b)) < 1.5/166
	for x, y := digits(a[2:6]), digits(b[2:6]); x+y > 0; x, y = x>>8, y>>8 {
		same = same && max(x&255-y&255, y&255-x&255) <= 1
	}
	for i := 6; i < len(a); i += 2 {
		for x, y := digits(a[i:i+2]), digits(b[i:i+2]); x+y > 0; x, y = x/19, y/19 {
			value := func(digit int, s string) float64 {
				v := float64(digit%19-9) / 9
				return v * math.Abs(v) * scale(s)
			}
			same = same && math.Abs(value(x, a)-value(y, b)) <= limit
		}
	}
	return same
}

// TestReference compares with the reference implementations: the committed cases and, of
// make placeholders, thousands.
func TestReference(t *testing.T) {
	name := "testdata/reference.json"
	if f := os.Getenv("IMGMILL_PLACEHOLDERS"); f != "" {
		name = f
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases, different, blur := 0, 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); cases++ {
		var want reference
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		px := want.draw()
		got := base64.StdEncoding.EncodeToString(px.ThumbHash())
		if got != want.ThumbHash {
			different++
		}
		if !alike(got, want.ThumbHash) {
			t.Errorf("%s\nThumbHash %s", lines.Text(), got)
		}
		if want.BlurHash == "" {
			continue
		}
		if got := px.BlurHash(want.NX, want.NY); got != want.BlurHash {
			if blur++; !alikeBlur(got, want.BlurHash) {
				t.Errorf("%s\nBlurHash %s", lines.Text(), got)
			}
		}
	}
	t.Logf("%d cases: %d ThumbHashes differ in a number between two values, %d BlurHashes", cases, different, blur)
	if cases < 60 || blur > cases/50 {
		t.Error("too few cases to prove anything, or too many that differ")
	}
}

// TestOf checks what the hashes of plain pictures say.
func TestOf(t *testing.T) {
	fill := func(w, h int, at func(x, y int) color.NRGBA) Placeholder {
		px := Pixels{Width: w, Height: h}
		for y := range h {
			for x := range w {
				c := at(x, y)
				px.RGBA = append(px.RGBA, c.R, c.G, c.B, c.A)
			}
		}
		return Of(px)
	}
	red, blue := color.NRGBA{200, 30, 10, 255}, color.NRGBA{10, 20, 220, 255}
	for name, test := range map[string]struct {
		got    Placeholder
		colour string
	}{
		"one colour": {fill(10, 10, func(int, int) color.NRGBA { return red }), "#c81e0a"},
		"mostly blue": {fill(10, 10, func(x, y int) color.NRGBA {
			if x < 3 {
				return red
			}
			return blue
		}), "#0a14dc"},
		"what is transparent does not count": {fill(10, 10, func(x, y int) color.NRGBA {
			if x < 3 {
				return red
			}
			return color.NRGBA{10, 20, 220, 20}
		}), "#c81e0a"},
		"nothing to see": {fill(3, 3, func(int, int) color.NRGBA { return color.NRGBA{} }), "#ffffff"},
	} {
		if test.got.Colour != test.colour {
			t.Errorf("%s: %s, want %s", name, test.got.Colour, test.colour)
		}
		if hash, err := base64.StdEncoding.DecodeString(test.got.ThumbHash); err != nil || len(hash) < 5 || len(hash) > 25 || len(test.got.BlurHash) != 28 {
			t.Errorf("%s: %+v", name, test.got)
		}
	}
}

// TestVariant makes the placeholder beside a variant, from files of every kind of layout.
func TestVariant(t *testing.T) {
	see := image.NewNRGBA(image.Rect(0, 0, 300, 150))
	for i := range see.Pix {
		see.Pix[i] = uint8(i)
	}
	var transparent, gray bytes.Buffer
	if err := png.Encode(&transparent, see); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&gray, image.NewGray(image.Rect(0, 0, 30, 300))); err != nil {
		t.Fatal(err)
	}
	engine := &render.Engine{Formats: formats.All()}
	small := render.NewVariant("small")
	small.Width = 40
	for name, data := range map[string][]byte{"JPEG": sample.Photo(600, 400), "transparent": transparent.Bytes(), "gray": gray.Bytes()} {
		_, outputs, err := engine.Make(t.Context(), bytes.NewReader(data), codec.Limits{}, []render.Variant{small, Variant()})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(outputs[1].Data)
		hash, invalid := base64.StdEncoding.DecodeString(p.ThumbHash)
		if err != nil || invalid != nil || len(p.BlurHash) != 28 || len(p.Colour) != 7 || (hash[2]>>7 == 1) != (name == "transparent") {
			t.Errorf("%s: %s", name, outputs[1].Data)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	px := reference{Width: 100, Height: 67, Seed: 7}.draw()
	for b.Loop() {
		Of(px)
	}
}
