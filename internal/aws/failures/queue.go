package failures

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

const (
	// minLease is how long messages are invisible to others while they are listed or sent back.
	minLease = 60 * time.Second
	// leasePerMessage makes the lease of very many messages longer, so that the first ones do not
	// reappear before the last ones are read.
	leasePerMessage = 50 * time.Millisecond
	// maxLease is SQS's limit on the visibility timeout.
	maxLease = 12 * time.Hour
	// cleanupTimeout bounds calls that go on after an interrupt.
	cleanupTimeout = 10 * time.Second
	// retryPause is between two attempts at a call that SQS failed.
	retryPause = 500 * time.Millisecond
)

// leaseFor returns for how long up to most messages are leased.
func leaseFor(most int) time.Duration {
	return min(max(minLease, time.Duration(most)*leasePerMessage), maxLease)
}

// List returns up to most failures, oldest first. It also returns about how many more are in flight
// and cannot be listed: another command holds them for a minute, or one that was interrupted, or
// the response of SQS was lost. The queue is as before when List returns.
func List(
	ctx context.Context, c *client.Cloud, d *deployment.Deployment, most int,
) (list []Failure, inFlight int, err error) {
	list, inFlight, err = receive(ctx, c, d, most)
	err = errors.Join(err, release(ctx, c, d, list))
	if err == nil {
		err = explain(ctx, c, d, list)
	}
	return list, inFlight, err
}

// Result is the outcome of sending one failure back.
type Result struct {
	// Number is the position in the list, from 1.
	Number int
	Failure
	// Made is true if there was no queue to send it to: the variants were made at once.
	Made bool
	Err  error
}

// Retry sends failures back: those with the given numbers, or without numbers all that most allows.
// The event of a failed invocation goes to the function, any other to the work queue. A message is
// deleted only after its event was accepted. Retry reports each failure as it is done; its error is
// about what comes before and after. The count in flight is as for List. While messages are in
// flight, or if there are as many as most allows, numbers may mean other failures than in an
// earlier list, so none is sent back; in the first case the error is an *InFlightError.
func Retry(ctx context.Context, c *client.Cloud, d *deployment.Deployment, most int, numbers []int,
	report func(Result)) (inFlight int, err error) {
	list, inFlight, err := receive(ctx, c, d, most)
	switch {
	case err != nil || len(numbers) == 0:
	case inFlight > 0:
		err = &InFlightError{inFlight}
	case len(list) >= most: // SQS returns any of them, and others the next time
		err = fmt.Errorf("--max %d allows no more failures than there are, so the numbers may not be those of your list: nothing was sent back; raise --max", most)
	}
	var kept []Failure
	for i, f := range list {
		n := i + 1
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || len(numbers) > 0 && !slices.Contains(numbers, n) {
			kept = append(kept, f)
			continue
		}
		r := Result{Number: n, Failure: f}
		if r.Err = renewLease(ctx, c, d, f, leaseFor(most)); r.Err == nil {
			r.Err = sendBack(ctx, c, d, f)
		}
		if r.Err != nil {
			kept = append(kept, f)
		}
		report(r)
	}
	for _, n := range numbers {
		if err == nil && (n < 1 || n > len(list)) {
			report(Result{Number: n, Err: fmt.Errorf("there is no failure %d; the list has %d", n,
				len(list))})
		}
	}
	return inFlight, errors.Join(err, release(ctx, c, d, kept))
}

// InFlightError reports that a list is incomplete, so its numbers may not be those of an earlier
// list.
type InFlightError struct{ InFlight int }

func (e *InFlightError) Error() string {
	return fmt.Sprintf("failures are in flight (about %d), because another command reads them or one was interrupted, and the numbers may not be those of your list: nothing was sent back; try again in a minute",
		e.InFlight)
}

// receive leases messages until there are no more, and sorts them: SQS returns them in no order.
func receive(ctx context.Context, c *client.Cloud, d *deployment.Deployment,
	most int) (list []Failure, inFlight int, err error) {
	byID := map[string]Failure{}
	for len(byID) < most {
		leased := time.Now() // the lease begins later
		out, err := c.Queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:            &d.FailureQueue,
			MaxNumberOfMessages: int32(min(10, most-len(byID))),
			VisibilityTimeout:   int32(leaseFor(most).Seconds()),
			WaitTimeSeconds:     1, // a long poll asks all servers of the queue, so that an empty response means an empty queue
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameSentTimestamp,
			},
		})
		if err != nil {
			return sorted(byID), 0, fmt.Errorf("read the failure queue: %w", err)
		}
		if len(out.Messages) == 0 {
			return sorted(byID), max(0, countInFlight(ctx, c, d)-len(byID)), ctx.Err()
		}
		for _, m := range out.Messages {
			f := Parse(aws.ToString(m.Body))
			f.ID, f.handle, f.leased = aws.ToString(m.MessageId), aws.ToString(m.ReceiptHandle), leased
			if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil &&
				f.At.IsZero() {
				f.At = time.UnixMilli(ms)
			}
			byID[f.ID] = f // of a message that was received twice, the later lease counts
		}
	}
	return sorted(byID), 0, nil
}

func sorted(byID map[string]Failure) []Failure {
	list := make([]Failure, 0, len(byID))
	for _, f := range byID {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Failure) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// countInFlight returns about how many messages of the failure queue anybody has leased, or 0 if
// that cannot be read.
func countInFlight(ctx context.Context, c *client.Cloud, d *deployment.Deployment) int {
	const name = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := c.Queue.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &d.FailureQueue,
			AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(out.Attributes[string(name)])
	return n
}

// renewLease renews a lease of which half has passed. If another command received the message
// meanwhile, it would be sent back twice.
func renewLease(ctx context.Context, c *client.Cloud, d *deployment.Deployment, f Failure,
	lease time.Duration) error {
	if time.Since(f.leased) < lease/2 {
		return nil
	}
	_, err := c.Queue.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &d.FailureQueue, ReceiptHandle: &f.handle,
		VisibilityTimeout: int32(minLease.Seconds())})
	if err != nil {
		return fmt.Errorf("renew the lease of the message: %w", err)
	}
	return nil
}

// release makes leased messages visible again at once.
func release(ctx context.Context, c *client.Cloud, d *deployment.Deployment, list []Failure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	for part := range slices.Chunk(list, 10) {
		if err := releaseBatch(ctx, c, d, part); err != nil {
			return fmt.Errorf("release the failures that were read; they become visible again by themselves: %w", err)
		}
	}
	return nil
}

// releaseBatch releases up to ten messages and retries those that SQS itself failed to release. SQS
// blames the caller for a lease that has expired, which needs no release.
func releaseBatch(ctx context.Context, c *client.Cloud, d *deployment.Deployment,
	part []Failure) error {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &d.FailureQueue}
	for i, f := range part {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(f.handle),
			VisibilityTimeout: 0,
		})
	}
	for {
		out, err := c.Queue.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			return err
		}
		failed := slices.DeleteFunc(out.Failed,
			func(f types.BatchResultErrorEntry) bool { return f.SenderFault })
		if len(failed) == 0 {
			return nil
		}
		in.Entries = slices.DeleteFunc(in.Entries,
			func(e types.ChangeMessageVisibilityBatchRequestEntry) bool {
				return !slices.ContainsFunc(failed,
					func(f types.BatchResultErrorEntry) bool { return aws.ToString(f.Id) == *e.Id })
			})
		if client.Sleep(ctx, retryPause) != nil {
			return fmt.Errorf("SQS failed to release %d: %s", len(failed),
				aws.ToString(failed[0].Message))
		}
	}
}

// sendBack sends a failure's event once more and then deletes the message.
func sendBack(ctx context.Context, c *client.Cloud, d *deployment.Deployment, f Failure) error {
	if f.fromInvocation() || d.WorkQueue == "" {
		out, err := c.Function.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &d.FunctionName, InvocationType: lambdatypes.InvocationTypeEvent,
			Payload: f.Event,
		})
		if err != nil {
			return fmt.Errorf("send the event to the function: %w", err)
		}
		if out.StatusCode != 202 {
			return fmt.Errorf("send the event to the function: the status is %d, not 202",
				out.StatusCode)
		}
	} else if _, err := c.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &d.WorkQueue, MessageBody: aws.String(string(f.Event)),
	}); err != nil {
		return fmt.Errorf("send the event to the work queue: %w", err)
	}
	// The event was accepted, so an interrupt from here on must not keep the message, which could
	// then be sent twice.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	_, err := c.Queue.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &d.FailureQueue,
		ReceiptHandle: &f.handle})
	if err != nil {
		return fmt.Errorf("the event was sent back, but is still listed: %w", err)
	}
	return nil
}

// maxLines bounds how much of a busy function's log explain reads.
const maxLines = 20_000

// explain adds what messages of the work queue do not have: the number of attempts, from the
// queue's policy, and the reason, from the function's log. What cannot be read stays unknown.
func explain(ctx context.Context, c *client.Cloud, d *deployment.Deployment, list []Failure) error {
	unexplained := map[string][]*Failure{}
	var since time.Time
	for i := range list {
		f := &list[i]
		if f.fromInvocation() || f.Reason != "" {
			continue
		}
		for _, k := range f.Keys {
			unexplained[k] = append(unexplained[k], f)
		}
		if since.IsZero() || f.At.Before(since) {
			since = f.At
		}
	}
	if len(unexplained) == 0 {
		return nil
	}
	tries := maxDeliveries(ctx, c, d)
	for _, same := range unexplained {
		for _, f := range same {
			f.Tries = tries
		}
	}
	read := 0
	for l, err := range logs.Read(ctx, c, d.LogGroup, since) {
		if read++; err != nil || read > maxLines {
			break
		}
		for _, f := range unexplained[l.Key] {
			if l.Verdict == outcome.Retry {
				f.Reason = l.Reason
			}
		}
	}
	return ctx.Err()
}

// maxDeliveries returns how often the work queue delivers a message before it moves to the failure
// queue, or 0 if that cannot be read.
func maxDeliveries(ctx context.Context, c *client.Cloud, d *deployment.Deployment) int {
	if d.WorkQueue == "" {
		return 0
	}
	out, err := c.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &d.WorkQueue,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	var policy struct {
		MaxReceiveCount json.Number // SQS accepts a number and a string with one
	}
	if err != nil || json.Unmarshal([]byte(out.Attributes["RedrivePolicy"]), &policy) != nil {
		return 0
	}
	n, _ := strconv.Atoi(policy.MaxReceiveCount.String())
	return n
}
