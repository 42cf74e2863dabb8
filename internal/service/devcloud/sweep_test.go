package devcloud

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// age makes an object appear an hour old.
func age(t *testing.T, c *Cloud, key string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(c.folder.data, source, key), then, then); err != nil {
		t.Fatal(err)
	}
}

// finding returns a search that finds these keys of the source bucket.
func finding(keys ...string) Search {
	return func(_ context.Context, found func(bucketName, key string) error) error {
		for _, key := range keys {
			if err := found(source, key); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestSweep(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	put(t, cl, source, "夏/lost 1.jpg", "夏/lost 1.jpg")
	age(t, c, "夏/lost 1.jpg")
	put(t, cl, source, "young.jpg", "y")
	before := events(t, c.Queue())
	sweep := func(want int, keys ...string) {
		t.Helper()
		if n, err := c.Sweep(t.Context(), finding(keys...)); err != nil || n != want {
			t.Fatalf("sweep queued %d (%v), want %d", n, err, want)
		}
	}
	sweep(1, "夏/lost 1.jpg", "young.jpg", "removed meanwhile.jpg")
	n := one(t, c, "ObjectCreated:Put", "夏/lost 1.jpg", md5Hex("夏/lost 1.jpg"), int64(len("夏/lost 1.jpg")))
	if n.Sequencer <= before[len(before)-1].Sequencer {
		t.Errorf("sequencer %s is not above that of the write", n.Sequencer)
	}
	sweep(0, "夏/lost 1.jpg") // the same content again

	put(t, cl, source, "夏/lost 1.jpg", "夏/lost 1.jpg") // a new write, but the same content
	age(t, c, "夏/lost 1.jpg")
	put(t, cl, source, "lost 2.jpg", "lost 2.jpg")
	age(t, c, "lost 2.jpg")
	events(t, c.Queue())
	sweep(1, "lost 2.jpg", "夏/lost 1.jpg")
	one(t, c, "ObjectCreated:Put", "lost 2.jpg", md5Hex("lost 2.jpg"), 10)
}

func TestLocalPages(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	const files = localPage + 100
	for i := range files {
		name := filepath.Join(c.folder.data, source, fmt.Sprintf("f%06d", i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for info, err := range c.Local(openStore(t, c)).List(t.Context(), source, "") {
		if err != nil || info.Key != fmt.Sprintf("f%06d", n) {
			t.Fatalf("object %d of the listing: %q, %v", n, info.Key, err)
		}
		n++
	}
	if n != files {
		t.Errorf("%d objects are listed, want %d", n, files)
	}
}

func TestSweepFails(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	down := errors.New("the output bucket does not answer")
	_, err := c.Sweep(t.Context(), func(context.Context, func(string, string) error) error { return down })
	if !errors.Is(err, down) || !strings.Contains(err.Error(), "sweep: ") {
		t.Errorf("sweep: %v", err)
	}
}

// TestSweepEvery: a search begins at the start, after a write, after a failure and on demand, and not
// otherwise.
func TestSweepEvery(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	put(t, cl, source, "a.jpg", "a")
	age(t, c, "a.jpg")
	events(t, c.Queue())
	var calls atomic.Int64
	const interval = 20 * time.Millisecond
	c.SweepEvery(interval, func(ctx context.Context, found func(string, string) error) error {
		switch calls.Add(1) {
		case 2:
			return errors.New("try again")
		case 3:
			return found(source, "a.jpg")
		}
		return nil
	})
	idle := func(want int64) {
		t.Helper()
		until(t, fmt.Sprintf("search %d", want), func() bool { return calls.Load() >= want })
		time.Sleep(10 * interval)
		if got := calls.Load(); got != want {
			t.Fatalf("%d searches, want %d", got, want)
		}
	}
	idle(1)
	put(t, cl, target, "b.jpg", "b") // a write to either bucket
	idle(3)
	one(t, c, "ObjectCreated:Put", "a.jpg", md5Hex("a"), 1)
	c.SweepAgain()
	idle(4)
	stop(t, c)
	c.SweepAgain()
	idle(4)
}

// TestSweepYoung: what was too young is searched for again, although nothing changes.
func TestSweepYoung(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	put(t, client(c), source, "a.jpg", "a")
	events(t, c.Queue())
	var calls atomic.Int64
	c.SweepEvery(20*time.Millisecond, func(ctx context.Context, found func(string, string) error) error {
		calls.Add(1)
		return found(source, "a.jpg")
	})
	until(t, "the second search", func() bool { return calls.Load() >= 2 })
	age(t, c, "a.jpg")
	until(t, "its event", func() bool {
		n, err := c.Queue().Waiting(t.Context())
		return err == nil && n == 1
	})
}

// TestQueueDown checks that a write whose event cannot be stored fails, and is announced once the
// queue is available again.
func TestQueueDown(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	put(t, cl, source, "old.jpg", "old")
	events(t, c.Queue())
	var down atomic.Bool
	publish := c.gw.publish
	c.gw.publish = func(ctx context.Context, id string, body []byte) error {
		if down.Load() {
			return errors.New("disk full")
		}
		return publish(ctx, id, body)
	}
	down.Store(true)
	src, created, removed := source, "new.jpg", "old.jpg"
	single := func(o *s3.Options) { o.RetryMaxAttempts = 1 }
	_, putErr := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &created, Body: strings.NewReader("new")}, single)
	_, delErr := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &src, Key: &removed}, single)
	for _, err := range []error{putErr, delErr} {
		if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "ServiceUnavailable" {
			t.Errorf("error %v for a write whose event is not stored", err)
		}
	}
	put(t, cl, target, "out.jpg", "needs no event")
	if n, err := c.Sweep(t.Context(), nil); err == nil {
		t.Errorf("a sweep queued %d without a queue", n)
	}
	if list := events(t, c.Queue()); len(list) != 0 {
		t.Errorf("events %+v", list)
	}
	down.Store(false)
	if n, err := c.Sweep(t.Context(), nil); err != nil || n != 2 {
		t.Errorf("the sweep after it announced %d (%v), want 2", n, err)
	}
	list := events(t, c.Queue())
	if len(list) != 2 || list[0].Key != created || list[0].ETag != md5Hex("new") || list[0].Size != 3 ||
		list[1].Key != removed || !list[1].Removed {
		t.Errorf("events %+v", list)
	}
	if n, err := c.Sweep(t.Context(), nil); err != nil || n != 0 {
		t.Errorf("one more sweep announced %d (%v)", n, err)
	}
}
