package mill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Opened is an object that is read outside of a change, as a change would read it. Its Reader is for
// render.Engine.Make: it decompresses what is compressed, and parts can be asked for elsewhere.
type Opened struct {
	io.Reader
	src     *source
	timeout time.Duration // of the limits, which the caller's context has
}

// Open opens an object of at most the size that the limits allow. What is read of it ends with ctx.
func Open(ctx context.Context, store bucket.Store, name, key string, l recipe.Limits) (*Opened, error) {
	start := time.Now()
	o, err := store.Get(ctx, name, key, bucket.Condition{})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: %s were over before the object came", bucket.ErrTransient, l.Timeout)
	case err != nil:
		return nil, err
	}
	src := newSource(ctx, event.Change{Bucket: name, Key: key}, o, time.Since(start))
	if err := src.checkSize(l); err != nil {
		src.body.close()
		return nil, err
	}
	r, err := src.decoded(store, l, &share{})
	if err != nil {
		src.body.close()
		return nil, err
	}
	return &Opened{r, src, l.Timeout}, nil
}

// Info describes the object that is read.
func (o *Opened) Info() bucket.Info { return o.src.info }

// Close ends the download.
func (o *Opened) Close() error { return o.src.body.close() }

// Explain returns an error of reading or decoding the object with what the object says of its cause: a picture is not to
// blame for a slow network.
func (o *Opened) Explain(err error) error {
	if v, reason := Classify(err); v == outcome.Skipped && (reason == goneReason || reason == staleReason) {
		return fmt.Errorf("%w: the object was replaced or removed while it was read; try again", bucket.ErrTransient)
	}
	if b := o.src.body; errors.Is(err, context.DeadlineExceeded) && b.n != b.size && b.waited >= o.timeout/2 { // as in timeLimit.judge
		return fmt.Errorf("%w: %s were over after %d of %d bytes", bucket.ErrTransient, o.timeout, b.n, b.size)
	}
	return o.src.unreadable(err)
}
