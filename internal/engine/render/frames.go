package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// AllFrames is more frames than an animation has.
const AllFrames = math.MaxInt

// framesText returns the canonical text of a number of frames.
func framesText(n int) string {
	switch n {
	case 0, 1:
		return "first"
	case AllFrames:
		return "all"
	}
	return strconv.Itoa(n)
}

// parseFrames reads a canonical text, or "" for the default.
func parseFrames(text string) int {
	switch text {
	case "first":
		return 1
	case "all":
		return AllFrames
	}
	n, _ := strconv.Atoi(text)
	return n
}

// animates reports whether the variant is an animation if the picture is one.
func (j *job) animates() bool {
	_, ok := j.encoder.(codec.FrameEncoder)
	return ok && j.variant.Frames > 1
}

// span returns the first of the frames that the variant shows, and the one after the last.
func (j *job) span() (first, end int) {
	if j.animates() {
		return 0, min(j.variant.Frames, j.header.Frames)
	}
	end = min(max(j.variant.Poster, 1), j.header.Frames)
	return end - 1, end
}

// later reports whether the variant shows another frame than the first.
func (j *job) later() bool {
	_, end := j.span()
	return end > 1
}

// animate makes the files of an animation, one frame after another, so that no more than one is in
// memory. What no variant shows is not reduced, and nothing behind the last frame of them is read.
func (e *Engine) animate(ctx context.Context, d codec.FrameDecoder, l codec.Limits, jobs []*job) error {
	shown := d.Header()
	shown.Frames = 0
	for _, j := range jobs {
		_, end := j.span()
		shown.Frames = max(shown.Frames, end)
	}
	if err := l.CheckFrames(shown); err != nil {
		return err
	}
	for i := range shown.Frames {
		if len(living(jobs)) == 0 {
			return nil
		}
		delay, err := d.NextFrame(ctx)
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: it ends before frame %d", codec.ErrCorrupt, i+1)
		}
		if err != nil {
			return err
		}
		var here []*job
		for _, j := range jobs {
			if first, end := j.span(); first <= i && i < end && j.failed == nil {
				here = append(here, j)
			}
		}
		if len(here) == 0 {
			continue
		}
		if err := e.reduce(ctx, d, l, here); err != nil {
			return err
		}
		for _, j := range living(here) {
			p, err := j.finish(ctx)
			if err != nil {
				return err
			}
			if j.animates() {
				err = e.writeFrame(ctx, j, d, p, delay)
			} else {
				err = e.encode(ctx, j, d, p)
			}
			if err := j.attempt(err); err != nil {
				return err
			}
		}
	}
	decoded(ctx)
	for _, j := range living(jobs) {
		if j.frames == nil {
			continue
		}
		var err error
		j.file, err = j.frames.Close(ctx)
		if err := j.attempt(err); err != nil {
			return err
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
