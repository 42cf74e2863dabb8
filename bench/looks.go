package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imgmill/imgmill/bench/resident"
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/ssimulacra2"
	"github.com/imgmill/imgmill/internal/engine/webp"
)

// lookWidth is the width that larger pictures are reduced to before their looks are compared.
const lookWidth = 800

// looked is a way to choose a quality: a number, or a look.
type looked struct {
	quality string
	look    render.Look
}

var lookedFor = []looked{
	{"80", ""}, {"auto", render.Good}, {"auto", render.High}, {"auto", render.VisuallyLossless},
}

func (l looked) String() string {
	if l.look == "" {
		return "quality " + l.quality
	}
	return string(l.look)
}

// target returns the score that a look stands for, as docs/web.md has it, or 0.
func (l looked) target() float64 {
	return map[render.Look]float64{render.Good: 70, render.High: 80, render.VisuallyLossless: 90}[l.look]
}

// lookResult is one file of a picture.
type lookResult struct {
	bytes, encodes, quality int
	score, reference        float64
	cpu                     time.Duration // with one thread, of all that making the file takes
}

// looks compares the files of quality auto with those of quality 80, over the pictures of each folder, and
// prints a table. Scores are those of the files as decoders show them that are not ours, but for WebP's.
func (o options) looks(files []string, stdout, stderr io.Writer) error {
	groups := map[string][]string{}
	var names []string
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f))
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], f)
	}
	lines := [][]string{{
		"pictures", "format", "quality", "bytes", "÷ quality 80", "score", "from", "to", "reference", "encodes", "qualities", "missed", "CPU ms",
	}}
	for _, name := range names {
		for _, format := range []string{"jpeg", "webp"} {
			results := make([][]lookResult, len(lookedFor))
			for i, f := range groups[name] {
				fmt.Fprintf(stderr, "%s as %s, %d of %d\n", name, format, i+1, len(groups[name]))
				list, err := o.look(f, format)
				if err != nil {
					return fmt.Errorf("%s: %w", f, err)
				}
				for k, r := range list {
					results[k] = append(results[k], r)
				}
			}
			for k, l := range lookedFor {
				lines = append(lines, append([]string{name, format}, lookLine(l, results[k], results[0])...))
			}
		}
	}
	print(stdout, lines)
	return nil
}

// lookLine sums up the files of one way. Their ratio to those of quality 80 is the mean of the logarithms.
func lookLine(l looked, list, usual []lookResult) []string {
	n := float64(len(list))
	var sum, ratio, score, reference, encodes, cpu float64
	lowest, highest, missed := math.Inf(1), math.Inf(-1), 0
	var qualities []int
	for i, r := range list {
		sum += float64(r.bytes)
		ratio += math.Log(float64(r.bytes) / float64(usual[i].bytes))
		encodes += float64(r.encodes)
		cpu += float64(r.cpu.Microseconds()) / 1000
		score, reference = score+r.score, reference+r.reference
		lowest, highest = min(lowest, r.score), max(highest, r.score)
		qualities = append(qualities, r.quality)
		if r.score < l.target() {
			missed++
		}
	}
	tool, trials := "–", "–"
	if reference != 0 {
		tool = fmt.Sprintf("%.1f", reference/n)
	}
	if encodes != 0 {
		trials = fmt.Sprintf("%.2f", encodes/n)
	}
	return []string{
		l.String(), fmt.Sprintf("%.0f", sum/n), fmt.Sprintf("%.2f", math.Exp(ratio/n)),
		fmt.Sprintf("%.1f", score/n), fmt.Sprintf("%.1f", lowest), fmt.Sprintf("%.1f", highest), tool, trials,
		fmt.Sprintf("%d–%d", slices.Min(qualities), slices.Max(qualities)), strconv.Itoa(missed), fmt.Sprintf("%.0f", cpu/n),
	}
}

// look makes a picture's files, in the order of lookedFor, and scores them.
func (o options) look(file, format string) ([]lookResult, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	engine := &render.Engine{Formats: formats.All(), Threads: 1}
	exact := render.NewVariant("exact")
	exact.Width, exact.Format = lookWidth, engine.Formats.Named("png")
	variants := []render.Variant{exact}
	for _, l := range lookedFor {
		v := render.NewVariant(l.String())
		v.Width, v.Format, v.Look = lookWidth, engine.Formats.Named(format), l.look
		v.Encoding = setting.Values{"quality": l.quality}
		variants = append(variants, v)
	}
	var results []lookResult
	var original *image.NRGBA
	for i, v := range variants { // each from a decode of its own, as by itself
		start := resident.CPU()
		_, outputs, err := engine.Make(context.Background(), bytes.NewReader(data), codec.Limits{}, []render.Variant{v})
		if err != nil {
			return nil, err
		}
		used := resident.CPU() - start
		made := outputs[0]
		shown, err := shownAs(made.Format.Name, made.Data, made.Width, made.Height)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			original = shown
			continue
		}
		r := lookResult{bytes: len(made.Data), score: ssimulacra(original, shown), cpu: used}
		if r.quality = 80; made.Found != nil {
			r.quality, r.encodes = made.Found.Quality, made.Found.Encodes
		}
		if o.reference != "" {
			if r.reference, err = referenceScore(o.reference, original, shown); err != nil {
				return nil, err
			}
		}
		results = append(results, r)
	}
	return results, nil
}

// shownAs returns the pixels of a file as browsers show them. Chroma of a JPEG is interpolated linearly.
func shownAs(format string, file []byte, w, h int) (*image.NRGBA, error) {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	set := func(x, y int, r, g, b uint8) {
		copy(out.Pix[out.PixOffset(x, y):], []uint8{r, g, b, 255})
	}
	switch format {
	case "webp":
		return out, webp.RGBA(context.Background(), file, w, h, func(y int, rows [4][]byte) error {
			for x := range rows[0] {
				set(x, y, rows[0][x], rows[1][x], rows[2][x])
			}
			return nil
		})
	case "jpeg":
		m, err := jpeg.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, err
		}
		p, err := planesOf(m)
		if err != nil {
			return nil, err
		}
		if m, ok := m.(*image.YCbCr); ok && m.SubsampleRatio == image.YCbCrSubsampleRatio420 {
			p.cb, p.cr = p.cb.doubled(w, h), p.cr.doubled(w, h)
		} else {
			p = p.resized(w, h, triangle)
		}
		return p.shown(), nil
	}
	m, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	for i := range w * h {
		r, g, b, _ := m.At(i%w, i/w).RGBA()
		set(i%w, i/w, uint8(r>>8), uint8(g>>8), uint8(b>>8))
	}
	return out, nil
}

// ssimulacra returns the score of SSIMULACRA 2 of an opaque picture.
func ssimulacra(original, other *image.NRGBA) float64 {
	w, h := original.Rect.Dx(), original.Rect.Dy()
	c := ssimulacra2.New(w, h)
	var rows [2][3][]byte
	for i := range rows {
		for k := range rows[i] {
			rows[i][k] = make([]byte, w)
		}
	}
	for y := range h {
		for i, m := range []*image.NRGBA{original, other} {
			for x := range w {
				for k := range rows[i] {
					rows[i][k][x] = m.Pix[y*m.Stride+4*x+k]
				}
			}
		}
		c.Row(rows[0], rows[1])
	}
	return c.Score()
}

// referenceScore runs libjxl's ssimulacra2.
func referenceScore(command string, pictures ...*image.NRGBA) (float64, error) {
	dir, err := os.MkdirTemp("", "imgmill-bench")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var args []string
	for i, m := range pictures {
		var b bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
			return 0, err
		}
		args = append(args, filepath.Join(dir, strconv.Itoa(i)+".png"))
		if err := os.WriteFile(args[i], b.Bytes(), 0o600); err != nil {
			return 0, err
		}
	}
	out, err := exec.Command(command, args...).Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", command, err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}
