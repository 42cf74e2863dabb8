// Package sqs implements package queue on an Amazon SQS standard queue, and on what has its API.
//
// A lease is the visibility timeout of a message. Buried messages are in the queue's dead-letter
// queue, with the reason and the number of deliveries as message attributes; messages that SQS has
// moved there by the queue's redrive policy have neither. SQS returns messages in no order and counts
// them approximately.
//
// It never makes a queue and never changes the attributes of one. Specification: Amazon SQS API
// Reference, and Developer Guide, "Amazon SQS visibility timeout" and "Using dead-letter queues".
package sqs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// Config selects the queue to open.
type Config struct {
	URL string // such as https://sqs.eu-west-1.amazonaws.com/123456789012/uploads
	// DeadLetter is the URL of the queue of buried messages. The default is the one that the queue's
	// redrive policy names.
	DeadLetter string
	// Region takes precedence over that of the URL and of the environment.
	Region string
	// Lease is the time for which Fetch and Extend lease a message, in whole seconds; 0 means 30 s.
	Lease time.Duration
}

// Validate reports what is wrong with the URL.
func (c Config) Validate() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || path.Base(u.Path) == "." || path.Base(u.Path) == "/" {
		return fmt.Errorf("queue %q: write its URL, like https://sqs.eu-west-1.amazonaws.com/123456789012/uploads "+
			"or nats://127.0.0.1:4222/uploads", c.URL)
	}
	if name := path.Base(u.Path); strings.HasSuffix(name, ".fifo") {
		return fmt.Errorf("queue %s: FIFO queues get no notifications of S3; use a standard queue", name)
	}
	return nil
}

// Queue implements queue.Queue.
type Queue struct {
	client          *sqs.Client
	url, deadLetter string
	lease           int32 // in seconds
	maxDeliveries   int
	calls           *queue.Calls
}

const (
	maxBatch = 10 // messages of a request
	maxWait  = 20 // seconds that a request may wait for the first of them
	maxRetry = 12 * time.Hour
)

// Open opens a queue with the credentials that the AWS command line would find, and checks that it
// exists and has a dead-letter queue.
//
// If nothing answers, the error is queue.ErrAway.
func Open(ctx context.Context, cfg Config) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	name := path.Base(u.Path)
	found, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	q := &Queue{
		url: cfg.URL, deadLetter: cfg.DeadLetter, calls: queue.NewCalls(name), lease: 30,
		client: sqs.NewFromConfig(found, func(o *sqs.Options) {
			o.BaseEndpoint = aws.String(u.Scheme + "://" + u.Host)
			o.Region = region(cfg.Region, u.Hostname(), o.Region)
		}),
	}
	if cfg.Lease > 0 {
		q.lease = int32(cfg.Lease / time.Second)
	}
	if err := q.check(ctx); err != nil {
		var refused smithy.APIError
		if lost := net.Error(nil); errors.As(err, &lost) && !errors.As(err, &refused) {
			err = fmt.Errorf("%w: %w", queue.ErrAway, err)
		}
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	return q, nil
}

// region returns the region to sign for: as given, of a host like sqs.eu-west-1.amazonaws.com, or of
// the environment.
func region(given, host, environment string) string {
	if given != "" {
		return given
	}
	if parts := strings.Split(host, "."); len(parts) > 3 && parts[0] == "sqs" {
		return parts[1]
	}
	if environment != "" {
		return environment
	}
	return "us-east-1"
}

// check reads the redrive policy.
func (q *Queue) check(ctx context.Context) error {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy}})
	if err != nil {
		return err
	}
	var policy struct {
		Target string      `json:"deadLetterTargetArn"`
		Max    json.Number `json:"maxReceiveCount"` // a number or a text
	}
	if text := out.Attributes[string(types.QueueAttributeNameRedrivePolicy)]; text != "" {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			return fmt.Errorf("redrive policy %s: %w", text, err)
		}
		n, err := policy.Max.Int64()
		if err != nil {
			return fmt.Errorf("redrive policy %s: %w", text, err)
		}
		q.maxDeliveries = int(n)
	}
	if q.deadLetter != "" {
		return nil
	}
	arn := strings.Split(policy.Target, ":")
	if len(arn) != 6 {
		return errors.New("it has no redrive policy: give it a dead-letter queue, or name one")
	}
	dead, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &arn[5], QueueOwnerAWSAccountId: &arn[4]})
	if err != nil {
		return fmt.Errorf("its dead-letter queue: %w", err)
	}
	q.deadLetter = aws.ToString(dead.QueueUrl)
	return nil
}

// MaxDeliveries returns after how many deliveries SQS itself buries a message, without a reason; 0
// means never.
func (q *Queue) MaxDeliveries() int { return q.maxDeliveries }

// Attributes of messages.
const (
	attrEncoding = "imgmill-encoding" // base64, if the body is not a text that SQS accepts
	attrReason   = "imgmill-reason"
	attrAttempts = "imgmill-attempts"
)

func text(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
}

// acceptable reports whether SQS accepts a text: it consists of the characters of XML 1.0, and is not
// empty.
func acceptable(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xfffe || c == 0xffff
	})
}

// send sends a message with these attributes.
func (q *Queue) send(ctx context.Context, url string, body []byte, attrs map[string]types.MessageAttributeValue) error {
	s := string(body)
	if !acceptable(s) {
		s = base64.StdEncoding.EncodeToString(body)
		attrs[attrEncoding] = text("base64")
	}
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &s, MessageAttributes: attrs})
	return err
}

// body returns the bytes that send was given.
func body(m types.Message) []byte {
	s := aws.ToString(m.Body)
	if aws.ToString(m.MessageAttributes[attrEncoding].StringValue) == "base64" {
		if b, err := base64.StdEncoding.DecodeString(s); err == nil {
			return b
		}
	}
	return []byte(s)
}

// receive leases messages of a queue for some seconds.
func (q *Queue) receive(ctx context.Context, url string, most int, wait time.Duration, lease int32) ([]types.Message, error) {
	seconds := min((wait+time.Second-1)/time.Second, maxWait)
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: int32(min(most, maxBatch)), WaitTimeSeconds: int32(seconds),
		VisibilityTimeout: lease, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
		},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// Publish implements queue.Queue. A standard queue remembers no ids.
func (q *Queue) Publish(caller context.Context, _ string, body []byte) error {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return err
	}
	defer end()
	if err := q.send(ctx, q.url, body, map[string]types.MessageAttributeValue{}); err != nil {
		return q.calls.Fail(caller, "publish to", err)
	}
	return nil
}

// Fetch implements queue.Queue. It waits for whole seconds.
func (q *Queue) Fetch(caller context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return nil, err
	}
	defer end()
	for until := time.Now().Add(wait); ; {
		list, err := q.receive(ctx, q.url, max, time.Until(until), q.lease)
		if err != nil {
			return nil, q.calls.Fail(caller, "fetch from", err)
		}
		if len(list) == 0 && time.Now().Before(until) {
			continue
		}
		got := make([]queue.Message, len(list))
		for i, m := range list {
			got[i] = &message{q, m, body(m)}
		}
		return got, nil
	}
}

// Waiting implements queue.Queue. The number is approximate.
func (q *Queue) Waiting(caller context.Context) (int, error) {
	ctx, end, err := q.calls.Begin(caller)
	if err != nil {
		return 0, err
	}
	defer end()
	n, err := q.count(ctx, q.url)
	if err != nil {
		return 0, q.calls.Fail(caller, "count", err)
	}
	return n, nil
}

// count returns about how many messages a queue has, leased or not.
func (q *Queue) count(ctx context.Context, url string) (sum int, err error) {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		}})
	if err != nil {
		return 0, err
	}
	for name, text := range out.Attributes {
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		sum += n
	}
	return sum, nil
}

// Close implements queue.Queue.
func (q *Queue) Close() error { return q.calls.Close() }
