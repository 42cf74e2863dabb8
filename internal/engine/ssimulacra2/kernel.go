package ssimulacra2

import "math"

// The kernels work on whole blocks of columns, but for mapsRow and halfRow. Each product is rounded before
// it is added to anything, as by the instructions of all machines that do not fuse the two: that is what
// the conversions are for.

// rootRow stores the cube root of w[0]·r + w[1]·g + w[2]·b + w[3], less that of the bias.
func rootRow(dst, r, g, b []float32, w *[4]float32, blocks int) {
	n := lanes * blocks
	dst, r, g, b = dst[margin:][:n], r[margin:][:n], g[margin:][:n], b[margin:][:n]
	if vector() {
		rootVector(&dst[0], &r[0], &g[0], &b[0], w, &rootConstants, blocks)
		return
	}
	for x := range dst {
		v := float32(w[0]*r[x]) + float32(w[1]*g[x]) + float32(w[2]*b[x]) + w[3]
		dst[x] = cubeRoot(v) - biasRoot
	}
}

// third and guess give a number about as large as a cube root: a third of the exponent.
const (
	third = 1.0 / 3
	guess = 709921077
)

// rootConstants are those of rootVector.
var rootConstants = [3]float32{third, guess, biasRoot}

// cubeRoot returns the cube root of a number from bias to about 1, within two units in its last place:
// from a guess within 4 %, by two steps of Halley's method, each of which cubes the error.
func cubeRoot(v float32) float32 {
	y := math.Float32frombits(uint32(int32(float32(float32(int32(math.Float32bits(v)))*third) + guess)))
	for range 2 {
		cube := float32(float32(y*y) * y)
		y = float32(y*(cube+v+v)) / (cube + cube + v)
	}
	return y
}

// opponentRow turns the first two roots into half of their difference and half of their sum.
func opponentRow(a, b []float32, blocks int) {
	n := lanes * blocks
	a, b = a[margin:][:n], b[margin:][:n]
	for i, v := range a {
		a[i], b[i] = 0.5*(v-b[i]), 0.5*(v+b[i])
	}
}

// differencesRow stores a-b, its square, and a²+b².
func differencesRow(diff, squared, sum, a, b []float32, blocks int) {
	n := lanes * blocks
	diff, squared, sum = diff[margin:][:n], squared[margin:][:n], sum[margin:][:n]
	a, b = a[margin:][:n], b[margin:][:n]
	if vector() {
		differencesVector(&diff[0], &squared[0], &sum[0], &a[0], &b[0], blocks)
		return
	}
	for x, v := range a {
		d := v - b[x]
		diff[x], squared[x], sum[x] = d, d*d, float32(v*v)+float32(b[x]*b[x])
	}
}

// taps are the weights of a mean: of the sample itself, and of those at a distance of 1 to 4. With
// omega = k·pi/10 for k = 1, 3 and 5, they are the sum of beta·cos(omega·distance); Charalampidis gives
// beta for sigma 1.5 by his equations 37, 44, 50, 52 and 55.
var taps = [reach + 1]float32{0.2646211055, 0.212928592, 0.1093353728, 0.03601111466, 0.00941436781}

// acrossRow stores the mean around each sample of a row.
func acrossRow(dst, src []float32, blocks int) {
	if vector() {
		n := margin + lanes*blocks
		acrossVector(&dst[margin:n][0], &src[:n+reach][margin], &taps, blocks)
		return
	}
	for x := margin; x < margin+lanes*blocks; x++ {
		s := src[x-reach:][:window:window]
		dst[x] = float32(taps[0]*s[4]) + float32(taps[1]*(s[3]+s[5])) + float32(taps[2]*(s[2]+s[6])) +
			float32(taps[3]*(s[1]+s[7])) + float32(taps[4]*(s[0]+s[8]))
	}
}

// downRow stores the mean around each sample of the middle row.
func downRow(dst []float32, rows *[window][]float32, blocks int) {
	n := margin + lanes*blocks
	dst = dst[:n]
	if vector() {
		var starts [window]*float32
		for i, row := range rows {
			starts[i] = &row[margin:n][0]
		}
		downVector(&dst[margin], &starts, &taps, blocks)
		return
	}
	r0, r1, r2, r3, r4 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n], rows[4][:n]
	r5, r6, r7, r8 := rows[5][:n], rows[6][:n], rows[7][:n], rows[8][:n]
	for x := margin; x < n; x++ {
		dst[x] = float32(taps[0]*r4[x]) + float32(taps[1]*(r3[x]+r5[x])) + float32(taps[2]*(r2[x]+r6[x])) +
			float32(taps[3]*(r1[x]+r7[x])) + float32(taps[4]*(r0[x]+r8[x]))
	}
}

// halfRow stores the means of two by two samples of two rows.
func halfRow(dst, above, below []float32, width int) {
	dst, above, below = dst[margin:][:width], above[margin:][:2*width], below[margin:][:2*width]
	for x := range dst {
		dst[x] = 0.25 * ((above[2*x] + below[2*x]) + (above[2*x+1] + below[2*x+1]))
	}
}

// stability keeps the quotient of two small variances near 1.
const stability = 0.0009

// vectorStability is where mapsVector finds it.
var vectorStability float32 = stability

// mapsRow adds the values of the maps of a row, and their fourth powers, to the sums of its columns. m are
// means, a and b the samples of both pictures.
//
// With the means ma and mb, and half of the variances' sum V and the covariance C, structure differs by
// 1 - (1-(ma-mb)²)·(2C+c)/(2V+c) (without the mean in the denominator, where the reference has none
// either), and 2V-2C is the variance of a-b.
func mapsRow(sums *[norms * maps][lanes]float32, m *[differences][]float32, a, b []float32, width int) {
	n := margin + width
	mean, diff, squared, square := m[original][:n], m[difference][:n], m[squaredDiff][:n], m[squares][:n]
	a, b = a[:n], b[:n]
	from := margin
	if whole := width / lanes; whole > 0 && vector() {
		mapsVector(sums, &mean[from], &diff[from], &squared[from], &square[from], &a[from], &b[from], &vectorStability, whole)
		from += lanes * whole
	}
	for x := from; x < n; x++ {
		lane := x % lanes
		ma, d := mean[x], diff[x]
		mb, dd := ma-d, float32(d*d)
		variance := square[x] - (float32(ma*ma) + float32(mb*mb)) + stability
		ratio := (squared[x] - dd) / variance
		values := [maps]float32{structure: max(dd+float32(ratio*(1-dd)), 0)}
		ea, eb := abs(a[x]-ma), abs(b[x]-mb)
		edge := (eb - ea) / (1 + ea)
		values[artifact], values[detail] = max(edge, 0), max(-edge, 0)
		for i, v := range values {
			v2 := float32(v * v)
			sums[norms*i][lane] += v
			sums[norms*i+1][lane] += float32(v2 * v2)
		}
	}
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }
