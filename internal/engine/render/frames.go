package render

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Frames is which frames of an animation a variant has.
type Frames string

const (
	FirstFrame Frames = "first" // the default: the others are not even decoded
	AllFrames  Frames = "all"   // where the format holds animations
)

// animates reports whether the variant keeps all frames of an animation.
func (j *job) animates() bool {
	_, ok := j.encoder.(codec.FrameEncoder)
	return ok && j.variant.Frames == AllFrames
}

// animate makes the files of an animation, one frame after another, so that no more than one is in
// memory. A variant whose format holds no animation shows the first frame.
func (e *Engine) animate(ctx context.Context, d codec.FrameDecoder, l codec.Limits, jobs []*job) error {
	if err := l.CheckFrames(d.Header()); err != nil {
		return err
	}
	for {
		delay, err := d.NextFrame(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := e.reduce(ctx, d, l, jobs); err != nil {
			return err
		}
		var animated []*job
		for _, j := range jobs {
			p, err := j.finish(ctx)
			if err != nil {
				return err
			}
			if !j.animates() {
				err = e.encode(ctx, j, d, p)
			} else {
				animated = append(animated, j)
				err = e.writeFrame(ctx, j, d, p, delay)
			}
			if err != nil {
				return fmt.Errorf("variant %s: %w", j.variant.Name, err)
			}
		}
		jobs = animated
	}
	for _, j := range jobs {
		var err error
		if j.file, err = j.frames.Close(ctx); err != nil {
			return fmt.Errorf("variant %s: %w", j.variant.Name, err)
		}
	}
	return nil
}

func (e *Engine) writeFrame(
	ctx context.Context, j *job, d codec.FrameDecoder, p *plane.Picture, delay int,
) (err error) {
	if j.variant.MaxBytes > 0 {
		return fmt.Errorf("%w: max_bytes cannot bound an animation", codec.ErrUnsupported)
	}
	if j.frames == nil {
		animator := j.encoder.(codec.FrameEncoder) // animates has checked that
		if j.frames, err = animator.Animate(p.Layout, d.Loops(), e.options(j, p)); err != nil {
			return err
		}
	}
	return j.frames.WriteFrame(ctx, p, delay)
}
