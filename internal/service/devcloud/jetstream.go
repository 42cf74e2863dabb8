package devcloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// syncInterval is how often the queue's files are synced to the disk, and thus how much a loss of
// power may lose. Until then, acknowledged events are in the system's page cache, which outlives
// the process.
const syncInterval = 5 * time.Second

// natsServer is the embedded server, which opens no port, and the only connection to it.
type natsServer struct {
	dir string
	log *slog.Logger
	nc  *nats.Conn

	mu    sync.Mutex
	ns    *server.Server
	fatal <-chan string // receives the server's first fatal error
}

// startNATS starts a server with its files in dir.
func startNATS(ctx context.Context, dir string, log *slog.Logger) (*natsServer, error) {
	n := &natsServer{dir: dir, log: log}
	if err := n.start(ctx); err != nil {
		return nil, err
	}
	var err error
	n.nc, err = nats.Connect("", nats.InProcessServer(n), nats.Name("imgmill"),
		nats.MaxReconnects(-1), nats.ReconnectWait(watchInterval/10),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("queue", "error", err) }))
	if err != nil {
		n.stop()
		return nil, fmt.Errorf("queue: connect: %w", err)
	}
	return n, nil
}

// start starts a server. It leaves none running if it fails.
func (n *natsServer) start(ctx context.Context) error {
	ns, err := server.NewServer(&server.Options{
		ServerName:             "imgmill",
		DontListen:             true,
		JetStream:              true,
		StoreDir:               n.dir,
		SyncInterval:           syncInterval,
		JetStreamMaxMemory:     64 << 20,
		MaxPayload:             8 << 20,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	logger := &natsLog{log: n.log, fatal: make(chan string, 1)}
	ns.SetLoggerV2(logger, false, false, false)
	go ns.Start()
	if err := awaitNATS(ctx, ns, logger.fatal); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return fmt.Errorf("queue in %s: %w", n.dir, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ns, n.fatal = ns, logger.fatal
	return nil
}

// awaitNATS waits until the server has read all of its files.
func awaitNATS(ctx context.Context, ns *server.Server, fatal <-chan string) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case text := <-fatal:
			return errors.New(text)
		default:
		}
		if ns.ReadyForConnections(20 * time.Millisecond) {
			return nil
		}
	}
}

// InProcessConn implements nats.InProcessConnProvider: the client connects again after replace.
func (n *natsServer) InProcessConn() (net.Conn, error) {
	ns, _ := n.server()
	return ns.InProcessConn()
}

// server returns the present server, and the channel that receives its first fatal error.
func (n *natsServer) server() (*server.Server, <-chan string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ns, n.fatal
}

// watchInterval is how often watch looks whether the server still stores messages.
const watchInterval = time.Second

// watch waits until ctx ends, or returns the reason why the server has ended by itself. A server
// that could not write a file, for example because the disk was full, never stores a message again;
// watch replaces it and then calls replaced.
func (n *natsServer) watch(ctx context.Context, replaced func()) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var logged time.Time
	for {
		ns, fatal := n.server()
		select {
		case <-ctx.Done():
			return nil
		case text := <-fatal:
			return errors.New(text)
		case <-tick.C:
		}
		if !ns.Running() {
			return errors.New("it was shut down")
		}
		health := ns.Healthz(&server.HealthzOptions{})
		if health.Error == "" {
			continue
		}
		if time.Since(logged) > repeatLog {
			n.log.Warn("the queue cannot store events; its server is replaced", "error", health.Error)
			logged = time.Now()
		}
		if n.replace(ctx) {
			replaced()
		}
	}
}

// replace ends the server and starts a new one on its files. It tries again until that succeeds, or
// reports false because ctx has ended.
func (n *natsServer) replace(ctx context.Context) bool {
	n.stop()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var logged time.Time
	for {
		err := n.start(ctx)
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		if time.Since(logged) > repeatLog {
			n.log.Warn("the queue's server cannot be started; will try again", "error", err)
			logged = time.Now()
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// stop ends the server and waits until its files are closed.
func (n *natsServer) stop() {
	ns, _ := n.server()
	ns.Shutdown()
	ns.WaitForShutdown()
}

// close ends the connection and the server.
func (n *natsServer) close() {
	n.nc.Close()
	n.stop()
}

// natsLog is the server's logger. A fatal error does not end the process; it is sent to fatal.
type natsLog struct {
	log   *slog.Logger
	fatal chan string
	once  sync.Once
}

func (l *natsLog) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }
func (l *natsLog) Warnf(format string, v ...any)   { l.write(slog.LevelWarn, format, v) }
func (l *natsLog) Errorf(format string, v ...any)  { l.write(slog.LevelWarn, format, v) }
func (l *natsLog) Debugf(format string, v ...any)  { l.write(slog.LevelDebug, format, v) }
func (l *natsLog) Tracef(format string, v ...any)  { l.write(slog.LevelDebug, format, v) }

func (l *natsLog) Fatalf(format string, v ...any) {
	l.write(slog.LevelError, format, v)
	l.once.Do(func() { l.fatal <- fmt.Sprintf(format, v...) })
}

func (l *natsLog) write(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, fmt.Sprintf(format, v...), "server", "nats")
}
