package render

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/exif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// encode makes the file of a job from its finished picture. A lossy picture made from one of the
// same format has no more bytes than it, where the variant names no setting that weighs bytes
// against looks: the default quality then gives way, down to codec.LowestQuality, and the coding is
// a compact one.
func (e *Engine) encode(ctx context.Context, j *job, d codec.Decoder, p *plane.Picture) (err error) {
	o := e.options(j)
	e.working.Add(1)
	defer e.working.Add(-1)
	lossy, ok := j.encoder.(codec.LossyEncoder)
	if j.variant.MaxBytes > 0 {
		if !ok {
			return fmt.Errorf("%w: %s is lossless, so max_bytes cannot bound it", codec.ErrUnsupported, j.format.Name)
		}
		j.file, err = fitBytes(ctx, lossy, p, o, j.variant.MaxBytes)
		return err
	}
	if j.file, err = j.encoder.Encode(ctx, p, o); err != nil || !ok || j.mayGrow() {
		return err
	}
	most, err := d.Length(int64(len(j.file)))
	if err != nil || int64(len(j.file)) <= most {
		return err
	}
	o.Compact = true
	j.file, err = fitBytes(ctx, lossy, p, o, most)
	if errors.Is(err, codec.ErrTooLarge) { // the source has even lower quality
		t, err := lossy.Trials(ctx, p, o)
		if err != nil {
			return err
		}
		j.file, err = t.Encode(ctx, codec.LowestQuality)
		return err
	}
	return err
}

// fitBytes returns the best file of p that has no more than most bytes.
func fitBytes(
	ctx context.Context, encoder codec.LossyEncoder, p *plane.Picture, o codec.EncodeOptions,
	most int64,
) ([]byte, error) {
	t, err := encoder.Trials(ctx, p, o)
	if err != nil {
		return nil, err
	}
	file, _, err := codec.Fit(ctx, t, most, min(codec.LowestQuality, t.Quality()), t.Quality())
	return file, err
}

// mayGrow reports whether the file may have more bytes than the source.
func (j *job) mayGrow() bool {
	w, h := upright(j.header)
	if j.header.Format != j.format || j.frame.canvasWidth > w || j.frame.canvasHeight > h {
		return true
	}
	for _, s := range j.format.Settings {
		if _, given := j.variant.Encoding[s.Name]; given && s.MayGrow {
			return true
		}
	}
	return false
}

// options returns the options of an encoder. An EXIF block that the format cannot hold is reduced to
// artist and copyright, which always fit; j.dropped then names the rest.
func (e *Engine) options(j *job) codec.EncodeOptions {
	width, height := j.frame.canvasWidth, j.frame.canvasHeight
	block := j.variant.Metadata.keep(j.header.EXIF, width, height)
	if most := j.format.MaxEXIF; most > 0 && len(block) > most {
		j.drop(fmt.Sprintf("EXIF data except artist and copyright: %d bytes, of which %s holds %d",
			len(block), j.format.Title, most))
		block = Copyright.keep(j.header.EXIF, width, height)
	}
	return codec.EncodeOptions{EXIF: block, GainMap: j.gainMap, Threads: e.threads()}
}

// keep returns the part of an EXIF block that goes into a variant of width×height pixels.
func (m Metadata) keep(tiff []byte, width, height int) []byte {
	switch {
	case tiff == nil:
		return nil
	case m == Keep:
		return exif.Resized(tiff, width, height)
	case m == Copyright:
		info, _ := exif.Parse(tiff) // returns what could be read beside the error
		return exif.CopyrightOnly(info)
	}
	return nil
}
