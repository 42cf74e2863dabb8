package colour

import (
	"cmp"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestAgainstLittleCMS converts random colours by every profile that the machine has, and by those that
// this package writes, and compares with LittleCMS. It needs a Python with Pillow, which IMGMILL_PYTHON
// may name.
func TestAgainstLittleCMS(t *testing.T) {
	python := cmp.Or(os.Getenv("IMGMILL_PYTHON"), "python3")
	if exec.Command(python, "-c", "from PIL import ImageCms").Run() != nil {
		t.Skip("there is no Python with Pillow")
	}
	own := filepath.Join(t.TempDir(), "p3.icc")
	if err := os.WriteFile(own, DisplayP3Profile(), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{own}
	for _, dir := range []string{"/usr/share/color/icc", "/usr/share/ghostscript"} {
		_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if ext := strings.ToLower(filepath.Ext(path)); err == nil && (ext == ".icc" || ext == ".icm") {
				paths = append(paths, path)
			}
			return nil
		})
	}
	const count = 10000
	compared := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		src, err := ParseICC(data)
		if err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		out, err := exec.Command(python, "testdata/lcms.py", path, strconv.Itoa(count)).Output()
		if err != nil || len(out) != count*(src.Channels()+3) {
			t.Logf("%s: LittleCMS refuses it", path)
			continue
		}
		compared++
		compareCompact(t, python, path, src, out[count*src.Channels():], count)
		mean, worst, at := compareLevels(New(src, ToSRGB), src.Channels(), out, count)
		t.Logf("%-60s mean %.3f worst %d at %v", strings.TrimPrefix(path, "/usr/share/"), mean, worst, at)
		if mean > 0.5 || worst > 2 {
			t.Errorf("%s: mean difference %.3f, worst %d at %v", path, mean, worst, at)
		}
	}
	if compared == 0 {
		t.Error("no profile was compared")
	}
}

// compareCompact has LittleCMS convert the same colours by the small profile that replaces a profile of
// curves.
func compareCompact(t *testing.T, python, path string, src Source, want []byte, count int) {
	small := Profile(src, filepath.Base(path))
	if small == nil {
		return
	}
	file := filepath.Join(t.TempDir(), "small.icc")
	if err := os.WriteFile(file, small, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "testdata/lcms.py", file, strconv.Itoa(count)).Output()
	if err != nil || len(out) != count*src.Channels()+len(want) {
		t.Errorf("%s: LittleCMS refuses the small profile: %v", path, err)
		return
	}
	got, worst := out[count*src.Channels():], 0
	for i, v := range got {
		worst = max(worst, int(math.Abs(float64(v)-float64(want[i]))))
	}
	t.Logf("%-60s small profile of %d bytes, worst %d", strings.TrimPrefix(path, "/usr/share/"), len(small), worst)
	if worst > 1 || len(small) > 2500 {
		t.Errorf("%s: its small profile has %d bytes and changes levels by %d", path, len(small), worst)
	}
}

// compareLevels returns the difference from the result of lcms.py.
func compareLevels(tr *Transform, channels int, out []byte, count int) (mean float64, worst int, at []byte) {
	samples, want := out[:count*channels], out[count*channels:]
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
