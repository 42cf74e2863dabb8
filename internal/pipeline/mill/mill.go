// Package mill takes one change of a source object to its variants: it guards, reads, renders, writes, and gives a
// verdict. It may be told of a change many times, late, and out of order; the variants still end up those of the latest
// version of the object.
//
// It never fetches events, never settles them, and never waits to try again: that is for whoever told it of the change.
package mill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Mill processes changes by a recipe. It is safe for concurrent use.
type Mill struct {
	Store  bucket.Store
	Recipe *recipe.Recipe
}

// Variant is one written output.
type Variant struct {
	Name   string       `json:"name"`
	Key    string       `json:"key"`
	Format codec.Format `json:"format"`
	Width  int          `json:"width"`
	Height int          `json:"height"`
	Bytes  int          `json:"bytes"`
}

// Result is what became of a change.
type Result struct {
	Verdict  outcome.Verdict
	Reason   string // for all but Done
	Source   Picture
	Variants []Variant
	Elapsed  time.Duration
}

// Picture is what was learnt of a source; zero where the change ended before its header was read.
type Picture struct {
	Format        codec.Format `json:"format"`
	Width, Height int          `json:"-"` // as stored
	Bytes         int64        `json:"bytes"`
	ETag          string       `json:"-"`
}

// LogLine returns what a log reports about the result of a change.
func (r Result) LogLine(c event.Change) outcome.Change {
	line := outcome.Change{
		Bucket: c.Bucket, Key: c.Key, Verdict: r.Verdict, Reason: r.Reason,
		MS: float64(r.Elapsed.Microseconds()) / 1000, BytesIn: r.Source.Bytes, Variants: len(r.Variants),
	}
	for _, v := range r.Variants {
		line.BytesOut += int64(v.Bytes)
	}
	return line
}

// verdictError ends a change early. A verdict is returned as an error so that each step reads straight down.
type verdictError struct {
	verdict outcome.Verdict
	reason  string
}

func (e verdictError) Error() string { return string(e.verdict) + ": " + e.reason }

// skip returns the verdict of a change for which there is nothing to do.
func skip(format string, args ...any) error {
	return verdictError{outcome.Skipped, fmt.Sprintf(format, args...)}
}

// Process takes a change to its variants. It gives up with Retry when ctx ends.
func (m *Mill) Process(ctx context.Context, c event.Change) Result {
	start := time.Now()
	var r Result
	err := m.guard(c)
	if err == nil {
		err = m.guarded(ctx, c, &r)
	}
	r.Verdict, r.Reason = verdict(err)
	if r.Verdict == outcome.Bad {
		if err := m.recordBad(ctx, c, r); err != nil {
			r.Verdict, r.Reason = verdict(err)
		}
	}
	r.Elapsed = time.Since(start)
	return r
}

// guarded is follow in which a panic, which would come again with every delivery, is a verdict.
func (m *Mill) guarded(ctx context.Context, c event.Change, r *Result) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = verdictError{outcome.Bad, fmt.Sprintf("the program failed on it, please report this: %v", p)}
		}
	}()
	return m.follow(ctx, c, r)
}

// verdict sorts an error. What is neither the picture's fault nor a verdict already is worth another try.
func verdict(err error) (outcome.Verdict, string) {
	var e verdictError
	if err == nil {
		return outcome.Done, ""
	}
	if errors.As(err, &e) {
		return e.verdict, e.reason
	}
	if errors.Is(err, codec.ErrNotImage) {
		return outcome.Skipped, err.Error()
	}
	if reason, ok := render.Explain(err); ok {
		return outcome.Bad, reason
	}
	if errors.Is(err, bucket.ErrInvalid) {
		return outcome.Bad, err.Error()
	}
	return outcome.Retry, err.Error()
}

// guard ends a change that needs no look at the object.
func (m *Mill) guard(c event.Change) error {
	if c.Bucket != m.Recipe.Source.Bucket {
		return skip("bucket %q is not the recipe's source", c.Bucket)
	}
	if ok, why := m.Recipe.Wants(c.Key); !ok {
		return verdictError{outcome.Skipped, why}
	}
	return nil
}

// process makes and writes the variants of the object that c tells of.
func (m *Mill) process(ctx context.Context, c event.Change, r *Result) error {
	s, outputs, err := m.read(ctx, c, r)
	if err != nil {
		return err
	}
	if r.Variants, err = m.write(ctx, s, outputs); err != nil {
		return err
	}
	return m.writeManifest(ctx, s, *r)
}

// read makes the variants of the object that c tells of. What they do not need of it is not waited for.
func (m *Mill) read(ctx context.Context, c event.Change, r *Result) (s source, outputs []render.Output, err error) {
	ctx, stop := m.limited(ctx)
	defer stop()
	start := time.Now()
	obj, err := m.Store.Get(ctx, c.Bucket, c.Key, bucket.Condition{IfMatch: c.ETag})
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return s, nil, skip("gone: the object was removed since")
	case errors.Is(err, bucket.ErrPrecondition):
		return s, nil, skip("stale: the object was replaced since, by a change that is told on its own")
	case err != nil:
		return s, nil, fmt.Errorf("read: %w", err)
	}
	defer obj.Body.Close()
	r.Source.Bytes, r.Source.ETag = obj.Size, obj.ETag
	if c.ETag == "" {
		c.Sequencer = "" // it is of a version that this need not be
	}
	if marked(obj.Metadata) {
		return s, nil, skip("our own output")
	}
	variants := m.Recipe.For(c.Key)
	if len(variants) == 0 {
		return s, nil, skip("the recipe's rules want no variant of it")
	}
	outputs, err = m.render(ctx, obj, time.Since(start), variants, r)
	return source{change: c, info: obj.Info}, outputs, err
}

// errTooLong is the cause with which the recipe's timeout ends a context.
var errTooLong = errors.New("over the recipe's timeout")

// limited is ctx within the recipe's timeout.
func (m *Mill) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if m.Recipe.Limits.Timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, m.Recipe.Limits.Timeout, errTooLong)
}

// render gives the encoded variants of an open object, within the recipe's limits. The network has been waited for already.
func (m *Mill) render(ctx context.Context, obj *bucket.Object, waited time.Duration, variants []render.Variant, r *Result) ([]render.Output, error) {
	limits := m.Recipe.Limits
	switch {
	case obj.Size == 0:
		return nil, skip("the object is empty")
	case limits.Bytes > 0 && obj.Size > limits.Bytes:
		return nil, fmt.Errorf("%w: the object has %d bytes, the limit is %d", codec.ErrLimit, obj.Size, limits.Bytes)
	}
	body := &body{ctx: ctx, r: obj.Body, size: obj.Size, waited: waited}
	outputs, err := func() ([]render.Output, error) {
		d, err := codec.Open(body, limits.Limits)
		if err != nil {
			return nil, err
		}
		h := d.Header()
		r.Source.Format, r.Source.Width, r.Source.Height = h.Format, h.Width, h.Height
		return render.Render(ctx, d, variants)
	}()
	if errors.Is(err, context.DeadlineExceeded) && context.Cause(ctx) == errTooLong &&
		(body.n == obj.Size || body.waited < limits.Timeout/2) {
		// The picture took the time, not the network.
		return nil, fmt.Errorf("%w: it takes longer than %s", codec.ErrLimit, limits.Timeout)
	}
	return outputs, err
}

// body is an object's stream that ends with its context, for decoders which know of none, and counts. An end before the
// object's size is the network's and not the picture's.
type body struct {
	ctx  context.Context
	r    io.Reader
	n    int64
	size int64

	waited time.Duration // for the network
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	n, err := b.r.Read(p)
	b.waited += time.Since(start)
	b.n += int64(n)
	if (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)) && b.n < b.size {
		err = fmt.Errorf("%w: %d of %d bytes came", bucket.ErrTransient, b.n, b.size)
	}
	return n, err
}
