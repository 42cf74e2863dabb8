package sqs_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
	"github.com/imgmill/imgmill/internal/pipeline/queue/sqs"
)

// server returns a client for the server that IMGMILL_SQS names, which CI sets to ministack's and
// moto's.
func server(t *testing.T) *awssqs.Client {
	t.Helper()
	endpoint := os.Getenv("IMGMILL_SQS")
	if endpoint == "" {
		t.Skip("IMGMILL_SQS names no server, such as http://127.0.0.1:4566")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	return awssqs.New(awssqs.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

var made atomic.Int64

// makeQueue makes a queue and returns its URL. With a policy, it has a dead-letter queue, whose ARN
// replaces the verb.
func makeQueue(t *testing.T, c *awssqs.Client, policy string) string {
	t.Helper()
	name := fmt.Sprintf("imgmill-%d-%d", time.Now().UnixNano(), made.Add(1))
	in := &awssqs.CreateQueueInput{QueueName: &name}
	if policy != "" {
		dead := name + "-dead"
		if _, err := c.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &dead}); err != nil {
			t.Fatal(err)
		}
		in.Attributes = map[string]string{"RedrivePolicy": fmt.Sprintf(policy, dead)}
	}
	out, err := c.CreateQueue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

// account is that of the emulators.
const policyOf = `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:%s:%%s","maxReceiveCount":"%d"}`

func accountOf(t *testing.T, c *awssqs.Client) string {
	t.Helper()
	parts := strings.Split(makeQueue(t, c, ""), "/")
	return parts[len(parts)-2]
}

// lease is one of which a quarter, for which the suite waits, is far from over after a whole second.
const lease = 3 * time.Second

func TestConformance(t *testing.T) {
	c := server(t)
	policy := fmt.Sprintf(policyOf, accountOf(t, c), 1000)
	reopen := func(t *testing.T, url string) queue.Queue {
		q, err := sqs.Open(t.Context(), sqs.Config{URL: url, Lease: lease})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	var urls atomic.Pointer[string] // of the Durable test, which is not parallel to itself
	queuetest.Run(t, func(t *testing.T) queue.Queue {
		url := makeQueue(t, c, policy)
		if strings.HasSuffix(t.Name(), "/Durable") {
			urls.Store(&url)
		}
		return reopen(t, url)
	}, queuetest.Durable(func(t *testing.T) queue.Queue { return reopen(t, *urls.Load()) }))
}

// TestOpen checks the dead-letter queue, and what is refused.
func TestOpen(t *testing.T) {
	for _, bad := range []string{"", "uploads", "sqs://a/b", "https://sqs.eu-west-1.amazonaws.com/1/uploads.fifo"} {
		if _, err := sqs.Open(t.Context(), sqs.Config{URL: bad}); err == nil || !strings.Contains(err.Error(), "queue ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	c := server(t)
	plain := makeQueue(t, c, "")
	if _, err := sqs.Open(t.Context(), sqs.Config{URL: plain}); err == nil || !strings.Contains(err.Error(), "redrive") {
		t.Errorf("without a dead-letter queue: %v", err)
	}
	if _, err := sqs.Open(t.Context(), sqs.Config{URL: plain + "-missing"}); err == nil {
		t.Error("a missing queue was opened")
	}
	q, err := sqs.Open(t.Context(), sqs.Config{URL: plain, DeadLetter: makeQueue(t, c, "")})
	if err != nil || q.MaxDeliveries() != 0 {
		t.Errorf("with a dead-letter queue of its own: %d, %v", q.MaxDeliveries(), err)
	}
	q, err = sqs.Open(t.Context(), sqs.Config{URL: makeQueue(t, c, fmt.Sprintf(policyOf, accountOf(t, c), 3))})
	if err != nil || q.MaxDeliveries() != 3 {
		t.Errorf("with a redrive policy: %v", err)
	}
}
