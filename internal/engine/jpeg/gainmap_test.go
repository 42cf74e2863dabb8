package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// usualGain is what a phone says of its maps; differentGain differs by channel.
var (
	usualGain = codec.Gain{
		Max: [3]float64{2.5, 2.5, 2.5}, Gamma: [3]float64{1, 1, 1}, AlternateHeadroom: 2.25,
		OffsetBase: [3]float64{1. / 64, 1. / 64, 1. / 64}, OffsetAlternate: [3]float64{1. / 64, 1. / 64, 1. / 64},
	}
	differentGain = codec.Gain{
		Min: [3]float64{-1, -0.5, 0}, Max: [3]float64{3, 2, 1}, Gamma: [3]float64{0.5, 1, 2}, BaseHeadroom: 0.5,
		AlternateHeadroom: 3, OwnSpace: true,
	}
)

func gray(t *testing.T, w, h int) []byte {
	t.Helper()
	p := plane.New(plane.NewLayout(plane.Gray, false, w, h, 1, 1))
	for i := range p.Pix[0] {
		p.Pix[0][i] = byte(i*7/w + i%w)
	}
	var b bytes.Buffer
	if err := encode.Encode(t.Context(), &b, p, encode.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readGainMap decodes a file and returns its gain map.
func readGainMap(t *testing.T, file []byte, threads int) (*codec.GainMap, error) {
	t.Helper()
	d, _ := decoded(t, file, threads)
	return d.(codec.GainMapDecoder).GainMap(t.Context())
}

func near(a, b codec.Gain) bool {
	ok := a.OwnSpace == b.OwnSpace && math.Abs(a.BaseHeadroom-b.BaseHeadroom)+math.Abs(a.AlternateHeadroom-b.AlternateHeadroom) < 1e-5
	for c := range 3 {
		ok = ok && math.Abs(a.Min[c]-b.Min[c])+math.Abs(a.Max[c]-b.Max[c])+math.Abs(a.Gamma[c]-b.Gamma[c])+
			math.Abs(a.OffsetBase[c]-b.OffsetBase[c])+math.Abs(a.OffsetAlternate[c]-b.OffsetAlternate[c]) < 1e-5
	}
	return ok
}

// TestGainMapRoundTrip reads what it writes, and finds the sizes and offsets in the file exact.
func TestGainMapRoundTrip(t *testing.T) {
	for _, gain := range []codec.Gain{usualGain, differentGain} {
		base, second := gray(t, 640, 480), gray(t, 160, 120)
		file := withGainMap(base, &codec.GainMap{File: second, Gain: gain})
		for threads := 1; threads <= 4; threads += 3 {
			m, err := readGainMap(t, file, threads)
			if err != nil || m == nil {
				t.Fatalf("%d threads: %v", threads, err)
			}
			if !near(m.Gain, gain) {
				t.Errorf("got %+v, want %+v", m.Gain, gain)
			}
			if !bytes.HasSuffix(m.File, second[2+18:]) || !bytes.HasSuffix(file, m.File) {
				t.Error("the map is not what was written")
			}
			at := len(file) - len(m.File)
			mark := bytes.Index(file, []byte(mpfPrefix)) + len(mpfPrefix)
			o := binary.BigEndian
			entries := file[mark+50:]
			if got := [4]int{int(o.Uint32(entries[4:])), int(o.Uint32(entries[8:])), int(o.Uint32(entries[20:])), int(o.Uint32(entries[24:]))}; got != [4]int{at, 0, len(m.File), at - mark} {
				t.Errorf("MPF has %v, want the sizes %d and %d, and the offset %d", got, at, len(m.File), at-mark)
			}
			if want := `Item:Length="` + decimal(float64(len(m.File))) + `"`; !bytes.Contains(file[:at], []byte(want)) {
				t.Errorf("the directory lacks %s", want)
			}
		}
	}
}

// TestGainMapIsForgiving changes what real files get wrong.
func TestGainMapIsForgiving(t *testing.T) {
	base, second := gray(t, 640, 480), gray(t, 160, 120)
	file := withGainMap(base, &codec.GainMap{File: second, Gain: usualGain})
	at := bytes.Index(file, []byte(mpfPrefix)) + len(mpfPrefix)
	without := func(prefix string) func(b []byte) {
		return func(b []byte) {
			for i := bytes.Index(b, []byte(prefix)); i >= 0; i = bytes.Index(b, []byte(prefix)) {
				b[i]++
			}
		}
	}
	for name, c := range map[string]struct {
		change func(b []byte)
		found  bool
	}{
		"a wrong first size":  {func(b []byte) { b[at+50+7] -= 70 }, true},
		"a wrong second size": {func(b []byte) { b[at+50+23] -= 40 }, true},
		"no MPF":              {without(mpfPrefix), true},
		"an offset of 5":      {func(b []byte) { copy(b[at+50+24:], "\x00\x00\x00\x05") }, true},
		"an offset beyond it": {func(b []byte) { copy(b[at+50+24:], "\x7f\x00\x00\x05") }, false},
		"XMP alone":           {without(isoPrefix), true},
		"ISO alone":           {without(stream.XMPPrefix), true},
		"neither":             {func(b []byte) { without(isoPrefix)(b); without(stream.XMPPrefix)(b) }, false},
		"the map has neither": {func(b []byte) {
			i := len(b) - len(second)
			without(isoPrefix)(b[i-1000:])
			without(stream.XMPPrefix)(b[i-1000:])
		}, false},
		"a gamma of 0":            {func(b []byte) { without(stream.XMPPrefix)(b); zeroGamma(b) }, false},
		"a directory without end": {func(b []byte) { copy(b[at+4:], "\xff\xff\xff\xff") }, true},
	} {
		b := bytes.Clone(file)
		c.change(b)
		m, err := readGainMap(t, b, 1)
		if (m != nil) != c.found || m != nil && !near(m.Gain, usualGain) {
			t.Errorf("%s: %v, %v", name, m != nil, err)
		}
	}
	if m, err := readGainMap(t, base, 1); m != nil || err != nil {
		t.Errorf("a file without: %v, %v", m, err)
	}
}

func zeroGamma(b []byte) {
	i := bytes.LastIndex(b, []byte(isoPrefix)) + len(isoPrefix) + 5 + 16 + 16
	copy(b[i:], "\x00\x00\x00\x00")
}

// TestGainXMP reads the shapes in which writers store the properties.
func TestGainXMP(t *testing.T) {
	wrap := func(attributes, elements string) []byte {
		return []byte(xmpPacket(gainDescription("", attributes, elements)))
	}
	want := usualGain
	want.Max = [3]float64{1, 2, 3}
	for name, packet := range map[string][]byte{
		"attributes": wrap(` hdrgm:GainMapMax="2.5" hdrgm:HDRCapacityMax="2.25"`, ""),
		"elements":   wrap("", "<hdrgm:GainMapMax>2.5</hdrgm:GainMapMax><hdrgm:HDRCapacityMax> 2.25 </hdrgm:HDRCapacityMax>"),
		"sequences": wrap(` hdrgm:HDRCapacityMax="2.25"`,
			"<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li><rdf:li>2</rdf:li><rdf:li>3</rdf:li></rdf:Seq></hdrgm:GainMapMax>"),
	} {
		g, err := parseGainXMP(packet)
		expected := usualGain
		if name == "sequences" {
			expected = want
		}
		if err != nil || !near(*g, expected) {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	for name, packet := range map[string][]byte{
		"no maximum": wrap("", ""),
		"words":      wrap(` hdrgm:GainMapMax="much" hdrgm:HDRCapacityMax="2"`, ""),
		"infinite":   wrap(` hdrgm:GainMapMax="inf" hdrgm:HDRCapacityMax="2"`, ""),
		"HDR base":   wrap(` hdrgm:GainMapMax="1" hdrgm:HDRCapacityMax="2" hdrgm:BaseRenditionIsHDR="True"`, ""),
		"cut off":    wrap("", "")[:200],
	} {
		if g, err := parseGainXMP(packet); !errors.Is(err, errGain) && !errors.Is(err, errNoGainMap) {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
}

// TestGainISOCommonDenominator reads the shape of a draft, in which all fractions have one denominator.
func TestGainISOCommonDenominator(t *testing.T) {
	for _, want := range []codec.Gain{usualGain, differentGain} {
		each := gainISO(&want)
		common := append([]byte(nil), each[:5]...)
		common[4] |= isoCommonDenominator
		common = append(common, each[9:13]...)
		for at := 5; at < len(each); at += 8 {
			common = append(common, each[at:at+4]...)
		}
		g, err := parseGainISO(common)
		if err != nil || !near(*g, want) {
			t.Errorf("%+v, %v, want %+v", g, err, want)
		}
		if g, err := parseGainISO(common[:len(common)-1]); !errors.Is(err, errGain) {
			t.Errorf("without the last byte: %+v, %v", g, err)
		}
		copy(common[5:], "\x00\x00\x00\x00")
		if g, err := parseGainISO(common); !errors.Is(err, errGain) {
			t.Errorf("a denominator of 0: %+v, %v", g, err)
		}
	}
}

func FuzzGainMap(f *testing.F) {
	f.Add([]byte(gainXMP(&differentGain)))
	f.Add(gainISO(&differentGain))
	f.Add(mpf(1, 2, 3)[4:])
	f.Fuzz(func(t *testing.T, data []byte) {
		var h gainMapHints
		h.read(data, 0)
		for _, parse := range []func([]byte) (*codec.Gain, error){parseGainXMP, parseGainISO} {
			g, err := parse(data)
			if err != nil {
				continue
			}
			again, err := parseGainISO(gainISO(g))
			if err != nil || !near(*again, *g) {
				t.Fatalf("%+v became %+v, %v", g, again, err)
			}
			g.None()
		}
	})
}
