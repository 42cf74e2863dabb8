package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// Failure is a message of the failure queue: an event that the function could not do.
type Failure struct {
	ID     string          `json:"id"`               // SQS's
	At     time.Time       `json:"at"`               // when it failed or, of a message that came by the work queue, was first sent
	Keys   []string        `json:"keys"`             // of the objects that the event tells of
	Reason string          `json:"reason,omitempty"` // empty if the message does not say
	Tries  int             `json:"tries,omitempty"`  // 0 if that is not known
	Event  json.RawMessage `json:"event"`            // what the function is given again
	Record json.RawMessage `json:"record,omitempty"` // Lambda's record of the failure, of a failed invocation
	handle string
	taken  time.Time // when the message was leased
}

// Invocation reports whether a failed invocation left it, and not the work queue.
func (f Failure) Invocation() bool { return f.Record != nil }

// destinationRecord is what Lambda sends to a destination on failure (AWS Lambda Developer Guide, "Capturing records of
// Lambda asynchronous invocations").
type destinationRecord struct {
	Timestamp      time.Time
	RequestContext struct {
		Condition              string
		ApproximateInvokeCount int
	}
	RequestPayload  json.RawMessage
	ResponseContext struct{ FunctionError string }
	ResponsePayload json.RawMessage
}

// ParseFailure reads the body of a message in the failure queue: Lambda's record of a failed invocation, or the event itself
// as the work queue held it. What is neither keeps its text as a JSON string in Event, and says so in Reason.
func ParseFailure(body string) Failure {
	var r destinationRecord
	if err := json.Unmarshal([]byte(body), &r); err == nil && len(r.RequestPayload) > 0 && r.RequestContext.Condition != "" {
		f := Failure{
			At: r.Timestamp, Reason: r.reason(), Tries: r.RequestContext.ApproximateInvokeCount,
			Event: r.RequestPayload, Record: json.RawMessage(body),
		}
		f.Keys, _ = keysOf(r.RequestPayload)
		return f
	}
	keys, err := keysOf([]byte(body))
	if err == nil {
		return Failure{Keys: keys, Event: json.RawMessage(body)}
	}
	f := Failure{Reason: "this is no event: " + err.Error(), Event: json.RawMessage(body)}
	if !json.Valid(f.Event) {
		f.Event, _ = json.Marshal(body) // a string always has a JSON
	}
	return f
}

// reason is what the function answered or, if it was never run to an answer, why Lambda gave up.
func (r destinationRecord) reason() string {
	var answer struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(r.ResponsePayload, &answer); err == nil && answer.ErrorMessage != "" {
		return answer.ErrorMessage
	}
	switch c := r.RequestContext.Condition; {
	case c == "EventAgeExceeded":
		return "it waited too long for the function to have time for it"
	case answer.ErrorType != "":
		return answer.ErrorType
	default:
		return strings.TrimSuffix(c+" "+r.ResponseContext.FunctionError, " ")
	}
}

// keysOf lists the keys that an event tells of, each once.
func keysOf(body []byte) ([]string, error) {
	e, err := event.Parse(body)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, item := range e.Items {
		if k := item.Change.Key; k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

const (
	// leaseFailures is how long messages are ours while they are listed or sent back; whoever asks meanwhile misses them.
	leaseFailures = 60 * time.Second
	// leaseEach makes it longer where very many are asked for, so that the first do not come again before the last are read.
	leaseEach = 50 * time.Millisecond
	// releasePatience bounds giving them back, which goes on after an interrupt.
	releasePatience = 10 * time.Second
)

// lease is how long up to so many messages are taken for, within what SQS allows.
func lease(most int) time.Duration {
	return min(max(leaseFailures, time.Duration(most)*leaseEach), 12*time.Hour)
}

// Failures lists up to max messages of the failure queue, oldest first, and says about how many more there are that cannot be
// seen: another look holds them for a minute, or one that was cut off, also by an answer of SQS that was lost on its way. The
// messages are in the queue as before when it returns.
func (c *Cloud) Failures(ctx context.Context, d *Deployment, max int) (list []Failure, hidden int, err error) {
	list, hidden, err = c.takeFailures(ctx, d, max)
	err = errors.Join(err, c.release(ctx, d, list))
	if err == nil {
		err = c.explainFailures(ctx, d, list)
	}
	return list, hidden, err
}

// Retried is what became of a failure that was to be sent back.
type Retried struct {
	Number int // as Failures counts, from 1
	Failure
	Err error
}

// RetryFailures sends failures back, those of these numbers or, without any, all that max allows: an invocation's event to the
// function, another to the work queue. Only what was accepted is deleted. Each is told of as it is done; the error is of
// what comes before and after. What it says of hidden ones is as in Failures; while there are some, numbers may mean others than
// they did, and none is sent back (HiddenError); nor is one where there are max or more.
func (c *Cloud) RetryFailures(ctx context.Context, d *Deployment, max int, numbers []int, told func(Retried)) (hidden int, err error) {
	list, hidden, err := c.takeFailures(ctx, d, max)
	switch {
	case err != nil || len(numbers) == 0:
	case hidden > 0:
		err = &HiddenError{hidden}
	case len(list) >= max: // of more SQS gives any, and others the next time
		err = fmt.Errorf("as many failures as may be looked at (%d) are there, so that the numbers may not be those of your list: nothing was sent back; raise --max", max)
	}
	var left []Failure
	for i, f := range list {
		n := i + 1
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || len(numbers) > 0 && !slices.Contains(numbers, n) {
			left = append(left, f)
			continue
		}
		r := Retried{Number: n, Failure: f}
		if r.Err = c.keep(ctx, d, f, lease(max)); r.Err == nil {
			r.Err = c.sendBack(ctx, d, f)
		}
		if r.Err != nil {
			left = append(left, f)
		}
		told(r)
	}
	for _, n := range numbers {
		if err == nil && (n < 1 || n > len(list)) {
			told(Retried{Number: n, Err: fmt.Errorf("there is no failure %d; the list has %d", n, len(list))})
		}
	}
	return hidden, errors.Join(err, c.release(ctx, d, left))
}

// HiddenError: a list is not whole, so that its numbers mean nothing.
type HiddenError struct{ Hidden int }

func (e *HiddenError) Error() string {
	return fmt.Sprintf("about %d failures cannot be seen now, because another look holds them or one was cut off, and the numbers may not be those of your list: nothing was sent back; try again in a minute", e.Hidden)
}

// takeFailures leases messages until none comes, and sorts them: what SQS gives has no order.
func (c *Cloud) takeFailures(ctx context.Context, d *Deployment, most int) (list []Failure, hidden int, err error) {
	byID := map[string]Failure{}
	for len(byID) < most {
		taken := time.Now() // the lease begins later
		out, err := c.Queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:            &d.FailureQueue,
			MaxNumberOfMessages: int32(min(10, most-len(byID))),
			VisibilityTimeout:   int32(lease(most).Seconds()),
			WaitTimeSeconds:     1, // a long poll asks all of the queue's servers, so that an empty answer means empty
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameSentTimestamp,
			},
		})
		if err != nil {
			return sortFailures(byID), 0, fmt.Errorf("read the failure queue: %w", err)
		}
		if len(out.Messages) == 0 {
			return sortFailures(byID), max(0, c.held(ctx, d)-len(byID)), ctx.Err()
		}
		for _, m := range out.Messages {
			f := ParseFailure(aws.ToString(m.Body))
			f.ID, f.handle, f.taken = aws.ToString(m.MessageId), aws.ToString(m.ReceiptHandle), taken
			if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil && f.At.IsZero() {
				f.At = time.UnixMilli(ms)
			}
			byID[f.ID] = f // a later lease of one that came twice is the one that counts
		}
	}
	return sortFailures(byID), 0, nil
}

func sortFailures(byID map[string]Failure) []Failure {
	list := make([]Failure, 0, len(byID))
	for _, f := range byID {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Failure) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// held is about how many messages of the failure queue are leased, by whomever; 0 if that cannot be seen.
func (c *Cloud) held(ctx context.Context, d *Deployment) int {
	const name = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := c.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &d.FailureQueue, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(out.Attributes[string(name)])
	return n
}

// keep renews a lease that has half run out: what another takes meanwhile would be sent back twice.
func (c *Cloud) keep(ctx context.Context, d *Deployment, f Failure, lease time.Duration) error {
	if time.Since(f.taken) < lease/2 {
		return nil
	}
	_, err := c.Queue.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &d.FailureQueue, ReceiptHandle: &f.handle, VisibilityTimeout: int32(leaseFailures.Seconds())})
	if err != nil {
		return fmt.Errorf("keep it from others while it is sent back: %w", err)
	}
	return nil
}

// release makes leased messages visible again at once.
func (c *Cloud) release(ctx context.Context, d *Deployment, list []Failure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
	defer cancel()
	for part := range slices.Chunk(list, 10) {
		if err := c.releaseBatch(ctx, d, part); err != nil {
			return fmt.Errorf("give back what was read of the failure queue, which comes back by itself in a while: %w", err)
		}
	}
	return nil
}

// releaseBatch tries again what SQS itself failed at. That a lease has run out meanwhile is an entry's own fault to it, and
// needs nothing.
func (c *Cloud) releaseBatch(ctx context.Context, d *Deployment, part []Failure) error {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &d.FailureQueue}
	for i, f := range part {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(f.handle), VisibilityTimeout: 0,
		})
	}
	for {
		out, err := c.Queue.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			return err
		}
		failed := slices.DeleteFunc(out.Failed, func(f types.BatchResultErrorEntry) bool { return f.SenderFault })
		if len(failed) == 0 {
			return nil
		}
		in.Entries = slices.DeleteFunc(in.Entries, func(e types.ChangeMessageVisibilityBatchRequestEntry) bool {
			return !slices.ContainsFunc(failed, func(f types.BatchResultErrorEntry) bool { return aws.ToString(f.Id) == *e.Id })
		})
		if sleep(ctx, shortWait) != nil {
			return fmt.Errorf("SQS fails at %d: %s", len(failed), aws.ToString(failed[0].Message))
		}
	}
}

// sendBack hands a failure's event over once more and then deletes the message.
func (c *Cloud) sendBack(ctx context.Context, d *Deployment, f Failure) error {
	if f.Invocation() || d.WorkQueue == "" {
		out, err := c.Function.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &d.FunctionName, InvocationType: lambdatypes.InvocationTypeEvent, Payload: f.Event,
		})
		if err != nil {
			return fmt.Errorf("send it to the function: %w", err)
		}
		if out.StatusCode != 202 {
			return fmt.Errorf("send it to the function: it answers %d and not 202", out.StatusCode)
		}
	} else if _, err := c.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &d.WorkQueue, MessageBody: aws.String(string(f.Event)),
	}); err != nil {
		return fmt.Errorf("send it to the work queue: %w", err)
	}
	// It was accepted: an interrupt now must not leave it to be sent twice.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasePatience)
	defer cancel()
	_, err := c.Queue.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &d.FailureQueue, ReceiptHandle: &f.handle})
	if err != nil {
		return fmt.Errorf("it was sent back, but is still listed: %w", err)
	}
	return nil
}

// explainFailures fills in what messages that came by the work queue do not tell: how often they were tried, by the queue's
// policy, and why, by the function's log. What cannot be read stays open.
func (c *Cloud) explainFailures(ctx context.Context, d *Deployment, list []Failure) error {
	open := map[string][]*Failure{}
	var since time.Time
	for i := range list {
		f := &list[i]
		if f.Invocation() || f.Reason != "" {
			continue
		}
		for _, k := range f.Keys {
			open[k] = append(open[k], f)
		}
		if since.IsZero() || f.At.Before(since) {
			since = f.At
		}
	}
	if len(open) == 0 {
		return nil
	}
	tries := c.deliveries(ctx, d)
	for _, same := range open {
		for _, f := range same {
			f.Tries = tries
		}
	}
	const most = 20_000 // lines; the log of a busy function is long
	read := 0
	for l, err := range c.Lines(ctx, d.LogGroup, since) {
		if read++; err != nil || read > most {
			break
		}
		for _, f := range open[l.Key] {
			if l.Verdict == "retry" {
				f.Reason = l.Reason
			}
		}
	}
	return ctx.Err()
}

// deliveries is how often the work queue delivers a message before it goes to the failure queue; 0 if that cannot be seen.
func (c *Cloud) deliveries(ctx context.Context, d *Deployment) int {
	if d.WorkQueue == "" {
		return 0
	}
	out, err := c.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &d.WorkQueue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	var policy struct {
		MaxReceiveCount json.Number // a number or a string with one: both are accepted by SQS
	}
	if err != nil || json.Unmarshal([]byte(out.Attributes["RedrivePolicy"]), &policy) != nil {
		return 0
	}
	n, _ := strconv.Atoi(policy.MaxReceiveCount.String())
	return n
}
