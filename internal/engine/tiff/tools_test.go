package tiff

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestTiffcp compares pictures that libtiff's tiffcp has stored in every way with the one that it
// was given. It is skipped without tiffcp (Debian: libtiff-tools).
func TestTiffcp(t *testing.T) {
	tool, err := exec.LookPath("tiffcp")
	if err != nil {
		t.Skip("there is no tiffcp")
	}
	dir := t.TempDir()
	convert := func(file []byte, arguments ...string) []byte {
		in, out := filepath.Join(dir, "in.tif"), filepath.Join(dir, "out.tif")
		if err := os.WriteFile(in, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := exec.Command(tool, append(arguments, in, out)...).CombinedOutput(); err != nil {
			t.Fatalf("tiffcp %v: %v\n%s", arguments, err, text)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	colour := drawing{w: 161, h: 93, photometric: rgb, samples: 3, at: wave(8, unsigned)}
	deep := drawing{w: 161, h: 93, photometric: rgb, samples: 3, bits: 16, at: wave(16, unsigned)}
	black := drawing{w: 161, h: 93, photometric: blackIsZero, bits: 1, at: wave(1, unsigned)}
	white := drawing{w: 161, h: 93, photometric: whiteIsZero, bits: 1, at: wave(1, unsigned)}
	layouts := [][]string{
		{"-s", "-r", "7"}, {"-t", "-w", "48", "-l", "32"}, {"-s", "-r", "16", "-p", "separate"},
		{"-t", "-w", "32", "-l", "64", "-p", "separate"}, {"-8"}, {"-B"}, {"-L"}, {"-f", "lsb2msb"},
	}
	for _, c := range []struct {
		drawings []drawing
		schemes  string
		layouts  [][]string
	}{
		{[]drawing{colour, deep}, "none packbits lzw lzw:2 zip zip:2 zstd zstd:2 lzma lzma:2", layouts},
		{[]drawing{black, white}, "none packbits lzw zip g3:1d g3:2d g3:1d:fill g3:2d:fill g4",
			[][]string{{"-r", "1"}, {"-r", "16"}, {"-r", "16", "-f", "lsb2msb"}, {"-B"}, {"-8"}}},
	} {
		for i, d := range c.drawings {
			file := d.file(t)
			want := mustDecode(t, "the drawing", file)
			for _, scheme := range strings.Fields(c.schemes) {
				for _, layout := range c.layouts {
					if d.bits == 16 && layout[len(layout)-1] == "separate" {
						continue // tiffcp refuses
					}
					arguments := append([]string{"-c", scheme}, layout...)
					p := mustDecode(t, strings.Join(arguments, " "), convert(file, arguments...))
					if !equal(p, want) {
						t.Errorf("drawing %d: tiffcp %v: the picture differs", i, arguments)
					}
				}
			}
		}
	}
}

func equal(a, b *plane.Picture) bool {
	for i := range b.Pix {
		if len(a.Pix) != len(b.Pix) || !bytes.Equal(a.Pix[i], b.Pix[i]) {
			return false
		}
	}
	return true
}
