package devcloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	ns    *server.Server
	nc    *nats.Conn
	fatal <-chan string // the server's fatal error, if it has one
}

// startNATS starts a server with its files in dir.
func startNATS(ctx context.Context, dir string, log *slog.Logger) (*natsServer, error) {
	ns, err := server.NewServer(&server.Options{
		ServerName:             "imgmill",
		DontListen:             true,
		JetStream:              true,
		StoreDir:               dir,
		SyncInterval:           syncInterval,
		JetStreamMaxMemory:     64 << 20,
		MaxPayload:             8 << 20,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	logger := &natsLog{log: log, fatal: make(chan string, 1)}
	ns.SetLoggerV2(logger, false, false, false)
	go ns.Start()
	if err := awaitNATS(ctx, ns, logger.fatal); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, fmt.Errorf("queue in %s: %w", dir, err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns), nats.Name("imgmill"), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("queue", "error", err) }))
	if err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, fmt.Errorf("queue: connect: %w", err)
	}
	return &natsServer{ns: ns, nc: nc, fatal: logger.fatal}, nil
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

// watchInterval is how often watch looks whether the server still stores messages.
const watchInterval = time.Second

// watch waits until ctx ends, or returns the reason why the server no longer stores messages.
func (n *natsServer) watch(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		n.ns.WaitForShutdown()
		close(ended)
	}()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case text := <-n.fatal:
			return errors.New(text)
		case <-ended:
			return errors.New("it was shut down")
		case <-tick.C:
			// The server disables JetStream if it cannot write a file.
			if !n.ns.JetStreamEnabled() && n.ns.Running() {
				return errors.New("its storage failed; check for a full disk, and read the log for the cause")
			}
		}
	}
}

// close ends the connection and the server, and waits until its files are closed.
func (n *natsServer) close() {
	n.nc.Close()
	n.ns.Shutdown()
	n.ns.WaitForShutdown()
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
