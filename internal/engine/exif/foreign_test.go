package exif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// identify runs ImageMagick, whose EXIF reader shares no code with this one. It prints unknown
// fields as empty.
func identify(t *testing.T, format, path string) string {
	t.Helper()
	out, err := exec.Command("identify", "-quiet", "-format", format, path).Output()
	if err != nil {
		t.Fatalf("identify %s: %v", path, err)
	}
	return string(out)
}

func needIdentify(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("identify"); err != nil {
		t.Skip("ImageMagick's identify is not installed")
	}
}

// withEXIF writes a small JPEG with the block in its first segment and returns its path.
func withEXIF(t *testing.T, block []byte) string {
	t.Helper()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 16, 8)), nil); err != nil {
		t.Fatal(err)
	}
	payload := append([]byte("Exif\x00\x00"), block...)
	file := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(payload)+2))
	file = append(append(file, payload...), picture.Bytes()[2:]...)
	path := filepath.Join(t.TempDir(), "small.jpg")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestForeignReaderAgrees(t *testing.T) {
	needIdentify(t)
	for mark, order := range byteOrders {
		for v := uint16(1); v <= 8; v++ {
			block := build(mark, []field{ascii(0x010F, "maker\x00"), short(order, tagOrientation, v)})
			info, err := Parse(block)
			if err != nil {
				t.Fatal(err)
			}
			theirs := identify(t, "%[EXIF:Orientation]", withEXIF(t, block))
			if ours := fmt.Sprint(info.Orientation); ours != theirs || ours != fmt.Sprint(v) {
				t.Errorf("%s: stored %d, we read %s, ImageMagick reads %s", mark, v, ours, theirs)
			}
			if theirs := identify(t, "%[EXIF:Orientation]", withEXIF(t, Resized(block, Picture{Width: 8, Height: 8}))); theirs != "1" {
				t.Errorf("%s: made upright from %d, ImageMagick reads %s", mark, v, theirs)
			}
		}
	}
	for _, info := range []Info{{Artist: "Ann Example", Copyright: "(c) Example Ltd"},
		{Artist: "Ann"}, {Copyright: "Bob"}} {
		got := identify(t, "%[EXIF:Artist]|%[EXIF:Copyright]|%[EXIF:Orientation]",
			withEXIF(t, CopyrightOnly(info)))
		if want := info.Artist + "|" + info.Copyright + "|"; got != want {
			t.Errorf("ImageMagick reads %q, want %q", got, want)
		}
	}
}

// exifOf walks the segments of a JPEG file up to the first scan and returns its EXIF block, or nil.
func exifOf(file []byte) []byte {
	for at := 2; at+4 <= len(file) && file[at] == 0xff && file[at+1] != 0xda; {
		size := int(binary.BigEndian.Uint16(file[at+2:]))
		end := min(at+2+size, len(file))
		if block, ok := bytes.CutPrefix(file[at+4:max(end, at+4)], []byte("Exif\x00\x00")); ok &&
			file[at+1] == 0xe1 {
			return block
		}
		at += 2 + size
	}
	return nil
}

func TestCorpus(t *testing.T) {
	corpus := os.Getenv("IMGMILL_CORPUS")
	if corpus == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	needIdentify(t)
	photos, err := filepath.Glob(filepath.Join(corpus, "photos", "*.jpg"))
	if err != nil || len(photos) == 0 {
		t.Fatalf("no photos in %s: %v", corpus, err)
	}
	turned := 0
	for _, path := range photos {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		block, name := exifOf(file), filepath.Base(path)
		theirs := strings.Split(identify(t,
			"%[EXIF:Orientation]|%[EXIF:Artist]|%[EXIF:Copyright]", path), "|")
		if block == nil {
			if strings.Join(theirs, "") != "" {
				t.Errorf("%s: no block found, ImageMagick reads %q", name, theirs)
			}
			continue
		}
		info, err := Parse(block)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ours := ""
		if info.Orientation != 0 {
			ours = fmt.Sprint(info.Orientation)
		}
		if ours != theirs[0] || info.Artist != strings.TrimRight(theirs[1], " ") ||
			info.Copyright != strings.TrimRight(theirs[2], " ") {
			t.Errorf("%s: we read %+v, ImageMagick reads %q", name, info, theirs)
		}
		t.Logf("%s: %+v", name, info)
		if info.Orientation > TopLeft {
			turned++
		}
		upright, err := Parse(Resized(block, Picture{Width: 8, Height: 8}))
		if err != nil || info.Orientation != 0 && upright.Orientation != TopLeft {
			t.Errorf("%s: made upright, got orientation %d, error %v", name, upright.Orientation, err)
		}
	}
	if turned == 0 {
		t.Error("no photo needs turning, so the comparison proves nothing")
	}
}
