// Package queue is the contract of a durable queue with leases: what the worker needs from SQS,
// JetStream and similar services. The packages below it are the implementations; package queuetest
// is the test suite that they all pass.
//
// A queue never inspects the body of a message and never decides whether work has succeeded: the
// worker does.
package queue

import (
	"context"
	"errors"
	"time"
)

// Errors that callers test for; implementations wrap them.
var (
	// ErrClosed means that the queue has been closed.
	ErrClosed = errors.New("queue closed")
	// ErrAway means that the queue could not be opened because nothing answered; it may be there later.
	ErrAway = errors.New("queue unavailable")
	// ErrNotBuried means that no buried message has the given ID, or no longer.
	ErrNotBuried = errors.New("no such buried message")
)

// Queue delivers every published message at least once, in no particular order, until it is settled
// by Ack or Bury. All methods are safe for concurrent use.
type Queue interface {
	// Publish stores a message durably. A message whose id was published within the last minutes
	// may be dropped as a duplicate, unless the id is empty.
	Publish(ctx context.Context, id string, body []byte) error
	// Fetch leases up to max messages, waiting up to wait for the first. If there is none in time,
	// it returns no messages and no error.
	Fetch(ctx context.Context, max int, wait time.Duration) ([]Message, error)
	// Waiting returns the number of messages that are not settled, including those that are leased.
	Waiting(ctx context.Context) (int, error)
	// Buried returns up to max buried messages, oldest first.
	Buried(ctx context.Context, max int) ([]Buried, error)
	// Unbury puts a buried message back into the queue as if it had never been delivered. The
	// message is published before it is removed from the buried ones: a crash in between may
	// duplicate it but never loses it. The error for an unknown ID is ErrNotBuried.
	Unbury(ctx context.Context, id string) error
	// Close releases the client. Messages are kept.
	Close() error
}

// Message is one leased message. If it is not settled before its lease expires, it is delivered
// again.
type Message interface {
	Body() []byte
	// Attempt is the number of this delivery, from 1.
	Attempt() int
	// Lease is the time for which the message is leased by Fetch or Extend.
	Lease() time.Duration
	// Extend renews the lease.
	Extend(ctx context.Context) error
	// Ack settles the message: it is never delivered again.
	Ack(ctx context.Context) error
	// Retry returns the message to the queue, to be delivered again after about delay.
	Retry(ctx context.Context, delay time.Duration) error
	// Bury stores the message and a reason durably among the buried messages, and settles it.
	Bury(ctx context.Context, reason string) error
}

// Buried is a buried message.
type Buried struct {
	ID       string // identifies it for as long as it is buried
	Body     []byte
	Reason   string
	At       time.Time
	Attempts int // deliveries before it was buried; 0 if unknown
}
