package pnm

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
)

var formats = codec.Set{Format}

func TestEveryKind(t *testing.T) {
	pam := func(w, h, depth, max, kind string) string {
		return "P7\n# by hand\nWIDTH " + w + "\nHEIGHT " + h + "\n\nDEPTH " + depth + "\nMAXVAL " + max + "\n" + kind + "ENDHDR\n"
	}
	for name, c := range map[string]struct {
		file string
		want [][]byte // the samples of each pixel of a picture of 2×2
	}{
		"P1":                   {"P1\n2 2\n1 0\n0 1\n", [][]byte{{0}, {255}, {255}, {0}}},
		"P1 without spaces":    {"P1 2 2 1001", [][]byte{{0}, {255}, {255}, {0}}},
		"P2":                   {"P2\n# comment\n2 # another\n2\n255\n0 255 1\n254", [][]byte{{0}, {255}, {1}, {254}}},
		"P2 of 10 levels":      {"P2 2 2 9 0 9 1 5\n", [][]byte{{0}, {255}, {28}, {142}}},
		"P2 of 16 bits":        {"P2 2 2 65535 0 65535 511 256\n", [][]byte{{0}, {255}, {1}, {1}}},
		"P2 above the maximum": {"P2 2 2 9 0 10 1 99\n", [][]byte{{0}, {255}, {28}, {255}}},
		"P3":                   {"P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12", [][]byte{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}}},
		"P4":                   {"P4 2 2\n\x80\x7f", [][]byte{{0}, {255}, {255}, {0}}},
		"P5":                   {"P5 2 2 255\n\x00\xff\x01\xfe", [][]byte{{0}, {255}, {1}, {254}}},
		"P5 of 3 bits":         {"P5 2 2 7\n\x00\x07\x01\x09", [][]byte{{0}, {255}, {36}, {255}}},
		"P5 of 16 bits":        {"P5 2 2 65535\n\x00\xff\xff\x00\x01\x00\x80\x00", [][]byte{{0}, {255}, {1}, {128}}},
		"P5 of 9 bits":         {"P5 2 2 511\n\x00\x00\x01\xff\x01\x00\x00\x01", [][]byte{{0}, {255}, {128}, {0}}},
		"P6":                   {"P6 2 2 255 \x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", [][]byte{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}}},
		"P6, a second picture": {"P6 2 2 255 \x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0cP6 1 1 1 ", [][]byte{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}}},
		"PAM of 1":             {pam("2", "2", "1", "1", "TUPLTYPE BLACKANDWHITE\n") + "\x00\x01\x01\x00", [][]byte{{0}, {255}, {255}, {0}}},
		"PAM of 2":             {pam("2", "2", "2", "255", "TUPLTYPE GRAYSCALE_ALPHA\n") + "\x01\x02\x03\x04\x05\x06\x07\x08", [][]byte{{1, 2}, {3, 4}, {5, 6}, {7, 8}}},
		"PAM of 3":             {pam("2", "2", "3", "255", "") + "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", [][]byte{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}}},
		"PAM of 4":             {pam("2", "2", "4", "255", "TUPLTYPE RGB_ALPHA\n") + "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10", [][]byte{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}, {13, 14, 15, 16}}},
	} {
		p, h, err := codectest.Decode(formats, []byte(c.file))
		if err != nil || h.Width != 2 || h.Height != 2 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, want := range c.want {
			if got := codectest.Samples(p, i%2, i/2); !bytes.Equal(got, want) {
				t.Errorf("%s: pixel %d is %v, not %v", name, i, got, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"no height":             {"P5 2 0 255\n", codec.ErrCorrupt},
		"no maximum":            {"P5 2 2 0\n\x00\x00\x00\x00", codec.ErrCorrupt},
		"a maximum of 17 bits":  {"P5 2 2 65536\n\x00\x00\x00\x00", codec.ErrCorrupt},
		"a number without end":  {"P5 2 2 " + strings.Repeat("9", 99), codec.ErrCorrupt},
		"a row is missing":      {"P5 2 2 255\n\x00\x00", codec.ErrCorrupt},
		"a number is missing":   {"P2 2 2 255\n1 2 3", codec.ErrCorrupt},
		"a digit is missing":    {"P1 2 2\n101", codec.ErrCorrupt},
		"a 2 in a bitmap":       {"P1 2 2\n1012", codec.ErrCorrupt},
		"a negative number":     {"P2 2 2 255\n1 2 3 -4", codec.ErrCorrupt},
		"PAM without a size":    {"P7\nDEPTH 1\nMAXVAL 255\nENDHDR\n\x00", codec.ErrCorrupt},
		"PAM without an end":    {"P7\nWIDTH 1\n", codec.ErrCorrupt},
		"PAM of CMYK":           {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE CMYK\nENDHDR\n1234", codec.ErrUnsupported},
		"PAM of 5":              {"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\n12345", codec.ErrUnsupported},
		"PAM with another word": {"P7\nWIDTH 1\nLENGTH 1\nENDHDR\n1", codec.ErrCorrupt},
		"PAM with a long line":  {"P7\n#" + strings.Repeat(" ", 100000), codec.ErrCorrupt},
	} {
		if _, _, err := codectest.Decode(formats, []byte(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTextIsNotDetected(t *testing.T) {
	for _, text := range []string{
		"P1", "P1 ", "P1 is the first priority", "P3\n\nParagraph", "P4S 1 2", "P5, 10 20", "P6 10 apples, 12 pears and more of them",
		"P7\nA new paragraph of text follows here", "P7 332\n#XVVERSION", "P8 2 2 255", "PK\x03\x04", "P6 10", "P5 12 and 13 are two numbers here",
	} {
		if detect([]byte(text)[:min(len(text), codec.HeadLength)]) {
			t.Errorf("%q is taken for a picture", text)
		}
	}
	for _, head := range []string{"P6\n# CREATOR: a program with a long", "P5\n12345678 12345678\n255\n", "P4\t3\r\n4\n\xff\xff\xff\xff", "P7\nWIDTH 3\n", "P6                                "} {
		if !detect([]byte(head)[:min(len(head), codec.HeadLength)]) {
			t.Errorf("%q is not detected", head)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"P1 2 2 1001", "P2 2 2 9 0 9 1 5\n", "P3 1 1 255 1 2 3", "P4 2 2\n\x80\x7f", "P5 2 2 511\n\x00\x00\x01\xff\x01\x00\x00\x01",
		"P6 1 1 255 abc", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n1234",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { codectest.Promises(t, formats, data, 128<<10) })
}

func BenchmarkDecode(b *testing.B) {
	data := append([]byte("P6 1000 1000 255\n"), make([]byte, 3e6)...)
	b.SetBytes(1e6)
	for b.Loop() {
		if _, _, err := codectest.Decode(formats, data); err != nil {
			b.Fatal(err)
		}
	}
}
