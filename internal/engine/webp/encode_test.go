package webp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/webp/vp8l"
)

// photograph returns a picture with a little noise, as photographs have.
func photograph(w, h int) *plane.Picture {
	p := codectest.Draw(plane.NewLayout(plane.YCbCr, false, w, h, 2, 2), codectest.Smooth, 3)
	soft := codectest.Draw(p.Layout, codectest.Noisy, 4)
	for i := range p.Pix {
		for k := range p.Pix[i] {
			p.Pix[i][k] = uint8(min(255, max(0, int(p.Pix[i][k])+int(soft.Pix[i][k]%9)-4)))
		}
	}
	return p
}

// encodeWith encodes a picture with settings.
func encodeWith(t testing.TB, p *plane.Picture, v setting.Values, o codec.EncodeOptions) []byte {
	t.Helper()
	file, err := Format.Encoder(v).Encode(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// decodeBytes decodes a file.
func decodeBytes(t testing.TB, file []byte) (codec.Header, *plane.Picture) {
	t.Helper()
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := plane.New(d.Header().Layout)
	if _, err := d.Decode(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	return d.Header(), p
}

// psnr is the peak signal-to-noise ratio of a plane, in dB.
func psnr(a, b *plane.Picture, i int) float64 {
	sum, n := 0.0, 0
	for y := range a.Planes[i].Height {
		rowA, rowB := a.Row(i, y), b.Row(i, y)
		for x := range rowA {
			d := float64(rowA[x]) - float64(rowB[x])
			sum += d * d
			n++
		}
	}
	return 10 * math.Log10(255*255*float64(n)/max(sum, 1e-9))
}

// checkLossy decodes a lossy file, and checks that alpha is what it was.
func checkLossy(t testing.TB, p *plane.Picture, file []byte) *plane.Picture {
	t.Helper()
	_, got := decodeBytes(t, file)
	if got.Width() != p.Width() || got.Height() != p.Height() {
		t.Fatalf("%d×%d became %d×%d", p.Width(), p.Height(), got.Width(), got.Height())
	}
	i, _ := p.Alpha()
	k, has := got.Alpha()
	alpha := !p.Opaque()
	if alpha != has {
		t.Fatalf("alpha is %t, want %t", has, alpha)
	}
	if alpha && !bytes.Equal(p.Pix[i], got.Pix[k]) {
		t.Fatal("the alpha plane has changed")
	}
	return got
}

// checkLossless decodes a lossless file, and checks that it is what it was where it shows.
func checkLossless(t testing.TB, p *plane.Picture, file []byte) {
	t.Helper()
	_, got := decodeBytes(t, file)
	if got.Model != plane.RGB || got.Width() != p.Width() || got.Height() != p.Height() {
		t.Fatalf("%d×%d %v became %d×%d %v", p.Width(), p.Height(), p.Model, got.Width(), got.Height(), got.Model)
	}
	alpha, has := p.Alpha()
	k, gotAlpha := got.Alpha()
	for y := range p.Height() {
		for x := range p.Width() {
			if has {
				want, is := p.Row(alpha, y)[x], uint8(255)
				if gotAlpha {
					is = got.Row(k, y)[x]
				}
				if is != want {
					t.Fatalf("alpha at %d,%d is %d, want %d", x, y, is, want)
				}
				if want == 0 {
					continue
				}
			}
			for c := range 3 {
				from := c
				if p.Model == plane.Gray {
					from = 0
				}
				if got.Row(c, y)[x] != p.Row(from, y)[x] {
					t.Fatalf("component %d at %d,%d is %d, want %d", c, x, y, got.Row(c, y)[x], p.Row(from, y)[x])
				}
			}
		}
	}
}

// TestEverySize encodes pictures of all sizes around the units of both formats.
func TestEverySize(t *testing.T) {
	sizes := []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 40}
	for i, w := range sizes {
		for k, h := range sizes {
			kind, seed := (i+k)%codectest.DrawnKinds, uint64(100*w+h)
			alpha := (i+2*k)%3 == 0
			model := plane.YCbCr
			if (i*k)%4 == 1 {
				model = plane.Gray
			}
			p := codectest.Draw(plane.NewLayout(model, alpha, w, h, 2, 2), kind, seed)
			checkLossy(t, p, encodeWith(t, p, setting.Values{"quality": fmt.Sprint(1 + (13*w+7*h)%100)}, codec.EncodeOptions{}))
			if model == plane.YCbCr {
				model = plane.RGB
			}
			p = codectest.Draw(plane.NewLayout(model, alpha, w, h, 1, 1), kind, seed)
			checkLossless(t, p, encodeWith(t, p, setting.Values{"lossless": "true"}, codec.EncodeOptions{}))
		}
	}
}

// TestQuality: a better quality looks better and takes more bytes, over the whole scale.
func TestQuality(t *testing.T) {
	p := photograph(200, 150)
	lastBytes, lastLook := 0, 0.0
	for _, q := range []string{"1", "20", "40", "60", "80", "90", "100"} {
		file := encodeWith(t, p, setting.Values{"quality": q}, codec.EncodeOptions{})
		look := psnr(p, checkLossy(t, p, file), 0)
		if len(file) <= lastBytes || look <= lastLook {
			t.Errorf("quality %s: %d bytes and %.2f dB, after %d and %.2f", q, len(file), look, lastBytes, lastLook)
		}
		lastBytes, lastLook = len(file), look
	}
	if lastLook < 45 {
		t.Errorf("quality 100 has %.1f dB", lastLook)
	}
}

// TestEffort: more effort makes smaller files that look about the same. A file that looks better may have
// more bytes, 12 % for each dB: on this picture they grow by more from one quality to the next.
func TestEffort(t *testing.T) {
	p := photograph(320, 240)
	for _, q := range []string{"60", "80", "92"} {
		lastSize, lastBytes, lastLook := math.Inf(1), 0, 0.0
		for _, effort := range []string{"fast", "normal", "high"} {
			file := encodeWith(t, p, setting.Values{"quality": q, "effort": effort}, codec.EncodeOptions{})
			look := psnr(p, checkLossy(t, p, file), 0)
			size := float64(len(file)) / math.Pow(1.12, look)
			if size >= lastSize || lastLook > 0 && math.Abs(look-lastLook) > 0.5 {
				t.Errorf("quality %s, effort %s: %d bytes and %.2f dB, after %d and %.2f",
					q, effort, len(file), look, lastBytes, lastLook)
			}
			lastSize, lastBytes, lastLook = size, len(file), look
		}
	}
}

// TestThreadsGiveTheSameBytes also covers pictures of fewer rows than threads, and of several partitions.
func TestThreadsGiveTheSameBytes(t *testing.T) {
	for _, size := range [][2]int{{300, 200}, {17, 400}, {400, 17}, {16, 16}, {500, 510}} {
		p := codectest.Draw(plane.NewLayout(plane.YCbCr, false, size[0], size[1], 2, 2), codectest.Smooth, 9)
		for _, effort := range codec.EffortSetting.Choices {
			v := setting.Values{"effort": effort}
			want := encodeWith(t, p, v, codec.EncodeOptions{})
			if look := psnr(p, checkLossy(t, p, want), 0); look < 30 {
				t.Errorf("%v, effort %s: %.1f dB", size, effort, look)
			}
			for threads := 2; threads < 9; threads++ {
				if !bytes.Equal(encodeWith(t, p, v, codec.EncodeOptions{Threads: threads}), want) {
					t.Errorf("%v, effort %s: %d threads give other bytes", size, effort, threads)
				}
			}
		}
	}
}

// TestTrialsAreIndependent: a trial gives the same bytes whatever was tried before.
func TestTrialsAreIndependent(t *testing.T) {
	p := codectest.Draw(plane.NewLayout(plane.YCbCr, true, 90, 70, 2, 2), codectest.Smooth, 5)
	trials, err := Format.Encoder(nil).(codec.LossyEncoder).Trials(t.Context(), p, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []int{90, 10, 90, 55} {
		got, err := trials.Encode(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, encodeWith(t, p, setting.Values{"quality": fmt.Sprint(q)}, codec.EncodeOptions{})) {
			t.Errorf("quality %d: other bytes than when it is the only one", q)
		}
	}
	if trials.Quality() != DefaultQuality {
		t.Errorf("the quality is %d, want %d", trials.Quality(), DefaultQuality)
	}
}

// TestMetadata: profile, EXIF and XMP go into the file, and come back.
func TestMetadata(t *testing.T) {
	icc := make([]byte, 131) // an odd length, which needs padding
	copy(icc[16:], "RGB ")
	exif := []byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"/>`
	for _, v := range []setting.Values{nil, {"lossless": "true"}} {
		for _, alpha := range []bool{false, true} {
			l := Format.Encoder(v).Layout(plane.YCbCr, alpha, 20, 10)
			l.Space.ICC = icc
			o := codec.EncodeOptions{Metadata: codec.Metadata{EXIF: exif, XMP: []byte(xmp)}}
			h, got := decodeBytes(t, encodeWith(t, codectest.Draw(l, codectest.Noisy, 1), v, o))
			if !bytes.Equal(h.EXIF, exif) || string(h.XMP) != xmp || !bytes.Equal(got.Space.ICC, icc) || got.HasAlpha() != alpha {
				t.Errorf("%v, alpha %t: %d bytes of EXIF, %d of XMP, %d of profile, alpha %t",
					v, alpha, len(h.EXIF), len(h.XMP), len(got.Space.ICC), got.HasAlpha())
			}
		}
	}
}

// animate encodes frames.
func animate(t *testing.T, v setting.Values, loops int, frames []*plane.Picture, delays []int) []byte {
	t.Helper()
	w, err := Format.Encoder(v).(codec.FrameEncoder).Animate(frames[0].Layout, loops, codec.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range frames {
		if err := w.WriteFrame(t.Context(), p, delays[i]); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAnimation reads animations back: frames of which a part, nothing or everything has changed.
func TestAnimation(t *testing.T) {
	for _, alpha := range []bool{false, true} {
		base := codectest.Draw(plane.NewLayout(plane.RGB, alpha, 41, 30, 1, 1), codectest.Smooth, 2)
		clone := func() *plane.Picture {
			p := plane.New(base.Layout)
			for i := range p.Pix {
				copy(p.Pix[i], base.Pix[i])
			}
			return p
		}
		dot, other := clone(), codectest.Draw(base.Layout, codectest.Stripes, 1)
		for i := range dot.Pix {
			dot.Row(i, 17)[23] ^= 0x55
		}
		frames := []*plane.Picture{base, dot, dot, other, base}
		file := animate(t, setting.Values{"lossless": "true"}, 3, frames, []int{50, 100, 30, 20, 70})
		d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f := d.(codec.FrameDecoder)
		if f.Loops() != 3 || d.Header().Frames != 4 {
			t.Errorf("%d frames that play %d times", d.Header().Frames, f.Loops())
		}
		for i, want := range []struct {
			p     *plane.Picture
			delay int
		}{{base, 50}, {dot, 130}, {other, 20}, {base, 70}} {
			delay, err := f.NextFrame(t.Context())
			if err != nil || delay != want.delay {
				t.Fatalf("frame %d: %d ms, want %d, %v", i, delay, want.delay, err)
			}
			got := plane.New(d.Shrink(1<<15, 1<<15))
			if _, err := d.Decode(t.Context(), got); err != nil {
				t.Fatal(err)
			}
			for y := range base.Height() {
				for x := range base.Width() {
					hidden := alpha && want.p.Row(3, y)[x] == 0
					for k := range want.p.Planes {
						if got.Row(k, y)[x] != want.p.Row(k, y)[x] && !(hidden && k < 3) {
							t.Fatalf("frame %d, plane %d at %d,%d: %d, want %d",
								i, k, x, y, got.Row(k, y)[x], want.p.Row(k, y)[x])
						}
					}
				}
			}
		}
		if _, err := f.NextFrame(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("after the last frame: %v", err)
		}
	}
}

// TestLossyAnimation: lossy frames come back about as they were, and a lone one is a still.
func TestLossyAnimation(t *testing.T) {
	l := plane.NewLayout(plane.YCbCr, true, 61, 47, 2, 2)
	frames := []*plane.Picture{codectest.Draw(l, codectest.Smooth, 1), codectest.Draw(l, codectest.Smooth, 2)}
	file := animate(t, nil, 70000, frames, []int{40, 1 << 25})
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := d.(codec.FrameDecoder)
	if f.Loops() != math.MaxUint16 {
		t.Errorf("plays %d times", f.Loops())
	}
	for i, want := range []int{40, 1 << 23, 1 << 23, 1 << 23, 1 << 23} { // one frame cannot last so long
		if delay, err := f.NextFrame(t.Context()); err != nil || delay != want {
			t.Errorf("frame %d: %d ms, %v", i, delay, err)
		}
	}
	still := animate(t, nil, 1, frames[:1], []int{40})
	if look := psnr(frames[0], checkLossy(t, frames[0], still), 0); look < 35 {
		t.Errorf("%.1f dB", look)
	}
	if !bytes.Equal(still, encodeWith(t, frames[0], nil, codec.EncodeOptions{})) {
		t.Error("an animation of one frame is not the still")
	}
}

// TestTooLarge: sizes that no WebP has are refused with the number.
func TestTooLarge(t *testing.T) {
	for _, v := range []setting.Values{nil, {"lossless": "true"}} {
		e := Format.Encoder(v)
		_, err := e.Encode(t.Context(), plane.New(e.Layout(plane.Gray, false, maxSide+1, 1)), codec.EncodeOptions{})
		if !errors.Is(err, codec.ErrUnsupported) || !bytes.Contains([]byte(fmt.Sprint(err)), []byte("16384×1")) {
			t.Errorf("%v: %v", v, err)
		}
		p := codectest.Draw(e.Layout(plane.Gray, false, maxSide, 3), codectest.Stripes, 1)
		if _, got := decodeBytes(t, encodeWith(t, p, v, codec.EncodeOptions{})); got.Width() != maxSide {
			t.Errorf("%v: a width of %d", v, got.Width())
		}
	}
}

// TestCancel: encoding ends with its context.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, v := range []setting.Values{nil, {"lossless": "true"}} {
		for threads := range 3 {
			e := Format.Encoder(v)
			p := codectest.Draw(e.Layout(plane.RGB, true, 100, 100), codectest.Noisy, 1)
			if _, err := e.Encode(ctx, p, codec.EncodeOptions{Threads: threads}); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, %d threads: %v", v, threads, err)
			}
		}
	}
}

// TestDwebp compares what libwebp decodes with what we do.
func TestDwebp(t *testing.T) {
	dwebp, err := exec.LookPath("dwebp")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	run := func(name string, file []byte, format string) []byte {
		in, out := filepath.Join(dir, name+".webp"), filepath.Join(dir, name)
		if err := os.WriteFile(in, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := exec.Command(dwebp, "-quiet", format, in, "-o", out).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, b)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for kind := range codectest.DrawnKinds {
		for _, alpha := range []bool{false, true} {
			for _, size := range [][2]int{{67, 45}, {128, 64}, {5, 90}, {500, 510}} {
				name := fmt.Sprintf("%d-%t-%d", kind, alpha, size[0])
				p := codectest.Draw(plane.NewLayout(plane.YCbCr, alpha, size[0], size[1], 2, 2), kind, 8)
				for _, effort := range codec.EffortSetting.Choices {
					v := setting.Values{"quality": fmt.Sprint(20 + 25*kind), "effort": effort}
					file := encodeWith(t, p, v, codec.EncodeOptions{})
					if !bytes.Equal(run(name, file, "-pgm"), pgm(t, firstPicture(t, file), 1)) {
						t.Errorf("%s: lossy, effort %s: dwebp decodes other pixels", name, effort)
					}
				}
				p = codectest.Draw(plane.NewLayout(plane.RGB, alpha, size[0], size[1], 1, 1), kind, 8)
				v := setting.Values{"lossless": "true", "effort": codec.EffortSetting.Choices[kind%3]}
				file := encodeWith(t, p, v, codec.EncodeOptions{})
				checkLossless(t, p, file)
				want := p.Width() * p.Height() * 4
				pam := run(name, file, "-pam")
				pix := pam[len(pam)-want:]
				for i := range p.Width() * p.Height() {
					got := pix[4*i:]
					if a, ok := p.Alpha(); ok && (got[3] != p.Pix[a][i] || got[3] == 0) {
						if got[3] != p.Pix[a][i] {
							t.Fatalf("%s: lossless: alpha %d at %d, want %d", name, got[3], i, p.Pix[a][i])
						}
						continue
					}
					if got[0] != p.Pix[0][i] || got[1] != p.Pix[1][i] || got[2] != p.Pix[2][i] {
						t.Fatalf("%s: lossless: dwebp decodes %v at %d", name, got[:4], i)
					}
				}
			}
		}
	}
}

// TestNearLossless: components change by no more than half of what is rounded away, and photographs
// become smaller.
func TestNearLossless(t *testing.T) {
	p := codectest.Draw(plane.NewLayout(plane.RGB, true, 150, 131, 1, 1), codectest.Smooth, 5)
	r := rand.New(rand.NewPCG(1, 2))
	for c := range 3 {
		for i := range p.Pix[c] {
			p.Pix[c][i] = uint8(min(255, int(p.Pix[c][i])+r.IntN(40)))
		}
	}
	last := len(encodeWith(t, p, setting.Values{"lossless": "true"}, codec.EncodeOptions{}))
	for level := 100; level >= 0; level -= 20 {
		v := setting.Values{"near_lossless": fmt.Sprint(level)}
		file := encodeWith(t, p, v, codec.EncodeOptions{})
		if smaller := len(file) < last; smaller != (level < 100) {
			t.Errorf("level %d: %d bytes after %d", level, len(file), last)
		}
		last = len(file)
		_, got := decodeBytes(t, file)
		changed := 0
		for c := range p.Pix {
			for i, v := range p.Pix[c] {
				d := int(v) - int(got.Pix[c][i])
				if max(d, -d) > 1<<vp8l.RoundedBits(int64(level))/2 && p.Pix[3][i] != 0 {
					t.Fatalf("level %d: component %d changes by %d", level, c, d)
				}
				changed += d
			}
		}
		if (changed == 0) != (level == 100) {
			t.Errorf("level %d: components change by %d together", level, changed)
		}
	}
}

// FuzzEncode encodes drawn pictures of any size with any settings, and reads them back.
func FuzzEncode(f *testing.F) {
	f.Add(uint8(20), uint8(13), uint8(80), uint8(0), uint64(1))
	f.Add(uint8(1), uint8(1), uint8(1), uint8(7), uint64(2))
	f.Add(uint8(69), uint8(70), uint8(100), uint8(255), uint64(3))
	f.Fuzz(func(t *testing.T, w, h, quality, bits uint8, seed uint64) {
		width, height := 1+int(w)%70, 1+int(h)%70
		model, alpha, kind := plane.YCbCr, bits&2 != 0, int(bits>>3)%codectest.DrawnKinds
		if bits&1 != 0 {
			model = plane.Gray
		}
		threads := 1 + int(bits>>5)
		p := codectest.Draw(plane.NewLayout(model, alpha, width, height, 2, 2), kind, seed)
		v := setting.Values{"quality": fmt.Sprint(1 + quality%100), "effort": codec.EffortSetting.Choices[seed%3]}
		checkLossy(t, p, encodeWith(t, p, v, codec.EncodeOptions{Threads: threads}))
		if model == plane.YCbCr {
			model = plane.RGB
		}
		p = codectest.Draw(plane.NewLayout(model, alpha, width, height, 1, 1), kind, seed)
		v["lossless"] = "true"
		checkLossless(t, p, encodeWith(t, p, v, codec.EncodeOptions{}))
	})
}
