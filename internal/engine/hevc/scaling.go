package hevc

// scalingLists are scaling factors (7.4.5), in raster order of the frequencies: row v, column u.
type scalingLists struct {
	// coef[sizeId][matrixId] is ScalingList in the order of the up-right diagonal scan: 16 numbers
	// for 4×4 blocks (sizeId 0), 64 for larger ones, which are raised to the size of the block.
	coef [4][6][64]uint8
	dc   [4][6]uint8 // scaling_list_dc_coef, for sizes from 16×16 on
	// factor4 to factor32 are ScalingFactor, by matrixId.
	factor4  [6][16]uint8
	factor8  [6][64]uint8
	factor16 [6][256]uint8
	factor32 [6][1024]uint8
}

// defaultIntra and defaultInter are Table 7-6 in the order of the scan.
var (
	defaultIntra = [64]uint8{
		16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 17, 16, 17, 16, 17, 18,
		17, 18, 18, 17, 18, 21, 19, 20, 21, 20, 19, 21, 24, 22, 22, 24,
		24, 22, 22, 24, 25, 25, 27, 30, 27, 25, 25, 29, 31, 35, 35, 31,
		29, 36, 41, 44, 41, 36, 47, 54, 54, 47, 65, 70, 65, 88, 88, 115,
	}
	defaultInter = [64]uint8{
		16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17, 18,
		18, 18, 18, 18, 18, 20, 20, 20, 20, 20, 20, 20, 24, 24, 24, 24,
		24, 24, 24, 24, 25, 25, 25, 25, 25, 25, 25, 28, 28, 28, 28, 28,
		28, 33, 33, 33, 33, 33, 41, 41, 41, 41, 54, 54, 54, 71, 71, 91,
	}
)

// setDefault gives a list its values of Tables 7-5 and 7-6.
func (l *scalingLists) setDefault(size, matrix int) {
	l.dc[size][matrix] = 16
	switch {
	case size == 0:
		for i := range 16 {
			l.coef[0][matrix][i] = 16
		}
	case matrix < 3:
		l.coef[size][matrix] = defaultIntra
	default:
		l.coef[size][matrix] = defaultInter
	}
}

// defaultScaling returns the lists that hold if none are sent.
func defaultScaling() *scalingLists {
	l := &scalingLists{}
	for size := range 4 {
		for matrix := range 6 {
			l.setDefault(size, matrix)
		}
	}
	l.derive()
	return l
}

// parse reads scaling_list_data (7.3.4).
func (l *scalingLists) parse(r *bitReader) error {
	ok := true
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6; matrix += step {
			if !r.flag() { // scaling_list_pred_mode_flag
				switch delta := step * r.ueMax(matrix/step, &ok); delta {
				case 0:
					l.setDefault(size, matrix)
				default:
					l.coef[size][matrix] = l.coef[size][matrix-delta]
					l.dc[size][matrix] = l.dc[size][matrix-delta]
				}
				continue
			}
			next, n := 8, 16
			if size > 0 {
				n = 64
			}
			if size > 1 {
				next = 8 + r.seWithin(-7, 247, &ok)
				l.dc[size][matrix] = uint8(next)
			}
			for i := range n {
				next = (next + r.seWithin(-128, 127, &ok)) & 255
				l.coef[size][matrix][i] = uint8(next)
				ok = ok && next != 0
			}
		}
	}
	if !ok || r.over() {
		return corrupt("the scaling lists are invalid")
	}
	// Chroma of 32×32, which 4:4:4 alone has, takes the lists of 16×16 (7.4.5).
	for _, matrix := range []int{1, 2, 4, 5} {
		l.coef[3][matrix] = l.coef[2][matrix]
		l.dc[3][matrix] = l.dc[2][matrix]
	}
	l.derive()
	return nil
}

// derive computes the factors of every size from the lists.
func (l *scalingLists) derive() {
	for m := range 6 {
		for i, p := range diagonal4 {
			l.factor4[m][int(p.y)*4+int(p.x)] = l.coef[0][m][i]
		}
		raise(l.factor8[m][:], &l.coef[1][m], 3)
		raise(l.factor16[m][:], &l.coef[2][m], 4)
		raise(l.factor32[m][:], &l.coef[3][m], 5)
		l.factor16[m][0] = l.dc[2][m]
		l.factor32[m][0] = l.dc[3][m]
	}
}

// raise repeats each of 8×8 factors until they fill a block of 2^log2 columns.
func raise(dst []uint8, list *[64]uint8, log2 int) {
	var square [64]uint8
	for i, p := range diagonal8 {
		square[int(p.y)*8+int(p.x)] = list[i]
	}
	for i := range dst {
		x, y := i&(1<<log2-1), i>>log2
		dst[i] = square[y>>(log2-3)*8+x>>(log2-3)]
	}
}

// factors returns the factors of a block of 2^log2 columns.
func (l *scalingLists) factors(log2, matrix int) []uint8 {
	switch log2 {
	case 2:
		return l.factor4[matrix][:]
	case 3:
		return l.factor8[matrix][:]
	case 4:
		return l.factor16[matrix][:]
	}
	return l.factor32[matrix][:]
}
