//go:build !nohevc

package heif

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/hevc"
)

// update has x265 write the coded pictures in testdata anew.
var update = flag.Bool("update", false, "have x265 code the drawn pictures of testdata anew")

// stream is a coded picture in testdata, which x265 wrote without loss.
type stream struct {
	name          string
	width, height int
	chroma        string // 400, 420, 422 or 444
	depth         int
	seed          int
	options       []string
}

var streams = map[string]stream{}

func init() {
	for k := range 4 {
		add(fmt.Sprintf("tile%d", k), 64, 64, "420", 8, k)
	}
	add("window", 86, 70, "420", 8, 7) // with a conformance window
	add("bt709-full", 64, 64, "420", 8, 1, "--colormatrix", "bt709", "--range", "full")
	add("bt601-full", 64, 64, "420", 8, 1, "--colormatrix", "smpte170m", "--range", "full")
	add("bt601-limited", 64, 64, "420", 8, 1, "--colormatrix", "smpte170m", "--range", "limited")
	add("deep420", 64, 64, "420", 10, 1)
	add("deep422", 64, 64, "422", 10, 1)
	add("deep444", 64, 64, "444", 12, 1)
	add("full444", 64, 64, "444", 8, 1)
	add("gray", 64, 64, "400", 8, 3)
	add("gray10", 64, 64, "400", 10, 3)
}

func add(name string, w, h int, chroma string, depth, seed int, options ...string) {
	streams[name] = stream{name, w, h, chroma, depth, seed, options}
}

func (s stream) sub() (x, y int) {
	switch s.chroma {
	case "420":
		return 2, 2
	case "422":
		return 2, 1
	}
	return 1, 1
}

// sample is what is drawn: patches of 16×16 pixels, in the range that both ranges have.
func (s stream) sample(p, x, y int) int {
	if p > 0 {
		subX, subY := s.sub()
		x, y = x*subX, y*subY
	}
	n := (x/16+3*(y/16)+5*s.seed+7*p)*37 + p*11
	v := 16 + n*29%219
	if p > 0 {
		v = 64 + n*17%128 // most of these have a place in RGB
	}
	return v<<(s.depth-8) + n%(1<<(s.depth-8))
}

// planes returns the number of planes.
func (s stream) planes() int {
	if s.chroma == "400" {
		return 1
	}
	return 3
}

// draw returns the samples, plane by plane, as x265 reads them.
func (s stream) draw() []byte {
	var out []byte
	for p := range s.planes() {
		w, h := s.width, s.height
		if subX, subY := s.sub(); p > 0 {
			w, h = w/subX, h/subY
		}
		for y := range h {
			for x := range w {
				v := s.sample(p, x, y)
				out = append(out, byte(v))
				if s.depth > 8 {
					out = append(out, byte(v>>8))
				}
			}
		}
	}
	return out
}

func (s stream) path() string { return filepath.Join("testdata", s.name+".hevc") }

// TestStreams writes the coded pictures, with -update; x265 must be in PATH.
func TestStreams(t *testing.T) {
	if !*update {
		t.Skip("only with -args -update")
	}
	for _, s := range streams {
		raw := filepath.Join(t.TempDir(), "raw.yuv")
		if err := os.WriteFile(raw, s.draw(), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append([]string{
			"--input", raw, "--input-res", fmt.Sprintf("%dx%d", s.width, s.height), "--fps", "1", "--input-csp", "i" + s.chroma,
			"--input-depth", strconv.Itoa(s.depth), "-D", strconv.Itoa(s.depth), "--frames", "1", "--keyint", "1", "--lossless",
			"--no-info", "--no-hrd", "--pools", "1", "-o", s.path(),
		}, s.options...)
		if out, err := exec.Command("x265", args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", s.name, err, out)
		}
	}
}

// units returns the NAL units of a coded picture: parameter sets, and the rest.
func (s stream) units(t testing.TB) (sets, rest [][]byte) {
	t.Helper()
	return split(s.read(t))
}

func (s stream) read(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(s.path())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// split divides a byte stream with start codes into parameter sets and slices.
func split(b []byte) (sets, rest [][]byte) {
	for _, unit := range bytes.Split(b, []byte{0, 0, 1})[1:] {
		unit = bytes.TrimRight(unit, "\x00")
		if kind := unit[0] >> 1; kind >= 32 && kind <= 34 {
			sets = append(sets, unit)
		} else if kind < 32 {
			rest = append(rest, unit)
		}
	}
	return sets, rest
}

// prefixed writes units with their lengths in front of them.
func prefixed(units [][]byte) (b []byte) {
	for _, u := range units {
		b = pack(b, uint32(len(u)), u)
	}
	return b
}

// item returns a coded picture as an item.
func (s stream) item(t testing.TB, id uint32, more ...prop) entry {
	t.Helper()
	return itemOf(s.read(t), s.width, s.height, id, more...)
}

// itemOf returns a byte stream as an item.
func itemOf(stream []byte, w, h int, id uint32, more ...prop) entry {
	sets, rest := split(stream)
	info, err := hevc.ReadInfoAnnexB(stream)
	if err != nil {
		panic(err)
	}
	// ISO/IEC 14496-15, 8.3.3.1; of profile and level, which nobody asks for, a decoder of any.
	record := pack(uint8(1), uint8(4), uint32(0x08000000), make([]byte, 6), uint8(186), uint16(0xf000), uint8(0xfc),
		0xfc|uint8(info.Chroma), 0xf8|uint8(info.BitDepthLuma-8), 0xf8|uint8(info.BitDepthChroma-8), uint16(0), uint8(0x0f),
		uint8(len(sets)))
	for _, u := range sets {
		record = pack(record, u[0]>>1, uint16(1), uint16(len(u)), u)
	}
	return entry{id: id, kind: "hvc1", data: prefixed(rest), properties: append([]prop{hvcC(record), ispe(w, h)}, more...)}
}
