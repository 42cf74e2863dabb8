// Package render makes the variants of one picture: it decodes once and gives an encoded file per variant. Its steps, in
// the order in which they are applied, are
//
//	orient    the eight EXIF orientations: which way is up            orient.go
//	fit       the size of the result and the part of the picture      fit.go
//	reduce    resampling, row by row while the decoder runs           reduce.go, light.go
//	turn      the reduced picture is turned upright                   orient.go
//	convert   colour model, transparency over the background          convert.go
//	pad       the background around a contained picture               pad.go
//	encode    by package codec, with the profile and metadata         encode.go
//
// Fit works on the upright picture, pixels are turned only once they are few: the result is the same, and no step needs
// the whole picture in memory. Where no variant shows the last rows of the stored picture, the decoder is stopped
// before them. It never reads a recipe, a clock or a network.
package render

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Output is one finished variant.
type Output struct {
	Variant       Variant
	Format        codec.Format
	Width, Height int
	Data          []byte
}

// job is one variant on its way through the steps.
type job struct {
	variant Variant
	format  codec.Format
	encoder codec.Encoder
	frame   frame
	reduced *plane.Picture
	sink    plane.Sink
	unmade  int  // planes of reduced whose last row has not come
	trimmed bool // whole rows of the source lie below what is shown
}

// Render decodes d once, for as many samples as the largest variant needs, and gives the variants in their order. Errors
// wrap those of package codec, or are those of the stream that d reads. A picture whose data is damaged is ErrCorrupt; what
// no variant needs, as below the last row that any of them shows, is neither read nor judged.
func Render(ctx context.Context, d codec.Decoder, variants []Variant) ([]Output, error) {
	h := d.Header()
	jobs := make([]*job, len(variants))
	for i, v := range variants {
		j, err := newJob(h, v)
		if err != nil {
			return nil, err
		}
		jobs[i] = j
	}
	layout := d.Shrink(samplesNeeded(h, jobs))
	for _, j := range jobs {
		if err := j.reduce(h, layout); err != nil {
			return nil, err
		}
	}
	if err := decode(ctx, d, fanOut(jobs)); err != nil {
		return nil, err
	}
	outputs := make([]Output, len(jobs))
	for i, j := range jobs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out, err := j.finish(d)
		if err != nil {
			return nil, fmt.Errorf("variant %s: %w", j.variant.Name, err)
		}
		outputs[i] = out
	}
	return outputs, nil
}

func newJob(h codec.Header, v Variant) (*job, error) {
	j := &job{variant: v, format: v.Format}
	switch {
	case j.format != "":
	case v.MaxBytes > 0: // only a lossy format can be made to fit
		j.format = codec.JPEG
	default:
		j.format = codec.Nearest(h)
	}
	var err error
	if j.encoder, err = codec.EncoderFor(j.format); err != nil {
		return nil, fmt.Errorf("variant %s: %w", v.Name, err)
	}
	w, ht := upright(h)
	j.frame = fit(v, w, ht)
	return j, j.frame.check(v)
}

// decode runs d into sink. Formats are decoded by several libraries; a panic of one is a picture that it cannot take.
func decode(ctx context.Context, d codec.Decoder, sink plane.Sink) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the %s decoder gave up: %v", codec.ErrCorrupt, d.Header().Format, p)
		}
	}()
	report, err := d.Decode(ctx, sink)
	if err != nil && !errors.Is(err, plane.ErrEnough) {
		return err
	}
	return report.Damage
}

// fan hands every row to every job that has not had enough.
type fan struct {
	sinks []plane.Sink // nil where one has
	left  int
}

func fanOut(jobs []*job) plane.Sink {
	if len(jobs) == 1 {
		return jobs[0].sink
	}
	f := &fan{left: len(jobs)}
	for _, j := range jobs {
		f.sinks = append(f.sinks, j.sink)
	}
	return f
}

func (f *fan) Rows(p, y int, r plane.Rows) error {
	for i, s := range f.sinks {
		if s == nil {
			continue
		}
		err := s.Rows(p, y, r)
		if err == plane.ErrEnough {
			f.sinks[i] = nil
			if f.left--; f.left > 0 {
				continue
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish takes a reduced picture through the remaining steps.
func (j *job) finish(d codec.Decoder) (Output, error) {
	h := d.Header()
	p := turn(j.reduced, h.Orientation)
	j.reduced, j.sink = nil, nil
	p = convert(p, j.wants(h, j.frame.width, j.frame.height), j.variant.Background)
	p = pad(p, j.frame, j.wants(h, j.frame.canvasWidth, j.frame.canvasHeight), j.variant.Background)
	data, err := j.encode(d, p)
	if err != nil {
		return Output{}, err
	}
	return Output{j.variant, j.format, p.Width(), p.Height(), data}, nil
}

// Explain says in a sentence why a picture cannot be processed, for errors where trying again is useless; ok is false
// for all others.
func Explain(err error) (reason string, ok bool) {
	for _, final := range []error{codec.ErrNotImage, codec.ErrCorrupt, codec.ErrUnsupported, codec.ErrLimit, codec.ErrTooLarge} {
		if errors.Is(err, final) {
			return err.Error(), true
		}
	}
	return "", false
}
