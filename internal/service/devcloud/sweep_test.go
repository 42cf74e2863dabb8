package devcloud

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// age makes an object appear an hour old.
func age(t *testing.T, c *Cloud, key string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(c.folder.data, source, key), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestSweep(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	for _, key := range []string{"夏/lost 1.jpg", "done.jpg", "folder/"} {
		put(t, cl, source, key, strings.TrimSuffix(key, "folder/"))
		age(t, c, key)
	}
	put(t, cl, source, "young.jpg", "y")
	before := events(t, c.Queue())
	var asked []string
	missing := func(_ context.Context, name string, info bucket.Info) (bool, error) {
		if name != source || info.ETag != md5Hex(info.Key) || info.Size != int64(len(info.Key)) || time.Since(info.Modified) < time.Hour {
			t.Errorf("missing was called with %s, %+v", name, info)
		}
		asked = append(asked, info.Key)
		return strings.Contains(info.Key, "lost"), nil
	}
	sweep := func(want int) {
		t.Helper()
		if n, err := c.Sweep(t.Context(), missing); err != nil || n != want {
			t.Fatalf("sweep queued %d (%v), want %d", n, err, want)
		}
	}
	sweep(1)
	n := one(t, c, "ObjectCreated:Put", "夏/lost 1.jpg", md5Hex("夏/lost 1.jpg"), int64(len("夏/lost 1.jpg")))
	if n.Sequencer <= before[len(before)-1].Sequencer {
		t.Errorf("sequencer %s is not above that of the write", n.Sequencer)
	}
	if got := strings.Join(asked, " "); got != "done.jpg 夏/lost 1.jpg" {
		t.Errorf("missing was called for %q", got)
	}
	sweep(0) // the same content again

	put(t, cl, source, "夏/lost 1.jpg", "夏/lost 1.jpg") // a new write, but the same content
	age(t, c, "夏/lost 1.jpg")
	put(t, cl, source, "lost 2.jpg", "lost 2.jpg")
	age(t, c, "lost 2.jpg")
	events(t, c.Queue())
	sweep(1)
	one(t, c, "ObjectCreated:Put", "lost 2.jpg", md5Hex("lost 2.jpg"), 10)
}

func TestSweepPages(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	put(t, client(c), source, "first.jpg", "x")
	events(t, c.Queue())
	then := time.Now().Add(-time.Hour)
	const files = 1100 // over one page
	for i := range files {
		name := filepath.Join(c.folder.data, source, "f"+strings.Repeat("i", i/100)+string(rune('a'+i%100/10))+string(rune('0'+i%10)))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, then, then); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	_, err := c.Sweep(t.Context(), func(context.Context, string, bucket.Info) (bool, error) {
		asked++
		return false, nil
	})
	if err != nil || asked != files {
		t.Errorf("missing was called for %d objects (%v), want %d", asked, err, files)
	}
}

func TestSweepFails(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	put(t, client(c), source, "a.jpg", "a")
	age(t, c, "a.jpg")
	down := errors.New("the output bucket does not answer")
	_, err := c.Sweep(t.Context(), func(context.Context, string, bucket.Info) (bool, error) { return false, down })
	if !errors.Is(err, down) || !strings.Contains(err.Error(), "sweep of bucket "+source+": a.jpg:") {
		t.Errorf("sweep: %v", err)
	}
}

func TestSweepEvery(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	put(t, client(c), source, "a.jpg", "a")
	age(t, c, "a.jpg")
	events(t, c.Queue())
	var calls atomic.Int64
	c.SweepEvery(50*time.Millisecond, func(context.Context, string, bucket.Info) (bool, error) {
		return calls.Add(1) == 3, nil // reports it as missing in the third pass only
	})
	until(t, "the third sweep", func() bool { return calls.Load() >= 3 })
	until(t, "its event", func() bool {
		n, err := c.Queue().Waiting(t.Context())
		return err == nil && n == 1
	})
	stop(t, c)
	after := calls.Load()
	time.Sleep(200 * time.Millisecond)
	if calls.Load() != after {
		t.Error("sweeps continue after Stop")
	}
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
