// Package jetstream is package queue on a NATS JetStream server: one stream of messages that wait, one of those that were
// set aside.
//
// The first stream has work-queue retention, so that a settled message leaves the disk, and one durable pull consumer with
// explicit acknowledgement that every process shares. A lease is the consumer's AckWait. A message is acknowledged with the
// server's confirmation. The second stream is named after the first with "-buried" behind it.
//
// It never starts a server, never closes the caller's connection and never imports nats-server. A reply is only as durable as
// the server makes it: see its sync settings. Specification: NATS docs, "JetStream", ADR-8 and ADR-13 (acknowledgement and
// pull requests), ADR-31 (get by subject).
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

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// consumerName is the durable consumer that all workers share.
const consumerName = "imgmill"

// Config says which queue to open.
type Config struct {
	// Name of the stream and of its subject: letters, digits, "-" and "_".
	Name string
	// Lease is how long a message is ours after Fetch or Extend; 0 is five seconds. It is short because after a crash
	// nothing that was leased comes again sooner.
	Lease time.Duration
	// Duplicates is how long the id of a published message is remembered; 0 is two minutes.
	Duplicates time.Duration
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// Validate reports every wrong setting at once.
func (c Config) Validate() error {
	var errs []error
	if !nameRE.MatchString(c.Name) {
		errs = append(errs, fmt.Errorf("queue name %q: want letters, digits, - and _ only", c.Name))
	}
	if c.Lease < 0 || c.Lease > 12*time.Hour {
		errs = append(errs, fmt.Errorf("queue lease %v: want between 0 and 12h", c.Lease))
	}
	if c.Duplicates < 0 || c.Duplicates > time.Hour {
		errs = append(errs, fmt.Errorf("queue duplicate window %v: want between 0 and 1h", c.Duplicates))
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
	nc      *nats.Conn
	js      jetstream.JetStream
	work    jetstream.Stream
	aside   jetstream.Stream
	pull    jetstream.Consumer
	closing context.Context // done once Close was called
	close   context.CancelFunc
}

// Open opens the queue and makes or updates its streams and its consumer. The caller keeps nc open until after Close.
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", cfg.Name, err)
	}
	q := &Queue{cfg: cfg, nc: nc, js: js}
	q.work, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:       cfg.Name,
		Subjects:   []string{cfg.Name},
		Retention:  jetstream.WorkQueuePolicy,
		Storage:    jetstream.FileStorage,
		Discard:    jetstream.DiscardNew,
		Duplicates: cfg.Duplicates,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %s: stream: %w", cfg.Name, err)
	}
	q.pull, err = q.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable:       consumerName,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       cfg.Lease,
		MaxDeliver:    -1,
		MaxAckPending: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %s: consumer: %w", cfg.Name, err)
	}
	// One message for each subject and one subject for each buried message: burying twice after a crash replaces.
	q.aside, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:              cfg.Name + "-buried",
		Subjects:          []string{cfg.Name + "-buried.*"},
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %s: buried stream: %w", cfg.Name, err)
	}
	q.closing, q.close = context.WithCancel(context.Background())
	return q, nil
}

// begin ties a call to Close: the context that it answers with ends with ctx or with the queue.
func (q *Queue) begin(ctx context.Context) (context.Context, func(), error) {
	if q.closing.Err() != nil {
		return nil, nil, queue.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(q.closing, cancel)
	return ctx, func() { stop(); cancel() }, nil
}

// fail names the operation, and prefers the reason that the caller can act on: closed, or its own context's end.
func (q *Queue) fail(caller context.Context, what string, err error) error {
	if q.closing.Err() != nil {
		return queue.ErrClosed
	}
	if caller.Err() != nil {
		err = caller.Err()
	}
	return fmt.Errorf("%s queue %s: %w", what, q.cfg.Name, err)
}

// Publish implements queue.Queue.
func (q *Queue) Publish(caller context.Context, id string, body []byte) error {
	ctx, end, err := q.begin(caller)
	if err != nil {
		return err
	}
	defer end()
	var opts []jetstream.PublishOpt
	if id != "" {
		// Quoted, because a header holds no line breaks.
		opts = append(opts, jetstream.WithMsgID(strconv.QuoteToASCII(id)))
	}
	if _, err := q.js.Publish(ctx, q.cfg.Name, body, opts...); err != nil {
		return q.fail(caller, "publish to", err)
	}
	return nil
}

// Fetch implements queue.Queue.
func (q *Queue) Fetch(caller context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	ctx, end, err := q.begin(caller)
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
		// What was leased goes to the caller even if a later request failed; the next Fetch meets the failure again.
		return got, nil
	}
	return nil, q.fail(caller, "fetch from", err)
}

// await fetches one message, because a larger batch would wait until it is full.
func (q *Queue) await(ctx context.Context, wait time.Duration) ([]queue.Message, error) {
	// The client keeps a tenth of the deadline, at most a second, for the way; the server waits for the rest.
	until, cancel := context.WithTimeout(ctx, wait+min(wait/9, time.Second))
	defer cancel()
	got, err := q.collect(q.pull.Fetch(1, jetstream.FetchContext(until)))
	if err != nil && until.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return got, err
}

// collect reads a batch to its end.
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
	ctx, end, err := q.begin(caller)
	if err != nil {
		return 0, err
	}
	defer end()
	info, err := q.work.Info(ctx)
	if err != nil {
		return 0, q.fail(caller, "count", err)
	}
	return int(info.State.Msgs), nil
}

// asideRecord is how a buried message is stored.
type asideRecord struct {
	Reason   string `json:"reason"`
	Body     []byte `json:"body"`
	Attempts int    `json:"attempts,omitempty"`
}

// Buried implements queue.Queue.
func (q *Queue) Buried(caller context.Context, max int) ([]queue.Buried, error) {
	ctx, end, err := q.begin(caller)
	if err != nil {
		return nil, err
	}
	defer end()
	var list []queue.Buried
	for seq := uint64(1); len(list) < max; {
		m, err := q.aside.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(q.cfg.Name+"-buried.*"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, q.fail(caller, "list buried messages of", err)
		}
		var r asideRecord
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return nil, q.fail(caller, "list buried messages of", fmt.Errorf("message %d: %w", m.Sequence, err))
		}
		list = append(list, queue.Buried{
			ID: strconv.FormatUint(m.Sequence, 10), Body: r.Body, Reason: r.Reason, At: m.Time, Attempts: r.Attempts,
		})
		seq = m.Sequence + 1
	}
	return list, nil
}

// Unbury implements queue.Queue. A message's ID is its sequence among the buried ones.
func (q *Queue) Unbury(caller context.Context, id string) error {
	ctx, end, err := q.begin(caller)
	if err != nil {
		return err
	}
	defer end()
	const what = "give back a buried message of"
	seq, err := strconv.ParseUint(id, 10, 64)
	if err != nil || seq == 0 {
		return q.fail(caller, what, queue.ErrNotBuried)
	}
	m, err := q.aside.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		err = queue.ErrNotBuried
	}
	if err != nil {
		return q.fail(caller, what, err)
	}
	var r asideRecord
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return q.fail(caller, what, err)
	}
	if _, err := q.js.Publish(ctx, q.cfg.Name, r.Body); err != nil {
		return q.fail(caller, what, err)
	}
	if err := q.aside.DeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return q.fail(caller, what, err)
	}
	return nil
}

// Close implements queue.Queue.
func (q *Queue) Close() error {
	q.close()
	return nil
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

// tell sends what has no confirmation of its own, and flushes, so that a lost connection is an error here.
func (m *message) tell(caller context.Context, what string, send func() error) error {
	ctx, end, err := m.q.begin(caller)
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, m.q.cfg.Lease)
	defer cancel()
	if err := send(); err != nil {
		return m.q.fail(caller, what, err)
	}
	if err := m.q.nc.FlushWithContext(ctx); err != nil {
		return m.q.fail(caller, what, err)
	}
	return nil
}

// Extend implements queue.Message.
func (m *message) Extend(ctx context.Context) error {
	return m.tell(ctx, "extend a lease in", m.m.InProgress)
}

// Retry implements queue.Message.
func (m *message) Retry(ctx context.Context, delay time.Duration) error {
	return m.tell(ctx, "give back to", func() error { return m.m.NakWithDelay(delay) })
}

// Ack implements queue.Message.
func (m *message) Ack(caller context.Context) error {
	ctx, end, err := m.q.begin(caller)
	if err != nil {
		return err
	}
	defer end()
	if err := m.m.DoubleAck(ctx); err != nil {
		return m.q.fail(caller, "acknowledge in", err)
	}
	return nil
}

// Bury implements queue.Message. A crash between its two steps brings the message again; burying it again replaces.
func (m *message) Bury(caller context.Context, reason string) error {
	ctx, end, err := m.q.begin(caller)
	if err != nil {
		return err
	}
	defer end()
	record, err := json.Marshal(asideRecord{Reason: reason, Body: m.Body(), Attempts: m.Attempt()})
	if err != nil {
		return m.q.fail(caller, "bury in", err)
	}
	subject := m.q.cfg.Name + "-buried." + strconv.FormatUint(m.md.Sequence.Stream, 10)
	if _, err := m.q.js.Publish(ctx, subject, record); err != nil {
		return m.q.fail(caller, "bury in", err)
	}
	return m.Ack(caller)
}
