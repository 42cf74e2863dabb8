package render

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

var update = flag.Bool("update", false, "write the golden files")

// exiftool runs ExifTool, which shares no code with us. It skips the test where that is not installed, or if
// little time is wanted.
func exiftool(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("exiftool"); err != nil || testing.Short() {
		t.Skip("exiftool is not installed, or -short is set")
	}
	cmd := exec.Command("exiftool", args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("exiftool %q: %v: %s", args[:min(len(args), 20)], err, stderr.String())
	}
	return string(out)
}

// blank are pictures without metadata, by the ending of their names, in every format that is read and
// that ExifTool writes.
func blank(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{".jpg": file(t, plane.YCbCr, 64, 48, 2, 2)}
	p := picture(scene(64, 48, plane.RGB, false, 1), 1)
	files[".png"] = one(t, p, Variant{Format: pngFormat}).Data
	var b bytes.Buffer
	if err := tiff.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	files[".tif"] = bytes.Clone(b.Bytes())
	b.Reset()
	if err := gif.Encode(&b, image.NewPaletted(image.Rect(0, 0, 64, 48), color.Palette{color.Black, color.White}), nil); err != nil {
		t.Fatal(err)
	}
	files[".gif"] = bytes.Clone(b.Bytes())
	// A lossless WebP of one pixel, and a PSD of 64×48 gray ones.
	files[".webp"] = []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")
	psd := []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x30\x00\x00\x00\x40\x00\x08\x00\x01")
	files[".psd"] = append(append(psd, make([]byte, 3*4+2)...), make([]byte, 64*48)...)
	return files
}

// maker is a JPEG with a maker note of a text.
func maker(t *testing.T, text string) []byte {
	p := picture(scene(16, 16, plane.RGB, false, 1), 1)
	note := exif.Field{Tag: 0x927C, Type: 7, Count: uint32(len(text)), Value: []byte(text)}
	p.header.EXIF = exif.Write(binary.LittleEndian, []exif.Field{{Tag: 0x8769, Fields: []exif.Field{note}}})
	return one(t, p, Variant{Format: jpegFormat, Metadata: Keep}).Data
}

// edited writes a file and has ExifTool change it.
func edited(t *testing.T, name string, data []byte, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	exiftool(t, append(append([]string{"-q", "-q", "-m", "-overwrite_original"}, args...), path)...)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// made is one output of a source.
type made struct {
	Output
	path string
}

// everyPolicy makes outputs of a source in every format that can be written, under every policy.
func everyPolicy(t *testing.T, source []byte) (all []made) {
	t.Helper()
	dir := t.TempDir()
	for _, format := range formats.All().Writable() {
		for _, m := range []Metadata{Strip, Copyright, Keep} {
			o := one(t, open(t, source), Variant{Width: 10, Format: format, Metadata: m})
			path := filepath.Join(dir, string(m)+format.Extensions[0])
			if err := os.WriteFile(path, o.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			all = append(all, made{o, path})
		}
	}
	return all
}

// paths returns the paths of outputs.
func paths(all []made) (p []string) {
	for _, m := range all {
		p = append(p, m.path)
	}
	return p
}

// usual is metadata of most kinds. Rights differ from place to place, which shows where they are taken
// from.
var usual = []string{
	"-EXIF:Make=Maker", "-EXIF:Orientation#=6", "-EXIF:Artist=Ann of EXIF", "-EXIF:DateTimeOriginal=2026:11:28 21:00:00",
	"-EXIF:ExifImageWidth=64", "-EXIF:ExifImageHeight=48", "-EXIF:ColorSpace#=65535", "-EXIF:InteropIndex=R03",
	"-GPS:GPSLatitude=47.1234567", "-GPS:GPSLatitudeRef=N",
	"-XMP-tiff:Orientation#=6", "-XMP-tiff:ImageWidth=64", "-XMP-exif:ExifImageWidth=64", "-XMP-exif:ColorSpace#=65535",
	"-XMP-dc:Creator=Bob of XMP", "-XMP-dc:Creator=Zoë of XMP", "-XMP-dc:Rights=© Bob", "-XMP-photoshop:Credit=Bob's agency",
	"-XMP-xmpRights:UsageTerms=Ask Bob", "-XMP-xmpRights:WebStatement=https://example.com/rights", "-XMP-xmp:Rating=5",
	"-XMP-exif:GPSLatitude=47.1234567", "-XMP-photoshop:City=Bern", "-XMP-xmp:ThumbnailImage=dW5jcm9wcGVk",
	"-IPTC:By-line=Cleo of IPTC", "-IPTC:CopyrightNotice=© Cleo", "-IPTC:Credit=Cleo's agency", "-IPTC:City=Bern",
	"-IPTC:Caption-Abstract=A caption", "-IPTC:CodedCharacterSet=UTF8", "-Comment=A comment",
}

// TestExifToolReads compares what ExifTool finds in outputs of every format and policy with golden files.
func TestExifToolReads(t *testing.T) {
	for ext, data := range blank(t) {
		all := everyPolicy(t, edited(t, "source"+ext, data, usual...))
		lists := exiftool(t, append([]string{"-a", "-G1", "-s", "-e", "--System:all", "--ExifTool:all"}, paths(all)...)...)
		var got strings.Builder
		for i, list := range strings.Split(lists, "======== ")[1:] {
			_, list, _ = strings.Cut(list, "\n") // the path
			if i == len(all)-1 {
				list, _, _ = strings.Cut(list, fmt.Sprintf("%5d image files read", len(all)))
			}
			fmt.Fprintf(&got, "== %s, metadata: %s\n%s", all[i].Format, all[i].Variant.Metadata, list)
			for _, d := range all[i].Dropped {
				fmt.Fprintf(&got, "without %s\n", d)
			}
		}
		golden := filepath.Join("testdata", "exiftool", strings.TrimPrefix(ext, ".")+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: ExifTool reads\n%s, want\n%s", ext, got.String(), want)
		}
	}
}

// secret is in no output that keeps the rights alone; places are the names of tags that say where a
// picture was taken, or where somebody lives.
const secret = "PLANTED"

var places = regexp.MustCompile(`(?i)GPS|Locat|City|Countr|State\b|Province|Region|Address|Latit|Longit|Altit|Geo|Coord|Venue|Place|Destin`)

// plants returns arguments that write the secret and a position into every tag that ExifTool can write
// and that names a place.
func plants(t *testing.T) (args []string) {
	for _, group := range []string{"GPS", "EXIF", "XMP", "IPTC", "Photoshop", "PNG", "MakerNotes"} {
		for _, name := range strings.Fields(exiftool(t, "-listw", "-"+group+":all")) {
			if places.MatchString(name) {
				args = append(args, fmt.Sprintf("-%s:%s=%s", group, name, secret), fmt.Sprintf("-%s:%s=47.1234567", group, name))
			}
		}
	}
	for _, tag := range []string{
		"Comment", "EXIF:UserComment", "EXIF:ImageDescription", "EXIF:XPComment", "XMP-dc:Description", "XMP-dc:Title", "XMP-dc:Source",
		"IPTC:Caption-Abstract", "IPTC:Headline", "IPTC:SpecialInstructions", "IPTC:By-lineTitle", "PNG:Description", "PNG:Comment",
		"Photoshop:URL", "Photoshop:XMP", "XMP-photoshop:Instructions", "XMP-xmp:ThumbnailImage", "AFCP:City", "MIE:City", "MIE:GPSLatitude",
	} {
		args = append(args, "-"+tag+"="+secret)
	}
	return append(args, "-EXIF:Artist=Ann", "-EXIF:Copyright=© Ann", "-XMP-dc:Creator=Bob", "-IPTC:Credit=Cleo", "-XMP-xmpRights:UsageTerms=Ask")
}

// TestNoPositionSurvives plants a position in every place that ExifTool can write, and looks for it in
// outputs of every format under the policies that keep none.
func TestNoPositionSurvives(t *testing.T) {
	// ExifTool copies maker notes that it does not know as they are, unless they are text.
	inNote := "NOTE\x00\x01" + strings.Repeat(secret+" 47.1234567 ", 9)
	note := filepath.Join(t.TempDir(), "maker.jpg")
	if err := os.WriteFile(note, maker(t, inNote), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-tagsFromFile", note, "-MakerNotes"}, plants(t)...)
	least := map[string]int{".jpg": 200, ".png": 200, ".tif": 200, ".webp": 190, ".psd": 200, ".gif": 160}
	for ext, data := range blank(t) {
		source := edited(t, "source"+ext, data, args...)
		path := filepath.Join(t.TempDir(), "planted"+ext)
		if err := os.WriteFile(path, source, 0o600); err != nil {
			t.Fatal(err)
		}
		all := everyPolicy(t, source)
		tags := read(t, append(paths(all), path)...)
		planted := found(tags[len(all)])
		if ext != ".gif" && !bytes.Contains(source, []byte(inNote)) {
			t.Errorf("%s: there is no maker note", ext)
		}
		if len(planted) < least[ext] {
			t.Errorf("%s: the position is in %d tags only: %q", ext, len(planted), planted)
		}
		t.Logf("%s: %d tags", ext, len(planted))
		for i, o := range all {
			left := found(tags[i])
			if o.Variant.Metadata == Keep {
				if len(left) < len(planted)/2 {
					t.Errorf("%s, which keeps metadata of %s, has %d of %d tags", o.Format, ext, len(left), len(planted))
				}
				continue
			}
			if len(left) > 0 || bytes.Contains(o.Data, []byte(secret)) || bytes.Contains(o.Data, []byte("GPS")) {
				t.Errorf("%s to %s, metadata: %s, has %q", ext, o.Format, o.Variant.Metadata, left)
			}
			terms := tags[i]["XMP:XMP-xmpRights:Main:UsageTerms"]
			if want := map[Metadata]any{Copyright: "Ask"}[o.Variant.Metadata]; terms != want {
				t.Errorf("%s to %s, metadata: %s, has usage terms %v", ext, o.Format, o.Variant.Metadata, terms)
			}
		}
	}
}

// read returns the tags of files, also those that are unknown, in embedded files or there twice, without
// conversion.
func read(t *testing.T, paths ...string) (files []map[string]any) {
	t.Helper()
	out := exiftool(t, append([]string{"-a", "-u", "-U", "-ee", "-n", "-j", "-G0:1:3:4", "--System:all", "--ExifTool:all"}, paths...)...)
	if err := json.Unmarshal([]byte(out), &files); err != nil || len(files) != len(paths) {
		t.Fatalf("%v: %s", err, out)
	}
	return files
}

// found lists the tags that name a place or hold what was planted.
func found(tags map[string]any) (names []string) {
	for name, value := range tags {
		text := fmt.Sprint(value)
		if name != "SourceFile" && (places.MatchString(name) || strings.Contains(text, secret) || strings.Contains(text, "47.123")) {
			names = append(names, fmt.Sprintf("%s=%.40s", name, text))
		}
	}
	return names
}
