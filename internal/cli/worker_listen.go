package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
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
	w.mill.Store = traces.Store(w.mill.Store)
	w.process = traces.Process(w.metrics.Process(w.mill.Process))
	if w.messages != nil {
		w.messages = w.metrics.Queue(w.messages)
	}
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
	if f.listener, err = net.Listen("tcp", f.listen); err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return func() { _ = f.listener.Close() }, nil // the endpoint may have closed it
}

// awaitStore waits until the target bucket can be asked: what the store lacks is found out once, at the
// start, and all writes depend on that.
func (p *place) awaitStore(ctx context.Context, log *slog.Logger) {
	ask := reach(p.store, p.recipe.Target.Bucket)
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := ask(ctx)
		if !errors.Is(err, bucket.ErrTransient) {
			return // if it is another error, the next calls report it
		}
		log.Warn("waiting for the store", outcome.AttrError, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// runListen serves the HTTP endpoint.
func (w *workerRun) runListen(ctx context.Context) error {
	e := endpoint.Endpoint{
		Process: w.process, Concurrency: w.concurrency, Token: cmp.Or(w.token, os.Getenv(tokenVariable)),
		Metrics: w.metrics.Handler(), Log: w.log,
		Checks: map[string]func(context.Context) error{
			"source bucket": reach(w.mill.Store, w.mill.Recipe.Source.Bucket),
			"target bucket": reach(w.mill.Store, w.mill.Recipe.Target.Bucket),
		},
	}
	if w.messages != nil {
		e.Publish = func(ctx context.Context, body []byte) error { return w.messages.Publish(ctx, "", body) }
		e.Checks["queue"] = func(ctx context.Context) error {
			_, err := w.messages.Waiting(ctx)
			return err
		}
	}
	w.log.Info("the worker listens", "address", w.listener.Addr().String())
	return e.Run(ctx, w.listener)
}

// reach returns a check that asks a bucket for an object. It need not have it: neither a source nor an
// output has a key under this prefix.
func reach(store bucket.Store, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := store.Head(ctx, name, ".imgmill/ready")
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		return err
	}
}
