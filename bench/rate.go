package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// rated is an encoder of JPEG whose bytes are compared at equal looks.
type rated struct {
	name, peer, effort string
	qualities          []int
}

// usual are the qualities of the first encoder, between whose looks the others are compared; wide are
// those of the others, whose numbers mean other looks.
var (
	usual = []int{60, 70, 80, 85, 90}
	wide  = []int{40, 50, 60, 70, 80, 88, 95}
)

// ratedEncoders begin with the one that the others are compared with.
var ratedEncoders = []rated{
	{"libjpeg-turbo", "Pillow", "high", usual}, // optimised and progressive
	{"mozjpeg", "sharp", "high", wide},
	{"jpegli", "jpegli", "high", wide},
	{"normal", "imgmill", "normal", wide},
	{"high", "imgmill", "high", wide},
}

// rateWidths are the widths that pictures are reduced to.
var rateWidths = []int{800, 1600}

// scores are what measures say of a file, each on a scale on which more is better.
type scores struct {
	SSIMULACRA2, Butteraugli3, ButteraugliMax float64 // Butteraugli's distances are negative
	SSIM, PSNR                                float64 // of luma, in dB
}

// rateMeasure is a column of the table.
type rateMeasure struct {
	name string
	of   func(scores) float64
	// bytes tells that bytes are compared at an equal score, instead of scores at equal bytes.
	bytes, bounded bool
}

var rateMeasures = []rateMeasure{
	{"SSIMULACRA2", func(s scores) float64 { return s.SSIMULACRA2 }, true, true},
	{"Butteraugli, 3-norm", func(s scores) float64 { return s.Butteraugli3 }, true, true},
	{"Butteraugli, maximum", func(s scores) float64 { return s.ButteraugliMax }, true, false},
	{"SSIM-Y, dB", func(s scores) float64 { return s.SSIM }, false, false},
	{"PSNR-Y, dB", func(s scores) float64 { return s.PSNR }, false, false},
}

// ratedFile is one point of an encoder's curve.
type ratedFile struct {
	scores
	Bytes int
}

// rateRow is what is known of an encoder on one picture.
type rateRow struct {
	group, encoder string
	qualities      []int
	files          []ratedFile // by quality
	deltas         []float64   // by measure: of ln(bytes), or of a score
	short          bool        // it does not reach all looks that are compared
	time           float64     // relative to the first encoder's
}

// rate compares the bytes of encoders at equal looks, and their times.
//
// All encoders are given the same pixels, as an uncompressed TIFF of 8-bit RGB that is reduced already, and
// write 4:2:0. Every file is decoded by Go's image/jpeg, with chroma interpolated linearly as libjpeg does,
// and compared with those pixels.
func (o options) rate(stdout, stderr io.Writer) error {
	bounds, err := parseBounds(o.bounds)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath(o.butteraugli); err != nil {
		return fmt.Errorf("%w: install Debian's libjxl-devtools, or name libjxl's butteraugli_main by -butteraugli", err)
	}
	encoders, stop, err := o.startRated(stderr)
	if err != nil {
		return err
	}
	defer stop()
	dir, err := os.MkdirTemp("", "imgmill-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var table []rateRow
	for i, file := range o.pictures {
		fmt.Fprintf(stderr, "%s, %d of %d\n", file, i+1, len(o.pictures))
		sources, err := reduce(file, dir, i)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, s := range sources {
			rows, err := o.rateSource(s, encoders)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", file, s.group, err)
			}
			table = append(table, rows...)
		}
	}
	for _, e := range encoders {
		fmt.Fprintf(stdout, "- %s: %s %s\n", e.name, e.child.peer.name, e.child.version)
	}
	fmt.Fprintln(stdout)
	print(stdout, rateLines(table))
	return bounds.check(table)
}

// runningEncoder is an encoder with the child that runs it.
type runningEncoder struct {
	rated
	child *child
}

// startRated starts the encoders whose name matches -rows, the first one always.
func (o options) startRated(log io.Writer) (list []runningEncoder, stop func(), err error) {
	re, err := regexp.Compile(o.rows)
	if err != nil {
		return nil, nil, fmt.Errorf("invalid value for -rows: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, nil, err
	}
	children := map[string]*child{}
	stop = func() {
		for _, c := range children {
			c.stop()
		}
	}
	find := map[string]func() ([]string, error){
		"imgmill": func() ([]string, error) { return []string{self, "-serve", "imgmill"}, nil },
		"Pillow":  func() ([]string, error) { return findPillow(dir, o.offline, log) },
		"sharp":   func() ([]string, error) { return findSharp(dir, oneThread, o.offline, log) },
		"jpegli":  func() ([]string, error) { return findJpegli(dir, o.offline, log) },
	}
	for i, e := range ratedEncoders {
		if i > 0 && !re.MatchString(e.name) {
			continue
		}
		if children[e.peer] == nil {
			argv, err := find[e.peer]()
			if err != nil && i > 0 {
				fmt.Fprintf(log, "%s is not available: %v\n", e.name, err)
				continue
			}
			var c *child
			if err == nil {
				c, err = peer{e.peer, argv}.start(oneThread)
			}
			if err != nil {
				stop()
				return nil, nil, fmt.Errorf("%s: %w", e.name, err)
			}
			children[e.peer] = c
		}
		list = append(list, runningEncoder{e, children[e.peer]})
	}
	return list, stop, nil
}

// rateSource is a picture that all encoders are given.
type rateSource struct {
	group  string // its folder, and its width if it has been reduced
	file   string // as TIFF
	pixels *image.NRGBA
	luma   grid
}

// reduce reduces picture n to each of rateWidths, or leaves it as it is, once, where it is no wider. Its files
// have names of their own, because children keep what they have read.
func reduce(file, dir string, n int) (list []rateSource, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	engine := &render.Engine{Formats: formats.All(), Threads: runtime.GOMAXPROCS(0)}
	for i, width := range rateWidths {
		if i > 0 && cfg.Width <= rateWidths[i-1] {
			break
		}
		v := render.NewVariant("exact")
		v.Width, v.Format = width, engine.Formats.Named("png")
		_, outputs, err := engine.Make(context.Background(), bytes.NewReader(data), codec.Limits{}, []render.Variant{v})
		if err != nil {
			return nil, err
		}
		made := outputs[0]
		s := rateSource{group: filepath.Base(filepath.Dir(file)), file: filepath.Join(dir, fmt.Sprintf("%d-%d.tif", n, width))}
		if cfg.Width > width {
			s.group += " → " + strconv.Itoa(width)
		}
		if s.pixels, err = shownAs("png", made.Data, made.Width, made.Height); err != nil {
			return nil, err
		}
		s.luma = lumaOf(s.pixels)
		if err := os.WriteFile(s.file, plainTIFF(s.pixels), 0o600); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// plainTIFF is a file of 8-bit RGB in one strip, not compressed (TIFF 6.0, section 6). The picture is opaque.
func plainTIFF(m *image.NRGBA) []byte {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	const entries, bits = 9, 8 + 2 + 12*9 + 4 // where the depths are, behind the only directory
	size := 3 * w * h
	le := binary.LittleEndian
	out := append([]byte("II*\x00"), 8, 0, 0, 0, entries, 0)
	for _, e := range [entries][4]uint32{ // tag, type, count, value
		{256, 4, 1, uint32(w)}, {257, 4, 1, uint32(h)}, {258, 3, 3, bits}, {259, 3, 1, 1}, {262, 3, 1, 2},
		{273, 4, 1, bits + 6}, {277, 3, 1, 3}, {278, 4, 1, uint32(h)}, {279, 4, 1, uint32(size)},
	} {
		out = le.AppendUint32(le.AppendUint16(le.AppendUint16(out, uint16(e[0])), uint16(e[1])), e[2])
		out = le.AppendUint32(out, e[3])
	}
	out = append(out, 0, 0, 0, 0, 8, 0, 8, 0, 8, 0)
	for i := 0; i < len(m.Pix); i += 4 {
		out = append(out, m.Pix[i:i+3]...)
	}
	return out
}

// lumaOf is the luma of BT.601 of an opaque picture, as JFIF has it.
func lumaOf(m *image.NRGBA) grid {
	g := grid{w: m.Rect.Dx(), h: m.Rect.Dy(), at: make([]float64, len(m.Pix)/4)}
	for i := range g.at {
		p := m.Pix[4*i:]
		g.at[i] = 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
	}
	return g
}

// rateSource makes the files of a picture and compares them. The first encoder has no deltas.
func (o options) rateSource(s rateSource, encoders []runningEncoder) (list []rateRow, err error) {
	var files [][]byte
	q := request{encoding: encoding{Format: "jpeg"}, File: s.file, Boxes: []box{{s.luma.w}}, Reps: 1, Keep: true}
	for _, e := range encoders {
		for _, q.Quality = range e.qualities {
			q.Effort = e.effort
			a, err := e.child.ask(q)
			if err != nil {
				return nil, err
			}
			files = append(files, a.Files[0])
		}
	}
	scored, err := o.scoreAll(s, files)
	if err != nil {
		return nil, err
	}
	times, err := o.rateTimes(s, encoders)
	if err != nil {
		return nil, err
	}
	for i, e := range encoders {
		r := rateRow{group: s.group, encoder: e.name, qualities: e.qualities, time: times[i], files: scored[:len(e.qualities)]}
		scored = scored[len(e.qualities):]
		if i > 0 {
			for _, m := range rateMeasures {
				delta, part, err := bjontegaard(m.points(list[0].files), m.points(r.files))
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", e.name, m.name, err)
				}
				r.deltas, r.short = append(r.deltas, delta), r.short || m.bounded && part < 0.98
			}
		}
		list = append(list, r)
	}
	return list, nil
}

func (m rateMeasure) points(files []ratedFile) (list []point) {
	for _, f := range files {
		p := point{m.of(f.scores), math.Log(float64(f.Bytes))}
		if !m.bytes {
			p.x, p.y = p.y, p.x
		}
		list = append(list, p)
	}
	return list
}

// rateTimes returns the medians of the ratios of processor times to the first encoder's, at quality 80.
func (o options) rateTimes(s rateSource, encoders []runningEncoder) (list []float64, err error) {
	times := make([][]float64, len(encoders))
	for range o.runs {
		for i, e := range encoders {
			q := request{encoding: encoding{Format: "jpeg", Effort: e.effort}, File: s.file, Boxes: []box{{s.luma.w}},
				Quality: quality, Reps: 2}
			a, err := e.child.ask(q)
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], float64(a.CPU))
		}
	}
	for _, t := range times {
		list = append(list, pairedRatio(t, times[0]))
	}
	return list, nil
}

// scoreAll scores files on all processors.
func (o options) scoreAll(s rateSource, files [][]byte) ([]ratedFile, error) {
	list, errs := make([]ratedFile, len(files)), make([]error, len(files))
	var wait sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
				list[i], errs[i] = o.score(s, files[i])
			}
		})
	}
	wait.Wait()
	return list, errors.Join(errs...)
}

// score scores a file, or finds its scores in the user's cache.
func (o options) score(s rateSource, file []byte) (f ratedFile, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return f, err
	}
	hash := sha256.New()
	for _, part := range [][]byte{[]byte("1"), []byte(o.butteraugli), s.pixels.Pix, file} {
		fmt.Fprintln(hash, len(part))
		hash.Write(part)
	}
	name := filepath.Join(cache, "imgmill-bench", "rate", hex.EncodeToString(hash.Sum(nil)))
	if data, err := os.ReadFile(name); err == nil {
		return f, json.Unmarshal(data, &f)
	}
	if f, err = o.scoreAnew(s, file); err != nil {
		return f, err
	}
	data, err := json.Marshal(f)
	if err != nil {
		return f, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return f, err
	}
	return f, os.WriteFile(name, data, 0o666)
}

func (o options) scoreAnew(s rateSource, file []byte) (f ratedFile, err error) {
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		return f, err
	}
	p, err := halvedPlanesOf(m)
	if err != nil {
		return f, err
	}
	shown, err := shownAs("jpeg", file, s.luma.w, s.luma.h)
	if err != nil {
		return f, err
	}
	f.Bytes = len(file)
	f.SSIMULACRA2 = ssimulacra(s.pixels, shown)
	f.SSIM = -10 * math.Log10(1-ssim(s.luma, p.y))
	f.PSNR = psnr(squaredError(s.luma.at, p.y.at), len(s.luma.at))
	f.Butteraugli3, f.ButteraugliMax, err = butteraugli(o.butteraugli, s.pixels, shown)
	return f, err
}

// halvedPlanesOf returns the planes of a picture that is 4:2:0 or grey, for others are not comparable.
func halvedPlanesOf(m image.Image) (*picture, error) {
	if m, ok := m.(*image.YCbCr); ok && m.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return nil, fmt.Errorf("a file has chroma as %v, want 4:2:0 of all", m.SubsampleRatio)
	}
	return planesOf(m)
}

// butteraugli runs libjxl's butteraugli_main and returns the 3-norm and the maximum of the distances, negative.
func butteraugli(command string, pictures ...*image.NRGBA) (norm, most float64, err error) {
	dir, err := os.MkdirTemp("", "imgmill-bench-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	var args []string
	for i, m := range pictures {
		args = append(args, filepath.Join(dir, strconv.Itoa(i)+".ppm")) // which it takes for sRGB
		if err := os.WriteFile(args[i], ppm(m), 0o600); err != nil {
			return 0, 0, err
		}
	}
	out, err := exec.Command(command, args...).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", command, err)
	}
	// The first line is the maximum, the second reads 3-norm: and the value.
	if _, err := fmt.Sscanf(string(out), "%g\n3-norm: %g", &most, &norm); err != nil {
		return 0, 0, fmt.Errorf("%s printed %.80q, which is no distance and 3-norm", command, out)
	}
	return -norm, -most, nil
}

func ppm(m *image.NRGBA) []byte {
	out := fmt.Appendf(nil, "P6\n%d %d\n255\n", m.Rect.Dx(), m.Rect.Dy())
	for i := 0; i < len(m.Pix); i += 4 {
		out = append(out, m.Pix[i:i+3]...)
	}
	return out
}
