package jpeg

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

// The tables of High: those of Annex K to the power of 0.8, which spends fewer bits on the lowest
// frequencies and more on the others. They are scaled so that a picture is as close to its source
// as at Normal, in fewer bytes: by signal-to-noise ratio from quality 50 up, by structural
// similarity from 80 up.
var (
	evenLuma = [64]uint8{
		18, 13, 12, 18, 25, 37, 45, 52,
		14, 14, 16, 20, 26, 50, 51, 48,
		16, 15, 18, 25, 37, 49, 57, 48,
		16, 19, 23, 29, 45, 69, 64, 53,
		20, 23, 35, 48, 57, 82, 79, 62,
		25, 33, 48, 54, 65, 79, 85, 72,
		44, 54, 63, 69, 79, 90, 89, 78,
		59, 72, 74, 76, 84, 77, 79, 76,
	}
	evenChroma = [64]uint8{
		17, 18, 23, 39, 71, 71, 71, 71,
		18, 20, 24, 51, 71, 71, 71, 71,
		23, 24, 45, 71, 71, 71, 71, 71,
		39, 51, 71, 71, 71, 71, 71, 71,
		71, 71, 71, 71, 71, 71, 71, 71,
		71, 71, 71, 71, 71, 71, 71, 71,
		71, 71, 71, 71, 71, 71, 71, 71,
		71, 71, 71, 71, 71, 71, 71, 71,
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
