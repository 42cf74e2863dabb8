package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
	"github.com/imgmill/imgmill/internal/service/sync"
	"github.com/imgmill/imgmill/internal/service/worker"
)

// devFlags are the flags of dev.
type devFlags struct {
	consoleFlags
	dir, config  string
	port         int
	cors         string
	uploads      []string
	sample, once bool
	log          bool
	reset, yes   bool
	notify       bool
}

func devCommand() *cobra.Command {
	var f devFlags
	c := &cobra.Command{
		Use:   "dev [--upload FILE...]",
		Short: "Run everything on this machine: an S3 server, a queue, a worker",
		Long: `Run everything in one process on this machine: an S3 server with two buckets, a
durable queue, and a worker that makes the variants of every picture that is
uploaded to the first bucket. A web page, the console, uploads pictures, shows
what becomes of them, and edits the recipe.

All data is kept in one folder, so that the next start continues where this one
ended, even after a crash. The S3 server listens on 127.0.0.1 only, and so does the console unless
--console says otherwise. With --upload or --sample, a dev that runs on the folder
already is given the pictures, through its console.`,
		Example: `  imgmill dev --sample              # see it work, then upload pictures yourself
  imgmill dev --upload photo.jpg    # start with a picture of your own
  imgmill dev --sample --once       # resize the sample, then stop`,
		RunE: func(c *cobra.Command, args []string) error {
			f.uploads = append(f.uploads, args...)
			return f.run(c)
		},
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && !c.Flags().Changed("upload") {
				return wrongUse("to upload %s, write --upload %s", args[0], args[0])
			}
			return nil
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.dir, "dir", devcloud.DefaultDir, "`DIR` for the objects, the queue and the credentials")
	flags.BoolVar(&f.reset, "reset", false, "begin anew: remove all objects, the queue and the credentials, after a question")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.StringVar(&f.config, "config", "",
		"`FILE` with the recipe (default imgmill.yaml if it exists, else one variant, 800 pixels wide)")
	flags.IntVar(&f.port, "port", 0, "`PORT` of the S3 server (default 9000, or a free one if that is in use)")
	flags.StringVar(&f.cors, "cors", "",
		"`ORIGIN` of web pages that may use the S3 server, such as http://localhost:3000, or * for all")
	flags.StringArrayVar(&f.uploads, "upload", nil, "upload this `FILE`, or several, and print the results")
	f.consoleFlags.register(flags, "default 127.0.0.1:9001, or a free port; off for none")
	flags.BoolVar(&f.sample, "sample", false, "upload a picture that imgmill draws, and print the results")
	flags.BoolVar(&f.once, "once", false, "stop after the uploads, with exit code 0 only if every variant was made")
	flags.BoolVar(&f.notify, "notify", false,
		"send events to all destinations of the recipe, not only to those on this machine")
	flags.BoolVar(&f.log, "log", false, "write a log (logfmt) with every change to standard error, not a table")
	return c
}

func (f *devFlags) run(c *cobra.Command) error {
	if f.once && !f.sample && len(f.uploads) == 0 {
		return wrongUse("--once needs something to do: add --sample or --upload FILE")
	}
	cfg := devcloud.Config{Dir: f.dir, Port: f.port}
	if f.cors != "" {
		cfg.CORS = []string{f.cors}
	}
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	// The file is read for watching before it is read for use: an edit in between is noticed.
	file, err := openRecipeFile(f.config)
	if err != nil {
		return err
	}
	r, err := loadRecipe(f.config)
	if err != nil {
		return err
	}
	if err := refuseUseless(c, effect{"console-token", f.console != "off", "with --console off"},
		effect{"notify", len(r.Notify) > 0, "without notify in the recipe"}); err != nil {
		return err
	}
	pictures, unread, err := f.pictures(r)
	if err != nil {
		return err
	}
	for _, err := range unread {
		note(c.ErrOrStderr(), "imgmill: %s; the others are uploaded", shown(err.Error()))
	}
	if f.reset {
		if err := f.resetFolder(c); err != nil {
			return err
		}
	}
	out := newDevOutput(c.OutOrStdout(), c.ErrOrStderr(), r)
	if running, err := devcloud.FindRunning(f.dir); err == nil && len(pictures) > 0 { // an error: whoever opens the folder finds out
		const why = "on the imgmill dev that runs here already"
		if err := refuseUseless(c, effect{"config", false, why}, effect{"port", false, why}, effect{"cors", false, why},
			effect{"console", false, why}, effect{"notify", false, why}, effect{"log", false, why}); err != nil {
			return err
		}
		if running.Page == "" {
			return fmt.Errorf("the imgmill dev that runs here has no console, which would take the pictures: start it again "+
				"without --console off, or upload them with an S3 client to %s", running.Endpoint)
		}
		return f.uploadToRunning(c.Context(), running.Page, pictures, len(unread), out.table, c.ErrOrStderr())
	}
	notes := &noteHandler{output: out, w: c.ErrOrStderr(), least: slog.LevelInfo}
	if f.once {
		notes.least = slog.LevelError // the table reports on the uploads
	}
	log, observers := slog.New(notes), mill.Observers{out}
	if f.log {
		log, observers = slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)), nil
	}
	cfg.Log = log
	page, err := f.openConsole(&cfg, file)
	if err != nil {
		return err
	}
	d, err := startDev(c.Context(), cfg, r, filepath.Dir(file.path), f.notify, observers, page)
	if err != nil {
		return errors.Join(inUse(f.dir, err), page.close())
	}
	d.shown = !f.log
	if page != nil {
		fmt.Fprint(c.ErrOrStderr(), page.line())
	}
	if !f.once {
		watching, end := context.WithCancel(c.Context())
		defer end()
		go file.watch(watching, log, func(r *recipe.Recipe) { d.reload(r, log) })
	}
	if !f.log {
		counting, end := context.WithCancel(c.Context())
		defer end()
		go out.count(counting, d.cloud.Queue())
	}
	return d.run(c.Context(), pictures, len(unread), f.once, out.table, c.ErrOrStderr())
}

// resetFolder removes the data folder, after a question.
func (f *devFlags) resetFolder(c *cobra.Command) error {
	if !f.yes && !canAsk(c) {
		return wrongUse("--reset: standard input is not a terminal, so nobody can confirm; add --yes to go on without asking")
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	if err := devcloud.CheckFolder(dir); errors.Is(err, devcloud.ErrNoCloud) {
		return nil // it is new already
	} else if err != nil {
		return err
	}
	o := newDeployOutput(c, false)
	o.printf("What imgmill dev keeps in %s, and the queue and credentials with them, will be removed.", keptIn(dir))
	if ok, err := o.confirm(c.Context(), f.yes); !ok {
		return err
	}
	return devcloud.Reset(dir)
}

// keptIn describes what a data folder holds.
func keptIn(dir string) string {
	u, err := devcloud.UsageOf(dir)
	if err != nil {
		return fmt.Sprintf("%s (its objects cannot be counted: %v)", dir, err)
	}
	return fmt.Sprintf("%s (%s, %s)", dir, groupedCount(u.Objects, "object"), bytesText(u.Bytes))
}

// picture is one upload, and a function that reads its bytes when its turn has come.
type picture struct {
	name string // without a folder
	key  string
	read func() ([]byte, error)
}

// pictures lists the uploads, with keys below the recipe's prefix. It opens the files, so that
// mistakes are reported before anything starts. Some that cannot be opened, as a link to nowhere among
// those of a pattern, do not keep the others from being uploaded.
func (f *devFlags) pictures(r *recipe.Recipe) (list []picture, unread []error, err error) {
	seen := map[string]string{}
	if f.sample {
		draw := func() ([]byte, error) { return sample.Photo(2400, 1600), nil }
		list = append(list, picture{"sample.jpg", r.Source.Prefix + "sample.jpg", draw})
		seen["sample.jpg"] = "--sample"
	}
	for _, name := range f.uploads {
		info, err := faultOf(name)
		_, refused := errors.AsType[refusedError](err)
		switch {
		case info != nil && info.IsDir():
			return nil, nil, wrongUse("--upload %s is a folder; name the files in it", name)
		case errors.Is(err, fs.ErrNotExist):
			err = wrongUse("--upload %s: no such file", name)
		case refused || errors.Is(err, errNotFile):
			err = wrongUse("--upload %s: %w", name, err)
		default:
			if err == nil {
				err = readable(name)
			}
			if err != nil {
				err = fmt.Errorf("--upload: %w", err)
			}
		}
		if err != nil {
			unread = append(unread, err)
			continue
		}
		base := filepath.Base(name)
		if first, ok := seen[base]; ok {
			return nil, nil, wrongUse("--upload: %s and %s would have the same key %q", first, name, base)
		}
		seen[base] = name
		if name, err = filepath.Abs(name); err != nil { // the cloud changes the working directory
			return nil, nil, err
		}
		list = append(list, picture{base, r.Source.Prefix + base, func() ([]byte, error) { return readFile(name) }})
	}
	if len(list) == 0 && len(unread) > 0 {
		return nil, nil, unread[0]
	}
	return list, unread, nil
}

// readFile reads a file, unless it is written meanwhile.
func readFile(name string) ([]byte, error) {
	before, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if after, err := os.Stat(name); err == nil && stateOf(after) != stateOf(before) {
		return nil, fmt.Errorf("read %s: %w", name, errChanged)
	}
	return data, nil
}

// readable returns why a file cannot be read.
func readable(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return file.Close()
}

// uploadOutcome returns the error that --once ends with, if some files could not be read beside what became of the
// uploads.
func uploadOutcome(rows []row, unread int) error {
	failed := unread
	for _, r := range rows {
		if !r.succeeded {
			failed++
		}
	}
	switch failed {
	case 0:
		return nil
	case len(rows) + unread:
		return errReported
	}
	return errPartial
}

// dev is the running cloud with its worker.
type dev struct {
	cloud   *devcloud.Cloud
	store   *s3.Store
	mill    millHolder
	known   *sync.Known // objects that were found to be right; nil if the file cannot be used
	results *results
	log     *slog.Logger
	shown   bool // each result is shown when it is known
	// everywhere says that events also go to destinations that are not on this machine.
	everywhere bool
	page       *devPage

	stopWorker context.CancelFunc
	workerDone chan struct{} // closed when the worker has returned
	workerErr  error         // read after workerDone
}

// sweepInterval is how often dev searches the source bucket for uploads whose event was lost in a
// crash.
const sweepInterval = 3 * time.Minute

// startDev starts the servers with the buckets of the recipe, and the worker. It fills in the
// buckets of cfg. Events go everywhere that the recipe says, or stay on this machine. The observers are told
// of all changes. There may be no page.
//
// Overlays are files of the folder marks or, where there are none, objects of the target bucket.
func startDev(
	ctx context.Context, cfg devcloud.Config, r *recipe.Recipe, marks string, everywhere bool, observers mill.Observers, page *devPage,
) (*dev, error) {
	r = unmoderated(r, cfg.Log)
	events, err := openDevNotify(ctx, r, everywhere, cfg.Log)
	if err != nil {
		return nil, err
	}
	cfg.Buckets, cfg.Watch = []string{r.Target.Bucket}, []string{r.Source.Bucket}
	cloud, err := devcloud.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	access, secret := cloud.Credentials()
	store, err := s3.Open(s3.Options{
		Endpoint: cloud.Endpoint(), Region: cloud.Region(), AccessKey: access, Secret: secret, PathStyle: true,
	})
	if err != nil {
		return nil, errors.Join(err, cloud.Stop(context.WithoutCancel(ctx)))
	}
	d := &dev{cloud: cloud, store: store, everywhere: everywhere, results: newResults(), log: cfg.Log, page: page, workerDone: make(chan struct{})}
	if d.known, err = sync.OpenKnown(cloud.KnownFile()); err != nil {
		cfg.Log.Warn("each search for lost events looks at all objects", "error", err)
	} else if d.known.Damaged != "" {
		cfg.Log.Warn(damaged(d.known))
	}
	m := mill.New(probe.Prepare(ctx, cloud.Local(store), r.Target.Bucket, cfg.Log), r)
	m.Overlays.Dir = marks
	d.mill.replace(m)
	observers = append(observers, noPictures{d, ctx, cfg.Log}, d.results) // It is noted before anybody is told.
	if page != nil {
		observers = append(observers, page.connect(d, cfg.Log))
	}
	m.Notify, m.Observer = events, observers
	w := &worker.Worker{
		Queue: cloud.Queue(), Process: d.mill.process, Log: cfg.Log,
		Concurrency: runtime.GOMAXPROCS(0),
	}
	work, cancel := context.WithCancel(ctx)
	d.stopWorker = cancel
	cloud.SweepEvery(sweepInterval, d.search)
	if page != nil {
		page.serve(ctx, cfg.Log)
	}
	go func() {
		defer close(d.workerDone)
		if err := w.Run(work); err != nil {
			d.workerErr = fmt.Errorf("the worker has stopped: %w", err)
		}
	}()
	return d, nil
}

// run uploads the pictures and prints what became of them. Unless once is set, it then serves until
// ctx ends or a part of the cloud fails. It stops the cloud before it returns.
func (d *dev) run(ctx context.Context, pictures []picture, unread int, once bool, t *table, stderr io.Writer) error {
	serving, release := d.untilFailure(ctx)
	defer release()
	rows, unsent, err := d.upload(serving, pictures)
	if err == nil && !d.shown {
		err = t.print(rows)
	}
	if err == nil && !once {
		d.welcome(stderr)
		<-serving.Done()
		if ctx.Err() != nil {
			note(stderr, "\nStopping. Everything is kept in %s", keptIn(d.cloud.Dir()))
		}
	}
	if serving.Err() != nil && ctx.Err() == nil {
		err = context.Cause(serving) // what else failed is a consequence
	}
	err = errors.Join(err, d.stop())
	if err == nil {
		err = d.workerErr
	}
	if err != nil || !once {
		return err
	}
	return uploadOutcome(rows, unread+unsent)
}

// untilFailure returns a context that also ends when a server or the worker ends by itself, which
// is then its cause.
func (d *dev) untilFailure(ctx context.Context) (context.Context, func()) {
	serving, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-serving.Done():
		case <-d.cloud.Done():
			cancel(d.cloud.Err())
		case <-d.workerDone:
			cancel(d.workerErr)
		}
	}()
	return serving, func() { cancel(nil) }
}

// stop ends the worker, then the servers that it uses.
func (d *dev) stop() error {
	d.stopWorker()
	<-d.workerDone
	if d.page != nil {
		d.page.end() // after the worker, so that it shows its last results
		<-d.page.done
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(d.cloud.Stop(ctx), d.known.Close())
}

// search is that of the cloud's sweeps: the comparison that sync makes. What is recorded as bad is not
// missing. It also deletes what target.keep_replaced no longer keeps.
func (d *dev) search(ctx context.Context, found func(bucketName, key string) error) (err error) {
	m := d.mill.get()
	todo := &sync.Todo{Only: sync.Only{Replaced: true}}
	defer func() { err = errors.Join(err, todo.Close()) }()
	c := sync.Comparison{Mill: m, Known: d.known, Trust: true, Lanes: 1, Orphans: m.Recipe.Hashed(), Each: func(f sync.Finding) error {
		if f.Orphan {
			return todo.Add(f)
		}
		if len(f.Missing)+len(f.Stale)+len(f.Foreign)+len(f.Unsure) == 0 {
			return nil
		}
		return found(m.Recipe.Source.Bucket, f.Key)
	}}
	if _, err := c.Run(ctx); err != nil {
		return err
	}
	w := sync.Work{Mill: m}
	_, err = w.Delete(ctx, todo)
	return err
}

// noPictures remembers which uploads are no pictures, so that the next searches do not find that they lack variants.
type noPictures struct {
	d   *dev
	ctx context.Context
	log *slog.Logger
}

// Reached implements mill.Observer.
func (n noPictures) Reached(event.Change, mill.Stage, mill.Picture) {}

// Ended implements mill.Observer.
func (n noPictures) Ended(c event.Change, r mill.Result) {
	if c.Removed || r.Verdict != outcome.Skipped {
		return
	}
	m, err := n.d.mill.get().WithOverlays(n.ctx) // as the search has it
	if err == nil {
		err = n.d.known.NoteSkipped(m.Recipe.Planner(), cmp.Or(r.Key, c.Key), r)
	}
	if err != nil {
		n.log.Warn("the next search looks at it again", "key", c.Key, "error", err)
	}
}

// welcome prints what a person needs to upload pictures.
func (d *dev) welcome(w io.Writer) {
	access, secret := d.cloud.Credentials()
	r := d.mill.get().Recipe
	note(w, `
Ready. Every picture that you upload to %[1]s appears in %[2]s:

  export AWS_ENDPOINT_URL=%[3]s AWS_REGION=%[4]s AWS_ACCESS_KEY_ID=%[5]s AWS_SECRET_ACCESS_KEY=%[6]s
  aws s3 cp photo.jpg s3://%[1]s/%[7]s
  aws s3 ls --recursive s3://%[2]s/

An AWS CLI older than 2.13 also needs --endpoint-url "$AWS_ENDPOINT_URL".
Everything is kept in %[8]s.
Press Ctrl-C to stop; nothing is lost.`, r.Source.Bucket, r.Target.Bucket, d.cloud.Endpoint(), d.cloud.Region(), access, secret, r.Source.Prefix,
		keptIn(d.cloud.Dir()))
}
