package colour

import (
	"encoding/binary"
	"math"
)

// DisplayP3Profile returns a small profile of Display P3, version 4 (ICC.1:2022), of about 500 bytes.
func DisplayP3Profile() []byte {
	m, err := DisplayP3.matrix()
	if err != nil {
		panic(err) // constant primaries
	}
	type tag struct {
		name string
		data []byte
	}
	fixed := func(values ...float64) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
		}
		return b
	}
	text := func(s string) []byte { // multiLocalizedUnicodeType (10.15), one record
		b := append([]byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS"), 0, 0, 0, byte(2*len(s)), 0, 0, 0, 28)
		for _, c := range []byte(s) {
			b = append(b, 0, c)
		}
		return b
	}
	xyz := func(c XYZ) []byte { return append([]byte("XYZ \x00\x00\x00\x00"), fixed(c[0], c[1], c[2])...) }
	column := func(j int) []byte { return xyz(XYZ{m[0][j], m[1][j], m[2][j]}) }
	curve := append([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"), fixed(2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)...)
	adapt, _ := adaptation(whiteD65.xyz())
	chad := append([]byte("sf32\x00\x00\x00\x00"), fixed(adapt[0][0], adapt[0][1], adapt[0][2], adapt[1][0], adapt[1][1],
		adapt[1][2], adapt[2][0], adapt[2][1], adapt[2][2])...)
	tags := []tag{
		{"desc", text("Display P3")}, {"cprt", text("CC0")}, {"wtpt", xyz(d50)}, {"chad", chad},
		{"rXYZ", column(0)}, {"gXYZ", column(1)}, {"bXYZ", column(2)}, {"rTRC", curve}, {"gTRC", nil}, {"bTRC", nil},
	}
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	var body []byte
	at, size := 0, 0
	for _, t := range tags {
		if t.data != nil { // else it shares the data of the tag before it
			at, size = headerSize+4+12*len(tags)+len(body), len(t.data)
			body = append(body, t.data...)
			body = append(body, make([]byte, -len(body)&3)...)
		}
		table = append(table, t.name...)
		table = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(table, uint32(at)), uint32(size))
	}
	head := make([]byte, headerSize)
	binary.BigEndian.PutUint32(head, uint32(headerSize+len(table)+len(body)))
	copy(head[8:], "\x04\x40\x00\x00mntrRGB XYZ ")
	binary.BigEndian.PutUint16(head[24:], 2026)
	head[27], head[29] = 1, 1
	copy(head[36:], "acsp")
	copy(head[68:], fixed(d50[0], d50[1], d50[2]))
	return append(append(head, table...), body...)
}
