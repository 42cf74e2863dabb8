package jpeg

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/pipeline/readerstest"
)

// within is by how many levels decoders may differ from libjpeg: they round colours, and Go's the transform, in
// their own ways.
const within = 2

// TestReaders has djpeg, Go's image/jpeg and other programs read files of random qualities, samplings, modes and
// threads, of every size up to 70×70 once there are enough of them, and some larger ones. djpeg must accept them
// without a warning, and the others must have its pixels. IMGMILL_READERS is the number of files; see
// readerstest.Readers for the programs.
func TestReaders(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("IMGMILL_READERS"))
	if err != nil {
		t.Skip("IMGMILL_READERS is no number of files")
	}
	const most = 70
	sizes := rand.New(rand.NewPCG(1, 2)).Perm(most * most)
	readers := readerstest.New(t, "jpeg")
	for i := range count {
		r := rand.New(rand.NewPCG(23, uint64(i)))
		size := sizes[i%len(sizes)]
		w, h := 1+size%most, 1+size/most
		if i%20 == 0 {
			w, h = 100+r.IntN(900), 100+r.IntN(600)
		}
		name, p := randomPicture(r, w, h)
		o := encode.Options{Quality: 1 + r.IntN(100)}
		mode := r.IntN(4)
		o.Progressive, o.Effort, o.Threads = mode&1 != 0, encode.Effort(mode>>1), 1+r.IntN(3)
		name = fmt.Sprintf("%d×%d %s %+v", w, h, name, o)
		file := encoded(t, p, o)
		pixels, err := readByDjpeg(t, file, w, h)
		if err != nil {
			t.Errorf("%s: djpeg: %v", name, err)
			continue
		}
		_, ours := decoded(t, file, 1)
		samePlanes := func(planes []byte) bool { return readerstest.Near(planes, bytes.Join(ours.Pix, nil), within) }
		if !samePlanes(bytes.Join(jpegtest.Standard(t, file), nil)) {
			t.Errorf("%s: image/jpeg reads other samples", name)
		}
		readers.Add(t, file, readerstest.Specimen{
			Name: name, Width: w, Height: h, Frames: [][]byte{pixels}, Planes: samePlanes, Within: within,
		})
	}
	readers.Run(t)
}

// randomPicture draws a photograph or noise, in one of the samplings or gray.
func randomPicture(r *rand.Rand, w, h int) (name string, p *plane.Picture) {
	k := r.IntN(len(jpegtest.Samplings) + 1)
	if k == len(jpegtest.Samplings) {
		return "gray", jpegtest.Gray(jpegtest.Scene(w, h))
	}
	s := jpegtest.Samplings[k]
	if r.IntN(4) == 0 {
		return s.Name + " noise", jpegtest.Noise(w, h, s.X, s.Y, r.Uint64())
	}
	return s.Name, jpegtest.YCbCr(jpegtest.Scene(w, h), s.X, s.Y)
}

// readByDjpeg returns RGBA.
func readByDjpeg(t *testing.T, file []byte, w, h int) ([]byte, error) {
	dw, dh, samples, pix, complaint := jpegtest.Djpeg(t, file, true)
	if complaint != "" || dw != w || dh != h {
		return nil, fmt.Errorf("%d×%d, %s", dw, dh, complaint)
	}
	rgba := make([]byte, 0, 4*w*h)
	for i := 0; i < len(pix); i += samples {
		rgba = append(rgba, pix[i], pix[i+samples/2], pix[i+samples-1], 255)
	}
	return rgba, nil
}
