package jpeg

// Second bytes of the markers (T.81 table B.1).
const (
	markerSOF0  = 0xC0 // baseline
	markerSOF1  = 0xC1 // extended sequential
	markerSOF2  = 0xC2 // progressive
	markerSOF3  = 0xC3 // lossless
	markerDHT   = 0xC4
	markerSOF5  = 0xC5 // hierarchical, sequential
	markerSOF7  = 0xC7 // hierarchical, lossless
	markerJPG   = 0xC8
	markerSOF9  = 0xC9 // arithmetic, sequential
	markerSOF10 = 0xCA // arithmetic, progressive
	markerSOF11 = 0xCB // arithmetic, lossless
	markerDAC   = 0xCC
	markerSOF13 = 0xCD // arithmetic, hierarchical
	markerSOF15 = 0xCF // arithmetic, hierarchical lossless
	markerRST0  = 0xD0
	markerRST7  = 0xD7
	markerSOI   = 0xD8
	markerEOI   = 0xD9
	markerSOS   = 0xDA
	markerDQT   = 0xDB
	markerDNL   = 0xDC
	markerDRI   = 0xDD
	markerDHP   = 0xDE
	markerEXP   = 0xDF
	markerAPP0  = 0xE0 // JFIF
	markerAPP1  = 0xE1 // EXIF, XMP
	markerAPP2  = 0xE2 // ICC profile
	markerAPP13 = 0xED // Photoshop's image resources
	markerAPP14 = 0xEE // Adobe
	markerAPP15 = 0xEF
	markerCOM   = 0xFE
	markerTEM   = 0x01
)
