package render

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// HDR is what becomes of a picture's gain map.
type HDR string

const (
	DropHDR HDR = "drop" // the variant is the base picture alone; the default
	KeepHDR HDR = "keep" // the variant has the gain map, reduced as it is
)

// gainMaps reduces the gain map of d with each job that keeps it: the same part, turned in the same way, in
// the same proportion to the picture. What cannot be kept is named in the job's dropped.
func (e *Engine) gainMaps(ctx context.Context, d codec.Decoder, l codec.Limits, jobs []*job) error {
	source, ok := d.(codec.GainMapDecoder)
	if !ok || !slices.ContainsFunc(jobs, func(j *job) bool { return j.variant.HDR == KeepHDR }) {
		return nil
	}
	m, err := source.GainMap(ctx)
	if m == nil && err == nil {
		return nil
	}
	if err != nil && !codec.Permanent(err) {
		return err
	}
	if reserve := l.Reserve; m != nil && reserve != nil {
		beside := int64(len(m.File)) // which is held with the reduced pictures
		for _, j := range jobs {
			held, _ := j.memory()
			beside += held
		}
		l.Reserve = func(n int64) error { return reserve(beside + n) }
	}
	for _, j := range jobs {
		if j.variant.HDR != KeepHDR {
			continue
		}
		reason := cmp.Or(err, j.takesMap())
		if reason == nil {
			j.gainMap, reason = e.gainMap(ctx, l, j, m)
			if reason != nil && !codec.Permanent(reason) {
				return reason // as of a context that has ended, or of memory that is not free now
			}
		}
		if reason != nil {
			j.drop("the gain map: %v", reason)
		}
	}
	return nil
}

// takesMap returns why the variant can have no gain map, or nil.
func (j *job) takesMap() error {
	if !j.format.GainMap {
		return fmt.Errorf("%s holds none", j.format.Title)
	}
	return nil
}

// gainMap returns the gain map of a job.
func (e *Engine) gainMap(ctx context.Context, l codec.Limits, j *job, m *codec.GainMap) (*codec.GainMap, error) {
	d, err := e.Open(bytes.NewReader(m.File), l)
	if err != nil {
		return nil, err
	}
	h := d.Header()
	h.Orientation, h.Metadata, h.Layout.Space = j.header.Orientation, codec.Metadata{}, plane.Space{}
	k := &job{header: h, format: j.format}
	k.variant = Variant{Name: j.variant.Name, Filter: j.variant.Filter, Colour: KeepSpace, Format: j.format}
	k.variant.Encoding.Set("quality", gainMapQuality)
	k.variant.Encoding.Set("subsampling", "4:4:4")
	k.encoder = k.format.Encoder(k.variant.Encoding)
	k.background = m.Gain.None()
	w, ht := upright(j.header)
	mw, mht := upright(h)
	k.frame = j.frame.scaled(float64(mw)/float64(w), float64(mht)/float64(ht))
	if err := e.reduce(ctx, d, l, []*job{k}); err != nil {
		return nil, err
	}
	if k.failed != nil {
		return nil, k.failed
	}
	p, err := k.finish(ctx)
	if err != nil {
		return nil, err
	}
	file, err := k.encoder.Encode(ctx, p, codec.EncodeOptions{Threads: e.threads()})
	if err != nil {
		return nil, err
	}
	return &codec.GainMap{File: file, Gain: m.Gain}, nil
}

// gainMapQuality is that of gain maps, on libjpeg's scale: they are small, and smooth except at edges.
const gainMapQuality = "90"

// scaled returns the frame of another picture of the same scene, whose sides are x and y times as long.
func (f frame) scaled(x, y float64) frame {
	g := frame{window: window{f.window.x * x, f.window.y * y, f.window.width * x, f.window.height * y}}
	g.width, g.height = pixels(f.width, x), pixels(f.height, y)
	g.cutWidth, g.cutHeight = g.width, g.height
	g.canvasWidth = max(pixels(f.canvasWidth, x), g.width)
	g.canvasHeight = max(pixels(f.canvasHeight, y), g.height)
	g.left = min(int(math.Round(float64(f.left)*x)), g.canvasWidth-g.width)
	g.top = min(int(math.Round(float64(f.top)*y)), g.canvasHeight-g.height)
	return g
}
