// Package dispatch leaves pictures that are there already to the function of a deployment: it sends
// them to the work queue as if S3 had just reported their upload (Queue), or has S3 Batch Operations
// invoke the function for each of a list (Manifest).
//
// It does not wait for the function, which decides by itself which variants of a picture are missing
// or stale.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// ErrDirect means that S3 invokes the function of the deployment without a queue.
var ErrDirect = errors.New("has no work queue, because its trigger is direct")

const (
	// Batch is the most messages that one request may send (Amazon SQS API Reference,
	// SendMessageBatch).
	Batch = 10
	// attempts is how often a message is sent that SQS refuses for reasons of its own, with a pause
	// before each other one.
	attempts = 5
	pause    = 500 * time.Millisecond
)

// Queue is the work queue of a deployment. It collects changes and sends them, ten at a time.
type Queue struct {
	cloud   *client.Cloud
	url     string
	pending []types.SendMessageBatchRequestEntry
	Sent    int64 // messages that SQS has stored
}

// OpenQueue returns the queue of a deployment. The error is ErrDirect if there is none.
func OpenQueue(c *client.Cloud, d *deployment.Deployment) (*Queue, error) {
	if d.WorkQueue == "" {
		return nil, fmt.Errorf("%s %w", d.Name, ErrDirect)
	}
	return &Queue{cloud: c, url: d.WorkQueue}, nil
}

// Waiting returns about how many messages are in the queue, or in work.
func (q *Queue) Waiting(ctx context.Context) (n int64, err error) {
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}
	out, err := q.cloud.Queue.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("look at the work queue: %w", err)
	}
	for _, name := range names {
		some, err := strconv.ParseInt(out.Attributes[string(name)], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("look at the work queue: %s: %w", name, err)
		}
		n += some
	}
	return n, nil
}

// Send adds a change, and sends those that were added if they are enough for a request.
func (q *Queue) Send(ctx context.Context, c event.Change) error {
	body, err := event.Notification(c)
	if err != nil {
		return err
	}
	q.pending = append(q.pending, types.SendMessageBatchRequestEntry{
		Id: aws.String(strconv.Itoa(len(q.pending))), MessageBody: aws.String(string(body)),
	})
	if len(q.pending) < Batch {
		return nil
	}
	return q.Flush(ctx)
}

// Flush sends what was added. Messages that SQS refuses without a fault of ours are sent again.
func (q *Queue) Flush(ctx context.Context) error {
	for try := 1; len(q.pending) > 0; try++ {
		out, err := q.cloud.Queue.SendMessageBatch(ctx,
			&sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: q.pending})
		if err != nil {
			return fmt.Errorf("send to the work queue: %w", err)
		}
		q.Sent += int64(len(out.Successful))
		refused := map[string]bool{}
		for _, f := range out.Failed {
			if f.SenderFault || try == attempts {
				return fmt.Errorf("send to the work queue: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
			}
			refused[aws.ToString(f.Id)] = true
		}
		q.pending = slices.DeleteFunc(q.pending, func(e types.SendMessageBatchRequestEntry) bool {
			return !refused[*e.Id]
		})
		if len(q.pending) > 0 {
			if err := client.Sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
	return nil
}
