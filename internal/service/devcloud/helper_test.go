package devcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

const (
	source = "photos-input"
	target = "photos-output"
	// waitTimeout limits the wait for things that normally take milliseconds, so that a busy
	// machine fails no test.
	waitTimeout = 20 * time.Second
	// childEnv makes the test binary run a cloud on the folder that it names, until it is killed.
	childEnv = "IMGMILL_DEVCLOUD_CHILD"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child runs a cloud on dir, writes its address to standard output, and ends when standard input is
// closed.
func child(dir string) error {
	c, err := Start(context.Background(), testConfig(dir))
	if err != nil {
		return err
	}
	access, secret := c.Credentials()
	if err := json.NewEncoder(os.Stdout).Encode([]string{c.Endpoint(), c.Region(), access, secret}); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return c.Stop(context.Background())
}

func testConfig(dir string) Config {
	return Config{
		Dir: dir, Port: AnyPort, Buckets: []string{target}, Watch: []string{source}, Lease: 2 * time.Second,
		Log: slog.New(slog.DiscardHandler),
	}
}

func start(t *testing.T, cfg Config) *Cloud {
	t.Helper()
	c, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *Cloud) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// until waits until done returns true, at most waitTimeout.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(waitTimeout); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func newClient(endpoint, region, access, secret string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: region, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, nil
		}),
	})
}

func client(c *Cloud) *s3.Client {
	access, secret := c.Credentials()
	return newClient(c.Endpoint(), c.Region(), access, secret)
}

func put(t *testing.T, cl *s3.Client, bucket, key, body string) (etag string) {
	t.Helper()
	out, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return bare(*out.ETag)
}

func get(t *testing.T, cl *s3.Client, bucket, key string) string {
	t.Helper()
	out, err := cl.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer out.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(out.Body); err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	return b.String()
}

// notice is one event from the queue.
type notice struct {
	event.Change
	name string
}

// events receives and acknowledges all events in the queue, and returns them ordered by sequencer.
func events(t *testing.T, q queue.Queue) []notice {
	t.Helper()
	var list []notice
	for end := time.Now().Add(3 * waitTimeout); ; {
		got, err := q.Fetch(t.Context(), 100, 20*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got {
			list = append(list, parse(t, m.Body()))
			if err := m.Ack(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) > 0 {
			continue
		}
		n, err := q.Waiting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d events remain in the queue", n)
		}
	}
	slices.SortFunc(list, func(a, b notice) int { return strings.Compare(a.Sequencer, b.Sequencer) })
	return list
}

func parse(t *testing.T, body []byte) notice {
	t.Helper()
	e, err := event.Parse(body)
	if err != nil || len(e.Items) != 1 || e.Items[0].Err != nil || e.Items[0].Ignored != "" {
		t.Fatalf("event %s: %+v, %v", body, e, err)
	}
	var raw struct{ Records []struct{ EventName string } }
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Fatal(err)
	}
	return notice{e.Items[0].Change, raw.Records[0].EventName}
}
