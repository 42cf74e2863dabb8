package placeholder

import "math"

// ThumbHash returns the ThumbHash of a picture of at most 100×100 pixels (Evan Wallace,
// evanw.github.io/thumbhash, 2023). The picture is laid over its average colour and divided into
// lightness l = (r+g+b)/3, p = (r+g)/2 − b and q = r − g. Of each, the cosine transform's low frequencies
// are kept, those of a triangle, 4 bits each behind a constant and a scale:
//
//	bits   0-5   6-11  12-17  18-22    23     24-26     27-32    33-38    39
//	     | l₀  |  p₀ |  q₀  | l scale| alpha| l's n  | p scale| q scale| landscape | α₀, α scale | l… | p… | q… | α…
//
// All products are rounded to float64 before they are added, so that no processor fuses the two and the
// result is the same everywhere. Sums are taken along rows first, which the reference implementation does
// not: a coefficient that lies between two values may become the other one.
func (px Pixels) ThumbHash() []byte {
	w, h := px.Width, px.Height
	mean, opacity := px.average()
	transparent := opacity < float64(w*h)
	limit := 7.0 // of the frequencies of lightness along the longer side
	if transparent {
		limit = 5
	}
	longer := float64(max(w, h))
	nx := max(1, int(roundHalfUp(limit*float64(w)/longer)))
	ny := max(1, int(roundHalfUp(limit*float64(h)/longer)))

	l, p, q, a := px.channels(mean)
	lc := transform(l, w, h, max(3, nx), max(3, ny))
	pc, qc := transform(p, w, h, 3, 3), transform(q, w, h, 3, 3)

	var out bits
	out.put(6, 63*lc.constant)
	out.put(6, 31.5+31.5*pc.constant)
	out.put(6, 31.5+31.5*qc.constant)
	out.put(5, 31*lc.scale)
	out.flag(transparent)
	if w > h {
		out.put(3, float64(ny))
	} else {
		out.put(3, float64(nx))
	}
	out.put(6, 63*pc.scale)
	out.put(6, 63*qc.scale)
	out.flag(w > h)
	coefficients := []spectrum{lc, pc, qc}
	if transparent {
		ac := transform(a, w, h, 5, 5)
		out.put(4, 15*ac.constant)
		out.put(4, 15*ac.scale)
		coefficients = append(coefficients, ac)
	}
	for _, c := range coefficients {
		for _, v := range c.rest {
			out.put(4, 15*v)
		}
	}
	return out.bytes
}

// channels returns l, p, q and alpha of each pixel.
func (px Pixels) channels(mean [3]float64) (l, p, q, a []float64) {
	for i := 0; i < len(px.RGBA); i += 4 {
		alpha := float64(px.RGBA[i+3]) / 255
		var c [3]float64
		for k := range c {
			c[k] = float64(mean[k]*(1-alpha)) + float64(alpha/255*float64(px.RGBA[i+k]))
		}
		l, p = append(l, (c[0]+c[1]+c[2])/3), append(p, (c[0]+c[1])/2-c[2])
		q, a = append(q, c[0]-c[1]), append(a, alpha)
	}
	return l, p, q, a
}

// spectrum is the low frequencies of a channel: the constant one, and the others in units of scale, the
// largest magnitude among them, from 0 to 1.
type spectrum struct {
	constant, scale float64
	rest            []float64
}

// transform returns the frequencies (cx, cy) of a w×h channel with cx/nx + cy/ny < 1.
func transform(channel []float64, w, h, nx, ny int) (s spectrum) {
	waves := func(n, count int) [][]float64 {
		all := make([][]float64, count)
		for c := range all {
			for i := range n {
				all[c] = append(all[c], math.Cos(math.Pi/float64(n)*float64(c)*(float64(i)+0.5)))
			}
		}
		return all
	}
	alongY := waves(h, ny)
	rows := project(channel, w, h, waves(w, nx))
	for cy := range ny {
		for cx := 0; cx*ny < nx*(ny-cy); cx++ {
			f := dot(rows[cx], alongY[cy]) / float64(w*h)
			if cx == 0 && cy == 0 {
				s.constant = f
				continue
			}
			s.rest = append(s.rest, f)
			s.scale = max(s.scale, math.Abs(f))
		}
	}
	if s.scale > 0 {
		for i, f := range s.rest {
			s.rest[i] = 0.5 + float64(0.5/s.scale*f)
		}
	}
	return s
}

// project returns for each wave along x its product with every row of a channel.
func project(channel []float64, w, h int, waves [][]float64) [][]float64 {
	rows := make([][]float64, len(waves))
	for c, wave := range waves {
		for y := range h {
			rows[c] = append(rows[c], dot(channel[y*w:][:w], wave))
		}
	}
	return rows
}

// dot returns the scalar product.
func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += float64(v * b[i])
	}
	return sum
}

// bits collects numbers of some bits, the lowest first.
type bits struct {
	bytes []byte
	free  int // bits of the last byte
}

// put appends a number, which is rounded.
func (b *bits) put(n int, v float64) {
	for value := int(roundHalfUp(v)); n > 0; n, value = n-1, value>>1 {
		if b.free == 0 {
			b.bytes, b.free = append(b.bytes, 0), 8
		}
		b.bytes[len(b.bytes)-1] |= byte(value&1) << (8 - b.free)
		b.free--
	}
}

func (b *bits) flag(on bool) {
	if on {
		b.put(1, 1)
	} else {
		b.put(1, 0)
	}
}

// roundHalfUp rounds as JavaScript does, in which the hash is defined.
func roundHalfUp(v float64) float64 { return math.Floor(v + 0.5) }
