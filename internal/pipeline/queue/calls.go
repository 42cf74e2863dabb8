package queue

import (
	"context"
	"fmt"
)

// Calls ties the calls of an implementation to its Close: those in progress end, and later ones fail
// with ErrClosed.
type Calls struct {
	name    string // of the queue, for errors
	closing context.Context
	close   context.CancelFunc
}

// NewCalls returns the calls of a queue that is open.
func NewCalls(name string) *Calls {
	c := &Calls{name: name}
	c.closing, c.close = context.WithCancel(context.Background())
	return c
}

// Begin begins a call: the context that it returns ends with ctx or when the queue is closed.
func (c *Calls) Begin(ctx context.Context) (context.Context, func(), error) {
	if c.closing.Err() != nil {
		return nil, nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.closing, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// Fail adds the operation to the error of a call. That the queue is closed or the caller's context has
// ended takes precedence.
func (c *Calls) Fail(caller context.Context, what string, err error) error {
	if c.closing.Err() != nil {
		return ErrClosed
	}
	if caller.Err() != nil {
		err = caller.Err()
	}
	return fmt.Errorf("%s queue %s: %w", what, c.name, err)
}

// Close ends all calls.
func (c *Calls) Close() error {
	c.close()
	return nil
}
