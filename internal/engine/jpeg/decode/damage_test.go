package decode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// damaged damages a file; i selects the kind of damage and its place.
func damaged(file []byte, i int) []byte {
	r := rand.New(rand.NewPCG(7, uint64(i)))
	b := bytes.Clone(file)
	const header = 2000
	switch i % 3 {
	case 0:
		return b[:header+r.IntN(len(b)-header)]
	case 1:
		b[header+r.IntN(len(b)-header)] ^= 1 << r.IntN(8)
		return b
	}
	at := header + r.IntN(len(b)-header)
	return append(b[:at], b[min(len(b), at+r.IntN(20000)):]...)
}

// TestDamageEqualsLibjpeg truncates files, flips bits and removes pieces, and checks that the
// result equals libjpeg's.
func TestDamageEqualsLibjpeg(t *testing.T) {
	for _, name := range corpus(t, "photos/sharp*.jpg", "photos/*restart.jpg") {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			b := damaged(file, i)
			w, _, want := djpegGray(t, b, 8)
			p, report := decodeAll(t, b, 0, 0)
			if k := jpegtest.FirstDifference(p.Pix[0], want); k < len(want) {
				t.Errorf("%s, damage %d (%s): luma differs at %d,%d: %d, libjpeg has %d",
					name, i, report.Damage, k%w, k/w, p.Pix[0][k], want[k])
			}
			if i%3 == 0 && report.Damage == "" {
				t.Errorf("%s, truncated: no damage reported", name)
			}
		}
	}
}

// invalidCodeFile returns a gray picture of zeros, side samples wide and high, with an invalid
// Huffman code in place of the DC coefficient or of an AC coefficient of a block.
func invalidCodeFile(side, block int, ac bool) []byte {
	f := newFixture(side, side, 1, [2]int{1, 1})
	blocks := f.comps[0].blocks
	clear(blocks)
	file := f.bytes()
	data := bytes.Index(file, []byte{0xFF, stream.SOS}) + 10
	zero := &fixtureBits{}
	for i := range blocks {
		if i == block && !ac {
			zero.put(1<<17-1, 17)
		} else {
			zero.put(0b00, 2)
		}
		if i == block && ac {
			zero.put(1<<17-1, 17)
		} else {
			zero.put(0b1010, 4)
		}
	}
	zero.pad()
	return append(append(file[:data:data], zero.out...), 0xFF, stream.EOI)
}

// TestInvalidCode checks that an invalid code in place of a DC or an AC coefficient is reported.
func TestInvalidCode(t *testing.T) {
	for _, ac := range []bool{false, true} {
		file := invalidCodeFile(64, 20, ac)
		for _, threads := range []int{1, 2} {
			_, report, err := decodeBy(t, file, 8, threads, stretchSize)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.Damage, invalidCode) {
				t.Errorf("AC %t, %d threads: damage is %q", ac, threads, report.Damage)
			}
		}
	}
}

// TestRestartDamage removes, duplicates or renumbers data between restart markers. Only nearby MCUs
// may change.
func TestRestartDamage(t *testing.T) {
	f := newFixture(640, 32, 4, [2]int{1, 1})
	f.interval = 4
	file := f.bytes()
	marker := func(n int) int { // returns the position of the n-th restart marker
		at := 0
		for range n + 1 {
			at += bytes.Index(file[at:], []byte{0xFF, stream.RST0 + byte(n&7)}) + 1
			if n < 8 {
				break
			}
		}
		return at - 1
	}
	cut := func(from, to int) []byte { return slices.Concat(file[:from], file[to:]) }
	insert := func(at int, b ...byte) []byte { return slices.Concat(file[:at], b, file[at:]) }
	renumbered := func(n byte) []byte { // the fourth marker
		b := bytes.Clone(file)
		b[marker(3)+1] = stream.RST0 + n
		return b
	}
	for _, c := range []struct {
		name     string
		file     []byte
		from, to int // MCUs of the first row that may differ; if none do, there is no damage
	}{
		{"segment missing", cut(marker(2), marker(3)), 12, 16},
		{"two segments missing", cut(marker(2), marker(4)), 12, 20},
		{"half a segment missing", cut(marker(2)+9, marker(3)), 12, 16},
		{"old marker", insert(marker(3), 0xFF, stream.RST0+2), 0, 0},
		{"old segment", insert(marker(3), file[marker(2):marker(3)]...), 0, 0},
		{"marker of another kind", insert(marker(3), 0xFF, 0x02), 0, 0},
		{"wrong number", renumbered(6), 0, 0},
		{"number of the one before", renumbered(2), 16, 20},
		{"number of the one behind", renumbered(4), 16, 24},
	} {
		p, report := decodeAll(t, c.file, 0, 0)
		if damaged := report.Damage != ""; damaged != (c.from < c.to) {
			t.Errorf("%s: damage is %q", c.name, report.Damage)
		}
		for y := range 32 {
			for x, got := range p.Row(0, y) {
				if y < 8 && x/8 >= c.from && x/8 < c.to {
					continue
				}
				if want := f.sample(0, 8, x, y); float64(got)-want > 0.75 || want-float64(got) > 0.75 {
					t.Fatalf("%s (%s): sample %d,%d is %d, want %.1f",
						c.name, report.Damage, x, y, got, want)
				}
			}
		}
	}
	if _, report := decodeAll(t, cut(marker(2), marker(6)), 0, 0); report.Damage == "" {
		t.Error("four segments missing: no damage reported") // although their numbers would be taken for wrong
	}
}

// TestStrict checks that with Strict damage is an error that states its position.
func TestStrict(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		file := encoded(t, jpegtest.Noise(200, 200, 2, 2, 1), encode.Options{Quality: 90, Progressive: progressive})
		cut := file[:len(file)*2/3]
		d, err := New(bytes.NewReader(cut), Options{Strict: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Decode(context.Background(), newDiscard(d.Header().Layout))
		var f *FormatError
		if !errors.As(err, &f) || f.Offset < int64(len(cut))*9/10 || f.Offset > int64(len(cut)) {
			t.Errorf("progressive %v: error %v, want one near byte %d", progressive, err, len(cut))
		}
		_, report := decodeAll(t, cut, 0, 0)
		if !strings.Contains(report.Damage, "scan ends early") {
			t.Errorf("progressive %v: damage %q", progressive, report.Damage)
		}
	}
}

// TestMissingHuffmanTables omits the tables of a progressive file, which standard ones cannot replace.
func TestMissingHuffmanTables(t *testing.T) {
	file := encoded(t, jpegtest.Noise(200, 200, 2, 2, 1), encode.Options{Quality: 90, Progressive: true})
	for {
		at := bytes.Index(file, []byte{0xFF, stream.DHT})
		if at < 0 {
			break
		}
		file = slices.Delete(file, at, at+2+int(file[at+2])<<8+int(file[at+3]))
	}
	d, err := New(bytes.NewReader(file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Decode(t.Context(), newDiscard(d.Header().Layout))
	var f *FormatError
	if !errors.As(err, &f) || f.Reason != "missing Huffman table 0" {
		t.Errorf("error %v", err)
	}
}

// TestMissingComponent omits a scan and checks that its plane is grey.
func TestMissingComponent(t *testing.T) {
	f := newFixture(40, 24, 6, [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1})
	f.scans = [][]int{{0}, {2}}
	p, report := decodeAll(t, f.bytes(), 0, 0)
	if report.Damage == "" {
		t.Error("no damage reported")
	}
	for i, v := range p.Pix[1] {
		if v != grey {
			t.Fatalf("sample %d of the missing plane is %d", i, v)
		}
	}
	f.scans = nil
	want := decodeAt(t, f.bytes(), 8)
	if !bytes.Equal(p.Pix[0], want.Pix[0]) || !bytes.Equal(p.Pix[2], want.Pix[2]) {
		t.Error("the other planes differ")
	}
}

// TestNoData checks that a file that ends before anything can be shown is refused.
func TestNoData(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		file := encoded(t, jpegtest.Noise(200, 200, 2, 2, 1), encode.Options{Quality: 90, Progressive: progressive})
		sos := bytes.Index(file, []byte{0xFF, stream.SOS})
		empty := bytes.Clone(file[:sos+4+int(file[sos+3])-2])
		for _, end := range [][]byte{nil, {0xFF, stream.EOI}, {0xFF, stream.SOI, 0xFF, stream.EOI}} {
			d, err := New(bytes.NewReader(append(empty, end...)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Decode(context.Background(), newDiscard(d.Header().Layout))
			var f *FormatError
			if !errors.As(err, &f) || f.Reason != "no data in the first scan" {
				t.Errorf("progressive %v, followed by % x: error %v", progressive, end, err)
			}
		}
	}
}

// TestEmptyFirstSegment removes the data before the first restart marker and checks that the rest
// is decoded.
func TestEmptyFirstSegment(t *testing.T) {
	f := newFixture(640, 32, 4, [2]int{1, 1})
	f.interval = 4
	file := f.bytes()
	scan := bytes.Index(file, []byte{0xFF, stream.SOS}) + 10
	restart := bytes.Index(file, []byte{0xFF, stream.RST0})
	p, report := decodeAll(t, append(file[:scan:scan], file[restart:]...), 0, 0)
	if !strings.Contains(report.Damage, "scan ends early") {
		t.Errorf("damage is %q", report.Damage)
	}
	for y := range 32 {
		for x, got := range p.Row(0, y) {
			want := f.sample(0, 8, x, y)
			if (y >= 8 || x >= 4*8) && math.Abs(float64(got)-want) > 0.75 {
				t.Fatalf("sample %d,%d is %d, want %.1f", x, y, got, want)
			}
		}
	}
	file = encoded(t, jpegtest.Noise(200, 200, 2, 2, 1), encode.Options{Quality: 90, Progressive: true})
	scan = bytes.Index(file, []byte{0xFF, stream.SOS})
	first := scan + 4 + int(file[scan+3]) - 2
	file = slices.Concat(file[:scan], []byte{0xFF, stream.DRI, 0, 4, 0, 100},
		file[scan:first], []byte{0xFF, stream.RST0}, file[first:])
	if _, report = decodeAll(t, file, 0, 0); report.Damage == "" {
		t.Error("progressive: no damage reported")
	}
}

// TestStrayData appends data to a scan that belongs to no block. As every block is there, it is no
// damage, unless what precedes it is not padding.
func TestStrayData(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		file := encoded(t, jpegtest.Noise(200, 200, 2, 2, 1), encode.Options{Quality: 90, Progressive: progressive})
		end := len(file) - 2
		for _, stray := range []int{1, strayBytes, strayBytes + 1, 3 * stretchSize, 200_000} {
			b := append(bytes.Clone(file[:end]), bytes.Repeat([]byte{0x55}, stray)...)
			b = append(b, file[end:]...)
			got, report := decodeAll(t, b, 0, 0)
			if report.Damage != "" {
				t.Errorf("progressive %v, %d stray bytes: damage %q", progressive, stray, report.Damage)
			}
			want, _ := decodeAll(t, file, 0, 0)
			for i := range want.Pix {
				if !bytes.Equal(got.Pix[i], want.Pix[i]) {
					t.Errorf("progressive %v, %d stray bytes: plane %d differs", progressive, stray, i)
				}
			}
		}
	}
}

// TestStrayBytesBeforeRestarts inserts bytes before restart markers, where every block is there.
func TestStrayBytesBeforeRestarts(t *testing.T) {
	f := newFixture(640, 32, 4, [2]int{2, 1}, [2]int{1, 1}, [2]int{1, 1})
	f.interval = 4
	file := f.bytes()
	want, _ := decodeAll(t, file, 0, 0)
	for _, stray := range []string{"\x00", "\xff\x00", "\x55stray\xff\x00", string(make([]byte, 300))} {
		b := bytes.Clone(file)
		for i := len(b) - 2; i > bytes.Index(b, []byte{0xFF, stream.SOS}); i-- {
			if b[i] == 0xFF && b[i+1] >= stream.RST0 && b[i+1] <= stream.RST7 {
				b = slices.Insert(b, i, []byte(stray)...)
			}
		}
		got, report := decodeAll(t, b, 0, 0)
		if report.Damage != "" {
			t.Errorf("%q: damage %q", stray, report.Damage)
		}
		samePlanes(t, "stray", got, want)
	}
}

// TestLostSynchronisation changes one bit at a time. Where the blocks then end too early, that is
// damage unless the bits that are left look like padding.
func TestLostSynchronisation(t *testing.T) {
	file := encoded(t, jpegtest.Noise(200, 200, 2, 2, 1), encode.Options{Quality: 90})
	sound, _ := decodeAll(t, file, 0, 0)
	first := bytes.Index(file, []byte{0xFF, stream.SOS}) + 14
	changed, found := 0, 0
	for i := range 400 {
		b := bytes.Clone(file)
		at := first + (len(b)-first-1000)*i/400
		if b[at] >= 0xFE || b[at-1] == 0xFF || b[at+1] == 0 {
			continue
		}
		b[at] ^= 1
		p, report := decodeAll(t, b, 0, 0)
		if !bytes.Equal(p.Pix[0], sound.Pix[0]) {
			changed++
		}
		if report.Damage != "" {
			found++
		}
	}
	t.Logf("%d of %d changed pictures are reported as damaged", found, changed)
	if found*8 < changed { // How many codes fall into step again depends on them.
		t.Errorf("only %d of %d changed pictures are reported as damaged", found, changed)
	}
}

// giant returns the start of a picture of 65535×65535 samples.
func giant(progressive bool) []byte {
	f := newFixture(8, 8, 1, [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1})
	if progressive {
		f.sof = stream.SOF2
	}
	b := f.bytes()
	sof := bytes.Index(b, []byte{0xFF, f.sof})
	copy(b[sof+5:], "\xFF\xFF\xFF\xFF")
	if progressive {
		sos := bytes.Index(b, []byte{0xFF, stream.SOS})
		b[sos+2+int(b[sos+3])-2] = 0 // DC only
	}
	return b
}

// stopAfter is a sink that stops at a row and records how much memory is then in use.
type stopAfter struct {
	row  int
	heap uint64
}

func (s *stopAfter) Rows(i, y int, r plane.Rows) error {
	if y < s.row {
		return nil
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.heap = m.HeapAlloc
	return errBroken
}

// TestGiant checks that a small file cannot make the decoder allocate in proportion to the
// picture's area.
func TestGiant(t *testing.T) {
	for _, progressive := range []bool{false, true} {
		d, err := New(bytes.NewReader(giant(progressive)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		d.Shrink(9000, 9000)
		sink := &stopAfter{row: 64}
		if _, err := d.Decode(context.Background(), sink); err != errBroken {
			t.Fatalf("progressive %v: error %v", progressive, err)
		}
		if sink.heap > 64<<20 {
			t.Errorf("progressive %v: %d MB in use", progressive, sink.heap>>20)
		}
	}
}

// TestManyScans checks that a file with very many scans does not take long.
func TestManyScans(t *testing.T) {
	const side = 2000
	file := encoded(t, jpegtest.Noise(side, side, 1, 1, 1), encode.Options{Quality: 50, Progressive: true})
	last := bytes.LastIndex(file, []byte{0xFF, stream.SOS})
	bomb := bytes.Clone(file[:last])
	// A table with one code, of one bit, for the longest run of empty blocks, and many refinement
	// scans of the luma band.
	bomb = append(bomb, 0xFF, stream.DHT, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0xE0)
	for range 20000 {
		bomb = append(bomb, 0xFF, stream.SOS, 0, 8, 1, 1, 0, 1, 63, 0x21)
		bomb = append(bomb, "\x7F\x7F\x7F\x7F\x7F\x7F\x7F\x7F\x7F\x7F"...)
	}
	begin := time.Now()
	_, report := decodeAll(t, bomb, 0, 0)
	if !strings.Contains(report.Damage, "too many scans") &&
		!strings.Contains(report.Damage, "scan ends early") {
		t.Errorf("damage %q", report.Damage)
	}
	d, err := New(bytes.NewReader(bomb), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode(context.Background(), newDiscard(d.Header().Layout)); err != nil {
		t.Error(err)
	}
	if d.scans > maxScans || d.scans < 100 {
		t.Errorf("%d scans decoded", d.scans)
	}
	t.Logf("%d bytes, %d scans, %v", len(bomb), d.scans, time.Since(begin))
}

// emptyScans returns the start of a progressive grey file of side×side samples with arithmetic coding,
// in which a scan of any number of blocks takes a few bytes, and a function that appends a scan
// without nonzero coefficients.
func emptyScans(side int) (file []byte, scan func(file []byte, ss, se, bits byte) []byte) {
	f := newFixture(8, 8, 1, [2]int{1, 1})
	f.sof = stream.SOF10
	file = f.bytes()
	file = file[:bytes.Index(file, []byte{0xFF, stream.SOS})]
	size := file[bytes.Index(file, []byte{0xFF, f.sof})+5:]
	binary.BigEndian.PutUint16(size, uint16(side))
	binary.BigEndian.PutUint16(size[2:], uint16(side))
	return file, func(file []byte, ss, se, bits byte) []byte {
		return append(file, 0xFF, stream.SOS, 0, 8, 1, 1, 0, ss, se, bits, 0xA5, 0xE3)
	}
}

// TestMemoryIsJustified checks that scans of a few bytes do not claim the memory of all coefficients.
func TestMemoryIsJustified(t *testing.T) {
	for _, c := range []struct {
		side int
		ok   bool
	}{{2400, true}, {8000, false}} {
		file, scan := emptyScans(c.side)
		file = append(scan(scan(file, 0, 0, 0), 1, 63, 0), 0xFF, stream.EOI)
		d, err := New(bytes.NewReader(file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Decode(t.Context(), newDiscard(d.Header().Layout))
		if c.ok && err != nil || !c.ok && (err == nil || !strings.Contains(err.Error(), "too little data")) {
			t.Errorf("side %d: %v", c.side, err)
		}
		if kept := d.allocated(); kept > 20<<20 {
			t.Errorf("side %d: %d bytes of coefficients", c.side, kept)
		}
	}
}

// TestVisitsAreBounded checks that the number of scans is bounded for a large picture by the visits of
// all blocks together.
func TestVisitsAreBounded(t *testing.T) {
	const side = 16_000 // 4 million blocks
	file, scan := emptyScans(side)
	for range 20 {
		file = scan(file, 0, 0, 1) // the lowest bit never comes
	}
	d, err := New(bytes.NewReader(append(file, 0xFF, stream.EOI)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Shrink(1, 1)
	report, err := d.Decode(t.Context(), newDiscard(d.Header().Layout))
	if err != nil || !strings.HasSuffix(report.Damage, "too many scans") || d.scans != stream.MaxVisits/(side/8*side/8) {
		t.Errorf("%v, damage %q after %d scans", err, report.Damage, d.scans)
	}
}

func FuzzDecode(f *testing.F) {
	for i, s := range [][][2]int{
		{{1, 1}},
		{{2, 2}, {1, 1}, {1, 1}},
		{{1, 1}, {1, 1}, {1, 1}, {1, 1}},
		{{4, 4}, {4, 4}, {4, 4}, {4, 4}},
		{{3, 1}, {2, 2}, {1, 1}},
	} {
		x := newFixture(33, 21, uint64(i), s...)
		f.Add(x.bytes())
		x.interval, x.fill, x.wide = 2, 1, true
		f.Add(x.bytes())
		if len(s) == 4 {
			x.before = adobe(2)
			f.Add(x.bytes())
		}
		if len(s) == 3 {
			x.scans, x.dnl = [][]int{{0}, {2, 1}}, true
			f.Add(x.bytes())
		}
	}
	deep := newFixture(33, 21, 7, [2]int{2, 1}, [2]int{1, 1}, [2]int{1, 1})
	deep.deepen()
	f.Add(deep.bytes())
	f.Add(deep.arithmetically(conditioning{0, 1}, 5))
	for predictor := 1; predictor <= 7; predictor++ {
		x := newLossless(19, 13, 2*predictor, predictor, predictor/3, [2]int{2, 2}, [2]int{1, 1}, [2]int{1, 2})
		x.interval = predictor % 3
		f.Add(x.bytes())
	}
	for _, sub := range jpegtest.Samplings {
		for _, progressive := range []bool{false, true} {
			f.Add(encoded(f, jpegtest.YCbCr(jpegtest.Scene(40, 30), sub.X, sub.Y), encode.Options{
				Quality: 60, Progressive: progressive, Metadata: codec.Metadata{EXIF: []byte("MM\x00*")}, ICC: []byte("icc"),
			}))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := New(bytes.NewReader(file), Options{})
		if err != nil {
			checkError(t, err)
			return
		}
		if h := d.Header(); h.Width*h.Height > 1<<18 {
			return
		}
		tryDecode(t, file, 1, 8, 5, 1)
		sameByThreads(t, file, 8, 2, 24)
		sameByThreads(t, file, 3, 2, 24)
		sameInPlainGo(t, file, 8)
		sameInPlainGo(t, file, 3)
		sameEnoughByThreads(t, file, 2, 24)
		if d, err = New(bytes.NewReader(file), Options{Strict: true}); err != nil {
			t.Errorf("the header is refused if Strict is set: %v", err)
			return
		}
		if _, err := d.Decode(context.Background(), newDiscard(d.Header().Layout)); err != nil {
			checkError(t, err)
		}
	})
}
