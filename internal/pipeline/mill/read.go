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
)

// source is a source object that has been opened, with the change that was read.
type source struct {
	change event.Change // its sequencer is that of the version that was read, or empty
	info   bucket.Info
	body   *body
}

// read opens the version of the object that c names.
func (j *job) read(ctx context.Context, c event.Change) (*source, error) {
	start := time.Now()
	obj, err := j.Store.Get(ctx, c.Bucket, c.Key, bucket.Condition{IfMatch: c.ETag})
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return nil, skip(goneReason)
	case errors.Is(err, bucket.ErrPrecondition):
		return nil, skip(staleReason)
	case err != nil:
		return nil, fmt.Errorf("read: %w", err)
	}
	j.result.Source.Bytes, j.result.Source.ETag = obj.Size, obj.ETag
	if c.ETag == "" {
		c.Sequencer = "" // it may be that of another version
	}
	src := &source{c, obj.Info, &body{ctx: ctx, rc: obj.Body, size: obj.Size, waited: time.Since(start)}}
	if isOutput(obj.Metadata) {
		src.body.rc.Close()
		return nil, skip("our own output")
	}
	return src, nil
}

// errTimeout is the cause with which the recipe's timeout ends a context.
var errTimeout = errors.New("over the recipe's timeout")

// withTimeout returns a context that ends with the recipe's timeout.
func (j *job) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := j.Recipe.Limits.Timeout
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, errTimeout)
}

// render makes the variants within the recipe's limits. It closes the source; what the variants do
// not need of it is not downloaded.
func (j *job) render(ctx context.Context, src *source) ([]render.Output, error) {
	defer src.body.rc.Close()
	limits, size := j.Recipe.Limits, src.info.Size
	switch {
	case size == 0:
		return nil, skip("the object is empty")
	case limits.Bytes > 0 && size > limits.Bytes:
		return nil, fmt.Errorf("%w: the object has %d bytes, the limit is %d",
			codec.ErrLimit, size, limits.Bytes)
	}
	header, outputs, err := j.Engine.Make(ctx, src.body, limits.Limits, j.plan.Variants())
	j.result.Source.SetHeader(header)
	if errors.Is(err, context.DeadlineExceeded) && context.Cause(ctx) == errTimeout &&
		(src.body.n == size || src.body.waited < limits.Timeout/2) {
		// The picture took the time, not the network.
		return nil, fmt.Errorf("%w: it takes longer than %s", codec.ErrLimit, limits.Timeout)
	}
	return outputs, err
}

// body reads an object for a decoder, which knows no context. It ends with the context, and reports
// an end before the object's size as a fault of the network, not of the picture.
type body struct {
	ctx    context.Context
	rc     io.ReadCloser
	n      int64         // bytes that have been read
	size   int64         // of the object
	waited time.Duration // for the network
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	n, err := b.rc.Read(p)
	b.waited += time.Since(start)
	b.n += int64(n)
	if (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)) && b.n < b.size {
		err = fmt.Errorf("%w: the connection ended after %d of %d bytes", bucket.ErrTransient, b.n, b.size)
	}
	return n, err
}
