// Package queue is the contract of a durable queue with leases: what the worker needs of SQS, JetStream and their like.
// Its folders hold the implementations; package queuetest holds the one suite that they all pass.
//
// It never looks into a message's body and never decides whether work succeeded: the worker settles.
package queue

import (
	"context"
	"errors"
	"time"
)

// Errors that callers branch on; implementations wrap them.
var (
	// ErrClosed: the queue was closed.
	ErrClosed = errors.New("queue closed")
	// ErrNotBuried: there is no buried message of that ID, or no longer.
	ErrNotBuried = errors.New("not among the buried messages")
)

// Queue delivers every published message at least once, in no promised order, until it is settled by Ack or Bury. All
// methods are safe for concurrent use.
type Queue interface {
	// Publish stores a message durably before it returns nil. An id that was published in the last minutes may be
	// dropped as a duplicate; an empty id never is.
	Publish(ctx context.Context, id string, body []byte) error
	// Fetch leases up to max messages, waiting up to wait for the first. No message in time is an empty slice, not an error.
	Fetch(ctx context.Context, max int, wait time.Duration) ([]Message, error)
	// Waiting counts messages that are not settled, leased ones included.
	Waiting(ctx context.Context) (int, error)
	// Buried lists up to max buried messages, oldest first.
	Buried(ctx context.Context, max int) ([]Buried, error)
	// Unbury gives a buried message back, as one that was never delivered. It is stored as waiting before it stops being
	// buried, so that a crash in between may double it and never loses it. An unknown ID is ErrNotBuried.
	Unbury(ctx context.Context, id string) error
	// Close releases the client; messages stay.
	Close() error
}

// Message is one leased message. A lease that is neither settled nor extended runs out, and the message comes again.
type Message interface {
	Body() []byte
	// Attempt is 1 at the first delivery.
	Attempt() int
	// Lease is how long the message stays ours after Fetch or Extend.
	Lease() time.Duration
	// Extend renews the lease.
	Extend(ctx context.Context) error
	// Ack settles the message: it never comes again.
	Ack(ctx context.Context) error
	// Retry gives the message back, to come again after about delay.
	Retry(ctx context.Context, delay time.Duration) error
	// Bury sets the message aside with a reason, durably, and settles it.
	Bury(ctx context.Context, reason string) error
}

// Buried is a message that was set aside.
type Buried struct {
	ID       string // names it among the buried ones, for as long as it is one
	Body     []byte
	Reason   string
	At       time.Time
	Attempts int // deliveries before it was buried; 0 if that is not known
}
