package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// workerFlags are the flags of worker.
type workerFlags struct {
	placeFlags
	poll        time.Duration
	concurrency int
}

func workerCommand() *cobra.Command {
	var f workerFlags
	c := &cobra.Command{
		Use:   "worker --poll INTERVAL",
		Short: "Run beside any S3 store, and make the variants of what is uploaded",
		Long: `Make the variants of every picture that is uploaded to the source bucket of a recipe, in any S3 store, until it is
stopped. The recipe alone suffices if it says where the buckets are (source.endpoint, target.endpoint); credentials
come from where the AWS command line takes them.

With --poll, both buckets are listed at every interval, and what is missing or stale is made: that needs nothing from
the store but its listings. What is known to be right is remembered in a file, so that a round costs little more.

SIGTERM or an interrupt ends the worker once the pictures in work are finished, 25 seconds later at most. A second
one ends it at once; nothing is lost.`,
		Example: `  imgmill worker --poll 30s
  imgmill worker --poll 5m --endpoint http://127.0.0.1:9000 --concurrency 4`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.register(c)
	flags := c.Flags()
	flags.DurationVar(&f.poll, "poll", 0, "compare both buckets every `INTERVAL`, such as 30s")
	flags.IntVar(&f.concurrency, "concurrency", runtime.GOMAXPROCS(0), "pictures at the same time")
	return c
}

func (f *workerFlags) run(c *cobra.Command) (err error) {
	switch {
	case f.poll == 0:
		return wrongUse("--poll is missing; say how often to compare the buckets, like --poll 30s")
	case f.poll < time.Second:
		return wrongUse("--poll %s: use 1s or more", f.poll)
	case f.concurrency < 1:
		return wrongUse("--concurrency %d: use 1 or more", f.concurrency)
	}
	p, err := f.open(c, nil)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
	w := &workerRun{workerFlags: f, log: log, mill: p.mill(c.Context(), true, c.ErrOrStderr())}
	closeKnown, err := w.openKnown(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeKnown()) }()
	log.Info("the worker has started", "buckets", p.String())
	if err := w.run(c.Context()); err != nil {
		return err
	}
	log.Info("the worker has stopped")
	return nil
}

// workerRun is one run of worker.
type workerRun struct {
	*workerFlags
	mill  *mill.Mill
	known *sync.Known
	log   *slog.Logger
}

// parts returns what runs side by side. Each part ends once its context does, when what it works on is
// finished; if one fails, the others end too.
func (w *workerRun) parts() (parts []func(context.Context) error) {
	if w.poll > 0 {
		parts = append(parts, w.runPoll)
	}
	return parts
}

func (w *workerRun) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range w.parts() {
		group.Go(func() error { return part(ctx) })
	}
	return group.Wait()
}

// runPoll compares the buckets again and again.
func (w *workerRun) runPoll(ctx context.Context) error {
	poll := sync.Poll{Mill: w.mill, Known: w.known, Log: w.log, Every: w.poll, Jobs: w.concurrency}
	poll.Run(ctx)
	return nil
}

// openKnown opens the checkpoint. A worker without a home, as in a container, has one for as long as
// it runs.
func (w *workerRun) openKnown(p *place) (closeKnown func() error, err error) {
	if w.known, err = w.placeFlags.openKnown(p); w.known != nil || err != nil || w.checkpoint == "none" {
		return w.known.Close, err
	}
	dir, err := os.MkdirTemp("", "imgmill-worker-")
	if err != nil {
		return nil, err
	}
	if w.known, err = sync.OpenKnown(filepath.Join(dir, "checkpoint")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return func() error { return errors.Join(w.known.Close(), os.RemoveAll(dir)) }, nil
}
