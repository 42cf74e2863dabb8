package colour

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// lcmsCount is how many random colours are compared for each profile, intent and destination.
const lcmsCount = 10000

// TestAgainstLittleCMS converts random colours by every profile that the machine has, by those that this
// package writes, and by drawn ones of each kind of table, and compares with LittleCMS. It needs a Python
// with Pillow, which IMGMILL_PYTHON may name.
func TestAgainstLittleCMS(t *testing.T) {
	l := newLittleCMS(t)
	paths := append([]string{l.p3}, drawnProfiles(t)...)
	for _, dir := range []string{"/usr/share/color/icc", "/usr/share/ghostscript"} {
		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if ext := strings.ToLower(filepath.Ext(path)); err == nil && (ext == ".icc" || ext == ".icm") {
				paths = append(paths, path)
			}
			return nil
		})
	}
	compared := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		src, err := ParseICC(data, Rendering{})
		if err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		samples, results := l.convert(path, src.Channels())
		if results == nil {
			t.Logf("%s: LittleCMS refuses it", path)
			continue
		}
		compared++
		l.compare(path, data, samples, results)
		l.compareCompact(path, src, results[0])
	}
	if compared < 9 {
		t.Errorf("%d profiles were compared", compared)
	}
}

type littleCMS struct {
	*testing.T
	python, p3 string
}

func newLittleCMS(t *testing.T) *littleCMS {
	l := &littleCMS{t, cmp.Or(os.Getenv("IMGMILL_PYTHON"), "python3"), filepath.Join(t.TempDir(), "p3.icc")}
	if exec.Command(l.python, "-c", "from PIL import ImageCms").Run() != nil {
		t.Skip("there is no Python with Pillow")
	}
	if err := os.WriteFile(l.p3, DisplayP3Profile(), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// conversions are those of lcms.py, in its order.
var conversions = []struct {
	Rendering
	to Destination
}{
	{Rendering{Relative, false}, ToSRGB}, {Rendering{Relative, false}, ToDisplayP3},
	{Rendering{Relative, true}, ToSRGB}, {Rendering{Relative, true}, ToDisplayP3},
	{Rendering{Perceptual, false}, ToSRGB}, {Rendering{Perceptual, false}, ToDisplayP3},
	{Rendering{Perceptual, true}, ToSRGB}, {Rendering{Perceptual, true}, ToDisplayP3},
}

// convert returns random samples and LittleCMS's levels for each of the conversions, or nil if it refuses
// the profile.
func (l *littleCMS) convert(path string, channels int) (samples []byte, results [][]byte) {
	out, err := exec.Command(l.python, "testdata/lcms.py", path, l.p3, strconv.Itoa(lcmsCount)).Output()
	if err != nil || len(out) != lcmsCount*(channels+3*len(conversions)) {
		return nil, nil
	}
	samples, out = out[:lcmsCount*channels], out[lcmsCount*channels:]
	for i := range conversions {
		results = append(results, out[3*lcmsCount*i:][:3*lcmsCount])
	}
	return samples, results
}

func (l *littleCMS) compare(path string, data, samples []byte, results [][]byte) {
	text := fmt.Sprintf("%-50s", strings.TrimPrefix(path, "/usr/share/"))
	for i, c := range conversions {
		src, err := ParseICC(data, c.Rendering)
		if err != nil {
			l.Errorf("%s, %+v: %v", path, c, err)
			continue
		}
		if c.to == ToDisplayP3 && src.Channels() == 1 {
			continue // gray becomes sRGB
		}
		mean, worst, at := compareLevels(New(src, c.to), src.Channels(), samples, results[i])
		text += fmt.Sprintf(" %.3f/%d", mean, worst)
		most := 2
		if src.Channels() == 4 && c.BlackPoint && c.Intent == Relative {
			// Black lies at 0 then, where sRGB's curve is steepest, and light between two nodes of our
			// grid is not as straight as L* is between those of the table.
			most = 12
		}
		if mean > 0.5 || worst > most {
			l.Errorf("%s, %+v: mean difference %.3f, worst %d at %v", path, c, mean, worst, at)
		}
	}
	l.Log(text)
}

// compareCompact has LittleCMS convert the same colours by the small profile that replaces a profile of
// curves.
func (l *littleCMS) compareCompact(path string, src Source, want []byte) {
	small := Profile(src, filepath.Base(path))
	if small == nil {
		return
	}
	file := filepath.Join(l.TempDir(), "small.icc")
	if err := os.WriteFile(file, small, 0o600); err != nil {
		l.Fatal(err)
	}
	_, results := l.convert(file, src.Channels())
	if results == nil {
		l.Errorf("%s: LittleCMS refuses the small profile", path)
		return
	}
	worst := 0
	for i, v := range results[0] {
		worst = max(worst, int(math.Abs(float64(v)-float64(want[i]))))
	}
	if worst > 1 || len(small) > 2500 {
		l.Errorf("%s: its small profile has %d bytes and changes levels by %d", path, len(small), worst)
	}
}

// compareLevels returns the difference from LittleCMS's levels.
func compareLevels(tr *Transform, channels int, samples, want []byte) (mean float64, worst int, at []byte) {
	count := len(samples) / channels
	src, dst := planes(channels, count), planes(3, count)
	for i, v := range samples {
		src[i%channels][i/channels] = v
	}
	tr.Row(dst, src)
	if channels == 1 {
		dst[1], dst[2] = dst[0], dst[0]
	}
	sum := 0.0
	for i, w := range want {
		d := int(math.Abs(float64(dst[i%3][i/3]) - float64(w)))
		sum += float64(d)
		if d > worst {
			worst, at = d, samples[i/3*channels:][:channels]
		}
	}
	return sum / float64(len(want)), worst, at
}

func planes(n, width int) [][]byte {
	rows := make([][]byte, n)
	for i := range rows {
		rows[i] = make([]byte, width)
	}
	return rows
}
