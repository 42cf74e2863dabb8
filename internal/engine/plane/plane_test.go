package plane

import (
	"reflect"
	"testing"
)

func TestTransposedExchangesAxes(t *testing.T) {
	l := NewLayout(YCbCr, true, 5, 8, 2, 1)
	want := Layout{Model: YCbCr, Bits: 8, Planes: []Plane{
		{Luma, Size{8, 5, 8, 5}}, {Chroma, Size{8, 3, 8, 2.5}}, {Chroma, Size{8, 3, 8, 2.5}}, {Alpha, Size{8, 5, 8, 5}},
	}}
	if got := l.Transposed(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if again := l.Transposed().Transposed(); !reflect.DeepEqual(again, l) {
		t.Errorf("transposed twice: %+v, want %+v", again, l)
	}
	if l.Planes[0].Width != 5 {
		t.Error("the layout itself was changed")
	}
}

func TestPlanesSayWhatTheyAre(t *testing.T) {
	for _, c := range []struct {
		layout     Layout
		kinds      []Kind
		subsampled bool
		subX, subY int
	}{
		{NewLayout(Gray, false, 5, 5, 2, 2), []Kind{Luma}, false, 1, 1},
		{NewLayout(Gray, true, 5, 5, 2, 2), []Kind{Luma, Alpha}, false, 1, 1},
		{NewLayout(YCbCr, true, 5, 5, 2, 2), []Kind{Luma, Chroma, Chroma, Alpha}, true, 2, 2},
		{NewLayout(YCbCr, false, 5, 5, 2, 1), []Kind{Luma, Chroma, Chroma}, true, 2, 1},
		{NewLayout(YCbCr, true, 5, 5, 1, 1), []Kind{Luma, Chroma, Chroma, Alpha}, false, 1, 1},
		{NewLayout(RGB, true, 5, 5, 2, 2), []Kind{Colour, Colour, Colour, Alpha}, false, 1, 1},
		{NewLayout(CMYK, false, 5, 5, 2, 2), []Kind{Colour, Colour, Colour, Colour}, false, 1, 1},
	} {
		var kinds []Kind
		for _, p := range c.layout.Planes {
			kinds = append(kinds, p.Kind)
		}
		if !reflect.DeepEqual(kinds, c.kinds) {
			t.Errorf("%v: kinds %v, want %v", c.layout.Model, kinds, c.kinds)
		}
		wantAlpha := c.kinds[len(c.kinds)-1] == Alpha
		if i, ok := c.layout.Alpha(); ok != wantAlpha || ok && i != len(kinds)-1 {
			t.Errorf("%v: alpha is plane %d, %t", c.layout.Model, i, ok)
		}
		if got := c.layout.Subsampled(); got != c.subsampled {
			t.Errorf("%v: subsampled %t", c.layout.Model, got)
		}
		if x, y := c.layout.Subsampling(); x != c.subX || y != c.subY {
			t.Errorf("%v: subsampling %d×%d, want %d×%d", c.layout.Model, x, y, c.subX, c.subY)
		}
	}
}

func TestSpaceDescribesOnlyItsModel(t *testing.T) {
	profile := func(class string) Space {
		icc := make([]byte, 128)
		copy(icc[16:], class)
		return Space{ICC: icc}
	}
	for class, models := range map[string][]Model{"GRAY": {Gray}, "RGB ": {RGB, YCbCr}, "CMYK": {CMYK}, "Lab ": nil} {
		for _, m := range []Model{Gray, YCbCr, RGB, CMYK} {
			kept := profile(class).For(m).ICC != nil
			want := false
			for _, ok := range models {
				want = want || ok == m
			}
			if kept != want {
				t.Errorf("a %q profile beside %v: kept is %t", class, m, kept)
			}
		}
	}
	if (Space{ICC: make([]byte, 127)}).Class() != "" {
		t.Error("a profile shorter than its header has a class")
	}
}

func TestOpaque(t *testing.T) {
	if !New(NewLayout(RGB, false, 5, 3, 1, 1)).Opaque() {
		t.Error("a picture without an alpha plane is not opaque")
	}
	p := New(NewLayout(Gray, true, 5, 3, 1, 1))
	p.Stride[1], p.Pix[1] = 7, make([]byte, 3*7) // what lies between rows is no part of it
	for y := range 3 {
		copy(p.Row(1, y), "\xFF\xFF\xFF\xFF\xFF")
	}
	if !p.Opaque() {
		t.Error("a picture whose alpha is 255 everywhere is not opaque")
	}
	p.Row(1, 2)[4] = 254
	if p.Opaque() {
		t.Error("a picture whose last pixel is transparent is opaque")
	}
}
