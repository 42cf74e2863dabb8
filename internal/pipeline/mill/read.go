package mill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// source is a source object that has been opened, with the change that was read.
type source struct {
	change event.Change // its sequencer is that of the version that was read, or empty
	info   bucket.Info
	body   *body
}

// oursReason is the reason to skip an output. Outputs are never processed again, so that no loop of
// buckets can start, however many deployments it has.
const oursReason = "our own output: imgmill made it from another object, and makes no variants of variants; " +
	"make all of them from the original (several variants, or a second deployment on its bucket), " +
	"or copy it without its imgmill- metadata"

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
	src := newSource(ctx, c, obj, time.Since(start))
	if isOutput(obj.Metadata) {
		src.body.close()
		j.result.warn = true // it may be a chain of buckets that somebody has set up
		return nil, skip(oursReason)
	}
	return src, nil
}

// newSource returns an object that has been opened, for which the network has taken some time already.
func newSource(ctx context.Context, c event.Change, o *bucket.Object, waited time.Duration) *source {
	return &source{c, o.Info, &body{ctx: ctx, r: o.Body, close: o.Body.Close, size: o.Size, waited: waited}}
}

// checkSize refuses an object for its number of bytes.
func (src *source) checkSize(l recipe.Limits) error {
	switch size := src.info.Size; {
	case size == 0:
		return skip("the object is empty")
	case l.Bytes > 0 && size > l.Bytes:
		return fmt.Errorf("%w: the object has %d bytes, the limit is %d", codec.ErrLimit, size, l.Bytes)
	}
	return nil
}

// confirm looks at a source again. If it is no longer what was read, the error is the verdict.
func (j *job) confirm(ctx context.Context, src *source) (bucket.Info, error) {
	now, err := j.LookAtSource(ctx, src.change.Key)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		err = skip(goneReason)
	case err != nil:
		err = fmt.Errorf("look at the source again: %w", err)
	case now.ETag != src.info.ETag:
		err = skip(staleReason)
	}
	return now, err
}

// LookAtSource returns the description of an object of the source bucket. If the error is
// bucket.ErrNotFound, there is none for certain: it takes another request then.
func (m *Mill) LookAtSource(ctx context.Context, key string) (bucket.Info, error) {
	for range maxRaces {
		info, err := m.Store.Head(ctx, m.Recipe.Source.Bucket, key)
		if !errors.Is(err, bucket.ErrNotFound) {
			return info, err
		}
		if gone, absent := m.gone(ctx, key); gone || absent != nil {
			return bucket.Info{}, cmp.Or(absent, err)
		}
	}
	return bucket.Info{}, errTooManyWriters
}

// gone reports whether the source bucket has no object with a key. It is asked for by a GET, whose answer
// tells a missing object from a missing bucket and from unknown credentials, on a condition that no object
// fulfils, so that none is sent.
func (m *Mill) gone(ctx context.Context, key string) (bool, error) {
	o, err := m.Store.Get(ctx, m.Recipe.Source.Bucket, key, bucket.Condition{IfMatch: "no-such-etag"})
	switch {
	case err == nil:
		return false, o.Body.Close()
	case errors.Is(err, bucket.ErrPrecondition):
		return false, nil
	case errors.Is(err, bucket.ErrNotFound):
		return true, nil
	}
	return false, err
}

// body reads an object for a decoder, which knows no context. It ends with the context, and reports
// an end before the object's size as a fault of the network, not of the picture.
type body struct {
	ctx    context.Context
	r      io.Reader
	close  func() error
	n      int64         // bytes that have been read
	size   int64         // of the object, or -1 if it is not known
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
		err = fmt.Errorf("%w: the connection ended after %d of %d bytes", bucket.ErrTransient, b.n, b.size)
	}
	return n, err
}

// parts is a body of whose object parts can be asked for too, with a request each. All of them are of the
// version that was opened.
type parts struct {
	*body
	store bucket.Store
	of    *source
}

var _ codec.Ranges = parts{}

// Size implements codec.Ranges.
func (p parts) Size() int64 { return p.size }

// ReadAt implements codec.Ranges. If the object has been replaced or removed, the error is the verdict.
func (p parts) ReadAt(b []byte, offset int64) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	err := p.store.ReadAt(p.ctx, p.of.change.Bucket, p.of.change.Key, p.of.info.ETag, b, offset)
	p.waited += time.Since(start)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return 0, skip(goneReason)
	case errors.Is(err, bucket.ErrPrecondition):
		return 0, skip(staleReason)
	case err != nil:
		return 0, fmt.Errorf("read: %w", err)
	}
	return len(b), nil
}
