package render

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/engine/ssimulacra2"
)

// Look is how much a lossy picture of the quality auto may differ from the reduced picture that it is
// made from.
type Look string

const (
	Good             Look = "good"              // nobody notices without the original beside it; the default
	High             Look = "high"              // nobody notices with the original beside it
	VisuallyLossless Look = "visually-lossless" // nobody notices where one takes the other's place
)

// target returns the score of SSIMULACRA2 that stands for a look, in the words of its author: 70 is
// "high quality", 80 "very high quality" and 90 "visually lossless".
func (l Look) target() float64 {
	switch l {
	case High:
		return 80
	case VisuallyLossless:
		return 90
	}
	return 70
}

// autoQuality is the value of the setting quality that leaves it to the picture.
const autoQuality = "auto"

// auto returns the encoder of a job whose quality is chosen by how the picture looks, or nil.
func (j *job) auto() codec.LossyEncoder {
	if j.variant.Encoding["quality"] != autoQuality || j.animates() && j.header.Frames > 1 {
		return nil
	}
	lossy, _ := j.encoder.(codec.LossyEncoder)
	return lossy
}

// searchMemory returns about how many bytes a search holds beside the reduced picture: a copy of its colours; of each
// sample that is encoded, two bytes in trials and in the decoder of a progressive file each, and three in its
// encoder; and rows of all scales.
func searchMemory(coded plane.Layout) (n int64) {
	w, h := int64(coded.Width()), int64(coded.Height())
	if coded.Model != plane.Gray {
		n = 3 * w * h
	}
	for _, p := range coded.Planes {
		n += 7 * int64(p.Width) * int64(p.Height)
	}
	return n + w<<11
}

// encoding returns the settings of a job's encoder: those of the variant. What is to be visually lossless keeps
// all of its chroma where nothing else is asked for: half of it rarely meets that look, and then takes
// 8 to 16 % more bytes.
func (j *job) encoding() setting.Values {
	v := maps.Clone(j.variant.Encoding)
	if v["quality"] == autoQuality && v["subsampling"] == "" && j.variant.Look == VisuallyLossless {
		v.Set("subsampling", "4:4:4") // which other formats ignore
	}
	return v
}

// working returns the layout in which a w×h result goes through the steps: that of the encoder or, if its file
// is to be compared with it, one that loses nothing, with all of its chroma, and RGB where it was that.
func (j *job) working(w, h int) plane.Layout {
	l := j.layout(w, h)
	if j.auto() == nil {
		return l
	}
	m := l.Model
	if m == plane.YCbCr && j.model() != plane.YCbCr {
		m = plane.RGB
	}
	return plane.NewLayout(m, l.HasAlpha(), w, h, 1, 1)
}

// coded returns p in the layout that the encoder takes. The planes of p stay as they are.
func (j *job) coded(ctx context.Context, p *plane.Picture) (*plane.Picture, error) {
	want := j.layout(p.Width(), p.Height())
	if p.Model != want.Model {
		full := plane.New(plane.NewLayout(want.Model, false, p.Width(), p.Height(), 1, 1))
		if err := eachRow(ctx, p.Height(), func(y int) { convertRow(full, p, y) }); err != nil {
			return nil, err
		}
		if a, ok := p.Alpha(); ok {
			full.Planes = append(full.Planes, p.Planes[a])
			full.Pix, full.Stride = append(full.Pix, p.Pix[a]), append(full.Stride, p.Stride[a])
		}
		full.Space = p.Space.For(want.Model)
		return plane.Subsample(ctx, full, want, j.format.Interpolated)
	}
	if !want.Subsampled() {
		return p, nil
	}
	q := *p
	q.Pix = nil
	for _, pix := range p.Pix {
		q.Pix = append(q.Pix, bytes.Clone(pix)) // Subsample works where it lies
	}
	return plane.Subsample(ctx, &q, want, j.format.Interpolated)
}

// search makes the file of a job at the lowest quality that meets its look, from p, which has lost nothing.
// It returns p in the layout that the encoder takes, and leaves the job with an encoder of that quality, in
// case the file has too many bytes.
func (e *Engine) search(ctx context.Context, j *job, p *plane.Picture, o codec.EncodeOptions) (*plane.Picture, error) {
	coded, err := j.coded(ctx, p)
	if err != nil {
		return nil, err
	}
	t, err := j.auto().Trials(ctx, coded, o)
	if err != nil {
		return nil, err
	}
	look := cmp.Or(j.variant.Look, Good)
	if j.found, err = codec.Reach(ctx, t, e.newJudge(j, p, o.Threads).score, look.target()); err != nil {
		return nil, err
	}
	if s := j.found.Score; s < look.target() {
		j.drop("the look %s in %s: it scores %.1f of %.0f, and no quality scores a point more",
			look, j.format.Title, s, look.target())
	}
	j.file, j.found.File = j.found.File, nil
	encoding := j.encoding()
	encoding.Set("quality", strconv.Itoa(j.found.Quality))
	j.encoder = j.format.Encoder(encoding)
	return coded, nil
}

// giveWay notes that the look of a job, if it has one, takes too many bytes, if the file is to have a lower quality.
func (j *job) giveWay(quality int) {
	if j.found != nil && quality < j.found.Quality {
		j.drop("the look %s: it takes %d bytes", cmp.Or(j.variant.Look, Good), len(j.file))
	}
}

// judge scores files beside the picture that they were made from.
type judge struct {
	format    *codec.Format
	encoder   codec.Encoder
	original  *plane.Picture
	transform *colour.Transform // of its colours to sRGB, or nil
	threads   int
	rows      [2][3][]byte // of original and file, in sRGB
	shown     [2][3][]byte // the same over a background
	opaque    bool
}

func (e *Engine) newJudge(of *job, p *plane.Picture, threads int) *judge {
	m := p.Model
	if m == plane.YCbCr {
		m = plane.RGB
	}
	j := &judge{format: of.format, encoder: of.encoder, original: p, threads: threads, opaque: p.Opaque()}
	j.transform = e.colours.get(p.Space, m, colour.ToSRGB, colour.Rendering{})
	for i := range j.rows {
		for c := range j.rows[i] {
			j.rows[i][c], j.shown[i][c] = make([]byte, p.Width()), make([]byte, p.Width())
		}
	}
	return j
}

// backgrounds are the levels behind transparent pixels, a tenth and nine tenths of white, as in the reference
// implementation of the score. The worse one counts.
var backgrounds = []uint8{26, 230}

// score decodes a file, and compares it with the original as an sRGB screen shows them.
func (j *judge) score(ctx context.Context, file []byte) (float64, error) {
	w, h := j.original.Width(), j.original.Height()
	comparisons := []*ssimulacra2.Comparison{ssimulacra2.New(w, h)}
	if !j.opaque {
		comparisons = append(comparisons, ssimulacra2.New(w, h))
	}
	err := j.show(ctx, file, func(y int, m plane.Model, rows [][]byte) error {
		j.compare(comparisons, m, rows, y)
		return ctx.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("decode what was written: %w", err)
	}
	score := comparisons[0].Score()
	for _, c := range comparisons[1:] {
		score = min(score, c.Score())
	}
	return score, nil
}

// show decodes a file to rows of full grids. Chroma is interpolated linearly, as browsers do it.
func (j *judge) show(ctx context.Context, file []byte, row func(y int, m plane.Model, rows [][]byte) error) error {
	w, h := j.original.Width(), j.original.Height()
	if s, ok := j.encoder.(codec.ShowingEncoder); ok {
		return s.Show(ctx, file, w, h, func(y int, rows [4][]byte) error {
			if rows[3] == nil {
				return row(y, plane.RGB, rows[:3])
			}
			return row(y, plane.RGB, rows[:])
		})
	}
	d, err := codec.Set{j.format}.Open(bytes.NewReader(file), codec.OpenOptions{Threads: j.threads})
	if err != nil {
		return err
	}
	layout, y := d.Header().Layout, 0
	sink, err := newAligner(layout, func(rows [][]byte) error {
		y++
		return row(y-1, layout.Model, rows)
	})
	if err != nil {
		return err
	}
	_, err = d.Decode(ctx, sink)
	return err
}

// compare passes row y of the original and of the file to the comparisons.
func (j *judge) compare(comparisons []*ssimulacra2.Comparison, m plane.Model, rows [][]byte, y int) {
	var own [][]byte
	for i := range j.original.Planes {
		own = append(own, j.original.Row(i, y))
	}
	models, planes := [2]plane.Model{j.original.Model, m}, [2][][]byte{own, rows}
	for i := range planes {
		rgb := j.rows[i][:]
		rgbRow(rgb, planes[i][:models[i].Colours()], models[i])
		if j.transform != nil && j.original.Model == plane.Gray {
			j.transform.Row(rgb[:1], rgb[:1])
			copy(rgb[1], rgb[0])
			copy(rgb[2], rgb[0])
		} else if j.transform != nil {
			j.transform.Row(rgb, rgb)
		}
	}
	if j.opaque {
		comparisons[0].Row(j.rows[0], j.rows[1])
		return
	}
	for k, c := range comparisons {
		for i := range planes {
			alpha := []byte(nil) // of an opaque file
			if len(planes[i]) > models[i].Colours() {
				alpha = planes[i][models[i].Colours()]
			}
			for channel, row := range j.rows[i] {
				overRow(j.shown[i][channel], row, alpha, backgrounds[k])
			}
		}
		c.Row(j.shown[0], j.shown[1])
	}
}

// overRow lays a row over a background.
func overRow(dst, src, alpha []byte, background uint8) {
	copy(dst, src)
	for x, a := range alpha {
		dst[x] = uint8((int(src[x])*int(a) + int(background)*(255-int(a)) + 127) / 255)
	}
}
