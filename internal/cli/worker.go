package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
	"github.com/imgmill/imgmill/internal/pipeline/queue/sqs"
	"github.com/imgmill/imgmill/internal/service/sync"
	"github.com/imgmill/imgmill/internal/service/worker"
)

// workerFlags are the flags of worker.
type workerFlags struct {
	placeFlags
	listenFlags
	web                          consoleFlags
	queue, deadLetter, natsCreds string
	poll                         time.Duration
	concurrency                  int
	memory                       string
}

func workerCommand() *cobra.Command {
	var f workerFlags
	c := &cobra.Command{
		Use:   "worker {--queue URL | --listen ADDRESS | --poll INTERVAL}",
		Short: "Run beside any S3 store, and make the variants of what is uploaded",
		Long: `Make the variants of every picture that is uploaded to the source bucket of a recipe, in any S3 store, until it is
stopped. The recipe alone suffices if it says where the buckets are (source.endpoint, target.endpoint); credentials
come from where the AWS command line takes them.

With --queue, the worker gets the store's notifications from an Amazon SQS queue, or from a stream of NATS JetStream.
Any number of workers may share a queue. A message is settled once all variants are written; one that cannot be read,
or that has failed ten times, is buried in the dead-letter queue with the reason: the one that the redrive policy of
the SQS queue names, or --dead-letter; or the stream of the same name with the suffix -buried.

With --poll, both buckets are listed at every interval, and what is missing or stale is made: that needs nothing from
the store but its listings. It may run beside the others, to find uploads whose notification was lost. What is known
to be right is remembered in a file, so that a round costs little more.

With --listen, stores send their notifications to http://ADDRESS/events: those of S3's form (MinIO, RustFS, Ceph,
versitygw), of SeaweedFS, Cloudflare R2, Google Cloud Storage and Azure Blob Storage. An event is answered once it is
in the queue or, without one, once its pictures are made. Senders give the --token (or $IMGMILL_TOKEN) in the header
"Authorization: Bearer TOKEN", or as /events?token=TOKEN. It may be left out at an address that only this machine
reaches, like 127.0.0.1:8080; at others, events are refused without it. GET /healthz, /readyz and /metrics (for
Prometheus) need none. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says.

With --console, a web page at that address uploads pictures and shows what becomes of each.

A picture waits if the memory that its header predicts is not free, so that a burst of large pictures stays within
--memory. That also bounds limits.memory of the recipe, for a single picture.

SIGTERM or an interrupt ends the worker once the pictures in work are finished, 25 seconds later at most. A second
one ends it at once; nothing is lost.`,
		Example: `  imgmill worker --poll 30s
  imgmill worker --queue https://sqs.eu-west-1.amazonaws.com/123456789012/in
  imgmill worker --queue nats://127.0.0.1:4222/uploads --poll 1h
  IMGMILL_TOKEN=... imgmill worker --listen :8080 --poll 1h
  imgmill worker --poll 5m --endpoint http://127.0.0.1:9000 --concurrency 4
  imgmill worker --poll 30s --from photos --to web`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.register(c)
	flags := c.Flags()
	flags.StringVar(&f.queue, "queue", "", "`URL` of an SQS queue, or nats://HOST:PORT/STREAM")
	flags.StringVar(&f.deadLetter, "dead-letter", "", "`URL` of the SQS queue of buried messages (default by redrive policy)")
	flags.StringVar(&f.natsCreds, "nats-creds", "", "`FILE` with credentials for NATS")
	flags.DurationVar(&f.poll, "poll", 0, "compare both buckets every `INTERVAL`, such as 30s")
	f.registerListen(flags)
	f.web.register(flags, "default none")
	flags.IntVar(&f.concurrency, "concurrency", runtime.GOMAXPROCS(0), "pictures at the same time")
	flags.StringVar(&f.memory, "memory", "", "`SIZE` that the process may use, such as 256MB (default as its control group)")
	return c
}

func (f *workerFlags) run(c *cobra.Command) (err error) {
	switch {
	case f.queue == "" && f.poll == 0 && f.listen == "":
		return wrongUse("nothing to do: name a --queue, say where stores send their events, like --listen :8080, " +
			"or how often to compare the buckets, like --poll 30s")
	case f.poll != 0 && f.poll < time.Second:
		return wrongUse("--poll %s: use 1s or more", f.poll)
	case f.concurrency < 1:
		return wrongUse("--concurrency %d: use 1 or more", f.concurrency)
	}
	if err := refuseUseless(c, effect{"console-token", f.web.console != "", "without --console"},
		effect{"token", f.listen != "", "without --listen"},
		effect{"dead-letter", f.queue != "", "without --queue"},
		effect{"nats-creds", strings.HasPrefix(f.queue, "nats:"), "without a --queue of NATS"},
		effect{"checkpoint", f.poll != 0 || f.checkpoint == "none", "without --poll"}); err != nil {
		return err
	}
	if err := f.checkQueue(); err != nil {
		return err
	}
	memory, err := f.memorySize()
	if err != nil {
		return err
	}
	p, err := f.open(c, nil)
	if err != nil {
		return err
	}
	if p.folders != nil && f.poll == 0 {
		return wrongUse("no program reports what changes in a folder; say how often to look, like --poll 30s")
	}
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
	closeListener, err := f.openListener()
	if err != nil {
		return err
	}
	defer closeListener()
	page, err := f.openConsole(log)
	if err != nil {
		return err
	}
	defer page.close()
	w := &workerRun{
		page:        page,
		workerFlags: f, log: log, mill: p.mill(c.Context(), false, c.ErrOrStderr()),
		opened: make(chan struct{}), started: make(chan struct{}),
	}
	if w.mill.Notify, err = p.notifier(c.Context()); err != nil {
		return err
	}
	if w.mill.Moderation, err = openModeration(c.Context(), p.recipe); err != nil {
		return err
	}
	if page != nil {
		w.mill.Observer = page.console
	}
	if memory > 0 {
		boundMemory(w.mill, memory)
		log.Info("pictures wait if their memory is not free", "megabytes", memory>>20)
	}
	stop, err := w.observe(c.Context())
	if err != nil {
		return err
	}
	defer stop()
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.run(c.Context(), p); err != nil {
		return err
	}
	log.Info("the worker has stopped")
	return nil
}

// workerRun is one run of worker.
type workerRun struct {
	*workerFlags
	mill  *mill.Mill
	known *sync.Known // nil without --poll
	log   *slog.Logger
	observation

	page        *workerPage // nil without --console
	messages    queue.Queue // nil without --queue
	maxAttempts int         // before a message is buried; 0 for the worker's default

	opened  chan struct{} // closed once messages is there
	started chan struct{} // closed once everything is there
	closers []func() error
}

// close closes what start has opened.
func (w *workerRun) close() (err error) {
	for _, c := range slices.Backward(w.closers) {
		err = errors.Join(err, c())
	}
	return err
}

// run works until ctx ends: the parts of the worker run side by side. The endpoint is there from the
// beginning, the other parts once what they need can be reached. Each part ends once its context does, when
// what it works on is finished; if one fails, the others end too.
func (w *workerRun) run(ctx context.Context, p *place) error {
	group, ctx := errgroup.WithContext(ctx)
	if w.listener != nil {
		group.Go(func() error { return w.runListen(ctx, p.store) })
	}
	group.Go(func() error {
		if err := w.start(ctx, p); err != nil {
			if ctx.Err() != nil {
				return nil // it was to stop, and has not begun to work
			}
			return err
		}
		w.log.Info("the worker has started", "buckets", p.String())
		if w.messages != nil {
			group.Go(func() error { return w.runQueue(ctx) })
		}
		if w.poll > 0 {
			group.Go(func() error { return w.runPoll(ctx) })
		}
		if w.page != nil {
			group.Go(func() error { return w.page.console.Run(ctx, w.page.listener) })
		}
		return nil
	})
	return group.Wait()
}

// start opens everything that the worker needs, and waits until it can be reached.
func (w *workerRun) start(ctx context.Context, p *place) error {
	if w.queue != "" {
		if err := w.await(ctx, "queue", w.openQueue, queue.ErrAway); err != nil {
			return err
		}
		w.closers = append(w.closers, w.messages.Close)
		w.messages = w.metrics.Queue(w.messages)
		close(w.opened)
	}
	// What the store lacks is found out once, at the start, and all writes depend on that. An error that
	// waiting does not change is reported by the calls that follow.
	ask := reach(p.store, p.recipe.Target.Bucket)
	err := w.await(ctx, "store", ask, bucket.ErrTransient, bucket.ErrNoBucket)
	if ctx.Err() != nil {
		return err
	}
	w.mill.Store = w.traces.Store(p.prepared(ctx, w.log))
	if w.poll > 0 {
		closeKnown, err := w.openKnown(p)
		if err != nil {
			return err
		}
		w.closers = append(w.closers, closeKnown)
	}
	if w.page != nil {
		w.connectConsole()
	}
	close(w.started)
	return nil
}

// await calls try until its error is none of those that may pass.
func (w *workerRun) await(ctx context.Context, what string, try func(context.Context) error, pass ...error) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		err := try(ctx)
		if ctx.Err() != nil || !slices.ContainsFunc(pass, func(p error) bool { return errors.Is(err, p) }) {
			return err
		}
		w.log.Warn("waiting for the "+what, outcome.AttrError, err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// isNATS reports whether the queue is a stream of NATS.
func (f *workerFlags) isNATS() bool {
	scheme, _, _ := strings.Cut(f.queue, "://")
	return scheme == "nats" || scheme == "tls"
}

// checkQueue reports what is wrong with the flags of the queue.
func (f *workerFlags) checkQueue() (err error) {
	switch {
	case f.queue == "":
	case f.isNATS() && f.deadLetter != "":
		return wrongUse("--dead-letter is for SQS; NATS has a stream of its own for buried messages")
	case f.isNATS():
		err = jetstream.CheckURL(f.queue)
	default:
		err = sqs.Config{URL: f.queue}.Validate()
	}
	if err != nil {
		return wrongUse("--queue: %w", err)
	}
	return nil
}

// openQueue opens the queue by the scheme of its URL.
func (w *workerRun) openQueue(ctx context.Context) error {
	if w.isNATS() {
		q, err := jetstream.Dial(ctx, w.queue, w.natsCreds, w.log)
		if err != nil {
			return err
		}
		w.messages = q
		return nil
	}
	q, err := sqs.Open(ctx, sqs.Config{URL: w.queue, DeadLetter: w.deadLetter, Region: w.region})
	if err != nil {
		return err
	}
	if n := q.MaxDeliveries(); n > 0 {
		w.maxAttempts = min(n, worker.MaxAttempts) // SQS would bury it without a reason
	}
	w.messages = q
	return nil
}

// runQueue works on messages.
func (w *workerRun) runQueue(ctx context.Context) error {
	consumer := worker.Worker{
		Queue: w.messages, Process: w.process, Log: w.log, Concurrency: w.concurrency, MaxAttempts: w.maxAttempts,
	}
	return consumer.Run(ctx)
}

// runPoll compares the buckets again and again.
func (w *workerRun) runPoll(ctx context.Context) error {
	poll := sync.Poll{Mill: w.mill, Known: w.known, Log: w.log, Every: w.poll, Jobs: w.concurrency, Remake: w.remake}
	poll.Run(ctx)
	return nil
}

// remake makes variants of a picture that a comparison has found, counted and traced like a change that an
// event tells of.
func (w *workerRun) remake(ctx context.Context, c event.Change, variants []string) mill.Result {
	these := func(ctx context.Context, c event.Change) mill.Result { return w.mill.Remake(ctx, c, variants) }
	return w.traces.Process(w.metrics.Process(these))(ctx, c)
}

// openKnown opens the checkpoint. Without a file that lasts, as in a container, there is one for as long as
// the worker runs: without any, what is no picture would be read in every round.
func (w *workerRun) openKnown(p *place) (closeKnown func() error, err error) {
	warn := func(text string) { w.log.Warn(text) }
	if w.known, err = w.placeFlags.openKnown(p, false, warn); w.known != nil || err != nil {
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
