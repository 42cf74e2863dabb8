package colour

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf16"
)

// DisplayP3Profile returns a small profile of Display P3, version 4 (ICC.1:2022), of about 500 bytes.
func DisplayP3Profile() []byte {
	m, err := DisplayP3.matrix()
	if err != nil {
		panic(err) // constant primaries
	}
	adapt, _ := adaptation(whiteD65.xyz())
	chad := append([]byte("sf32\x00\x00\x00\x00"), fixed(adapt[0][0], adapt[0][1], adapt[0][2], adapt[1][0], adapt[1][1],
		adapt[1][2], adapt[2][0], adapt[2][1], adapt[2][2])...)
	tags := append(commonTags("Display P3"), tag{"chad", chad})
	return writeProfile("RGB ", append(tags, rgbTags(m, srgbCurve(), srgbCurve(), srgbCurve())...))
}

// Profile returns a small profile of version 4 for a space of one curve, or of three curves and a matrix,
// and nil for others. Curves are parametric where that, or shorter tables, change no 8-bit sample's level in
// sRGB by more than a tenth of one; otherwise they have 256 entries, one for each level. name describes the
// space, or is "".
func Profile(s Source, name string) []byte {
	if name == "" {
		name = "the picture's space"
	}
	tags := commonTags(name)
	switch s := s.(type) {
	case *graySpace:
		return writeProfile("GRAY", append(tags, tag{"kTRC", writeCurve(s.curve)}))
	case *rgbSpace:
		var curves [3][]byte
		for c := range curves {
			curves[c] = writeCurve(s.curve[c])
		}
		return writeProfile("RGB ", append(tags, rgbTags(s.matrix, curves[0], curves[1], curves[2])...))
	}
	return nil
}

// Name returns the description of a profile (9.2.41), of at most 60 characters, or "".
func Name(icc []byte) string {
	p, err := parseProfile(icc)
	if err != nil {
		return ""
	}
	name, b := "", p.tags["desc"]
	switch {
	case len(b) > 12 && string(b[:4]) == "desc": // textDescriptionType (ICC.1:2001-04, 6.5.17)
		n := min(uint64(binary.BigEndian.Uint32(b[8:])), uint64(len(b)-12))
		name = string(b[12 : 12+n])
	case len(b) >= 28 && string(b[:4]) == "mluc": // 10.15; the first record
		length, at := uint64(binary.BigEndian.Uint32(b[20:])), uint64(binary.BigEndian.Uint32(b[24:]))
		if at+length > uint64(len(b)) {
			return ""
		}
		var units []uint16
		for i := at; i+1 < at+length; i += 2 {
			units = append(units, binary.BigEndian.Uint16(b[i:]))
		}
		name = string(utf16.Decode(units))
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
	return strings.TrimSpace(name[:min(len(name), 60)])
}

type tag struct {
	name string
	data []byte
}

// fixed encodes s15Fixed16Numbers (4.6).
func fixed(values ...float64) (b []byte) {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
	}
	return b
}

func xyzTag(c XYZ) []byte { return append([]byte("XYZ \x00\x00\x00\x00"), fixed(c[0], c[1], c[2])...) }

// commonTags are those that all profiles must have (8.2). Texts are multiLocalizedUnicodeType (10.15) of
// one record.
func commonTags(name string) []tag {
	text := func(s string) []byte {
		b := append([]byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS"), 0, 0, 0, byte(2*len(s)), 0, 0, 0, 28)
		for _, c := range []byte(s) {
			b = append(b, 0, c)
		}
		return b
	}
	return []tag{{"desc", text(name)}, {"cprt", text("CC0")}, {"wtpt", xyzTag(d50)}}
}

// rgbTags are the colorants and curves of a matrix profile (8.3.3).
func rgbTags(m matrix, red, green, blue []byte) []tag {
	column := func(j int) []byte { return xyzTag(XYZ{m[0][j], m[1][j], m[2][j]}) }
	return []tag{{"rXYZ", column(0)}, {"gXYZ", column(1)}, {"bXYZ", column(2)}, {"rTRC", red}, {"gTRC", green}, {"bTRC", blue}}
}

// parametric encodes a curve of parametricCurveType (10.18).
func parametric(kind byte, parameters ...float64) []byte {
	return append([]byte{'p', 'a', 'r', 'a', 0, 0, 0, 0, 0, kind, 0, 0}, fixed(parameters...)...)
}

func srgbCurve() []byte { return parametric(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045) }

// writeCurve encodes a curve as briefly as its 256 levels allow.
func writeCurve(f func(float64) float64) []byte {
	exponent := min(max(math.Log(clamp01(f(0.5)))/math.Log(0.5), 0.1), 10)
	for _, b := range [][]byte{parametric(0, 1), srgbCurve(), parametric(0, exponent)} {
		if near(b, f) {
			return b
		}
	}
	for _, n := range []int{17, 33, 65, 129} {
		if b := sampled(f, n); near(b, f) {
			return b
		}
	}
	return sampled(f, 256)
}

// sampled encodes a curve of curveType (10.6) of n entries.
func sampled(f func(float64) float64, n int) []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), uint32(n))
	for i := range n {
		b = binary.BigEndian.AppendUint16(b, uint16(math.Round(65535*clamp01(f(float64(i)/float64(n-1))))))
	}
	return b
}

// near reports whether an encoded curve is within a tenth of a level of sRGB of f, at each of 256 levels.
func near(b []byte, f func(float64) float64) bool {
	g, err := parseCurveTag(b)
	if err != nil {
		return false
	}
	for level := range 256 {
		v := float64(level) / 255
		if !(255*math.Abs(lightToSRGB(clamp01(f(v)))-lightToSRGB(g(v))) < 0.1) {
			return false
		}
	}
	return true
}

// writeProfile returns a display profile of version 4.4 (7.2 and 7.3).
func writeProfile(space string, tags []tag) []byte {
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	var body []byte
	known := map[string]int{} // where the data of a tag lies: equal tags share it
	for _, t := range tags {
		at, ok := known[string(t.data)]
		if !ok {
			at = headerSize + 4 + 12*len(tags) + len(body)
			known[string(t.data)] = at
			body = append(body, t.data...)
			body = append(body, make([]byte, -len(body)&3)...)
		}
		table = append(table, t.name...)
		table = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(table, uint32(at)), uint32(len(t.data)))
	}
	head := make([]byte, headerSize)
	binary.BigEndian.PutUint32(head, uint32(headerSize+len(table)+len(body)))
	copy(head[8:], "\x04\x40\x00\x00mntr"+space+"XYZ ")
	binary.BigEndian.PutUint16(head[24:], 2026)
	head[27], head[29] = 1, 1
	copy(head[36:], "acsp")
	copy(head[68:], fixed(d50[0], d50[1], d50[2]))
	return append(append(head, table...), body...)
}
