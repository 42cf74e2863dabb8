package sqs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// message is one leased message.
type message struct {
	q    *Queue
	m    types.Message
	body []byte
}

func (m *message) Body() []byte         { return m.body }
func (m *message) Lease() time.Duration { return time.Duration(m.q.lease) * time.Second }

func (m *message) Attempt() int {
	n, _ := strconv.Atoi(m.m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	return max(n, 1)
}

// call makes a request about the message.
func (m *message) call(caller context.Context, what string, request func(context.Context) error) error {
	ctx, end, err := m.q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	if err := request(ctx); err != nil {
		return m.q.calls.Fail(caller, what, err)
	}
	return nil
}

// lease leases the message for so many seconds from now.
func (m *message) lease(ctx context.Context, seconds int32) error {
	_, err := m.q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &m.q.url, ReceiptHandle: m.m.ReceiptHandle, VisibilityTimeout: seconds})
	return err
}

// Extend implements queue.Message.
func (m *message) Extend(ctx context.Context) error {
	return m.call(ctx, "extend a lease in", func(ctx context.Context) error { return m.lease(ctx, m.q.lease) })
}

// Retry implements queue.Message. The delay is rounded up to whole seconds.
func (m *message) Retry(ctx context.Context, delay time.Duration) error {
	seconds := int32((min(delay, maxRetry) + time.Second - 1) / time.Second)
	return m.call(ctx, "return a message to", func(ctx context.Context) error { return m.lease(ctx, seconds) })
}

// Ack implements queue.Message.
func (m *message) Ack(ctx context.Context) error {
	return m.call(ctx, "acknowledge a message in", func(ctx context.Context) error {
		return m.q.delete(ctx, m.q.url, m.m)
	})
}

// Bury implements queue.Message. After a crash between its two steps, the message is delivered again,
// and may be buried twice.
func (m *message) Bury(ctx context.Context, reason string) error {
	return m.call(ctx, "bury a message in", func(ctx context.Context) error {
		attrs := map[string]types.MessageAttributeValue{attrAttempts: text(strconv.Itoa(m.Attempt()))}
		if reason = outcome.Short(reason, maxReason); acceptable(reason) {
			attrs[attrReason] = text(reason)
		}
		err := m.q.send(ctx, m.q.deadLetter, m.body, attrs)
		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorFault() == smithy.FaultClient {
			// Attributes count as part of a message, and may be what makes it too long.
			err = m.q.send(ctx, m.q.deadLetter, m.body, map[string]types.MessageAttributeValue{})
		}
		if err != nil {
			return err
		}
		return m.q.delete(ctx, m.q.url, m.m)
	})
}

// maxReason bounds a reason, which counts as part of the message, in bytes.
const maxReason = 1000

func (q *Queue) delete(ctx context.Context, url string, m types.Message) error {
	_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	return err
}

const (
	// maxBuried is how many buried messages are leased at most, to find the oldest.
	maxBuried = 1000
	// buriedLease is for how many seconds. Messages that somebody else has leased, or that were leased in
	// an answer that was lost, are waited for as long.
	buriedLease = 15
)

// lookAt leases the buried messages, calls f with all that were found, oldest first, and releases
// them.
func (q *Queue) lookAt(caller context.Context, what string, f func(context.Context, []types.Message) error) error {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	found, err := q.leaseBuried(ctx)
	if err == nil {
		err = f(ctx, found)
	}
	if err = errors.Join(err, q.release(ctx, found)); err != nil {
		return q.calls.Fail(caller, what, err)
	}
	return nil
}

// leaseBuried leases the buried messages, and sorts them.
func (q *Queue) leaseBuried(ctx context.Context) (found []types.Message, err error) {
	byID := map[string]types.Message{}
	for until := time.Now().Add(buriedLease * time.Second); len(byID) < maxBuried && err == nil; {
		// A long poll asks all servers of the queue: its empty answer means that no more can be leased.
		var list []types.Message
		list, err = q.receive(ctx, q.deadLetter, maxBatch, time.Second, buriedLease)
		for _, m := range list {
			byID[aws.ToString(m.MessageId)] = m
		}
		if err == nil && len(list) == 0 {
			var all int
			if all, err = q.count(ctx, q.deadLetter); all <= len(byID) || time.Now().After(until) {
				break
			}
		}
	}
	for _, m := range byID {
		found = append(found, m)
	}
	slices.SortFunc(found, func(a, b types.Message) int {
		return cmp.Or(sent(a).Compare(sent(b)), cmp.Compare(aws.ToString(a.MessageId), aws.ToString(b.MessageId)))
	})
	return found, err
}

// release ends the leases of buried messages. One that is gone needs none, for which SQS blames the
// caller.
func (q *Queue) release(ctx context.Context, list []types.Message) error {
	for part := range slices.Chunk(list, maxBatch) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.deadLetter}
		for i, m := range part {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
		}
		if _, err := q.client.ChangeMessageVisibilityBatch(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

func sent(m types.Message) time.Time {
	ms, _ := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	return time.UnixMilli(ms)
}

// Buried implements queue.Queue. Of more than a thousand, it returns the oldest of those that SQS
// happens to return.
func (q *Queue) Buried(ctx context.Context, max int) (list []queue.Buried, err error) {
	err = q.lookAt(ctx, "list buried messages of", func(_ context.Context, found []types.Message) error {
		for _, m := range found[:min(len(found), max)] {
			attempts, _ := strconv.Atoi(aws.ToString(m.MessageAttributes[attrAttempts].StringValue))
			list = append(list, queue.Buried{
				ID: aws.ToString(m.MessageId), Body: body(m), At: sent(m), Attempts: attempts,
				Reason: aws.ToString(m.MessageAttributes[attrReason].StringValue),
			})
		}
		return nil
	})
	return list, err
}

// Unbury implements queue.Queue.
func (q *Queue) Unbury(ctx context.Context, id string) error {
	return q.lookAt(ctx, "return a buried message to", func(ctx context.Context, found []types.Message) error {
		i := slices.IndexFunc(found, func(m types.Message) bool { return id != "" && aws.ToString(m.MessageId) == id })
		if i < 0 {
			return queue.ErrNotBuried
		}
		if err := q.send(ctx, q.url, body(found[i]), map[string]types.MessageAttributeValue{}); err != nil {
			return err
		}
		return q.delete(ctx, q.deadLetter, found[i])
	})
}
