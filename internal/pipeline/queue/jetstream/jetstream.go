// Package jetstream implements package queue on a NATS JetStream server, with one stream of waiting
// messages and one of buried messages.
//
// The first stream has work-queue retention, which removes settled messages from the disk, and one
// durable pull consumer with explicit acknowledgement, which all processes share. A lease is the
// consumer's AckWait. Ack waits for the server's confirmation. The name of the second stream is
// that of the first with the suffix "-buried".
//
// It never starts a server, never closes a caller's connection and never imports nats-server.
// Whether a stored message survives a crash of the machine depends on the server's sync settings.
// Specification: NATS docs, "JetStream", ADR-8 and ADR-13 (acknowledgement and pull requests),
// ADR-31 (get by subject).
package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// consumerName is the durable consumer that all workers share.
const consumerName = "imgmill"

// Config selects the queue to open.
type Config struct {
	// Name is the name of the stream and of its subject: letters, digits, "-" and "_".
	Name string
	// Lease is the time for which Fetch and Extend lease a message; 0 means five seconds. It is
	// short because after a crash, leased messages are not delivered again before it has passed.
	Lease time.Duration
	// Shared means that the streams may be somebody else's: those that exist are used as they are.
	Shared bool
	// Replicas is on how many servers of a cluster a new stream is stored; 0 means one.
	Replicas int
	// Duplicates is the time for which the id of a published message is remembered; 0 means two
	// minutes.
	Duplicates time.Duration
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// Validate reports all invalid settings.
func (c Config) Validate() error {
	var errs []error
	if !nameRE.MatchString(c.Name) {
		errs = append(errs, fmt.Errorf("queue name %q: use letters, digits, - and _ only", c.Name))
	}
	if c.Lease < 0 || c.Lease > 12*time.Hour {
		errs = append(errs, fmt.Errorf("queue lease %v: use a value between 0 and 12h", c.Lease))
	}
	if c.Replicas < 0 || c.Replicas > 5 {
		errs = append(errs, fmt.Errorf("queue replicas %d: use a value from 1 to 5", c.Replicas))
	}
	if c.Duplicates < 0 || c.Duplicates > time.Hour {
		errs = append(errs, fmt.Errorf("queue duplicate window %v: use a value between 0 and 1h", c.Duplicates))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Lease == 0 {
		c.Lease = 5 * time.Second
	}
	if c.Duplicates == 0 {
		c.Duplicates = 2 * time.Minute
	}
	return c
}

// Queue implements queue.Queue.
type Queue struct {
	cfg     Config
	subject string // to which messages are published
	nc      *nats.Conn
	js      jetstream.JetStream
	work    jetstream.Stream
	buried  jetstream.Stream
	pull    jetstream.Consumer
	calls   *queue.Calls
	dialled bool // nc is the queue's own
}

// Open opens the queue, and creates or updates its streams and its consumer. The caller must keep
// nc open until after Close.
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", cfg.Name, err)
	}
	q := &Queue{cfg: cfg, nc: nc, js: js, calls: queue.NewCalls(cfg.Name)}
	q.work, err = q.openStream(ctx, jetstream.StreamConfig{
		Name:       cfg.Name,
		Subjects:   []string{cfg.Name},
		Retention:  jetstream.WorkQueuePolicy,
		Storage:    jetstream.FileStorage,
		Discard:    jetstream.DiscardNew,
		Duplicates: cfg.Duplicates,
		Replicas:   cfg.Replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %s: stream: %w", cfg.Name, err)
	}
	if subjects := q.work.CachedInfo().Config.Subjects; len(subjects) > 0 {
		q.subject = subjects[0]
	}
	if err := q.openConsumer(ctx); err != nil {
		return nil, fmt.Errorf("open queue %s: consumer: %w", cfg.Name, err)
	}
	// Each buried message has its own subject, and each subject holds one message: if a message is
	// buried again after a crash, it replaces the first.
	q.buried, err = q.openStream(ctx, jetstream.StreamConfig{
		Name:              cfg.Name + "-buried",
		Subjects:          []string{cfg.Name + "-buried.*"},
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
		Replicas:          cfg.Replicas,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %s: buried stream: %w", cfg.Name, err)
	}
	return q, nil
}

// openStream creates or updates a stream, or uses the one that there is if the queue is shared.
func (q *Queue) openStream(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	if q.cfg.Shared {
		if s, err := q.js.Stream(ctx, want.Name); !errors.Is(err, jetstream.ErrStreamNotFound) {
			return s, err
		}
	}
	return q.js.CreateOrUpdateStream(ctx, want)
}

// openConsumer creates or updates the consumer.
func (q *Queue) openConsumer(ctx context.Context) (err error) {
	q.pull, err = q.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable:       consumerName,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       q.cfg.Lease,
		MaxDeliver:    -1,
		MaxAckPending: -1,
	})
	return err
}

// Publish implements queue.Queue.
func (q *Queue) Publish(caller context.Context, id string, body []byte) error {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	var opts []jetstream.PublishOpt
	if id != "" {
		// It is quoted because a header cannot hold line breaks.
		opts = append(opts, jetstream.WithMsgID(strconv.QuoteToASCII(id)))
	}
	if _, err := q.js.Publish(ctx, q.subject, body, opts...); err != nil {
		return q.calls.Fail(caller, "publish to", err)
	}
	return nil
}

// Fetch implements queue.Queue.
func (q *Queue) Fetch(caller context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return nil, err
	}
	defer end()
	got, err := q.collect(q.pull.FetchNoWait(max))
	if err == nil && len(got) == 0 && wait > 0 {
		got, err = q.await(ctx, wait)
		if err == nil && len(got) == 1 && max > 1 {
			var more []queue.Message
			more, err = q.collect(q.pull.FetchNoWait(max - 1))
			got = append(got, more...)
		}
	}
	if err == nil || len(got) > 0 {
		// Return leased messages even if a later request failed; the next Fetch will report the
		// failure.
		return got, nil
	}
	return nil, q.calls.Fail(caller, "fetch from", err)
}

// await waits for one message. A larger batch would wait until it is full.
func (q *Queue) await(ctx context.Context, wait time.Duration) ([]queue.Message, error) {
	// The client reserves a tenth of the deadline, at most a second, for the network; the server
	// waits for the rest.
	until, cancel := context.WithTimeout(ctx, wait+min(wait/9, time.Second))
	defer cancel()
	got, err := q.collect(q.pull.Fetch(1, jetstream.FetchContext(until)))
	if err != nil && until.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return got, err
}

// collect returns the messages of a batch.
func (q *Queue) collect(batch jetstream.MessageBatch, err error) ([]queue.Message, error) {
	if err != nil {
		return nil, err
	}
	var got []queue.Message
	for m := range batch.Messages() {
		md, err := m.Metadata()
		if err != nil {
			return got, err
		}
		got = append(got, &message{q: q, m: m, md: md})
	}
	return got, batch.Error()
}

// Waiting implements queue.Queue.
func (q *Queue) Waiting(caller context.Context) (int, error) {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return 0, err
	}
	defer end()
	if q.work.CachedInfo().Config.Retention != jetstream.WorkQueuePolicy { // the stream keeps what is settled
		info, err := q.pull.Info(ctx)
		if err != nil {
			return 0, q.calls.Fail(caller, "count", err)
		}
		return int(info.NumPending) + info.NumAckPending, nil
	}
	info, err := q.work.Info(ctx)
	if err != nil {
		return 0, q.calls.Fail(caller, "count", err)
	}
	return int(info.State.Msgs), nil
}

// A buried message is stored as it is, with these headers. Where the limit of the server or of the stream
// leaves no room for them, it has none.
const (
	headerReason   = "Imgmill-Reason" // quoted, because a header cannot hold line breaks
	headerAttempts = "Imgmill-Attempts"
)

// maxReason bounds a reason in a header, in bytes.
const maxReason = 1000

// stored returns the buried message that is stored as m. Version 0.1.0 stored JSON.
func stored(m *jetstream.RawStreamMsg) queue.Buried {
	b := queue.Buried{ID: strconv.FormatUint(m.Sequence, 10), Body: m.Data, At: m.Time}
	var old struct {
		Reason   string `json:"reason"`
		Body     []byte `json:"body"`
		Attempts int    `json:"attempts"`
	}
	if reason, err := strconv.Unquote(m.Header.Get(headerReason)); err == nil {
		b.Reason = reason
		b.Attempts, _ = strconv.Atoi(m.Header.Get(headerAttempts))
	} else if json.Unmarshal(m.Data, &old) == nil && old.Reason != "" && old.Body != nil {
		b.Reason, b.Body, b.Attempts = old.Reason, old.Body, old.Attempts
	}
	return b
}

// tooLarge reports whether a message was refused because it is over a limit on its length.
func tooLarge(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	const exceedsMaximum = 10054 // JSStreamMessageExceedsMaximumErr of the server
	return errors.Is(err, nats.ErrMaxPayload) || ok && api.ErrorCode == exceedsMaximum
}

// Buried implements queue.Queue.
func (q *Queue) Buried(caller context.Context, max int) ([]queue.Buried, error) {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return nil, err
	}
	defer end()
	var list []queue.Buried
	for seq := uint64(1); len(list) < max; {
		m, err := q.buried.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(q.cfg.Name+"-buried.*"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, q.calls.Fail(caller, "list buried messages of", err)
		}
		list = append(list, stored(m))
		seq = m.Sequence + 1
	}
	return list, nil
}

// Unbury implements queue.Queue. The ID of a message is its sequence number in the stream of buried
// messages.
func (q *Queue) Unbury(caller context.Context, id string) error {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	const what = "return a buried message to"
	seq, err := strconv.ParseUint(id, 10, 64)
	if err != nil || seq == 0 {
		return q.calls.Fail(caller, what, queue.ErrNotBuried)
	}
	m, err := q.buried.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		err = queue.ErrNotBuried
	}
	if err != nil {
		return q.calls.Fail(caller, what, err)
	}
	if _, err := q.js.Publish(ctx, q.subject, stored(m).Body); err != nil {
		return q.calls.Fail(caller, what, err)
	}
	if err := q.buried.DeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return q.calls.Fail(caller, what, err)
	}
	return nil
}

// Close implements queue.Queue.
func (q *Queue) Close() error {
	err := q.calls.Close()
	if q.dialled {
		q.nc.Close()
	}
	return err
}

// message is one leased message.
type message struct {
	q  *Queue
	m  jetstream.Msg
	md *jetstream.MsgMetadata
}

func (m *message) Body() []byte         { return m.m.Data() }
func (m *message) Attempt() int         { return int(m.md.NumDelivered) }
func (m *message) Lease() time.Duration { return m.q.cfg.Lease }

// send sends a reply that the server does not confirm, and flushes, which detects a lost
// connection.
func (m *message) send(caller context.Context, what string, reply func() error) error {
	ctx, end, err := m.q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, m.q.cfg.Lease)
	defer cancel()
	if err := reply(); err != nil {
		return m.q.calls.Fail(caller, what, err)
	}
	if err := m.q.nc.FlushWithContext(ctx); err != nil {
		return m.q.calls.Fail(caller, what, err)
	}
	return nil
}

// Extend implements queue.Message.
func (m *message) Extend(ctx context.Context) error {
	return m.send(ctx, "extend a lease in", m.m.InProgress)
}

// Retry implements queue.Message.
func (m *message) Retry(ctx context.Context, delay time.Duration) error {
	return m.send(ctx, "return a message to", func() error { return m.m.NakWithDelay(delay) })
}

// Ack implements queue.Message.
func (m *message) Ack(caller context.Context) error {
	ctx, end, err := m.q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	if err := m.m.DoubleAck(ctx); err != nil {
		return m.q.calls.Fail(caller, "acknowledge a message in", err)
	}
	return nil
}

// Bury implements queue.Message. After a crash between its two steps, the message is delivered
// again, and burying it again replaces the first.
func (m *message) Bury(caller context.Context, reason string) error {
	ctx, end, err := m.q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	subject := m.q.cfg.Name + "-buried." + strconv.FormatUint(m.md.Sequence.Stream, 10)
	_, err = m.q.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: m.Body(), Header: nats.Header{
		headerReason:   {strconv.QuoteToASCII(outcome.Short(reason, maxReason))},
		headerAttempts: {strconv.Itoa(m.Attempt())},
	}})
	if tooLarge(err) {
		_, err = m.q.js.Publish(ctx, subject, m.Body())
	}
	if err != nil {
		return m.q.calls.Fail(caller, "bury a message in", err)
	}
	return m.Ack(caller)
}
