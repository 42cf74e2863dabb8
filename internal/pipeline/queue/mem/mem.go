// Package mem is a queue in memory, for tests. It implements the contract of package queue, except
// that it is not durable.
//
// It never writes to disk and never starts a goroutine.
package mem

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// duplicates is how long a published id is remembered.
const duplicates = 2 * time.Minute

// errLease means that the message may have been leased to somebody else.
var errLease = errors.New("the lease has expired")

// Queue implements queue.Queue.
type Queue struct {
	lease time.Duration

	mu      sync.Mutex
	items   []*item
	buried  []queue.Buried
	graves  int // messages that have ever been buried; the last ID
	seen    map[string]time.Time
	changed chan struct{} // closed and replaced whenever a waiting Fetch should look again
	closed  bool
}

// item is one stored message.
type item struct {
	body     []byte
	attempts int
	free     time.Time // when it may be leased
}

// New returns an empty queue with leases of the given duration.
func New(lease time.Duration) *Queue {
	return &Queue{lease: lease, seen: map[string]time.Time{}, changed: make(chan struct{})}
}

// wake lets every waiting Fetch look again. The caller holds mu.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// ready returns an error if a call cannot proceed. The caller holds mu.
func (q *Queue) ready(ctx context.Context) error {
	if q.closed {
		return queue.ErrClosed
	}
	return ctx.Err()
}

// Publish implements queue.Queue.
func (q *Queue) Publish(ctx context.Context, id string, body []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.ready(ctx); err != nil {
		return err
	}
	now := time.Now()
	if id != "" {
		if at, ok := q.seen[id]; ok && now.Sub(at) < duplicates {
			return nil
		}
		q.seen[id] = now
	}
	q.items = append(q.items, &item{body: bytes.Clone(body), free: now})
	q.wake()
	return nil
}

// Fetch implements queue.Queue.
func (q *Queue) Fetch(ctx context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	return queue.Await(ctx, wait, func() ([]queue.Message, time.Duration, <-chan struct{}, error) { return q.take(ctx, max) })
}

// take leases messages that are free now. If there are none, the caller should look again after
// next, or once changed is closed.
func (q *Queue) take(ctx context.Context, max int) (got []queue.Message, next time.Duration, changed <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.ready(ctx); err != nil {
		return nil, 0, nil, err
	}
	now := time.Now()
	next = time.Hour
	for _, it := range q.items {
		if d := it.free.Sub(now); d > 0 {
			next = min(next, d)
			continue
		}
		if len(got) == max {
			break
		}
		it.attempts++
		it.free = now.Add(q.lease)
		got = append(got, &message{q: q, it: it, attempt: it.attempts})
	}
	return got, next, q.changed, nil
}

// Waiting implements queue.Queue.
func (q *Queue) Waiting(ctx context.Context) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.ready(ctx); err != nil {
		return 0, err
	}
	return len(q.items), nil
}

// Buried implements queue.Queue.
func (q *Queue) Buried(ctx context.Context, max int) ([]queue.Buried, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.ready(ctx); err != nil {
		return nil, err
	}
	return slices.Clone(q.buried[:min(max, len(q.buried))]), nil
}

// Unbury implements queue.Queue.
func (q *Queue) Unbury(ctx context.Context, id string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.ready(ctx); err != nil {
		return err
	}
	i := slices.IndexFunc(q.buried, func(b queue.Buried) bool { return b.ID == id })
	if i < 0 {
		return queue.ErrNotBuried
	}
	q.items = append(q.items, &item{body: q.buried[i].Body, free: time.Now()})
	q.buried = slices.Delete(q.buried, i, i+1)
	q.wake()
	return nil
}

// Close implements queue.Queue.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		q.wake()
	}
	return nil
}

// message is one lease of an item; attempt distinguishes its leases.
type message struct {
	q       *Queue
	it      *item
	attempt int
}

func (m *message) Body() []byte         { return m.it.body }
func (m *message) Attempt() int         { return m.attempt }
func (m *message) Lease() time.Duration { return m.q.lease }

// hold sets the time after which the item is free again, unless it has been leased again.
func (m *message) hold(ctx context.Context, d time.Duration) error {
	m.q.mu.Lock()
	defer m.q.mu.Unlock()
	if err := m.q.ready(ctx); err != nil {
		return err
	}
	if m.it.attempts != m.attempt {
		return errLease
	}
	m.it.free = time.Now().Add(d)
	m.q.wake()
	return nil
}

// Extend implements queue.Message.
func (m *message) Extend(ctx context.Context) error { return m.hold(ctx, m.q.lease) }

// Retry implements queue.Message.
func (m *message) Retry(ctx context.Context, delay time.Duration) error { return m.hold(ctx, delay) }

// settle removes the item, even if the lease has expired, as real queues do. The caller holds mu.
func (m *message) settle() {
	m.q.items = slices.DeleteFunc(m.q.items, func(it *item) bool { return it == m.it })
}

// Ack implements queue.Message.
func (m *message) Ack(ctx context.Context) error {
	m.q.mu.Lock()
	defer m.q.mu.Unlock()
	if err := m.q.ready(ctx); err != nil {
		return err
	}
	m.settle()
	return nil
}

// Bury implements queue.Message.
func (m *message) Bury(ctx context.Context, reason string) error {
	m.q.mu.Lock()
	defer m.q.mu.Unlock()
	if err := m.q.ready(ctx); err != nil {
		return err
	}
	if slices.Contains(m.q.items, m.it) {
		m.q.graves++
		m.q.buried = append(m.q.buried, queue.Buried{
			ID: strconv.Itoa(m.q.graves), Body: m.it.body, Reason: reason, At: time.Now(), Attempts: m.attempt,
		})
	}
	m.settle()
	return nil
}
