package colour

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// drawnProfiles writes a profile of each kind of table, for RGB and CMYK, of versions 2 and 4.
func drawnProfiles(t *testing.T) (paths []string) {
	dir := t.TempDir()
	for _, space := range []string{"RGB ", "CMYK"} {
		for _, d := range []struct {
			kind  string
			major byte
		}{{"mft1", 2}, {"mft2", 2}, {"mft2", 4}, {"mAB ", 4}} {
			path := filepath.Join(dir, fmt.Sprintf("%s-%s-v%d.icc", strings.TrimSpace(space), strings.TrimSpace(d.kind), d.major))
			if err := os.WriteFile(path, drawProfile(space, d.kind, d.major), 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	return paths
}

// drawProfile returns a profile whose black is not black, and whose perceptual table is not the
// colorimetric one.
func drawProfile(space, kind string, major byte) []byte {
	n, class, points := 3, "mntr", 17
	if space == "CMYK" {
		n, class, points = 4, "prtr", 9
	}
	lab := func(floor float64) func([]float64) []float64 {
		m, err := SRGB.matrix()
		if err != nil {
			panic(err)
		}
		return func(x []float64) []float64 {
			var light [3]float64
			for c := range light {
				if n == 4 {
					light[c] = (1 - 0.9*x[c]) * (1 - 0.95*x[3])
				} else {
					light[c] = math.Pow(x[c], 1.7)
				}
				light[c] = floor + (1-floor)*light[c]
			}
			return encodeLab(kind, xyzToLab(m.mul(light)))
		}
	}
	inks := func(x []float64) []float64 {
		k := 1 - x[0]
		return []float64{0.7 * k, 0.6 * k, 0.6 * k, 0.9 * k}
	}
	tags := []tag{{"A2B0", drawTable(kind, n, 3, points, lab(0.03))}, {"A2B1", drawTable(kind, n, 3, points, lab(0.01))}}
	if n == 4 {
		back := kind
		if kind == "mAB " {
			back = "mBA "
		}
		tags = append(tags, tag{"B2A0", drawTable(back, 3, 4, 9, inks)})
	}
	b := writeProfile(space, append(commonTags("drawn"), tags...))
	b[8] = major
	copy(b[12:], class)
	copy(b[20:], "Lab ")
	return b
}

func xyzToLab(c XYZ) [3]float64 {
	var f [3]float64
	for i := range f {
		if t := c[i] / d50[i]; t > 216.0/24389 {
			f[i] = math.Cbrt(t)
		} else {
			f[i] = (24389.0/27*t + 16) / 116
		}
	}
	return [3]float64{116*f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])}
}

// encodeLab returns values from 0 to 1, by the encoding of a kind of table.
func encodeLab(kind string, lab [3]float64) []float64 {
	v := []float64{lab[0] / 100, (lab[1] + 128) / 255, (lab[2] + 128) / 255}
	for i := range v {
		if kind == "mft2" {
			v[i] *= 65280.0 / 65535
		}
	}
	return v
}

// drawTable samples f on a grid; curves are powers of 1 on the side of the connection space, and of 1.2 on
// that of the device, where f takes the values behind the curves.
func drawTable(kind string, in, out, points int, f func([]float64) []float64) []byte {
	var grid []byte
	wide := kind != "mft1"
	put := func(b []byte, v float64) []byte {
		if wide {
			return binary.BigEndian.AppendUint16(b, uint16(math.Round(65535*clamp01(v))))
		}
		return append(b, byte(math.Round(255*clamp01(v))))
	}
	nodes := int(math.Pow(float64(points), float64(in)))
	for node := range nodes {
		x, place := make([]float64, in), node
		for c := in - 1; c >= 0; c-- {
			x[c] = float64(place%points) / float64(points-1)
			place /= points
		}
		for _, v := range f(x) {
			grid = put(grid, v)
		}
	}
	b := append([]byte(kind), 0, 0, 0, 0, byte(in), byte(out))
	if kind == "mAB " || kind == "mBA " {
		return drawElements(b, in, out, points, grid)
	}
	b = append(b, byte(points), 0)
	b = append(b, fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)...)
	entries := 256
	if wide {
		b = append(b, 1, 0, 0, 2) // 256 and 2 entries
	}
	for range in {
		for i := range entries {
			b = put(b, math.Pow(float64(i)/255, 1.2))
		}
	}
	b = append(b, grid...)
	for range out {
		if wide {
			b = append(b, 0, 0, 255, 255)
			continue
		}
		for i := range 256 {
			b = append(b, byte(i))
		}
	}
	return b
}

// drawElements is the rest of an mAB or mBA: B curves, the grid, A curves.
func drawElements(b []byte, in, out, points int, grid []byte) []byte {
	device, curve := in, parametric(0, 1.2)
	if string(b[:4]) == "mBA " {
		device = out
	}
	line := parametric(0, 1)
	head := make([]byte, 20)
	for c := range in {
		head[c] = byte(points)
	}
	head[16] = 2
	atGrid := 32 + 3*len(line)
	size := (len(head) + len(grid) + 3) &^ 3
	b = append(b, 0, 0)
	for _, at := range []int{32, 0, 0, atGrid, atGrid + size} {
		b = binary.BigEndian.AppendUint32(b, uint32(at))
	}
	for range 3 {
		b = append(b, line...)
	}
	b = append(append(b, head...), grid...)
	b = append(b, make([]byte, atGrid+size-len(b))...)
	for range device {
		b = append(b, curve...)
	}
	return b
}
