package jpeg

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decodeCounted decodes at scale n, and says how many bytes that took.
func decodeCounted(t testing.TB, file []byte, n int, o DecodeOptions) (p *plane.Picture, report Report, read int, err error) {
	t.Helper()
	r := bytes.NewReader(file)
	d, err := NewDecoder(r, o)
	if err != nil {
		t.Fatal(err)
	}
	p = plane.New(d.Shrink(ceilDiv(d.header.Width*n, 8), ceilDiv(d.header.Height*n, 8)))
	report, err = d.Decode(context.Background(), p)
	return p, report, len(file) - r.Len(), err
}

// samePlanes compares pictures.
func samePlanes(t testing.TB, what string, got, want *plane.Picture) {
	t.Helper()
	for i := range want.Pix {
		if k := firstDifference(got.Pix[i], want.Pix[i]); k < len(want.Pix[i]) {
			t.Errorf("%s: plane %d differs at sample %d", what, i, k)
		}
	}
}

// scripts for cjpeg, of three components.
var scripts = map[string]string{
	"many bands":  "0,1,2: 0-0, 0, 2; 0: 1-2, 0, 1; 0: 3-9, 0, 0; 0: 10-63, 0, 3; 1: 1-63, 0, 0; 0,1,2: 0-0, 2, 1; 2: 1-7, 0, 1; 0: 10-40, 3, 2; 0: 41-63, 3, 2; 2: 8-63, 0, 0; 0: 1-2, 1, 0; 0,1,2: 0-0, 1, 0; 2: 1-7, 1, 0; 0: 10-63, 2, 1; 0: 10-63, 1, 0;",
	"DC last":     "0,1,2: 0-0, 0, 1; 0: 1-63, 0, 0; 1: 1-63, 0, 0; 2: 1-63, 0, 0; 0,1,2: 0-0, 1, 0;",
	"DC apart":    "0: 0-0, 0, 0; 0: 1-63, 0, 1; 0: 1-63, 1, 0; 2: 0-0, 0, 1; 1: 0-0, 0, 0; 1: 1-63, 0, 0; 2: 1-63, 0, 0; 2: 0-0, 1, 0;",
	"one by one":  "0: 0-0, 0, 0; 1: 0-0, 0, 0; 2: 0-0, 0, 0; 0: 1-1, 0, 0; 0: 2-2, 0, 0; 0: 3-4, 0, 0; 1: 1-2, 0, 0; 2: 1-2, 0, 0; 1: 3-4, 0, 0; 2: 3-4, 0, 0; 0: 5-63, 0, 0; 1: 5-63, 0, 0; 2: 5-63, 0, 0;",
	"coarse only": "0,1,2: 0-0, 0, 1; 0: 1-63, 0, 2; 1: 1-63, 0, 1; 2: 1-63, 0, 1;", // last bits never come
}

// TestProgressiveIsSequential decodes progressive files of all scripts at all scales: the planes are those of a sequential
// file of the same coefficients, of which everything is read.
func TestProgressiveIsSequential(t *testing.T) {
	m := scene(333, 221)
	compare := func(name string, progressive, sequential []byte) {
		for n := 1; n <= 8; n++ {
			want, _, _, _ := decodeCounted(t, sequential, n, DecodeOptions{})
			got, report, _, err := decodeCounted(t, progressive, n, DecodeOptions{})
			if err != nil || report.Damage != "" {
				t.Fatalf("%s, scale %d: %v, damage %q", name, n, err, report.Damage)
			}
			samePlanes(t, fmt.Sprintf("%s, scale %d", name, n), got, want)
			whole, _, _, err := decodeCounted(t, progressive, n, DecodeOptions{Strict: true})
			if err != nil {
				t.Fatalf("%s, scale %d, strict: %v", name, n, err)
			}
			samePlanes(t, fmt.Sprintf("%s, scale %d, strict", name, n), whole, want)
		}
	}
	for _, sub := range samplings {
		p := toYCbCr(m, sub.subX, sub.subY)
		for _, effort := range []Effort{Normal, High} {
			o := Options{Quality: 85, Effort: effort}
			sequential := encode(t, p, o)
			o.Progressive = true
			compare(fmt.Sprint(sub, effort), encode(t, p, o), sequential)
		}
	}
	compare("gray", encode(t, toGray(m), Options{Quality: 85, Progressive: true}), encode(t, toGray(m), Options{Quality: 85}))
	tool(t, "cjpeg")
	for name, script := range scripts {
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, sample := range []string{"1x1", "2x2"} {
			scripted := runCjpeg(t, m, "-quality", "85", "-sample", sample, "-scans", path)
			if name == "coarse only" { // every scan is needed, and none makes the decoder stop
				for n := 1; n <= 8; n++ {
					got, _, _, _ := decodeCounted(t, scripted, n, DecodeOptions{})
					want, _, read, err := decodeCounted(t, scripted, n, DecodeOptions{Strict: true})
					if err != nil || read != len(scripted) {
						t.Fatalf("%s, scale %d: %v, %d of %d bytes", name, n, err, read, len(scripted))
					}
					samePlanes(t, fmt.Sprintf("%s, scale %d", name, n), got, want)
				}
				continue
			}
			compare(name+" "+sample, scripted, runCjpeg(t, m, "-quality", "85", "-sample", sample))
		}
	}
}

// takeApart gives what stands before the first scan of a progressive file, and the scans, each with its tables.
func takeApart(t testing.TB, file []byte) (head []byte, scans [][]byte) {
	t.Helper()
	at, from := 2, 2
	for file[at+1] != markerEOI {
		m := file[at+1]
		if len(scans) == 0 && head == nil && m == markerDHT {
			head, from = file[:at], at
		}
		at += 2 + int(file[at+2])<<8 + int(file[at+3])
		if m != markerSOS {
			continue
		}
		for file[at] != 0xFF || file[at+1] == 0 {
			at++
		}
		scans = append(scans, file[from:at:at])
		from = at
	}
	return head, scans
}

// poison is a scan that cannot be: whoever reads it reports damage.
var poison = []byte{0xFF, markerSOS, 0, 8, 1, 1, 0, 9, 3, 0, 0xFF, markerEOI}

// TestStopsWithTheLastBit puts the scans of libjpeg's usual script in other orders, and a poisoned scan behind each in turn:
// it is only met while something is missing.
func TestStopsWithTheLastBit(t *testing.T) {
	file := encode(t, toYCbCr(scene(200, 150), 2, 2), Options{Quality: 80, Progressive: true})
	head, scans := takeApart(t, file)
	if len(scans) != 10 {
		t.Fatalf("%d scans", len(scans))
	}
	for _, c := range []struct {
		name  string
		order []int // of fixedScript
		n     int
		stops int // scans after which nothing more is read
	}{
		{"as it is, 1/8", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 7},
		{"as it is, 2/8", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 2, 10},
		{"as it is, whole", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 8, 10},
		{"DC at once", []int{0, 6, 1, 2, 3, 4, 5, 7, 8, 9}, 1, 2},
		{"DC at last", []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 6}, 1, 10},
		{"DC at last, 3/8", []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 6}, 3, 10},
		{"luma at last", []int{0, 2, 3, 6, 7, 8, 1, 4, 5, 9}, 8, 10},
		{"a correction without a beginning", []int{6, 0, 6, 1, 2}, 1, 3},
		{"a correction twice", []int{0, 6, 6, 1, 2}, 1, 2},
		{"a beginning twice", []int{0, 0, 6, 1, 2}, 1, 3},
		{"again from the beginning", []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 0, 6}, 8, 11},
	} {
		for k := 1; k <= len(c.order); k++ {
			b := slices.Clone(head)
			for _, i := range c.order[:k] {
				b = append(b, scans[i]...)
			}
			p, report, _, err := decodeCounted(t, append(b, poison...), c.n, DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if met := strings.Contains(report.Damage, "progressive scan of coefficients"); met != (k < c.stops) || !met && report.Damage != "" {
				t.Errorf("%s: behind %d scans, damage %q", c.name, k, report.Damage)
			}
			if k >= c.stops {
				want, _, _, _ := decodeCounted(t, file, c.n, DecodeOptions{})
				samePlanes(t, c.name, p, want)
			}
			if _, _, _, err := decodeCounted(t, append(b, poison...), c.n, DecodeOptions{Strict: true}); err == nil {
				t.Errorf("%s: strict, behind %d scans: no error", c.name, k)
			}
		}
	}
}

// TestLastBits follows scripts, sound and not, to the scan that completes a component at a scale.
func TestLastBits(t *testing.T) {
	const unsound = true
	type s struct {
		ss, se, ah, al int
		bad            bool
	}
	for _, c := range []struct {
		name  string
		scans []s
		n     int
		after int // scans; 0: never
	}{
		{"all at once", []s{{0, 0, 0, 0, false}, {1, 63, 0, 0, false}}, 8, 2},
		{"bands anywhere", []s{{40, 63, 0, 0, false}, {0, 0, 0, 0, false}, {2, 39, 0, 1, false}, {1, 1, 0, 0, false}, {2, 9, 1, 0, false}, {10, 39, 1, 0, false}}, 8, 6},
		{"the same at 2/8, whose last place is 4", []s{{40, 63, 0, 0, false}, {0, 0, 0, 0, false}, {2, 39, 0, 1, false}, {1, 1, 0, 0, false}, {2, 9, 1, 0, false}, {10, 39, 1, 0, false}}, 2, 5},
		{"a place that is not kept between", []s{{0, 0, 0, 0, false}, {1, 2, 0, 0, false}, {4, 4, 0, 0, false}, {3, 3, 0, 0, false}}, 2, 3},
		{"a bit left out", []s{{0, 0, 0, 2, false}, {0, 0, 1, 0, false}}, 1, 0},
		{"a correction twice", []s{{0, 0, 0, 0, false}, {1, 63, 0, 1, false}, {1, 63, 1, 0, false}}, 4, 3},
		{"a correction of what never began", []s{{0, 0, 0, 0, false}, {1, 20, 0, 1, false}, {1, 63, 1, 0, false}}, 8, 0},
		{"a correction twice, too early", []s{{1, 63, 0, 1, false}, {1, 63, 1, 0, false}, {1, 63, 1, 0, false}, {0, 0, 0, 0, false}}, 2, 0},
		{"coarse again", []s{{1, 63, 0, 0, false}, {1, 63, 0, 1, false}, {0, 0, 0, 0, false}, {1, 63, 1, 0, false}}, 8, 4},
		{"an unsound beginning", []s{{0, 0, 0, 0, false}, {1, 63, 0, 1, unsound}, {1, 63, 1, 0, false}}, 2, 0},
		{"an unsound end", []s{{0, 0, 0, 1, false}, {0, 0, 1, 0, unsound}}, 1, 0},
		{"an unsound beginning, and a sound one", []s{{0, 0, 0, 0, unsound}, {0, 0, 0, 1, false}, {0, 0, 1, 0, false}}, 1, 3},
	} {
		k := newCoefficients(&component{n: c.n, padX: 1, padY: 1})
		after := 0
		for i, s := range c.scans {
			k.came(scanHeader{ss: s.ss, se: s.se, ah: s.ah, al: s.al}, !s.bad)
			if k.final() && after == 0 {
				after = i + 1
			}
		}
		if after != c.after {
			t.Errorf("%s: complete after %d scans, not %d", c.name, after, c.after)
		}
	}
}

// TestDamageBehindTheLastBit spoils a file behind what a scale needs, and before.
func TestDamageBehindTheLastBit(t *testing.T) {
	file := encode(t, toYCbCr(scene(1600, 1200), 2, 2), Options{Quality: 92, Progressive: true})
	head, scans := takeApart(t, file)
	needed := len(head)
	for _, s := range scans[:7] {
		needed += len(s)
	}
	want, report, read, err := decodeCounted(t, file, 1, DecodeOptions{})
	if err != nil || report.Damage != "" {
		t.Fatalf("%v, damage %q", err, report.Damage)
	}
	if read > len(file)*2/3 || read > needed+scanRead {
		t.Errorf("1/8 read %d of %d bytes, %d are needed", read, len(file), needed)
	}
	if _, _, read, err := decodeCounted(t, file, 1, DecodeOptions{Strict: true}); err != nil || read != len(file) {
		t.Errorf("strict read %d of %d bytes, %v", read, len(file), err)
	}
	cut := file[:needed+100]
	got, report, _, err := decodeCounted(t, cut, 1, DecodeOptions{})
	if err != nil || report.Damage != "" {
		t.Errorf("cut behind: %v, damage %q", err, report.Damage)
	}
	samePlanes(t, "cut behind", got, want)
	if _, _, _, err := decodeCounted(t, cut, 1, DecodeOptions{Strict: true}); err == nil {
		t.Error("cut behind, strict: no error")
	}
	if _, report, _, _ := decodeCounted(t, cut, 2, DecodeOptions{}); report.Damage == "" {
		t.Error("cut behind what 1/8 needs: no damage at 2/8")
	}
	for name, b := range map[string][]byte{
		"cut within":      file[:needed-100],
		"cut at its end":  file[:needed],
		"stray in DC":     slices.Concat(head, scans[0], make([]byte, 100), file[len(head)+len(scans[0]):]),
		"stray in its DC": slices.Concat(file[:needed], make([]byte, 100), file[needed:]),
	} {
		_, report, read, err := decodeCounted(t, b, 1, DecodeOptions{})
		if err != nil || report.Damage == "" || read != len(b) {
			t.Errorf("%s: %v, damage %q, %d of %d bytes read", name, err, report.Damage, read, len(b))
		}
	}
}

// TestReadsLittleForAThumbnail checks a file that has DC in one scan, as those of high effort do.
func TestReadsLittleForAThumbnail(t *testing.T) {
	file := encode(t, toYCbCr(scene(1600, 1200), 2, 2), Options{Quality: 92, Progressive: true, Effort: High})
	want, _, _, err := decodeCounted(t, file, 1, DecodeOptions{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	got, report, read, err := decodeCounted(t, file, 1, DecodeOptions{})
	if err != nil || report.Damage != "" {
		t.Fatalf("%v, damage %q", err, report.Damage)
	}
	samePlanes(t, "1/8", got, want)
	if read > len(file)/3 {
		t.Errorf("1/8 read %d of %d bytes", read, len(file))
	}
	t.Logf("1/8 read %d of %d bytes", read, len(file))
}

// TestProgressivePhotograph says how much of a camera's picture a thumbnail takes.
func TestProgressivePhotograph(t *testing.T) {
	for _, name := range corpus(t, "photos/*progressive.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 4, 8} {
			got, report, read, err := decodeCounted(t, file, n, DecodeOptions{})
			if err != nil || report.Damage != "" {
				t.Fatalf("%s: %v, damage %q", name, err, report.Damage)
			}
			t.Logf("%s at %d/8: %d of %d bytes", filepath.Base(name), n, read, len(file))
			if n == 1 && read > len(file)*3/5 { // libjpeg's script has the last bit of DC in the middle
				t.Errorf("%s at 1/8: %d of %d bytes read", filepath.Base(name), read, len(file))
			}
			want, _, _, err := decodeCounted(t, file, n, DecodeOptions{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			samePlanes(t, fmt.Sprintf("%s at %d/8", filepath.Base(name), n), got, want)
		}
	}
}
