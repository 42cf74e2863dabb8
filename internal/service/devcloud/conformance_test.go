package devcloud

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	bucket3 "github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
)

// TestStoreConformance runs the conformance suite for object stores with the S3 client against the
// S3 server. Every test has a bucket of its own; the writes to watched buckets are announced.
func TestStoreConformance(t *testing.T) {
	testConformance(t, func(_ *Cloud, remote bucket.Store) bucket.Store { return remote })
}

func TestLocalConformance(t *testing.T) { testConformance(t, (*Cloud).Local) }

func testConformance(t *testing.T, wrap func(*Cloud, bucket.Store) bucket.Store) {
	cfg := testConfig(t.TempDir())
	const buckets = 64
	for i := range buckets {
		cfg.Watch = append(cfg.Watch, fmt.Sprintf("conformance-%d", i))
	}
	c := start(t, cfg)
	store := wrap(c, openStore(t, c))
	var used atomic.Int64
	buckettest.Run(t, func(t *testing.T) (bucket.Store, string) {
		n := used.Add(1) - 1
		if n >= buckets {
			t.Fatalf("the suite has more than %d tests", buckets)
		}
		return store, fmt.Sprintf("conformance-%d", n)
	}, buckettest.KeyBesideFolder)
	lacks, err := probe.Run(t.Context(), store, "conformance-0")
	if err != nil || len(lacks) > 0 {
		t.Errorf("lacks %v, %v", lacks, err)
	}
}

// TestProbeVersions probes a bucket with versioning, in which versitygw answers 412 for ever to a
// put with If-None-Match over a delete marker, and runs the tests of what that touches on the
// adapted store.
func TestProbeVersions(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	name := target
	_, err := client(c).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &name,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, c)
	lacks, err := probe.Run(t.Context(), store, name)
	if want := (probe.Lacks{probe.PutAfterDelete}); err != nil || !slices.Equal(lacks, want) {
		t.Fatalf("lacks %v, %v; want %v", lacks, err, want)
	}
	adapted, absent := probe.Adapt(store, lacks), bucket.Condition{IfAbsent: true}
	for range 2 {
		for i, want := range []error{nil, bucket.ErrPrecondition} {
			_, err := adapted.Put(t.Context(), name, "x", []byte("one"), bucket.Attributes{}, absent)
			if !errors.Is(err, want) {
				t.Errorf("put %d: %v, want %v", i, err, want)
			}
		}
		if err := adapted.Delete(t.Context(), name, "x", bucket.Condition{}); err != nil {
			t.Error(err)
		}
	}
}

func openStore(t *testing.T, c *Cloud) bucket.Store {
	t.Helper()
	access, secret := c.Credentials()
	store, err := bucket3.Open(bucket3.Options{
		Endpoint: c.Endpoint(), Region: c.Region(), AccessKey: access, Secret: secret, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// TestQueueConformance runs the conformance suite for queues against an embedded server, which the
// test of durability restarts.
func TestQueueConformance(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	shared, err := startNATS(t.Context(), dir, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shared.close)
	connect := func(t *testing.T, n *natsServer, name string) queue.Queue {
		q, err := jetstream.Open(t.Context(), n.nc, jetstream.Config{Name: name, Lease: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	var count atomic.Int64
	var own *natsServer // belongs to the test that restarts it
	ownDir := t.TempDir()
	restart := func(t *testing.T) queue.Queue {
		if own != nil {
			own.close()
		} else {
			t.Cleanup(func() { own.close() })
		}
		var err error
		if own, err = startNATS(t.Context(), ownDir, log); err != nil {
			t.Fatal(err)
		}
		return connect(t, own, "durable")
	}
	open := func(t *testing.T) queue.Queue {
		if strings.HasSuffix(t.Name(), "/Durable") {
			return restart(t)
		}
		return connect(t, shared, fmt.Sprintf("q-%d", count.Add(1)))
	}
	// The tests run in a group, so that the servers outlive those that are parallel.
	t.Run("suite", func(t *testing.T) { queuetest.Run(t, open, queuetest.Durable(restart)) })
}

// TestBuryLargest buries messages as large as the server accepts, with a reason as far as there is room.
func TestBuryLargest(t *testing.T) {
	n, err := startNATS(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	q, err := jetstream.Open(t.Context(), n.nc, jetstream.Config{Name: "large"})
	if err != nil {
		t.Fatal(err)
	}
	most := int(n.nc.MaxPayload())
	for _, c := range []struct {
		size   int
		reason string
	}{{most - 2000, "no\nluck"}, {most, ""}} {
		body := bytes.Repeat([]byte("x"), c.size)
		if err := q.Publish(t.Context(), "", body); err != nil {
			t.Fatal(err)
		}
		got, err := q.Fetch(t.Context(), 1, waitTimeout)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if err := got[0].Bury(t.Context(), "no\nluck"); err != nil {
			t.Fatalf("%d bytes: %v", c.size, err)
		}
		list, err := q.Buried(t.Context(), 10)
		if err != nil || len(list) != 1 || !bytes.Equal(list[0].Body, body) || list[0].Reason != c.reason {
			t.Fatalf("%d bytes: %d buried, %v", c.size, len(list), err)
		}
		if err := q.Unbury(t.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		}
		if got, err = q.Fetch(t.Context(), 1, waitTimeout); err != nil || len(got) != 1 || !bytes.Equal(got[0].Body(), body) {
			t.Fatalf("put back: %d messages, %v", len(got), err)
		}
		if err := got[0].Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldBuried reads a buried message of version 0.1.0.
func TestOldBuried(t *testing.T) {
	n, err := startNATS(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	q, err := jetstream.Open(t.Context(), n.nc, jetstream.Config{Name: "old"})
	if err != nil {
		t.Fatal(err)
	}
	js, err := n.nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish("old-buried.1", []byte(`{"reason":"no luck","body":"e30=","attempts":10}`)); err != nil {
		t.Fatal(err)
	}
	list, err := q.Buried(t.Context(), 10)
	if err != nil || len(list) != 1 || string(list[0].Body) != "{}" || list[0].Reason != "no luck" || list[0].Attempts != 10 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestQueueConfig(t *testing.T) {
	err := jetstream.Config{Name: "a.b", Lease: -1, Duplicates: 2 * time.Hour}.Validate()
	for _, want := range []string{`name "a.b"`, "lease", "duplicate window 2h"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s in it", err, want)
		}
	}
	if _, err := jetstream.Open(t.Context(), nil, jetstream.Config{}); err == nil {
		t.Error("opened a queue without a name")
	}
}
