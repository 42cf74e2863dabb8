package mill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/placeholder"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Make makes the variants of the picture that r reads, within the limits of a recipe, its timeout
// among them. It returns the header as render.Engine.Make does. Errors are those of Make of
// render.Engine; a picture that takes longer than the timeout is codec.ErrLimit, and the context's
// own error if most of the time was spent in Read.
//
// Decoders and encoders look at their context at least every 50 ms, and Read is not called once it
// has ended. Make never returns while one of them still works: an abandoned goroutine would go on
// to use a processor and the memory of the next picture.
func Make(
	ctx context.Context, engine *render.Engine, r io.Reader, l recipe.Limits, variants []render.Variant,
) (codec.Header, []render.Output, error) {
	limit := timeLimit{time: l.Timeout, cause: errTimeout}
	ctx, cancel := limit.start(ctx)
	defer cancel()
	b := &body{ctx: ctx, r: r, size: -1}
	header, outputs, err := engine.Make(ctx, b, l.Limits, variants)
	return header, outputs, limit.judge(ctx, b, err)
}

// render makes the variants within the recipe's limits. Those that cannot be made while others can are
// noted, and have no data. It closes the source; what the variants do not need of it is not downloaded.
func (j *job) render(
	ctx context.Context, limit timeLimit, src *source, memory *share,
) ([]render.Output, error) {
	defer src.body.close()
	limits, size := j.Recipe.Limits, src.info.Size
	if err := src.checkSize(limits); err != nil {
		return nil, err
	}
	if err := j.plan.CheckManifest(); err != nil {
		return nil, bad(err.Error())
	}
	if err := memory.reserve(size); err != nil { // some decoders hold the file
		return nil, err
	}
	limits.Reserve = memory.reserve
	picture, err := src.decoded(j.Store, limits, memory)
	var header codec.Header
	var outputs []render.Output
	if err == nil {
		variants := j.plan.Variants()
		if j.plan.Manifest.Key != "" {
			variants = append(variants, placeholder.Variant())
		}
		if j.Recipe.Gates.Rekognition != nil {
			variants = append(variants, moderate.Variant(j.Recipe.Formats.Named("jpeg")))
		}
		header, outputs, err = j.Engine.Make(render.WithTrace(ctx, j.trace(src.change)), picture, limits.Limits, variants)
	}
	j.result.Source.SetHeader(header)
	err = limit.judge(ctx, src.body, src.unreadable(err))
	j.result.OutOfTime = errors.Is(err, errOutOfTime)
	j.result.overMemory = errors.Is(err, codec.ErrMemory)
	partial, ok := errors.AsType[*render.PartialError](err)
	if err != nil && !ok {
		return nil, err
	}
	n := len(j.plan.Outputs)
	if ok {
		for i, reason := range partial.Reasons[:n] {
			if reason != nil {
				j.fail(outputs[i].Variant.Name, reason.Error())
			}
		}
	}
	if j.Recipe.Gates.Rekognition != nil {
		last := len(outputs) - 1
		if err := j.passRekognition(ctx, outputs[last]); err != nil {
			return nil, err
		}
		outputs = outputs[:last]
	}
	if n < len(outputs) && outputs[n].Data != nil { // a manifest can do without one
		shown, err := placeholder.Parse(outputs[n].Data)
		if err != nil {
			return nil, err
		}
		j.shown = &shown
	}
	return outputs[:n], nil
}

// timeLimit bounds the time for reading and rendering a picture.
type timeLimit struct {
	time  time.Duration // 0 means no limit
	cause error         // errTimeout or errOutOfTime, with which the context ends
	full  bool          // as in Allowance
}

var (
	errTimeout   = errors.New("over the recipe's timeout")
	errOutOfTime = errors.New("out of time")
)

// timeLimit returns the shorter of the recipe's timeout and the allowance.
func (j *job) timeLimit() timeLimit {
	limit := timeLimit{time: j.Recipe.Limits.Timeout, cause: errTimeout}
	if a := j.allowance; a.Time > 0 && (limit.time <= 0 || a.Time < limit.time) {
		limit = timeLimit{a.Time, errOutOfTime, a.Full}
	}
	return limit
}

// start returns a context that ends with the limit.
func (l timeLimit) start(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.time <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, l.time, l.cause)
}

// judge returns err or, if the limit has ended ctx, an error that says whether the picture is to
// blame: it is if most of the time was not spent waiting for the network, unless another attempt
// would have more time.
func (l timeLimit) judge(ctx context.Context, b *body, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) || context.Cause(ctx) != l.cause {
		return err
	}
	network := b.n != b.size && b.waited >= l.time/2
	switch {
	case network && l.cause == errTimeout:
		return err
	case l.cause == errTimeout:
		return fmt.Errorf("%w: it takes longer than %s", codec.ErrLimit, l.time)
	case network || !l.full:
		return fmt.Errorf("%w: the picture was not done in the %s that were left for it; "+
			"another attempt may have more", errOutOfTime, l.time.Round(time.Millisecond))
	}
	return fmt.Errorf("%w: it takes longer than the %s that there are for a picture here; "+
		"give the function more time, or lower limits.pixels", codec.ErrLimit, l.time.Round(time.Millisecond))
}
