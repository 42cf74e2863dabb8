package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/mem"
	"github.com/imgmill/imgmill/internal/service/worker"
)

const lease = 30 * time.Second

// bench is a worker with a queue in memory, in a synctest bubble.
type bench struct {
	*testing.T
	*worker.Worker
	queue *mem.Queue
	start time.Time
	stop  context.CancelFunc
	ended chan error

	mu   sync.Mutex
	log  bytes.Buffer
	seen []call
}

// call is one change that the worker processed.
type call struct {
	key   string
	after time.Duration // since the start
}

func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

// calls returns the changes processed so far.
func (b *bench) calls() []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]call(nil), b.seen...)
}

func (b *bench) keys() string {
	var keys []string
	for _, c := range b.calls() {
		keys = append(keys, c.key)
	}
	return strings.Join(keys, " ")
}

// run runs a test in a synctest bubble, with a worker that calls process for each change.
func run(t *testing.T, process func(context.Context, event.Change) mill.Result, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, queue: mem.New(lease), start: time.Now(), ended: make(chan error, 1)}
		b.Worker = &worker.Worker{
			Queue: b.queue, Concurrency: 1, Log: slog.New(slog.NewTextHandler(b, nil)),
			Process: func(ctx context.Context, c event.Change) mill.Result {
				b.mu.Lock()
				b.seen = append(b.seen, call{c.Key, time.Since(b.start)})
				b.mu.Unlock()
				return process(ctx, c)
			},
		}
		test(b)
	})
}

// work starts the worker, which stops at the end of the test.
func (b *bench) work() {
	ctx, stop := context.WithCancel(b.Context())
	b.stop = stop
	b.Cleanup(stop)
	go func() { b.ended <- b.Worker.Run(ctx) }()
}

// publish queues one message with a change for each key.
func (b *bench) publish(keys ...string) {
	b.Helper()
	var changes []event.Change
	for _, key := range keys {
		changes = append(changes, event.Change{Bucket: "in", Key: key, Size: -1})
	}
	body, err := event.Notification(changes...)
	if err != nil {
		b.Fatal(err)
	}
	b.raw(string(body))
}

func (b *bench) raw(body string) {
	b.Helper()
	if err := b.queue.Publish(b.Context(), "", []byte(body)); err != nil {
		b.Fatal(err)
	}
}

// want checks how many messages are waiting, and that the buried ones have reasons that contain
// these texts.
func (b *bench) want(waiting int, buried ...string) {
	b.Helper()
	n, err := b.queue.Waiting(b.Context())
	if err != nil || n != waiting {
		b.Errorf("%d messages are waiting, want %d (%v)", n, waiting, err)
	}
	list, err := b.queue.Buried(b.Context(), 100)
	if err != nil || len(list) != len(buried) {
		b.Fatalf("buried %+v, want %q (%v)", list, buried, err)
	}
	for i, part := range buried {
		if !strings.Contains(list[i].Reason, part) {
			b.Errorf("buried for %q, want %q", list[i].Reason, part)
		}
	}
}

func verdict(v outcome.Verdict) func(context.Context, event.Change) mill.Result {
	return func(context.Context, event.Change) mill.Result { return mill.Result{Verdict: v, Reason: "because"} }
}

func TestSettledVerdictsAck(t *testing.T) {
	for _, v := range []outcome.Verdict{outcome.Done, outcome.Skipped, outcome.Bad} {
		run(t, verdict(v), func(b *bench) {
			b.publish("a")
			b.work()
			synctest.Wait()
			b.want(0)
			time.Sleep(time.Hour)
			if b.keys() != "a" {
				b.Errorf("%s: processed %q", v, b.keys())
			}
			if !strings.Contains(b.logged(), "verdict="+string(v)) || !strings.Contains(b.logged(), "attempt=1") {
				b.Errorf("log %s", b.logged())
			}
		})
	}
}

func TestRetryBacksOffAndIsBuried(t *testing.T) {
	run(t, verdict(outcome.Retry), func(b *bench) {
		b.MaxAttempts = 4
		b.publish("a")
		b.work()
		time.Sleep(2 * time.Second)
		b.want(1)
		time.Sleep(time.Hour)
		b.want(0, "given up after attempt 4: because")
		var after []time.Duration
		for _, c := range b.calls() {
			after = append(after, c.after)
		}
		if len(after) != 4 {
			b.Fatalf("attempts after %v, want four", after)
		}
		for i, most := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if d := after[i+1] - after[i]; d < most/2 || d > most {
				b.Errorf("attempt %d after %s, want %s to %s", i+2, d, most/2, most)
			}
		}
		if !strings.Contains(b.logged(), "attempt=4") {
			b.Errorf("log %s", b.logged())
		}
	})
}

func TestDefaultAttempts(t *testing.T) {
	run(t, verdict(outcome.Retry), func(b *bench) {
		b.publish("a")
		b.work()
		time.Sleep(time.Hour)
		b.want(0, "given up after attempt 10")
		c := b.calls()
		if got := c[9].after - c[8].after; got < time.Minute || got > 2*time.Minute {
			b.Errorf("the last delay is %s, want 1 to 2 minutes", got)
		}
	})
}

func TestRetrySucceedsAtLast(t *testing.T) {
	n := 0
	run(t, func(context.Context, event.Change) mill.Result {
		if n++; n < 3 {
			return mill.Result{Verdict: outcome.Retry, Reason: "not yet"}
		}
		return mill.Result{Verdict: outcome.Done}
	}, func(b *bench) {
		b.publish("a")
		b.work()
		time.Sleep(time.Minute)
		b.want(0)
		if b.keys() != "a a a" {
			b.Errorf("processed %q", b.keys())
		}
	})
}

func TestUnreadableIsBuried(t *testing.T) {
	run(t, verdict(outcome.Done), func(b *bench) {
		b.raw("not JSON")
		b.raw(`{"hello": "world"}`)
		b.raw(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"in"}`)
		b.publish("a")
		b.work()
		synctest.Wait()
		b.want(0, "not JSON", "none of the known shapes")
		if b.keys() != "a" {
			b.Errorf("processed %q", b.keys())
		}
	})
}

// mixed is a notification whose middle record names no key.
const mixed = `{"Records":[
	{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"in"},"object":{"key":"a"}}},
	{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"in"},"object":{}}},
	{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"in"},"object":{"key":"c"}}}]}`

func TestOneBadRecordDoesNotStopOthers(t *testing.T) {
	run(t, verdict(outcome.Done), func(b *bench) {
		b.raw(mixed)
		b.work()
		synctest.Wait()
		b.want(0, "no object key")
		if b.keys() != "a c" {
			b.Errorf("processed %q", b.keys())
		}
	})
	// If another record must be retried, burying the message would lose that record.
	tries := 0
	run(t, func(_ context.Context, c event.Change) mill.Result {
		if tries++; c.Key == "a" && tries == 1 {
			return mill.Result{Verdict: outcome.Retry, Reason: "once"}
		}
		return mill.Result{Verdict: outcome.Done}
	}, func(b *bench) {
		b.raw(mixed)
		b.work()
		time.Sleep(time.Minute)
		b.want(0, "no object key")
		if b.keys() != "a c a c" {
			b.Errorf("processed %q", b.keys())
		}
	})
}

func TestLeaseIsExtended(t *testing.T) {
	run(t, func(context.Context, event.Change) mill.Result {
		time.Sleep(10 * lease)
		return mill.Result{Verdict: outcome.Done}
	}, func(b *bench) {
		b.Concurrency = 2 // the second lane would receive the message if its lease expired
		b.publish("a")
		b.work()
		time.Sleep(11 * lease)
		b.want(0)
		if b.keys() != "a" {
			b.Errorf("processed %q", b.keys())
		}
	})
}

func TestLanes(t *testing.T) {
	for lanes, want := range map[int]time.Duration{1: 5 * time.Second, 3: time.Second, 0: 2 * time.Second} {
		run(t, func(context.Context, event.Change) mill.Result {
			time.Sleep(time.Second)
			return mill.Result{Verdict: outcome.Done}
		}, func(b *bench) {
			b.Concurrency = lanes
			for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
				b.publish(key)
			}
			b.work()
			time.Sleep(time.Minute)
			b.want(0)
			if last := b.calls()[5].after; last != want {
				b.Errorf("%d lanes: the last of six began after %s, want %s", lanes, last, want)
			}
		})
	}
}

func TestDrain(t *testing.T) {
	run(t, func(ctx context.Context, _ event.Change) mill.Result {
		time.Sleep(10 * time.Second)
		if ctx.Err() != nil {
			return mill.Result{Verdict: outcome.Retry, Reason: "cut off"}
		}
		return mill.Result{Verdict: outcome.Done}
	}, func(b *bench) {
		b.publish("a", "b") // one message: both changes are begun
		b.publish("c")
		b.work()
		time.Sleep(time.Second)
		b.stop()
		if err := <-b.ended; err != nil {
			b.Error(err)
		}
		if took := time.Since(b.start); took != 20*time.Second {
			b.Errorf("drained after %s, want 20s", took)
		}
		b.want(1)
		if b.keys() != "a b" {
			b.Errorf("processed %q", b.keys())
		}
	})
}

func TestGraceCutsOff(t *testing.T) {
	for grace, want := range map[time.Duration]time.Duration{3 * time.Second: 4 * time.Second, 0: 26 * time.Second} {
		run(t, func(ctx context.Context, _ event.Change) mill.Result {
			<-ctx.Done()
			return mill.Result{Verdict: outcome.Retry, Reason: ctx.Err().Error()}
		}, func(b *bench) {
			b.Grace = grace
			b.publish("a")
			b.work()
			time.Sleep(time.Second)
			b.stop()
			if err := <-b.ended; err != nil {
				b.Error(err)
			}
			if took := time.Since(b.start); took != want {
				b.Errorf("grace %s: ended after %s, want %s", grace, took, want)
			}
			b.want(1) // it will be delivered again
			time.Sleep(lease)
			again, err := b.queue.Fetch(b.Context(), 1, time.Second)
			if err != nil || len(again) != 1 || again[0].Attempt() != 2 {
				b.Errorf("delivered again: %v, %v", again, err)
			}
		})
	}
}

func TestIdleWorkerEndsAtOnce(t *testing.T) {
	run(t, verdict(outcome.Done), func(b *bench) {
		b.work()
		time.Sleep(time.Second)
		b.stop()
		if err := <-b.ended; err != nil || time.Since(b.start) != time.Second {
			b.Errorf("ended after %s: %v", time.Since(b.start), err)
		}
	})
}

// failing is a queue whose Fetch fails some times first.
type failing struct {
	queue.Queue
	left int
	at   []time.Time
}

func (f *failing) Fetch(ctx context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	f.at = append(f.at, time.Now())
	if f.left--; f.left >= 0 {
		return nil, errors.New("the network is down")
	}
	return f.Queue.Fetch(ctx, max, wait)
}

func TestFetchErrorsBackOff(t *testing.T) {
	run(t, verdict(outcome.Done), func(b *bench) {
		f := &failing{Queue: b.queue, left: 8}
		b.Queue = f
		b.publish("a")
		b.work()
		time.Sleep(time.Minute)
		b.want(0)
		ms := []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000}
		for i, want := range ms {
			if got := f.at[i+1].Sub(f.at[i]); got < want*time.Millisecond/2 || got > want*time.Millisecond {
				b.Errorf("wait %d is %s, want %d to %d ms", i+1, got, want/2, want)
			}
		}
		if !strings.Contains(b.logged(), "the network is down") {
			b.Errorf("log %s", b.logged())
		}
	})
}

func TestClosedQueueIsAnError(t *testing.T) {
	run(t, verdict(outcome.Done), func(b *bench) {
		b.work()
		time.Sleep(time.Second)
		if err := b.queue.Close(); err != nil {
			b.Fatal(err)
		}
		if err := <-b.ended; !errors.Is(err, queue.ErrClosed) {
			b.Errorf("ended with %v", err)
		}
	})
}

// TestWait: a picture that waits for a tag is tried more often at first, and once more after its time is over, however
// few deliveries there are.
func TestWait(t *testing.T) {
	for _, limit := range []int{2, 3, 5, 10} {
		end := time.Now().Add(10 * time.Minute)
		process := func(context.Context, event.Change) mill.Result {
			if left := time.Until(end); left > 0 {
				return mill.Result{Verdict: outcome.Retry, Reason: "no tag", Wait: left}
			}
			return mill.Result{Verdict: outcome.Bad, Reason: "refused"}
		}
		run(t, func(ctx context.Context, c event.Change) mill.Result { return process(ctx, c) }, func(b *bench) {
			end = time.Now().Add(10 * time.Minute)
			b.MaxAttempts = limit
			b.publish("a.jpg")
			b.work()
			time.Sleep(time.Hour)
			b.want(0)
			calls := b.calls()
			if n := len(calls); n < 2 || n > limit || calls[n-1].after < 10*time.Minute || calls[n-1].after > 11*time.Minute {
				b.Errorf("of %d deliveries: %v", limit, calls)
			}
			if limit == 10 && (len(calls) < 7 || calls[1].after > 6*time.Second) {
				b.Errorf("%v", calls)
			}
			b.stop()
			<-b.ended
		})
	}
}
