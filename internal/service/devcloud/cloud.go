package devcloud

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/file"
)

// startTimeout limits the start.
const startTimeout = 2 * time.Minute

// running prevents a second Cloud in the process: the gateway has global state, and so is the
// working directory.
var running atomic.Bool

// Cloud is a running S3 server and its queue of events.
type Cloud struct {
	cfg     Config
	folder  *folder
	account credentials
	queue   *file.Queue
	marked  queueMark // what was last noted about the queue
	gw      *gateway
	oldDir  string // the working directory before Start

	listener net.Listener
	buried   net.Listener // for questions about buried messages

	ctx          context.Context // ends when Stop begins
	cancel       context.CancelFunc
	gatewayEnded chan struct{} // closed when the gateway has returned
	background   sync.WaitGroup
	sweeper      sweeper
	sweepNow     chan struct{}

	end  sync.Once
	done chan struct{} // closed when the server has ended
	err  error         // the reason if that was not Stop; read after done

	stop    sync.Once
	stopped chan struct{}
	stopErr error
}

// Start starts a cloud and returns once it serves requests. ctx limits the start only; Stop ends
// the cloud.
//
// Start changes the working directory and, briefly, os.Stdout: call it before other goroutines
// depend on either.
func Start(ctx context.Context, cfg Config) (*Cloud, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !running.CompareAndSwap(false, true) {
		return nil, errors.New("a cloud is already running in this process: stop it first")
	}
	c := &Cloud{
		cfg: cfg.withDefaults(), listener: cfg.Listener, sweeper: sweeper{queued: map[string]bool{}},
		sweepNow: make(chan struct{}, 1), gatewayEnded: make(chan struct{}), done: make(chan struct{}), stopped: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.start(ctx); err != nil {
		close(c.gatewayEnded) // serve was not reached, or has returned
		return nil, errors.Join(fmt.Errorf("start the local cloud: %w", err), c.Stop(context.Background()))
	}
	return c, nil
}

func (c *Cloud) start(ctx context.Context) (err error) {
	if c.folder, err = openFolder(c.cfg.Dir); err != nil {
		return err
	}
	if c.account, err = loadCredentials(c.folder.credentials); err != nil {
		return err
	}
	if c.listener == nil {
		if c.listener, err = listen(c.cfg.Port); err != nil {
			return err
		}
	}
	if err := c.openQueue(); err != nil {
		return err
	}
	if err := c.openGateway(ctx); err != nil {
		return err
	}
	if err := c.openBuried(); err != nil {
		return err
	}
	if err := c.noteAddress(); err != nil {
		return err
	}
	c.serveBuried()
	return c.serve(ctx)
}

// openGateway opens the object store, creates the buckets, and repairs what an earlier process left
// unfinished.
func (c *Cloud) openGateway(ctx context.Context) error {
	g := &gateway{
		root: c.folder.data, locks: newKeyLocks(), gate: newGate(), watch: map[string]bool{},
		cors: c.cfg.CORS, page: c.cfg.Page, publish: c.queue.Publish, log: c.cfg.Log,
	}
	for _, b := range c.cfg.Watch {
		g.watch[b] = true
	}
	var err error
	if g.seq, err = openSequencer(c.folder.sequencer, time.Now); err != nil {
		return err
	}
	if g.journal, err = openJournal(c.folder.journal); err != nil {
		return err
	}
	if g.attrs, err = openAttributes(c.folder.meta); err != nil {
		return explain(c.folder.meta, err)
	}
	if c.oldDir, err = os.Getwd(); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	if g.Posix, err = openPosix(c.folder, g.attrs); err != nil {
		return explain(c.folder.data, err)
	}
	c.gw = g
	for _, b := range c.cfg.buckets() {
		if err := g.makeBucket(ctx, b, c.account.Access); err != nil {
			return err
		}
	}
	if err := clearStaged(c.folder); err != nil {
		return explain(g.root, err)
	}
	_, err = g.announcePending(ctx)
	return err
}

// serve starts the HTTP server and returns once it accepts requests.
func (c *Cloud) serve(ctx context.Context) error {
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- c.gw.serve(c.ctx, c.listener, c.cfg.Region, c.account, func() { close(ready) })
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		c.cancel()
		return errors.Join(ctx.Err(), <-ended)
	case <-ready:
	}
	go func() {
		err := <-ended
		close(c.gatewayEnded)
		if err == nil {
			err = errors.New("it was shut down")
		}
		c.endWith(fmt.Errorf("the S3 server has stopped: %w", err))
	}()
	c.background.Go(func() {
		c.repeat(pendingInterval, nil, func(ctx context.Context) {
			if _, err := c.Sweep(ctx, nil); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("events that could not be stored are still pending", "error", err)
			}
			if err := c.markQueue(false); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("cannot note the state of the queue", "error", err)
			}
		})
	})
	return nil
}

// endWith closes Done. The reason counts only if Stop has not been called, and only the first one
// does.
func (c *Cloud) endWith(reason error) {
	c.end.Do(func() {
		if c.ctx.Err() == nil {
			c.err = reason
		}
		close(c.done)
	})
}

// Endpoint returns the URL of the S3 server, for clients that address buckets in the path.
func (c *Cloud) Endpoint() string { return "http://127.0.0.1:" + strconv.Itoa(portOf(c.listener)) }

// Credentials returns those of the server's only account, which are the same at every start on a
// folder.
func (c *Cloud) Credentials() (access, secret string) { return c.account.Access, c.account.Secret }

// Region returns the region that clients sign requests for.
func (c *Cloud) Region() string { return c.cfg.Region }

// Dir returns the absolute path of the data folder.
func (c *Cloud) Dir() string { return c.folder.dir }

// KnownFile returns the path of a file in the data folder for what the pipeline knows of the objects.
// Reset removes it, with what the pipeline keeps beside it.
func (c *Cloud) KnownFile() string { return c.folder.known }

// HistoryFile returns the path of a file in the data folder for what a page about the cloud shows again
// after the next start.
func (c *Cloud) HistoryFile() string { return c.folder.history }

// Watched returns the buckets whose changes are published.
func (c *Cloud) Watched() []string { return slices.Clone(c.cfg.Watch) }

// Queue returns the queue of the watched buckets' events. Each body holds one change, in the JSON
// of S3. Stop closes it.
func (c *Cloud) Queue() queue.Queue { return c.queue }

// Done is closed when the S3 server has ended, because of Stop or by itself. Call Stop in either case.
func (c *Cloud) Done() <-chan struct{} { return c.done }

// Err waits for Done and returns the reason why the server ended by itself; it is nil after Stop.
func (c *Cloud) Err() error {
	<-c.done
	return c.err
}

// Stop ends the server, which finishes the requests in progress, then the queue. It then releases
// the folder and restores the working directory. If ctx ends first, Stop returns and the work
// continues in the background. Further calls wait for the first.
func (c *Cloud) Stop(ctx context.Context) error {
	c.stop.Do(func() {
		go func() {
			defer close(c.stopped)
			c.stopErr = c.shutDown()
		}()
	})
	select {
	case <-c.stopped:
		return c.stopErr
	case <-ctx.Done():
		return fmt.Errorf("stop the local cloud: %w", ctx.Err())
	}
}

// shutDown ends what has been started, in reverse order.
func (c *Cloud) shutDown() error {
	defer running.Store(false)
	c.cancel()
	c.endWith(nil)
	<-c.gatewayEnded
	c.background.Wait()
	var errs []error
	if c.gw != nil {
		c.gw.Posix.Shutdown() // again, unless the server was never reached
	}
	if c.queue != nil {
		if err := c.markQueue(true); err != nil {
			c.cfg.Log.Warn("cannot note the state of the queue", "error", err)
		}
		errs = append(errs, c.queue.Close())
	}
	for _, l := range []net.Listener{c.listener, c.buried} {
		if l != nil {
			l.Close() // again, unless the server was never reached
		}
	}
	if c.oldDir != "" {
		errs = append(errs, os.Chdir(c.oldDir))
	}
	if c.folder != nil {
		errs = append(errs, c.folder.close())
	}
	return errors.Join(errs...)
}
