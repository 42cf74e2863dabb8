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
// tables at each quality. Then chroma was made coarser by a tenth, and both are multiplied by tableScale before they are
// rounded: what whole pictures showed to be better.
var (
	lumaTable = [64]uint8{
		12, 14, 27, 25, 33, 36, 39, 42,
		14, 16, 27, 28, 38, 36, 46, 49,
		27, 27, 28, 34, 37, 44, 46, 56,
		25, 28, 34, 38, 46, 55, 64, 67,
		33, 38, 37, 46, 53, 58, 77, 81,
		36, 36, 44, 55, 58, 58, 64, 82,
		39, 46, 46, 64, 77, 64, 57, 59,
		42, 49, 56, 67, 81, 82, 59, 44,
	}
	chromaTable = [64]uint8{
		13, 14, 20, 26, 44, 44, 47, 48,
		14, 14, 19, 32, 44, 43, 45, 47,
		20, 19, 25, 39, 42, 44, 46, 47,
		26, 32, 39, 39, 43, 47, 48, 57,
		44, 44, 42, 43, 47, 51, 52, 53,
		44, 43, 44, 47, 51, 53, 55, 56,
		47, 45, 46, 48, 52, 55, 56, 57,
		48, 47, 47, 57, 53, 56, 57, 56,
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

// tableScale is the percentage of our tables that a quality of 50 means, by class.
var tableScale = [2]int{98, 102}

// scaleTable scales a table to a quality, and by a percentage. It keeps entries within 1..255 so that the file stays
// baseline.
func scaleTable(base *[64]uint8, quality, percent int) *[64]uint8 {
	scale := qualityScale(quality) * percent
	t := new([64]uint8)
	for i, b := range base {
		t[i] = uint8(min(max((int(b)*scale+5000)/10000, 1), 255))
	}
	return t
}

// LogStep is the logarithm of the scale of the quantisation tables, bent for the finest tables,
// whose entries cannot fall below 1.
func LogStep(quality int) float64 { return math.Log(float64(qualityScale(quality)) + 4) }
