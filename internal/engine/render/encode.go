package render

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// encode makes the file of a job from its finished picture. A lossy picture made from one of the
// same format has no more bytes than it, where the variant names no setting that weighs bytes
// against looks: the default quality then gives way, down to codec.LowestQuality, and the coding is
// a compact one.
func (e *Engine) encode(ctx context.Context, j *job, d codec.Decoder, p *plane.Picture) (err error) {
	o := e.options(j, p)
	e.working.Add(1)
	defer e.working.Add(-1)
	if j.auto() != nil {
		if p, err = e.search(ctx, j, p, o); err != nil {
			return err
		}
	}
	lossy, ok := j.encoder.(codec.LossyEncoder)
	if j.variant.MaxBytes > 0 {
		if !ok {
			return fmt.Errorf("%w: %s is lossless, so max_bytes cannot bound it", codec.ErrUnsupported, j.format.Name)
		}
		if j.found != nil && int64(len(j.file)) <= j.variant.MaxBytes {
			return nil
		}
		t, err := lossy.Trials(ctx, p, o)
		if err != nil {
			return err
		}
		return j.fitBytes(ctx, t, j.variant.MaxBytes)
	}
	if j.found == nil {
		j.file, err = j.encoder.Encode(ctx, p, o)
	}
	compact, may := j.encoder.(codec.CompactEncoder)
	may = may && compact.Compacts()
	if err != nil || !ok && !may || j.mayGrow() {
		return err
	}
	most, err := d.Length(int64(len(j.file)))
	if err != nil || int64(len(j.file)) <= most {
		return err
	}
	o.Compact = true
	if !ok {
		file, err := compact.Encode(ctx, p, o)
		if err == nil && len(file) < len(j.file) {
			j.file = file
		}
		return err
	}
	t, err := lossy.Trials(ctx, p, o)
	if err != nil {
		return err
	}
	if int64(len(j.file)) <= hopeless*most {
		if err := j.fitBytes(ctx, t, most); !errors.Is(err, codec.ErrTooLarge) {
			return err
		}
	}
	j.giveWay(codec.LowestQuality)
	j.file, err = t.Encode(ctx, codec.LowestQuality) // the source has even lower quality
	return err
}

// hopeless is how many times as many bytes as it may have a picture of the usual quality has where a
// search for a lower one is in vain: codec.LowestQuality makes photographs five times smaller.
const hopeless = 64

// fitBytes makes the best file that has no more than most bytes.
func (j *job) fitBytes(ctx context.Context, t codec.Trials, most int64) error {
	file, quality, err := codec.Fit(ctx, t, most, min(codec.LowestQuality, t.Quality()), t.Quality())
	if err != nil {
		return err
	}
	j.giveWay(quality)
	j.file = file
	return nil
}

// mayGrow reports whether the file may have more bytes than the source.
func (j *job) mayGrow() bool {
	w, h := upright(j.header)
	if j.header.Format != j.format || j.frame.canvasWidth > w || j.frame.canvasHeight > h {
		return true
	}
	for _, s := range j.format.Settings {
		if text, given := j.variant.Encoding[s.Name]; given && s.MayGrow && !(s.Name == "quality" && text == autoQuality) {
			return true
		}
	}
	return false
}

// options returns the options of an encoder for a picture.
func (e *Engine) options(j *job, p *plane.Picture) codec.EncodeOptions {
	_, end := j.span()
	return codec.EncodeOptions{
		Metadata: j.metadata(p.Space), GainMap: j.gainMap,
		Poster: min(max(j.variant.Poster, 1), end) - 1, Threads: e.threads(),
	}
}
