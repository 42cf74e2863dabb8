// Package stream has what both sides of a JPEG stream agree on: its markers, the prefixes of application segments, the
// form of Huffman tables and the order of coefficients (ITU-T T.81).
package stream

// Second bytes of the markers (T.81 table B.1).
const (
	SOF0  = 0xC0 // baseline
	SOF1  = 0xC1 // extended sequential
	SOF2  = 0xC2 // progressive
	SOF3  = 0xC3 // lossless
	DHT   = 0xC4
	SOF5  = 0xC5 // hierarchical, sequential
	SOF7  = 0xC7 // hierarchical, lossless
	JPG   = 0xC8
	SOF9  = 0xC9 // arithmetic, sequential
	SOF10 = 0xCA // arithmetic, progressive
	SOF11 = 0xCB // arithmetic, lossless
	DAC   = 0xCC
	SOF13 = 0xCD // arithmetic, hierarchical
	SOF15 = 0xCF // arithmetic, hierarchical lossless
	RST0  = 0xD0
	RST7  = 0xD7
	SOI   = 0xD8
	EOI   = 0xD9
	SOS   = 0xDA
	DQT   = 0xDB
	DNL   = 0xDC
	DRI   = 0xDD
	DHP   = 0xDE
	EXP   = 0xDF
	APP0  = 0xE0 // JFIF
	APP1  = 0xE1 // EXIF, XMP
	APP2  = 0xE2 // ICC profile
	APP13 = 0xED // Photoshop's image resources
	APP14 = 0xEE // Adobe
	APP15 = 0xEF
	COM   = 0xFE
	TEM   = 0x01
)

// MaxVisits limits the work of a decoder for a progressive file: the number of blocks in all scans together. The usual
// scans of the largest picture that the default limits allow, with chroma as fine as luma, take 50 million.
const MaxVisits = 1 << 26
