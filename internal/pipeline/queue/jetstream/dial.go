package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// sharedLease is the lease in a queue that several machines share.
const sharedLease = 30 * time.Second

// Dial connects to a server or cluster and opens the queue that a URL names:
//
//	nats://user:password@a.example:4222,b.example:4222/uploads?replicas=3
//
// The path is the name of the stream. A stream that exists is used as it is; a new one is made on so
// many servers as replicas says. With the scheme tls, the connection is encrypted. Credentials are a
// file with a JWT and its key, or empty. Close also closes the connection.
//
// If nothing answers, the error is queue.ErrAway.
func Dial(ctx context.Context, address, credentials string, log *slog.Logger) (*Queue, error) {
	u, cfg, err := parse(address)
	if err != nil {
		return nil, err
	}
	var servers []string
	for host := range strings.SplitSeq(u.Host, ",") {
		servers = append(servers, (&url.URL{Scheme: u.Scheme, User: u.User, Host: host}).String())
	}
	options := []nats.Option{
		nats.Name("imgmill"), nats.MaxReconnects(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to NATS is lost; it is made again", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS again", "server", nc.ConnectedServerName()) }),
	}
	if credentials != "" {
		options = append(options, nats.UserCredentials(credentials))
	}
	nc, err := nats.Connect(strings.Join(servers, ","), options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", u.Host, away(err))
	}
	q, err := Open(ctx, nc, cfg)
	if err != nil {
		nc.Close()
		return nil, away(err)
	}
	q.dialled = true
	return q, nil
}

// CheckURL reports what is wrong with a URL for Dial.
func CheckURL(address string) error {
	_, _, err := parse(address)
	return err
}

// parse returns the servers and the queue that a URL names.
func parse(address string) (*url.URL, Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls" {
		return nil, Config{}, errors.New("write the URL like nats://127.0.0.1:4222/uploads, where uploads is the stream")
	}
	cfg := Config{Name: strings.Trim(u.Path, "/"), Lease: sharedLease, Shared: true}
	if cfg.Name == "" {
		return nil, Config{}, fmt.Errorf("the URL names no stream: write it like %s://%s/uploads", u.Scheme, u.Host)
	}
	if text := u.Query().Get("replicas"); text != "" {
		if cfg.Replicas, err = strconv.Atoi(text); err != nil {
			return nil, Config{}, fmt.Errorf("replicas=%s: write a number from 1 to 5", text)
		}
	}
	return u, cfg, cfg.Validate()
}

// away marks the errors of servers that do not answer.
func away(err error) error {
	var lost net.Error
	if errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &lost) {
		return fmt.Errorf("%w: %w", queue.ErrAway, err)
	}
	return err
}
