package colour

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"
)

func rgbRow(levels ...[3]uint8) [][]byte {
	rows := planes(3, len(levels))
	for x, l := range levels {
		for c := range rows {
			rows[c][x] = l[c]
		}
	}
	return rows
}

// TestKnownColours converts colours whose sRGB levels LittleCMS 2.19 computed from the profiles that
// colord-data 1.4.6 has for these spaces.
func TestKnownColours(t *testing.T) {
	p3, err := ParseICC(DisplayP3Profile(), Rendering{})
	if err != nil {
		t.Fatal(err)
	}
	adobe, err := NewGamma(AdobeRGB, 563.0/256)
	if err != nil {
		t.Fatal(err)
	}
	linear, err := NewGamma(SRGB, 1)
	if err != nil {
		t.Fatal(err)
	}
	code, err := CICP{Primaries: 12, Transfer: 13, FullRange: true}.Source()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		src      Source
		in, want [3]uint8
	}{
		{"P3 white", p3, [3]uint8{255, 255, 255}, [3]uint8{255, 255, 255}},
		{"P3 gray", p3, [3]uint8{100, 100, 100}, [3]uint8{100, 100, 100}},
		{"P3 red is beyond sRGB", p3, [3]uint8{255, 0, 0}, [3]uint8{255, 0, 0}},
		{"P3 orange", p3, [3]uint8{200, 120, 60}, [3]uint8{213, 115, 42}},
		{"code points of P3", code, [3]uint8{200, 120, 60}, [3]uint8{213, 115, 42}},
		{"Adobe RGB", adobe, [3]uint8{120, 180, 90}, [3]uint8{81, 181, 83}},
		{"linear light", linear, [3]uint8{117, 0, 255}, [3]uint8{180, 0, 255}},
	} {
		got := rgbRow(c.in)
		New(c.src, ToSRGB).Row(got, got)
		for i, w := range c.want {
			if d := math.Abs(float64(got[i][0]) - float64(w)); d > 1 {
				t.Errorf("%s: channel %d is %d, want %d", c.name, i, got[i][0], w)
			}
		}
	}
}

func TestIdentity(t *testing.T) {
	srgb, err := newRGB(SRGB, srgbToLight)
	if err != nil {
		t.Fatal(err)
	}
	p3, err := newRGB(DisplayP3, srgbToLight)
	if err != nil {
		t.Fatal(err)
	}
	if !New(srgb, ToSRGB).Identity() || !New(p3, ToDisplayP3).Identity() || !New(&graySpace{srgbToLight}, ToSRGB).Identity() {
		t.Error("a space is not itself")
	}
	if New(p3, ToSRGB).Identity() || New(srgb, ToDisplayP3).Identity() || New(NewGrayGamma(1), ToSRGB).Identity() {
		t.Error("different spaces are the same")
	}
}

// TestRoundTrip converts to Display P3 and back.
func TestRoundTrip(t *testing.T) {
	srgb, err := newRGB(SRGB, srgbToLight)
	if err != nil {
		t.Fatal(err)
	}
	p3, err := ParseICC(DisplayP3Profile(), Rendering{})
	if err != nil {
		t.Fatal(err)
	}
	var all [][3]uint8
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				all = append(all, [3]uint8{uint8(r), uint8(g), uint8(b)})
			}
		}
	}
	rows := rgbRow(all...)
	New(srgb, ToDisplayP3).Row(rows, rows)
	New(p3, ToSRGB).Row(rows, rows)
	for x, want := range all {
		for c, w := range want {
			if d := math.Abs(float64(rows[c][x]) - float64(w)); d > 10 { // dark levels of sRGB lie between those of P3
				t.Fatalf("%v comes back with channel %d as %d", want, c, rows[c][x])
			}
		}
	}
}

// TestName reads descriptions of both versions, and of broken profiles.
func TestName(t *testing.T) {
	if got := Name(DisplayP3Profile()); got != "Display P3" {
		t.Errorf("%q", got)
	}
	old := bytes.Replace(DisplayP3Profile(), []byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0c"),
		[]byte("desc\x00\x00\x00\x00\x00\x00\x00\x05Look\x00"), 1)
	if got := Name(old); got != "Look" {
		t.Errorf("version 2: %q", got)
	}
	for n := range old {
		Name(old[:n])
		Name(DisplayP3Profile()[:n])
	}
}

// TestCodePointsAsChromium compares gray and colours with what Chromium 156 shows of PNG files with cICP.
func TestCodePointsAsChromium(t *testing.T) {
	gray := func(v uint8) [3]uint8 { return [3]uint8{v, v, v} }
	for _, c := range []struct {
		transfer uint8
		in, want [3]uint8
	}{
		{1, gray(64), gray(54)}, {6, gray(128), gray(121)}, {14, gray(230), gray(229)}, {15, gray(32), gray(20)}, {11, gray(191), gray(187)},
		{4, gray(128), gray(129)}, {5, gray(64), gray(40)}, {7, gray(64), gray(81)}, {8, gray(64), gray(137)}, {17, gray(128), gray(118)},
		{13, gray(77), gray(77)},
		{16, gray(64), gray(30)}, {16, gray(128), gray(132)}, {16, gray(148), gray(187)}, {16, gray(160), gray(213)}, {16, gray(168), gray(226)},
		{16, gray(180), gray(242)}, {16, gray(200), gray(255)}, {16, gray(0), gray(0)}, {16, gray(255), gray(255)},
		{18, gray(64), gray(43)}, {18, gray(128), gray(99)}, {18, gray(191), gray(187)}, {18, gray(230), gray(234)}, {18, gray(255), gray(255)},
		{16, [3]uint8{191, 128, 64}, [3]uint8{255, 100, 20}}, {16, [3]uint8{170, 64, 20}, [3]uint8{255, 28, 1}},
		{18, [3]uint8{230, 128, 64}, [3]uint8{248, 102, 51}},
	} {
		src, err := CICP{Primaries: 1, Transfer: c.transfer, FullRange: true}.Source()
		if err != nil {
			t.Fatal(err)
		}
		got := rgbRow(c.in)
		New(src, ToSRGB).Row(got, got)
		for i, w := range c.want {
			if d := int(got[i][0]) - int(w); d < -2 || d > 2 {
				t.Errorf("transfer %d of %v: channel %d is %d, want %d", c.transfer, c.in, i, got[i][0], w)
			}
		}
		if c.in != gray(c.in[0]) {
			continue
		}
		src, err = CICP{Primaries: 2, Transfer: c.transfer, FullRange: true}.Gray()
		if err != nil {
			t.Fatal(err)
		}
		row := [][]byte{{c.in[0]}}
		New(src, ToSRGB).Row(row, row)
		if d := int(row[0][0]) - int(c.want[0]); d < -1 || d > 1 {
			t.Errorf("transfer %d of gray %d: %d, want %d", c.transfer, c.in[0], row[0][0], c.want[0])
		}
	}
}

func TestBrokenProfiles(t *testing.T) {
	good := DisplayP3Profile()
	for n := range good { // cut anywhere
		_, _ = ParseICC(good[:n], Rendering{})
	}
	for name, change := range map[string]func(b []byte){
		"signature":    func(b []byte) { b[36] = 0 },
		"size":         func(b []byte) { binary.BigEndian.PutUint32(b, uint32(len(b)-100)) },
		"space":        func(b []byte) { copy(b[16:], "Luv ") },
		"connection":   func(b []byte) { copy(b[20:], "RGB ") },
		"tags":         func(b []byte) { binary.BigEndian.PutUint32(b[128:], 1<<30) },
		"tag offset":   func(b []byte) { binary.BigEndian.PutUint32(b[132+12*4+4:], 1<<31) },
		"no colorants": func(b []byte) { clear(b[len(b)-200:]) },
	} {
		b := append([]byte(nil), good...)
		change(b)
		if _, err := ParseICC(b, Rendering{}); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []CICP{{}, {2, 2, 0, true}, {1, 13, 1, true}, {1, 3, 0, true}, {200, 13, 0, true}} {
		if _, err := c.Source(); !errors.Is(err, ErrProfile) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := NewGamma(Primaries{}, 2.2); !errors.Is(err, ErrProfile) {
		t.Errorf("no primaries: %v", err)
	}
}

// TestColorantsOfLabProfile reads a matrix as light although the connection space is L*a*b*, as LittleCMS
// and Chromium do.
func TestColorantsOfLabProfile(t *testing.T) {
	b := DisplayP3Profile()
	want, err := ParseICC(b, Rendering{})
	if err != nil {
		t.Fatal(err)
	}
	copy(b[20:], "Lab ")
	got, err := ParseICC(b, Rendering{})
	if err != nil {
		t.Fatal(err)
	}
	red := []float64{1, 0.2, 0.1}
	if got.XYZ(red) != want.XYZ(red) {
		t.Errorf("%v, want %v", got.XYZ(red), want.XYZ(red))
	}
}

// FuzzParseICC reads and compiles profiles by both intents, and bounds the time and the memory that each
// takes: 10 ms, as BenchmarkHostileProfile measures, with room for a busy machine.
func FuzzParseICC(f *testing.F) {
	for _, p := range hostileProfiles() {
		if len(p) < 1<<16 { // longer seeds slow the fuzzer down
			f.Add(p)
		}
	}
	f.Add(DisplayP3Profile())
	f.Add(mft2(4, 3))
	f.Add(mft2(3, 4))
	f.Add(drawProfile("RGB ", "mAB ", 4))
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		for _, r := range []Rendering{{}, {Perceptual, false}, {Relative, true}} {
			use(t, data, r)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("a profile of %d bytes takes %v", len(data), took)
		}
	})
}

// use does with a profile what a picture makes of it.
func use(t testing.TB, data []byte, r Rendering) {
	src, err := ParseICC(data, r)
	if err != nil {
		if !errors.Is(err, ErrProfile) {
			t.Fatal(err)
		}
		return
	}
	n := src.Channels()
	device := make([]float64, n)
	for i := range device {
		device[i] = float64(i) / 4
	}
	for _, v := range src.XYZ(device) {
		if math.IsNaN(v) {
			t.Fatalf("not a number")
		}
	}
	tr := New(src, ToSRGB)
	if tr.nodes != nil && len(tr.nodes.value) > maxNodes {
		t.Fatalf("a grid of %d nodes", len(tr.nodes.value))
	}
	tr.Identity()
	if small := Profile(src, Name(data)); len(small) > 2500 {
		t.Fatalf("a small profile of %d bytes", len(small))
	}
	Curves(src)
	rows := planes(4, 3)
	copy(rows[0], []byte{0, 77, 255})
	tr.Row(rows, rows[:n])
}

// hostileProfiles returns profiles that are as much work as their kind allows.
func hostileProfiles() map[string][]byte {
	long := sampled(func(v float64) float64 { return v * v }, maxSamples)
	m, err := DisplayP3.matrix()
	if err != nil {
		panic(err)
	}
	tags := append(commonTags("long"), rgbTags(m, long, long, long)...)
	curves := writeProfile("RGB ", tags)
	steep := parametric(4, 32767, 1, 0, 1, 0, 0, 0)
	curves2 := writeProfile("RGB ", append(commonTags("steep"), rgbTags(m, steep, steep, steep)...))
	uneven := drawProfile("CMYK", "mAB ", 4)
	at := bytes.Index(uneven, []byte{9, 9, 9, 9, 0, 0, 0, 0})
	copy(uneven[at:], []byte{2, 38, 38, 2}) // as many nodes, which could be refined to 400,000
	return map[string][]byte{
		"long curves": curves, "steep curves": curves2, "uneven table": uneven, "CMYK table": mft2(4, 33),
		"RGB table": mft2(3, 100),
	}
}

// BenchmarkHostileProfile measures reading, compiling and using a profile for the first time.
func BenchmarkHostileProfile(b *testing.B) {
	for name, data := range hostileProfiles() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				use(b, data, Rendering{Perceptual, true})
			}
		})
	}
}

// TestGridsAreBounded compiles a table of few nodes, which refined would be 19 million.
func TestGridsAreBounded(t *testing.T) {
	g := &grid{points: []int{2, 255, 255, 2}, out: 3, data: make([]byte, 3*2*255*255*2)}
	l := &lut{elements: elements{in: 4, out: 3, grid: g}, toXYZ: (&profile{pcs: "Lab "}).connection(false)}
	n := newNodes(l, fromXYZ(ToSRGB))
	if len(n.value) != 2*255*255*2 {
		t.Errorf("%d nodes", len(n.value))
	}
}

// mft2 returns a profile of a lut16Type whose grid maps device values straight to Lab.
func mft2(in, points int) []byte {
	space := map[int]string{3: "RGB ", 4: "CMYK"}[in]
	table := append([]byte("mft2\x00\x00\x00\x00"), byte(in), 3, byte(points), 0)
	for i := range 9 {
		v := uint32(0)
		if i%4 == 0 {
			v = 65536
		}
		table = binary.BigEndian.AppendUint32(table, v)
	}
	table = append(table, 0, 2, 0, 2)
	for range in {
		table = append(table, 0, 0, 255, 255)
	}
	nodes := 1
	for range in {
		nodes *= points
	}
	for node := range nodes {
		for c := range 3 {
			place := node
			for range in - 1 - c {
				place /= points
			}
			table = binary.BigEndian.AppendUint16(table, uint16(place%points*65280/(points-1)))
		}
	}
	for range 3 {
		table = append(table, 0, 0, 255, 255)
	}
	b := make([]byte, 144, 144+len(table))
	binary.BigEndian.PutUint32(b, uint32(144+len(table)))
	copy(b[8:], "\x02\x40\x00\x00prtr"+space+"Lab ")
	copy(b[36:], "acsp")
	b[131] = 1
	copy(b[132:], "A2B0")
	binary.BigEndian.PutUint32(b[136:], 144)
	binary.BigEndian.PutUint32(b[140:], uint32(len(table)))
	return append(b, table...)
}

// TestTableAgainstReference compares the compiled grid with the evaluation in real numbers.
func TestTableAgainstReference(t *testing.T) {
	for _, in := range []int{3, 4} {
		src, err := ParseICC(mft2(in, 5), Rendering{})
		if err != nil {
			t.Fatal(err)
		}
		tr, m := New(src, ToSRGB), fromXYZ(ToSRGB)
		rows := planes(4, 1)
		sum, worst := 0.0, 0.0
		const count = 3000
		for i := range count {
			device := make([]float64, in)
			for c := range device {
				rows[c][0] = byte(i * (c*38 + 17) >> 2)
				device[c] = float64(rows[c][0]) / 255
			}
			dst := planes(3, 1)
			tr.Row(dst, rows[:in])
			light := m.mul(src.XYZ(device))
			for c := range dst {
				d := math.Abs(float64(dst[c][0]) - 255*lightToSRGB(clamp01(light[c])))
				sum, worst = sum+d/(3*count), max(worst, d)
			}
		}
		// Each cell of this grid spans 8 to 16 units of a* and b*: near black that is much.
		if sum > 0.6 || worst > 12 {
			t.Errorf("%d inputs: off by %.2f on average, %.1f at worst", in, sum, worst)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	p3, err := ParseICC(DisplayP3Profile(), Rendering{})
	if err != nil {
		b.Fatal(err)
	}
	cmyk, err := ParseICC(mft2(4, 9), Rendering{})
	if err != nil {
		b.Fatal(err)
	}
	for name, src := range map[string]Source{"matrix": p3, "CMYK": cmyk} {
		b.Run(name, func(b *testing.B) {
			const width = 4096
			rows := planes(4, width)
			for c := range rows {
				for x := range rows[c] {
					rows[c][x] = byte(x>>3 + c*x>>5)
				}
			}
			dst, tr := planes(3, width), New(src, ToSRGB)
			b.SetBytes(width)
			for b.Loop() {
				tr.Row(dst, rows[:src.Channels()])
			}
		})
	}
}
