// Package worker receives messages from a queue, runs each change that they report through the
// pipeline, and settles them.
//
// It never drops a message: one that cannot be read, or that has failed too often, is buried with
// its reason. It never decides whether an error is worth a retry: that is the verdict of package
// mill.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// Worker consumes a queue. Its first three fields are required.
type Worker struct {
	Queue   queue.Queue
	Process func(context.Context, event.Change) mill.Result
	Log     *slog.Logger

	// Concurrency is how many messages are processed at the same time. The default is 2.
	Concurrency int
	// MaxAttempts is the number of deliveries after which a message is buried. The default is the
	// constant.
	MaxAttempts int
	// Grace is how long work in progress may continue after the context of Run has ended. The
	// default is 25 s.
	Grace time.Duration
}

const (
	// MaxAttempts is the default of a Worker.
	MaxAttempts = 10

	defaultConcurrency = 2
	defaultGrace       = 25 * time.Second
	fetchWait          = 5 * time.Second
	// settleTimeout limits the settling of a message, which continues after ctx has ended, because
	// an unsettled message would be processed twice.
	settleTimeout = 10 * time.Second
)

// Run works until ctx ends. It then finishes the messages in progress; those that take longer than
// Grace are cut off, and will be delivered again. It returns an error only if the queue is closed
// while it works.
func (w *Worker) Run(ctx context.Context) error {
	n := w.Concurrency
	if n == 0 {
		n = defaultConcurrency
	}
	grace := w.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cut)
		context.AfterFunc(work, func() { timer.Stop() })
	})()

	errs := make([]error, n)
	var lanes sync.WaitGroup
	for i := range n {
		lanes.Go(func() { errs[i] = w.lane(ctx, work) })
	}
	lanes.Wait()
	return errors.Join(errs...)
}

// lane handles one message after the other until ctx ends. Messages are processed with the context
// work, which ends later.
func (w *Worker) lane(ctx, work context.Context) error {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		messages, err := w.Queue.Fetch(ctx, 1, fetchWait)
		switch {
		case ctx.Err() != nil && len(messages) == 0:
			return nil
		case errors.Is(err, queue.ErrClosed):
			return err
		case err != nil:
			w.Log.Warn("cannot fetch from the queue", outcome.AttrError, err)
			pause = min(max(2*pause, 100*time.Millisecond), fetchWait)
			sleep(ctx, jittered(pause))
			continue
		}
		pause = 0
		for _, m := range messages {
			w.handle(work, m)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// handle processes all changes of a message and settles it.
func (w *Worker) handle(ctx context.Context, m queue.Message) {
	ctx, stop := context.WithCancel(ctx)
	extended := make(chan struct{})
	go func() {
		defer close(extended)
		w.extend(ctx, m)
	}()
	retry, settle := w.process(ctx, m)
	stop()
	<-extended

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err := settle(ctx); err != nil {
		w.Log.Warn("cannot settle a message; it will be delivered again", outcome.AttrError, err, "retry", retry)
	}
}

// extend extends the lease of a message until ctx ends.
func (w *Worker) extend(ctx context.Context, m queue.Message) {
	tick := time.NewTicker(max(m.Lease()/3, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := m.Extend(ctx); err != nil && ctx.Err() == nil {
				w.Log.Warn("cannot extend a lease; the message may be delivered again", outcome.AttrError, err)
			}
		}
	}
}

// process runs the changes of a message one after the other. It returns the reason if the message
// must be retried, and the function that settles it.
func (w *Worker) process(ctx context.Context, m queue.Message) (retry string, settle func(context.Context) error) {
	bury := func(reason string) func(context.Context) error {
		return func(ctx context.Context) error {
			err := m.Bury(ctx, reason)
			if err == nil {
				w.Log.Error("message buried", outcome.AttrReason, reason, outcome.AttrAttempt, m.Attempt())
			}
			return err
		}
	}
	limit := w.MaxAttempts
	if limit == 0 {
		limit = MaxAttempts
	}
	if m.Attempt() > limit { // no delivery was ever settled, so this message may be what kills the process
		return "", bury(fmt.Sprintf("delivered %d times and never settled", m.Attempt()))
	}
	e, err := event.Parse(m.Body())
	if err != nil {
		return "", bury(err.Error())
	}
	unread, wait := "", time.Duration(0)
	for _, item := range e.Items {
		if item.Err != nil {
			unread = item.Err.Error()
			continue
		}
		if item.Ignored != "" {
			continue
		}
		r := w.Process(ctx, item.Change)
		attrs := append(r.LogLine(item.Change).Attrs(), slog.Int(outcome.AttrAttempt, m.Attempt()))
		w.Log.LogAttrs(ctx, r.Level(), outcome.ChangeMessage, attrs...)
		if r.Verdict == outcome.Retry {
			retry, wait = r.Reason, max(wait, r.Wait)
		}
	}
	switch {
	case retry != "" && m.Attempt() >= limit:
		return retry, bury(fmt.Sprintf("given up after attempt %d: %s", m.Attempt(), retry))
	case retry != "":
		return retry, func(ctx context.Context) error { return m.Retry(ctx, delay(m.Attempt(), limit, wait)) }
	case unread != "":
		return "", bury(unread)
	}
	return "", m.Ack
}

// delay returns the delay before the next attempt. Where a picture waits for a tag, the attempts that are left are
// spread over that time, more of them at its beginning, and one is left for after its end.
func delay(attempt, limit int, wait time.Duration) time.Duration {
	if wait <= 0 {
		return backoff(attempt)
	}
	left := limit - 1 - attempt
	if left <= 1 {
		return wait + time.Second
	}
	return min(wait/time.Duration(left), 4*time.Second<<min(attempt-1, 10))
}

// backoff returns the delay before attempt n+1: about 1 s, doubled with each attempt, at most 2 minutes.
func backoff(n int) time.Duration {
	return jittered(min(time.Second<<min(n-1, 10), 2*time.Minute))
}

// jittered returns a time between half of d and d, so that what has failed together is not tried
// again together.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
