package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// greedy is a decoder that counts the rows of plane 0 and, if on, pushes all of them, even once its
// sink has enough.
type greedy struct {
	codec.Decoder
	sink plane.Sink
	on   bool
	rows int
}

func (d *greedy) Decode(ctx context.Context, s plane.Sink) (codec.Report, error) {
	d.sink = s
	return d.Decoder.Decode(ctx, d)
}

func (d *greedy) Rows(p, y int, r plane.Rows) error {
	if p == 0 {
		d.rows += r.N
	}
	if d.sink == nil {
		return nil
	}
	err := d.sink.Rows(p, y, r)
	if d.on && err == plane.ErrEnough {
		d.sink, err = nil, nil
	}
	return err
}

// crops show a strip from the middle of a tall picture.
var crops = map[string][]Variant{
	"one":          {{Width: 200, Height: 100, Fit: Cover}},
	"quality":      {{Width: 200, Height: 100, Fit: Cover, Format: jpegFormat, Encoding: setting.Values{"quality": "80"}}},
	"focal":        {{Width: 200, Height: 100, Fit: Cover, Position: FocalPosition, Focal: &Point{0.9, 0.2}}},
	"PNG":          {{Width: 90, Height: 60, Fit: Cover, Format: pngFormat}},
	"box":          {{Width: 90, Height: 60, Fit: Cover, Filter: resample.Box}},
	"linear light": {{Width: 90, Height: 60, Fit: Cover, LinearLight: true}},
	"several":      {{Width: 40, Height: 40, Fit: Cover}, {Width: 200, Height: 100, Fit: Cover}, {Width: 90, Height: 60, Fit: Cover, LinearLight: true}},
}

func TestCropStopsAtItsLowerEdge(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // more threads read further ahead
	photo := sample.Photo(1000, 4000)
	for name, variants := range crops {
		r := bytes.NewReader(photo)
		d, err := engine.Open(r, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := engine.Render(t.Context(), d, codec.Limits{}, variants)
		if err != nil {
			t.Fatal(err)
		}
		read := len(photo) - r.Len()
		// The crops end at 5/8 of the picture or before. Where an output must not be larger than
		// its source, that the source is larger shows in what was read anyway.
		if read > len(photo)*7/10 {
			t.Errorf("%s: %d of %d bytes were read", name, read, len(photo))
		}
		same(t, name, got, &greedy{Decoder: open(t, photo), on: true}, variants)

		cut, err := engine.Render(t.Context(), open(t, photo[:read]), codec.Limits{}, variants)
		if err != nil {
			t.Fatalf("%s, cut behind what was read: %v", name, err)
		}
		for i := range got {
			if !bytes.Equal(cut[i].Data, got[i].Data) {
				t.Errorf("%s, cut behind what was read: variant %d is another", name, i)
			}
		}
		before := len(photo) / 16 // earlier than any crop ends
		for what, b := range map[string][]byte{"half way": photo[:before], "spoilt": spoilt(photo, before)} {
			if _, err := engine.Render(t.Context(), open(t, b), codec.Limits{}, variants); !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// spoilt returns a JPEG with a marker in the middle of its data.
func spoilt(file []byte, at int) []byte {
	b := bytes.Clone(file)
	b[at], b[at+1] = 0xff, 0xd9
	return b
}

// same compares outputs with those of another decoder.
func same(t *testing.T, what string, got []Output, d *greedy, variants []Variant) {
	t.Helper()
	want, err := engine.Render(t.Context(), d, codec.Limits{}, variants)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i].Data) {
			t.Errorf("%s: variant %d is not what the whole picture gives", what, i)
		}
	}
}

// TestWholePictureIsReadToItsEnd lets a variant show the lower edge, or all but a part of the last
// row at the scale of the decode: a missing end is detected. Bytes left before the end are no damage.
func TestWholePictureIsReadToItsEnd(t *testing.T) {
	photo := sample.Photo(300, 1200)
	over := slices.Concat(photo[:len(photo)-2], make([]byte, 100), photo[len(photo)-2:])
	crop := Variant{Width: 100, Height: 50, Fit: Cover}
	for _, v := range []Variant{{Width: 100}, {Width: 100, Filter: resample.Box}, {Width: 100, Height: 100, Fit: Contain}, {Width: 100, Height: 100, Fit: Fill}, {Width: 50, Height: 250, Fit: Cover}, {Width: 100, Height: 399, Fit: Cover}, {}, {Width: 600, Enlarge: true, Filter: resample.Linear}} {
		for _, variants := range [][]Variant{{v}, {crop, v}, {v, crop}} {
			cut := photo[:len(photo)-20]
			if _, err := engine.Render(t.Context(), open(t, cut), codec.Limits{}, variants); !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("cut, %+v: %v", variants, err)
			}
			if _, err := engine.Render(t.Context(), open(t, over), codec.Limits{}, variants); err != nil {
				t.Errorf("data left over, %+v: %v", variants, err)
			}
			if _, err := engine.Render(t.Context(), open(t, photo), codec.Limits{}, variants); err != nil {
				t.Errorf("%+v: %v", variants, err)
			}
		}
	}
}

// TestEarlyStopFollowsOrientation checks that only rows of the stored picture are left unread.
func TestEarlyStopFollowsOrientation(t *testing.T) {
	for _, alpha := range []bool{false, true} {
		for _, model := range []plane.Model{plane.Gray, plane.RGB, plane.YCbCr, plane.CMYK} {
			if alpha && model == plane.CMYK {
				continue
			}
			p := scene(60, 400, model, alpha, 1)
			for o := exif.Orientation(1); o <= 8; o++ {
				for _, linear := range []bool{false, true} {
					v := []Variant{{Width: 30, Height: 15, Fit: Cover, Format: pngFormat, LinearLight: linear}}
					what := fmt.Sprintf("%v, alpha %t, orientation %d, linear light %t", model, alpha, o, linear)
					d := &greedy{Decoder: picture(lay(p, o), o)}
					got, err := engine.Render(t.Context(), d, codec.Limits{}, v)
					if err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					if o.Swaps() != (d.rows == d.Header().Height) || d.rows < 215 && !o.Swaps() || d.rows > 260 {
						t.Errorf("%s: %d of %d rows", what, d.rows, d.Header().Height)
					}
					same(t, what, got, &greedy{Decoder: picture(lay(p, o), o), on: true}, v)
				}
			}
		}
	}
}

func TestDamageBeforeEarlyStopIsCorrupt(t *testing.T) {
	d := picture(scene(60, 400, plane.YCbCr, false, 2), 1)
	d.damage = fmt.Errorf("a bad row: %w", codec.ErrCorrupt)
	if _, err := engine.Render(t.Context(), d, codec.Limits{}, []Variant{{Width: 30, Height: 15, Fit: Cover}}); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("%v", err)
	}
}
