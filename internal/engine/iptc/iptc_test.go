package iptc

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// set returns a dataset.
func set(record, number byte, value string) string {
	return string([]byte{tagMarker, record, number, byte(len(value) >> 8), byte(len(value))}) + value
}

const utf8Set = "\x1b%G"

func TestRead(t *testing.T) {
	long := strings.Repeat("long ", 8000)
	for name, c := range map[string]struct {
		iim  string
		want Rights
	}{
		"all": {set(1, 90, utf8Set) + set(2, 0, "\x00\x04") + set(2, 80, "Ann") + set(2, 80, "Zoë 写真") + set(2, 90, "Planted") +
			set(2, 110, "an agency") + set(2, 116, "© Ann\x00"), Rights{[]string{"Ann", "Zoë 写真"}, "© Ann", "an agency"}},
		"Latin-1":         {set(2, 80, "Zo\xeb") + set(2, 116, "\xa9 Zo\xeb"), Rights{[]string{"Zoë"}, "© Zoë", ""}},
		"UTF-8, unnamed":  {set(2, 80, "Zoë"), Rights{[]string{"Zoë"}, "", ""}},
		"UTF-8, invalid":  {set(1, 90, utf8Set) + set(2, 80, "Zo\xeb"), Rights{[]string{"Zo\ufffd"}, "", ""}},
		"the first":       {set(2, 116, "Ann") + set(2, 116, "Bob"), Rights{nil, "Ann", ""}},
		"blank":           {set(2, 80, " \x00") + set(2, 116, "  "), Rights{}},
		"another record":  {set(3, 80, "Ann") + set(8, 116, "Ann"), Rights{}},
		"extended length": {"\x1c\x02\x74\x80\x04\x00\x00\x9c\x40" + long, Rights{nil, strings.TrimSpace(long), ""}},
		"damage":          {set(2, 80, "Ann") + "\x00" + set(2, 116, "Ann"), Rights{[]string{"Ann"}, "", ""}},
		"truncated":       {set(2, 80, "Ann") + set(2, 116, "Ann")[:7], Rights{[]string{"Ann"}, "", ""}},
		"length too long": {"\x1c\x02\x74\x80\x05\x00\x00\x00\x00\x00", Rights{}},
		"no length":       {"\x1c\x02\x74\x80\x04\x00", Rights{}},
		"empty":           {"", Rights{}},
	} {
		if got := Read([]byte(c.iim)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestResized(t *testing.T) {
	kept := set(1, 90, utf8Set) + set(2, 0, "\x00\x04") + set(2, 90, "a city") + set(2, 116, "© Ann") + set(240, 1, "private")
	iim := set(1, 90, utf8Set) + set(2, 0, "\x00\x04") + set(3, 20, "\x0f\xa0") + set(2, 90, "a city") + set(2, 116, "© Ann") +
		set(2, 200, "\x00\x0b") + set(2, 201, "\x00\x01") + set(2, 202, "uncropped") + set(7, 10, "\x01") + set(8, 10, "uncropped") +
		set(240, 1, "private") + "rest"
	if got := Resized([]byte(iim)); string(got) != kept {
		t.Errorf("got %q", got)
	}
	if got := Resized([]byte(set(1, 90, utf8Set) + set(2, 202, "uncropped"))); got != nil {
		t.Errorf("got %q where nothing is left", got)
	}
}

func TestResources(t *testing.T) {
	iim := []byte(set(2, 80, "Ann")) // of an even length and, below, of an odd one
	for _, data := range [][]byte{iim, iim[:7], {}} {
		b := AppendResource(AppendResource(nil, 0x03ED, []byte("abc")), ResourceIIM, data)
		b = append(b, "8BIM\x04\x24\x05names\x00\x00\x00\x02hi"...) // named
		if got := Resource(b, ResourceIIM); !bytes.Equal(got, data) || got == nil {
			t.Errorf("got %q of %q", got, data)
		}
		if got := Resource(b, ResourceXMP); string(got) != "hi" {
			t.Errorf("after the name: %q", got)
		}
		if got := Resource(b, ResourceEXIF); got != nil {
			t.Errorf("EXIF: %q", got)
		}
	}
	other := strings.Replace(string(AppendResource(nil, 0x0404, iim)), "8BIM", "PHUT", 1)
	if got := Resource(AppendResource([]byte(other), ResourceIIM, iim), ResourceIIM); !bytes.Equal(got, iim) {
		t.Errorf("behind a resource of another program: %q", got)
	}
	for n := range len(other) {
		if got := Resource(AppendResource(nil, ResourceIIM, iim)[:n], ResourceIIM); got != nil && n < 12+len(iim) {
			t.Errorf("of %d bytes: %q", n, got)
		}
	}
}

func TestBare(t *testing.T) {
	iim := []byte(set(2, 80, "Ann") + set(2, 116, "An")) // 15 bytes
	iim = append(iim, 0)
	swapped := make([]byte, len(iim))
	for i := range iim {
		swapped[i&^3+3-i&3] = iim[i]
	}
	resource := AppendResource(nil, ResourceIIM, iim)
	for _, b := range [][]byte{iim, swapped, resource, append([]byte("Photoshop 3.0\x00"), resource...)} {
		if got := Bare(b); !bytes.Equal(got, iim) {
			t.Errorf("got %q", got)
		}
	}
	if got := Bare([]byte("abc")); string(got) != "abc" {
		t.Errorf("got %q", got)
	}
}

func FuzzIPTC(f *testing.F) {
	iim := []byte(set(1, 90, utf8Set) + set(2, 80, "Ann") + set(2, 202, "small") + set(2, 116, "© Ann"))
	f.Add(iim, []byte("8BIM\x04\x24\x05names\x00\x00\x00\x02hi"))
	f.Add([]byte("\x1c\x02\x74\x80\x04\x00\x00\x00\x01a"), []byte{})
	f.Fuzz(func(t *testing.T, iim, resources []byte) {
		kept := Resized(iim)
		if want := Read(iim); kept != nil && !reflect.DeepEqual(Read(kept), want) {
			t.Fatalf("%+v, and %+v for the picture that was resized", want, Read(kept))
		}
		if !bytes.Equal(Resized(kept), kept) || len(kept) > len(iim) || len(Bare(iim)) > len(iim) {
			t.Fatalf("%q of %q", kept, iim)
		}
		found := Resource(resources, ResourceIIM)
		if again := Resource(AppendResource(nil, ResourceIIM, found), ResourceIIM); !bytes.Equal(again, found) {
			t.Fatalf("%q of %q", again, found)
		}
		Resource(resources, ResourceXMP)
	})
}
