package decode

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// decodeCounted decodes at scale n and returns how many bytes it has read.
func decodeCounted(
	t testing.TB, file []byte, n int, o Options,
) (p *plane.Picture, report Report, read int, err error) {
	t.Helper()
	r := bytes.NewReader(file)
	d, err := New(r, o)
	if err != nil {
		t.Fatal(err)
	}
	p = plane.New(d.Shrink(ceilDiv(d.header.Width*n, 8), ceilDiv(d.header.Height*n, 8)))
	report, err = d.Decode(context.Background(), p)
	return p, report, len(file) - r.Len(), err
}

// samePlanes checks that two pictures are equal.
func samePlanes(t testing.TB, what string, got, want *plane.Picture) {
	t.Helper()
	for i := range want.Pix {
		if k := jpegtest.FirstDifference(got.Pix[i], want.Pix[i]); k < len(want.Pix[i]) {
			t.Errorf("%s: plane %d differs at sample %d", what, i, k)
		}
	}
}

// scripts are scan scripts of three components for cjpeg.
var scripts = map[string]string{
	"many bands": "0,1,2: 0-0, 0, 2; 0: 1-2, 0, 1; 0: 3-9, 0, 0; 0: 10-63, 0, 3; 1: 1-63, 0, 0; " +
		"0,1,2: 0-0, 2, 1; 2: 1-7, 0, 1; 0: 10-40, 3, 2; 0: 41-63, 3, 2; 2: 8-63, 0, 0; " +
		"0: 1-2, 1, 0; 0,1,2: 0-0, 1, 0; 2: 1-7, 1, 0; 0: 10-63, 2, 1; 0: 10-63, 1, 0;",
	"DC last": "0,1,2: 0-0, 0, 1; 0: 1-63, 0, 0; 1: 1-63, 0, 0; 2: 1-63, 0, 0; 0,1,2: 0-0, 1, 0;",
	"separate DC": "0: 0-0, 0, 0; 0: 1-63, 0, 1; 0: 1-63, 1, 0; 2: 0-0, 0, 1; 1: 0-0, 0, 0; " +
		"1: 1-63, 0, 0; 2: 1-63, 0, 0; 2: 0-0, 1, 0;",
	"one by one": "0: 0-0, 0, 0; 1: 0-0, 0, 0; 2: 0-0, 0, 0; 0: 1-1, 0, 0; 0: 2-2, 0, 0; " +
		"0: 3-4, 0, 0; 1: 1-2, 0, 0; 2: 1-2, 0, 0; 1: 3-4, 0, 0; 2: 3-4, 0, 0; " +
		"0: 5-63, 0, 0; 1: 5-63, 0, 0; 2: 5-63, 0, 0;",
	// The last bits are never sent.
	"coarse only": "0,1,2: 0-0, 0, 1; 0: 1-63, 0, 2; 1: 1-63, 0, 1; 2: 1-63, 0, 1;",
}

// TestProgressiveEqualsSequential decodes progressive files with all scripts at all scales and
// checks that the planes equal those of a sequential file with the same coefficients, which is read
// to its end.
func TestProgressiveEqualsSequential(t *testing.T) {
	m := jpegtest.Scene(333, 221)
	compare := func(name string, progressive, sequential []byte) {
		for n := 1; n <= 8; n++ {
			want, _, _, _ := decodeCounted(t, sequential, n, Options{})
			got, report, _, err := decodeCounted(t, progressive, n, Options{})
			if err != nil || report.Damage != "" {
				t.Fatalf("%s, scale %d: %v, damage %q", name, n, err, report.Damage)
			}
			samePlanes(t, fmt.Sprintf("%s, scale %d", name, n), got, want)
			whole, _, _, err := decodeCounted(t, progressive, n, Options{Strict: true})
			if err != nil {
				t.Fatalf("%s, scale %d, strict: %v", name, n, err)
			}
			samePlanes(t, fmt.Sprintf("%s, scale %d, strict", name, n), whole, want)
		}
	}
	for _, sub := range jpegtest.Samplings {
		p := jpegtest.YCbCr(m, sub.X, sub.Y)
		for _, effort := range []encode.Effort{encode.Normal, encode.High} {
			o := encode.Options{Quality: 85, Effort: effort}
			sequential := encoded(t, p, o)
			o.Progressive = true
			compare(fmt.Sprint(sub, effort), encoded(t, p, o), sequential)
		}
	}
	compare("gray", encoded(t, jpegtest.Gray(m), encode.Options{Quality: 85, Progressive: true}),
		encoded(t, jpegtest.Gray(m), encode.Options{Quality: 85}))
	jpegtest.Tool(t, "cjpeg")
	for name, script := range scripts {
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, sample := range []string{"1x1", "2x2"} {
			scripted := jpegtest.Cjpeg(t, m, "-quality", "85", "-sample", sample, "-scans", path)
			if name == "coarse only" { // Every scan is needed, so the decoder never stops early.
				for n := 1; n <= 8; n++ {
					got, _, _, _ := decodeCounted(t, scripted, n, Options{})
					want, _, read, err := decodeCounted(t, scripted, n, Options{Strict: true})
					if err != nil || read != len(scripted) {
						t.Fatalf("%s, scale %d: %v, %d of %d bytes", name, n, err, read, len(scripted))
					}
					samePlanes(t, fmt.Sprintf("%s, scale %d", name, n), got, want)
				}
				continue
			}
			compare(name+" "+sample, scripted, jpegtest.Cjpeg(t, m, "-quality", "85", "-sample", sample))
		}
	}
}

// takeApart splits a progressive file into what precedes the first scan, and the scans, each with
// its tables.
func takeApart(t testing.TB, file []byte) (head []byte, scans [][]byte) {
	t.Helper()
	at, from := 2, 2
	for file[at+1] != stream.EOI {
		m := file[at+1]
		if len(scans) == 0 && head == nil && m == stream.DHT {
			head, from = file[:at], at
		}
		at += 2 + int(file[at+2])<<8 + int(file[at+3])
		if m != stream.SOS {
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

// poison is an invalid scan: a decoder that reads it reports damage.
var poison = []byte{0xFF, stream.SOS, 0, 8, 1, 1, 0, 9, 3, 0, 0xFF, stream.EOI}

// TestStopsWithTheLastBit puts the scans of libjpeg's default script in other orders, and an
// invalid scan after each in turn. The decoder must reach that scan only while something is
// missing.
func TestStopsWithTheLastBit(t *testing.T) {
	file := encoded(t, jpegtest.YCbCr(jpegtest.Scene(200, 150), 2, 2), encode.Options{Quality: 80, Progressive: true})
	head, scans := takeApart(t, file)
	if len(scans) != 10 {
		t.Fatalf("%d scans", len(scans))
	}
	for _, c := range []struct {
		name  string
		order []int // indices in fixedScript
		n     int
		stops int // number of scans after which the decoder stops reading
	}{
		{"default order, 1/8", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 7},
		{"default order, 2/8", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 2, 10},
		{"default order, full size", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 8, 10},
		{"DC first", []int{0, 6, 1, 2, 3, 4, 5, 7, 8, 9}, 1, 2},
		{"DC last", []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 6}, 1, 10},
		{"DC last, 3/8", []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 6}, 3, 10},
		{"luma last", []int{0, 2, 3, 6, 7, 8, 1, 4, 5, 9}, 8, 10},
		{"refinement before a first scan", []int{6, 0, 6, 1, 2}, 1, 3},
		{"repeated refinement", []int{0, 6, 6, 1, 2}, 1, 2},
		{"repeated first scan", []int{0, 0, 6, 1, 2}, 1, 3},
		{"restarted from the first scan", []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 0, 6}, 8, 11},
	} {
		for k := 1; k <= len(c.order); k++ {
			b := slices.Clone(head)
			for _, i := range c.order[:k] {
				b = append(b, scans[i]...)
			}
			p, report, _, err := decodeCounted(t, append(b, poison...), c.n, Options{})
			if err != nil {
				t.Fatal(err)
			}
			reached := strings.Contains(report.Damage, "invalid progressive scan of coefficients")
			if reached != (k < c.stops) || !reached && report.Damage != "" {
				t.Errorf("%s: after %d scans, damage %q", c.name, k, report.Damage)
			}
			if k >= c.stops {
				want, _, _, _ := decodeCounted(t, file, c.n, Options{})
				samePlanes(t, c.name, p, want)
			}
			strict := Options{Strict: true}
			if _, _, _, err := decodeCounted(t, append(b, poison...), c.n, strict); err == nil {
				t.Errorf("%s: strict, after %d scans: no error", c.name, k)
			}
		}
	}
}

// TestLastBits follows valid and damaged scripts up to the scan that completes a component at a
// scale.
func TestLastBits(t *testing.T) {
	const ok, damaged = false, true
	type s struct {
		ss, se, ah, al int
		bad            bool
	}
	mixed := []s{
		{40, 63, 0, 0, ok}, {0, 0, 0, 0, ok}, {2, 39, 0, 1, ok}, {1, 1, 0, 0, ok},
		{2, 9, 1, 0, ok}, {10, 39, 1, 0, ok},
	}
	for _, c := range []struct {
		name  string
		n     int
		after int // number of scans; 0 means never
		scans []s
	}{
		{"all bits at once", 8, 2, []s{{0, 0, 0, 0, ok}, {1, 63, 0, 0, ok}}},
		{"bands in any order", 8, 6, mixed},
		{"the same at 2/8, whose last index is 4", 2, 5, mixed},
		{"an index between that is not kept", 2, 3, []s{
			{0, 0, 0, 0, ok}, {1, 2, 0, 0, ok}, {4, 4, 0, 0, ok}, {3, 3, 0, 0, ok},
		}},
		{"a missing bit", 1, 0, []s{{0, 0, 0, 2, ok}, {0, 0, 1, 0, ok}}},
		{"a repeated refinement", 4, 3, []s{{0, 0, 0, 0, ok}, {1, 63, 0, 1, ok}, {1, 63, 1, 0, ok}}},
		{"a refinement without a first scan", 8, 0, []s{
			{0, 0, 0, 0, ok}, {1, 20, 0, 1, ok}, {1, 63, 1, 0, ok},
		}},
		{"a repeated refinement, too early", 2, 0, []s{
			{1, 63, 0, 1, ok}, {1, 63, 1, 0, ok}, {1, 63, 1, 0, ok}, {0, 0, 0, 0, ok},
		}},
		{"a coarse scan again", 8, 4, []s{
			{1, 63, 0, 0, ok}, {1, 63, 0, 1, ok}, {0, 0, 0, 0, ok}, {1, 63, 1, 0, ok},
		}},
		{"a damaged first scan", 2, 0, []s{
			{0, 0, 0, 0, ok}, {1, 63, 0, 1, damaged}, {1, 63, 1, 0, ok},
		}},
		{"a damaged last scan", 1, 2, []s{{0, 0, 0, 1, ok}, {0, 0, 1, 0, damaged}}},
		{"a damaged first scan, then an undamaged one", 2, 3, []s{
			{0, 0, 0, 0, damaged}, {1, 63, 0, 0, ok}, {0, 0, 0, 0, ok},
		}},
	} {
		k := newCoefficients(&component{n: c.n, padX: 1, padY: 1})
		after := 0
		for i, s := range c.scans {
			h := scanHeader{ss: s.ss, se: s.se, ah: s.ah, al: s.al}
			sent := k.bit
			if sent.record(h, true); sent.final(k) && after == 0 {
				after = i + 1
			}
			k.bit.record(h, !s.bad)
		}
		if after != c.after {
			t.Errorf("%s: complete after %d scans, want %d", c.name, after, c.after)
		}
	}
}

// TestDamageAfterTheLastBit damages a file after the part that a scale needs, and within it.
func TestDamageAfterTheLastBit(t *testing.T) {
	file := encoded(t, jpegtest.YCbCr(jpegtest.Scene(1600, 1200), 2, 2), encode.Options{Quality: 95, Progressive: true})
	head, scans := takeApart(t, file)
	needed := len(head)
	for _, s := range scans[:7] {
		needed += len(s)
	}
	want, report, read, err := decodeCounted(t, file, 1, Options{})
	if err != nil || report.Damage != "" {
		t.Fatalf("%v, damage %q", err, report.Damage)
	}
	if read > len(file)*2/3 || read > needed+scanRead {
		t.Errorf("1/8 read %d of %d bytes, needs %d", read, len(file), needed)
	}
	if _, _, read, err := decodeCounted(t, file, 1, Options{Strict: true}); err != nil || read != len(file) {
		t.Errorf("strict read %d of %d bytes, %v", read, len(file), err)
	}
	cut := file[:needed+100]
	got, report, _, err := decodeCounted(t, cut, 1, Options{})
	if err != nil || report.Damage != "" {
		t.Errorf("cut after: %v, damage %q", err, report.Damage)
	}
	samePlanes(t, "cut after", got, want)
	if _, _, _, err := decodeCounted(t, cut, 1, Options{Strict: true}); err == nil {
		t.Error("cut after, strict: no error")
	}
	if _, report, _, _ := decodeCounted(t, cut, 2, Options{}); report.Damage == "" {
		t.Error("cut after the part that 1/8 needs: no damage at 2/8")
	}
	for name, b := range map[string][]byte{
		"cut within": file[:needed-100],
		"no code in DC": slices.Concat(head, scans[0][:len(scans[0])-100], bytes.Repeat([]byte{0xFF, 0}, 50),
			file[len(head)+len(scans[0]):]),
	} {
		_, report, read, err := decodeCounted(t, b, 1, Options{})
		if err != nil || report.Damage == "" || read != len(b) {
			t.Errorf("%s: %v, damage %q, %d of %d bytes read", name, err, report.Damage, read, len(b))
		}
	}
}

// TestReadsLittleForAThumbnail checks a file with DC in a single scan, as those of high effort
// have.
func TestReadsLittleForAThumbnail(t *testing.T) {
	file := encoded(t, jpegtest.YCbCr(jpegtest.Scene(1600, 1200), 2, 2),
		encode.Options{Quality: 92, Progressive: true, Effort: encode.High})
	want, _, _, err := decodeCounted(t, file, 1, Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	got, report, read, err := decodeCounted(t, file, 1, Options{})
	if err != nil || report.Damage != "" {
		t.Fatalf("%v, damage %q", err, report.Damage)
	}
	samePlanes(t, "1/8", got, want)
	if read > len(file)/3 {
		t.Errorf("1/8 read %d of %d bytes", read, len(file))
	}
	t.Logf("1/8 read %d of %d bytes", read, len(file))
}

// TestProgressivePhotograph logs how much of a photograph must be read for a thumbnail.
func TestProgressivePhotograph(t *testing.T) {
	for _, name := range corpus(t, "photos/*progressive.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 4, 8} {
			got, report, read, err := decodeCounted(t, file, n, Options{})
			if err != nil || report.Damage != "" {
				t.Fatalf("%s: %v, damage %q", name, err, report.Damage)
			}
			t.Logf("%s at %d/8: %d of %d bytes", filepath.Base(name), n, read, len(file))
			// libjpeg's script sends the last bit of DC in the middle of the file.
			if n == 1 && read > len(file)*3/5 {
				t.Errorf("%s at 1/8: %d of %d bytes read", filepath.Base(name), read, len(file))
			}
			want, _, _, err := decodeCounted(t, file, n, Options{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			samePlanes(t, fmt.Sprintf("%s at %d/8", filepath.Base(name), n), got, want)
		}
	}
}
