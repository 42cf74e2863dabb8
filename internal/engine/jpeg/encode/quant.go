package encode

import "math"

// Quantisation tables of T.81 Annex K, tables K.1 and K.2, in rows.
var (
	annexLuma = [64]uint8{
		16, 11, 10, 16, 24, 40, 51, 61,
		12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56,
		14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77,
		24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101,
		72, 92, 95, 98, 112, 100, 103, 99,
	}
	annexChroma = [64]uint8{
		17, 18, 24, 47, 99, 99, 99, 99,
		18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99,
		47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	}
)

// The tables that quantisers use. They are flatter than those of Annex K, which were measured with single
// frequencies at the threshold of vision and without masking. They were fitted together with what
// quantisers drop, by coordinate descent on pieces of 16 photographs, to the bytes at equal SSIMULACRA 2
// and at equal Butteraugli, and scaled so that a picture has about the same score as with libjpeg's
// tables at each quality. Chroma has been made coarser by a tenth since, by whole pictures instead of
// pieces, and both finer by a 25th, with the rounding that came last.
var (
	lumaTable = [64]uint8{
		12, 13, 26, 24, 32, 35, 37, 40,
		13, 15, 26, 27, 36, 35, 44, 47,
		26, 26, 27, 33, 36, 42, 44, 54,
		24, 27, 33, 36, 44, 53, 61, 64,
		32, 36, 36, 44, 51, 56, 74, 78,
		35, 35, 42, 53, 56, 56, 61, 79,
		37, 44, 44, 61, 74, 61, 55, 57,
		40, 47, 54, 64, 78, 79, 57, 42,
	}
	chromaTable = [64]uint8{
		12, 13, 19, 25, 42, 42, 45, 46,
		13, 13, 18, 31, 42, 41, 43, 45,
		19, 18, 24, 37, 40, 42, 44, 45,
		25, 31, 37, 37, 41, 45, 46, 55,
		42, 42, 40, 41, 45, 49, 50, 51,
		42, 41, 42, 45, 49, 51, 53, 54,
		45, 43, 44, 46, 50, 53, 54, 55,
		46, 45, 45, 55, 51, 54, 55, 54,
	}
)

// qualityScale is the percentage by which libjpeg scales the tables of Annex K for a quality of
// 1..100 (jpeg_quality_scaling): 5000 at 1, 100 at 50, 0 at 100.
func qualityScale(quality int) int {
	if quality < 50 {
		return 5000 / quality
	}
	return 200 - 2*quality
}

// scaleTable scales a table to a quality. It keeps entries within 1..255 so that the file stays
// baseline.
func scaleTable(base *[64]uint8, quality int) *[64]uint8 {
	scale := qualityScale(quality)
	t := new([64]uint8)
	for i, b := range base {
		t[i] = uint8(min(max((int(b)*scale+50)/100, 1), 255))
	}
	return t
}

// LogStep is the logarithm of the scale of the quantisation tables, bent for the finest tables,
// whose entries cannot fall below 1.
func LogStep(quality int) float64 { return math.Log(float64(qualityScale(quality)) + 4) }
