package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/endpoint"
	"github.com/imgmill/imgmill/internal/service/telemetry"
)

// listenFlags are the flags of the worker's HTTP endpoint.
type listenFlags struct {
	listen string
	token  string

	listener net.Listener // nil without --listen
}

const tokenVariable = "IMGMILL_TOKEN"

func (f *listenFlags) registerListen(flags *pflag.FlagSet) {
	flags.StringVar(&f.listen, "listen", "", "`ADDRESS` of the HTTP endpoint, such as 127.0.0.1:8080 or :8080")
	flags.StringVar(&f.token, "token", "", "`TEXT` that senders of events must give (default $"+tokenVariable+")")
}

// observation is what is counted and traced of a worker.
type observation struct {
	metrics *telemetry.Metrics
	traces  *telemetry.Traces
	process telemetry.Process
}

// observe lets metrics and traces see all that the worker does from now on. The function that it
// returns sends the last spans.
func (w *workerRun) observe(ctx context.Context) (stop func(), err error) {
	traces, err := telemetry.OpenTraces(ctx, version(), os.Getenv, w.log)
	if err != nil {
		return nil, err
	}
	w.metrics, w.traces = telemetry.NewMetrics(), traces
	w.process = traces.Process(w.metrics.Process(w.mill.Process))
	if memory := w.mill.Memory; memory != nil {
		w.metrics.Gauge("imgmill_memory_admitted_bytes", "Memory that the pictures in work may take.",
			func(context.Context) (float64, error) { return float64(memory.Held()), nil })
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := traces.Close(ctx); err != nil {
			w.log.Warn("the last traces are lost", outcome.AttrError, err)
		}
	}, nil
}

// openListener takes the address. It comes before everything else, because versitygw does not start
// unless it can connect to where it sends its events.
func (f *listenFlags) openListener() (closeListener func(), err error) {
	if f.listen == "" {
		return func() {}, nil
	}
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return nil, wrongUse("--listen %s: write an address and a port, such as 127.0.0.1:8080, or :8080 for all addresses", f.listen)
	}
	if f.listener, err = net.Listen("tcp", f.listen); err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return func() { _ = f.listener.Close() }, nil // the endpoint may have closed it
}

// errStarting is the answer to what comes before the worker has started.
var errStarting = errors.New("the worker is starting; it waits for its store or queue")

// runListen serves the HTTP endpoint. Before the worker has started, events go to the queue or, without
// one, are refused for now.
func (w *workerRun) runListen(ctx context.Context, store bucket.Store) error {
	e := endpoint.Endpoint{
		Process: func(ctx context.Context, c event.Change) mill.Result {
			if !closed(w.started) {
				return mill.Result{Verdict: outcome.Retry, Reason: errStarting.Error()}
			}
			return w.process(ctx, c)
		},
		Concurrency: w.concurrency, Token: cmp.Or(w.token, os.Getenv(tokenVariable)),
		Metrics: w.metrics.Handler(), Log: w.log,
		Checks: map[string]func(context.Context) error{
			"source bucket": reach(store, w.mill.Recipe.Source.Bucket),
			"target bucket": func(ctx context.Context) error {
				if !closed(w.started) {
					return errStarting
				}
				return reach(store, w.mill.Recipe.Target.Bucket)(ctx)
			},
		},
	}
	if w.queue != "" {
		e.Publish = func(ctx context.Context, body []byte) error {
			if !closed(w.opened) {
				return errStarting
			}
			return w.messages.Publish(ctx, "", body)
		}
		e.Checks["queue"] = func(ctx context.Context) error {
			if !closed(w.opened) {
				return errStarting
			}
			_, err := w.messages.Waiting(ctx)
			return err
		}
	}
	w.log.Info("the worker listens", "address", w.listener.Addr().String())
	return e.Run(ctx, w.listener)
}

// closed reports whether a channel, on which nothing is sent, is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// reach returns a check that asks a bucket for an object. It need not have it: neither a source nor an
// output has a key under this prefix. The answer to a GET, unlike that to a HEAD, tells a missing object
// from a missing bucket.
func reach(store bucket.Store, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		o, err := store.Get(ctx, name, ".imgmill/ready", bucket.Condition{})
		switch {
		case err == nil:
			return o.Body.Close()
		case errors.Is(err, bucket.ErrNotFound):
			return nil
		}
		return err
	}
}
