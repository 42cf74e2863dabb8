package png

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// inflated decompresses raw deflate data in pieces of up to size bytes.
func inflated(r io.Reader, size int) ([]byte, error) {
	z := &zlibReader{inflater: inflater{r: r}, to: windowSize, at: windowSize, begun: true}
	buf := make([]byte, bufferLen(size))
	var out []byte
	for {
		z.begin(buf)
		n, err := z.fill(size)
		out = append(out, buf[windowSize:][:n]...)
		if err != nil {
			return out, err
		}
	}
}

// plains returns data of several kinds: noise, runs, repeats near and far, skewed literals.
func plains() map[string][]byte {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 70000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 90000)
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 20)
	}
	far := append(append(bytes.Clone(noise[:32<<10]), noise[:300]...), noise...)
	var near []byte
	for i := range 400 {
		near = append(near, bytes.Repeat(noise[i:i+1+i%23], 1+i%40)...)
	}
	rare := bytes.Repeat([]byte{1}, 100000) // codes of up to 15 bits
	for i := range 19 {
		for k := range 1 << i / 8 {
			rare[(k*7919+i)%len(rare)] = byte(i * 13)
		}
	}
	return map[string][]byte{
		"nothing": nil, "a byte": {7}, "noise": noise, "skewed": skewed, "far": far, "near": near,
		"zeros": make([]byte, 200000), "rare": rare,
	}
}

func TestInflateReversesDeflate(t *testing.T) {
	for name, plain := range plains() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			var b bytes.Buffer
			w, _ := flate.NewWriter(&b, level)
			w.Write(plain[:len(plain)/2])
			w.Flush()
			w.Write(plain[len(plain)/2:])
			w.Close()
			for _, size := range []int{7, 1000, 300000} {
				got, err := inflated(bytes.NewReader(b.Bytes()), size)
				if err != io.EOF || !bytes.Equal(got, plain) {
					t.Errorf("%s, level %d, %d bytes at a time: %d of %d bytes, %v", name, level, size, len(got), len(plain), err)
				}
			}
			if got, err := inflated(iotest.OneByteReader(bytes.NewReader(b.Bytes())), 4096); err != io.EOF || !bytes.Equal(got, plain) {
				t.Errorf("%s, level %d, a byte of input at a time: %d of %d bytes, %v", name, level, len(got), len(plain), err)
			}
		}
	}
}

func TestInflateReturnsWhatIsThere(t *testing.T) {
	for name, plain := range plains() {
		plain = plain[:min(len(plain), 3000)]
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		w.Write(plain)
		w.Close()
		for n := range b.Len() - 1 {
			got, err := inflated(bytes.NewReader(b.Bytes()[:n]), 500)
			if err != io.ErrUnexpectedEOF || !bytes.HasPrefix(plain, got) {
				t.Fatalf("%s, %d of %d bytes: %d of %d bytes, %v", name, n, b.Len(), len(got), len(plain), err)
			}
			std, _ := io.ReadAll(flate.NewReader(bytes.NewReader(b.Bytes()[:n])))
			if len(got) < len(std) {
				t.Fatalf("%s, %d of %d bytes: %d bytes, where %d are known", name, n, b.Len(), len(got), len(std))
			}
		}
		broken := errors.New("broken")
		if _, err := inflated(io.MultiReader(bytes.NewReader(b.Bytes()[:b.Len()/2]), failing{broken}), 500); err != broken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is wrong, both must agree that something is.
func TestInflateRefusesWhatTheLibraryRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, plain := range plains() {
		plain = plain[:min(len(plain), 5000)]
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		w.Write(plain)
		w.Close()
		for range 500 {
			data := bytes.Clone(b.Bytes())
			for range 1 + r.IntN(3) {
				i := r.IntN(len(data))
				if r.IntN(2) == 0 {
					i = r.IntN(min(len(data), 80))
				}
				data[i] ^= 1 << r.IntN(8)
			}
			compareInflate(t, name, data)
		}
	}
}

// compareInflate decompresses data with this package and with the standard library.
func compareInflate(t *testing.T, name string, data []byte) {
	t.Helper()
	std, stdErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), 1<<20))
	got, err := inflated(io.MultiReader(bytes.NewReader(data)), 1<<20)
	got = got[:min(len(got), 1<<20)]
	if (err == io.EOF) != (stdErr == nil) && len(std) < 1<<20 {
		t.Errorf("%s: %v, the library: %v", name, err, stdErr)
	} else if stdErr == nil && !bytes.Equal(got, std) {
		t.Errorf("%s: %d bytes, the library: %d", name, len(got), len(std))
	}
}

func FuzzInflate(f *testing.F) {
	for _, plain := range plains() {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		w.Write(plain[:min(len(plain), 2000)])
		w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) { compareInflate(t, "fuzz", data) })
}
