package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"math"
)

// output describes one file that a program has made.
type output struct {
	Box     string  `json:"box"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Bytes   int     `json:"bytes"`
	Profile int     `json:"profile_bytes"` // the part of Bytes that is a colour profile
	PSNR    float64 `json:"psnr_luma"`     // in dB
	PSNRRGB float64 `json:"psnr_rgb"`      // in dB, over the squared errors of all three channels
	SSIM    float64 `json:"ssim_luma"`
	Look    float64 `json:"ssimulacra2"`
	// Butteraugli is the 3-norm of the distances, 0 if libjxl's tool is not available.
	Butteraugli float64 `json:"butteraugli_3norm,omitempty"`
	// Equal estimates the size at sharp's SSIMULACRA 2, without a profile. It is set for imgmill only.
	Equal int `json:"bytes_at_sharps_look,omitempty"`
}

// equalBytes estimates how many bytes a file would have at a score of SSIMULACRA 2, from two files that
// differ only in quality. It assumes that the logarithm of the size is linear in the score. It returns 0 if the two
// have the same score.
func equalBytes(a, b output, score float64) int {
	if a.Look == b.Look {
		return 0
	}
	la, lb := math.Log(float64(a.Bytes-a.Profile)), math.Log(float64(b.Bytes-b.Profile))
	return int(math.Round(math.Exp(la + (lb-la)*(score-a.Look)/(b.Look-a.Look))))
}

// judge compares files with their source. It caches the last source, its reductions to the
// requested sizes, and all results.
type judge struct {
	file     string
	source   *picture
	reduced  map[box]*picture
	verdicts map[[sha256.Size]byte][]output

	butteraugli string // libjxl's command, or empty
}

// files judges the files that a program has made for a request.
func (j *judge) files(r request, files [][]byte) ([]output, error) {
	if len(files) != len(r.Boxes) {
		return nil, fmt.Errorf("%d files for %d sizes", len(files), len(r.Boxes))
	}
	key := sha256.Sum256(bytes.Join(append(files, []byte(r.File)), nil))
	if list, ok := j.verdicts[key]; ok {
		return list, nil
	}
	if j.file != r.File {
		source, err := load(r.File)
		if err != nil {
			return nil, err
		}
		j.file, j.source, j.reduced = r.File, source, map[box]*picture{}
	}
	var list []output
	for i, f := range files {
		o, err := j.one(f)
		if err != nil {
			return nil, err
		}
		o.Box = r.Boxes[i].String()
		list = append(list, o)
	}
	if j.verdicts == nil {
		j.verdicts = map[[sha256.Size]byte][]output{}
	}
	j.verdicts[key] = list
	return list, nil
}

// one compares a file with the source reduced to its size. Chroma of the file is enlarged to the
// size of luma by linear interpolation, for all programs alike.
func (j *judge) one(file []byte) (output, error) {
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		return output{}, fmt.Errorf("decode the output: %w", err)
	}
	got, err := planesOf(m)
	if err != nil {
		return output{}, err
	}
	w, h := got.y.w, got.y.h
	want := j.reduced[box{w, h}]
	if want == nil {
		want = j.source.resized(w, h, lanczos3)
		j.reduced[box{w, h}] = want
	}
	got = got.resized(w, h, triangle)
	o := output{
		Width: w, Height: h, Bytes: len(file), Profile: profileBytes(file),
		PSNR:    psnr(squaredError(want.y.at, got.y.at), len(want.y.at)),
		PSNRRGB: psnrRGB(want, got),
		SSIM:    ssim(want.y, got.y),
		Look:    ssimulacra(want.shown(), got.shown()),
	}
	if j.butteraugli != "" {
		norm, _, err := butteraugli(j.butteraugli, want.shown(), got.shown())
		if err != nil {
			return output{}, err
		}
		o.Butteraugli = -norm
	}
	return o, nil
}

func level(v float64) float64 { return min(255, max(0, v)) }

func squaredError(a, b []float64) (sum float64) {
	for i, v := range a {
		d := level(v) - level(b[i])
		sum += d * d
	}
	return sum
}

// psnr is 10·log10(255²/MSE) over n samples.
func psnr(squared float64, n int) float64 { return 10 * math.Log10(255*255*float64(n)/squared) }

func psnrRGB(a, b *picture) float64 {
	sum := 0.0
	for i := range a.y.at {
		p, q := a.rgb(i), b.rgb(i)
		sum += squaredError(p[:], q[:])
	}
	return psnr(sum, 3*len(a.y.at))
}

// rgb returns the colour of sample i of a picture whose planes have the same size (T.871, section
// 7).
func (p *picture) rgb(i int) [3]float64 {
	y := p.y.at[i]
	if p.cb.w == 0 {
		return [3]float64{y, y, y}
	}
	cb, cr := p.cb.at[i]-128, p.cr.at[i]-128
	return [3]float64{y + 1.402*cr, y - (0.114*1.772*cb+0.299*1.402*cr)/0.587, y + 1.772*cb}
}

// shown is a picture whose planes have the same size, in 8 bits.
func (p *picture) shown() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, p.y.w, p.y.h))
	for i := range p.y.at {
		for k, v := range p.rgb(i) {
			m.Pix[4*i+k] = uint8(math.Round(level(v)))
		}
		m.Pix[4*i+3] = 255
	}
	return m
}

// ssim is the mean structural similarity of Wang, Bovik, Sheikh and Simoncelli (IEEE Transactions
// on Image Processing 13:4, 2004) with their constants: a Gaussian window of 11×11, sigma 1.5, K1
// 0.01 and K2 0.03, wherever it lies entirely inside.
func ssim(a, b grid) float64 {
	const c1, c2 = 0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255
	if a.w < gaussian || a.h < gaussian {
		return math.NaN()
	}
	product := func(p, q []float64) []float64 {
		v := make([]float64, len(p))
		for i, x := range p {
			v[i] = level(x)
			if q != nil {
				v[i] *= level(q[i])
			}
		}
		return blur(v, a.w, a.h)
	}
	ma, mb := product(a.at, nil), product(b.at, nil)
	aa, bb, ab := product(a.at, a.at), product(b.at, b.at), product(a.at, b.at)
	sum := 0.0
	for i := range ma {
		mean, cross := ma[i]*ma[i]+mb[i]*mb[i], ma[i]*mb[i]
		sum += (2*cross + c1) * (2*(ab[i]-cross) + c2) / ((mean + c1) * (aa[i] + bb[i] - mean + c2))
	}
	return sum / float64(len(ma))
}

const gaussian = 11

// blur returns the Gaussian mean around each sample whose window lies inside.
func blur(v []float64, w, h int) []float64 {
	var g [gaussian]float64
	sum := 0.0
	for i := range g {
		d := float64(i - gaussian/2)
		g[i] = math.Exp(-d * d / (2 * 1.5 * 1.5))
		sum += g[i]
	}
	for i := range g {
		g[i] /= sum
	}
	bw, bh := w-gaussian+1, h-gaussian+1
	across := make([]float64, bw*h)
	for y := range h {
		row := across[y*bw:][:bw]
		for i, c := range g {
			for x, s := range v[y*w+i:][:bw] {
				row[x] += c * s
			}
		}
	}
	out := make([]float64, bw*bh)
	for y := range bh {
		row := out[y*bw:][:bw]
		for i, c := range g {
			for x, s := range across[(y+i)*bw:][:bw] {
				row[x] += c * s
			}
		}
	}
	return out
}

// profileBytes counts the bytes of a JPEG file in segments of a colour profile (ICC.1, annex B.4).
func profileBytes(file []byte) (n int) {
	for i := 2; i+4 <= len(file) && file[i] == 0xFF && file[i+1] != 0xDA; {
		length := 2 + int(binary.BigEndian.Uint16(file[i+2:]))
		if file[i+1] == 0xE2 && bytes.HasPrefix(file[i+4:], []byte("ICC_PROFILE\x00")) {
			n += length
		}
		i += length
	}
	return n
}
