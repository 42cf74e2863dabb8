// Package queuetest is the test suite that every implementation of queue.Queue passes.
//
// It checks what the comments of package queue guarantee and nothing more: it accepts any order,
// inexact timing, and both results of publishing an id again. It sleeps for a few leases at most,
// so the lease should be about a second. Its tests run in parallel, because they mostly wait; those of
// a queue within the process need not wait at all (FakeTime).
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// soon is the time that the suite allows for what should happen at once, on a busy machine.
const soon = 10 * time.Second

// Option extends the suite.
type Option func(*suite)

// Durable makes the suite check that messages survive a restart. After the suite has closed a
// queue, reopen must open it again: the one that open returned last in the same test.
func Durable(reopen func(t *testing.T) queue.Queue) Option {
	return func(s *suite) { s.reopen = reopen }
}

// FakeTime runs each test in a bubble of testing/synctest, where waiting takes no time. The queue must
// wait for nothing but time and callers of its own process, and leave no goroutine once it is closed.
func FakeTime() Option { return func(s *suite) { s.fakeTime = true } }

type suite struct {
	open     func(t *testing.T) queue.Queue
	reopen   func(t *testing.T) queue.Queue
	fakeTime bool
}

// Run runs the suite. open must return a new, empty queue at each call, and is called from several
// tests at the same time. The suite closes the queues.
func Run(t *testing.T, open func(t *testing.T) queue.Queue, options ...Option) {
	s := &suite{open: open}
	for _, o := range options {
		o(s)
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, q queue.Queue)
	}{
		{"Ack", testAck},
		{"EmptyFetch", testEmptyFetch},
		{"FetchDoesNotWaitForMore", testFetchDoesNotWait},
		{"FetchSeesLaterMessage", testFetchLater},
		{"FetchMax", testFetchMax},
		{"BodyIsCopied", testBodyIsCopied},
		{"LargeBody", testLargeBody},
		{"Retry", testRetry},
		{"Extend", testExtend},
		{"LeaseExpires", testLeaseExpires},
		{"Bury", testBury},
		{"Unbury", testUnbury},
		{"RepeatedID", testRepeatedID},
		{"Waiting", testWaiting},
		{"Concurrent", testConcurrent},
		{"Close", testClose},
		{"CloseWakesFetch", testCloseWakesFetch},
		{"Cancel", testCancel},
	} {
		s.test(t, c.name, func(t *testing.T) { c.run(t, s.opened(t)) })
	}
	if s.reopen != nil {
		s.test(t, "Durable", s.testDurable)
	}
}

func (s *suite) test(t *testing.T, name string, run func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		if s.fakeTime {
			synctest.Test(t, run)
		} else {
			run(t)
		}
	})
}

func (s *suite) opened(t *testing.T) queue.Queue {
	t.Helper()
	q := s.open(t)
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return q
}

func publish(t *testing.T, q queue.Queue, id, body string) {
	t.Helper()
	if err := q.Publish(t.Context(), id, []byte(body)); err != nil {
		t.Fatalf("publish %q: %v", body, err)
	}
}

func fetch(t *testing.T, q queue.Queue, max int, wait time.Duration) []queue.Message {
	t.Helper()
	got, err := q.Fetch(t.Context(), max, wait)
	if err != nil {
		t.Fatalf("fetch: %v", err)
	}
	if len(got) > max {
		t.Fatalf("fetch of at most %d returned %d messages", max, len(got))
	}
	return got
}

// one fetches exactly one message.
func one(t *testing.T, q queue.Queue) queue.Message {
	t.Helper()
	got := fetch(t, q, 1, soon)
	if len(got) != 1 {
		t.Fatalf("no message within %v", soon)
	}
	return got[0]
}

// none checks that no message is delivered within d.
func none(t *testing.T, q queue.Queue, d time.Duration) {
	t.Helper()
	for _, m := range fetch(t, q, 1, d) {
		t.Fatalf("unexpected message %q (attempt %d)", m.Body(), m.Attempt())
	}
}

func ack(t *testing.T, m queue.Message) {
	t.Helper()
	if err := m.Ack(t.Context()); err != nil {
		t.Fatalf("ack %q: %v", m.Body(), err)
	}
}

// waiting checks the number of unsettled messages, which a server may update with a delay.
func waiting(t *testing.T, q queue.Queue, want int) {
	t.Helper()
	for end := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
		got, err := q.Waiting(t.Context())
		if err != nil {
			t.Fatalf("waiting: %v", err)
		}
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waiting: %d messages, want %d", got, want)
		}
	}
}

func testAck(t *testing.T, q queue.Queue) {
	publish(t, q, "a", "one")
	m := one(t, q)
	if string(m.Body()) != "one" || m.Attempt() != 1 {
		t.Errorf("body %q attempt %d, want one 1", m.Body(), m.Attempt())
	}
	if m.Lease() <= 0 {
		t.Fatalf("lease %v", m.Lease())
	}
	ack(t, m)
	none(t, q, 2*m.Lease())
	waiting(t, q, 0)
}

func testEmptyFetch(t *testing.T, q queue.Queue) {
	const wait = 400 * time.Millisecond
	start := time.Now()
	none(t, q, wait)
	if took := time.Since(start); took < wait/2 || took > wait+soon {
		t.Errorf("an empty fetch took %v, want about %v", took, wait)
	}
	none(t, q, 0)
}

func testFetchDoesNotWait(t *testing.T, q queue.Queue) {
	publish(t, q, "", "a")
	start := time.Now()
	if got := fetch(t, q, 10, 3*soon); len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	if took := time.Since(start); took > soon {
		t.Errorf("fetch waited %v for more messages", took)
	}
}

func testFetchLater(t *testing.T, q queue.Queue) {
	published := make(chan error, 1)
	time.AfterFunc(300*time.Millisecond, func() { published <- q.Publish(context.Background(), "", []byte("later")) })
	if m := one(t, q); string(m.Body()) != "later" {
		t.Errorf("body %q", m.Body())
	}
	if err := <-published; err != nil {
		t.Errorf("publish: %v", err)
	}
}

func testFetchMax(t *testing.T, q queue.Queue) {
	for i := range 5 {
		publish(t, q, "", fmt.Sprint(i))
	}
	var bodies []string
	for len(bodies) < 5 {
		got := fetch(t, q, 3, soon)
		if len(got) == 0 {
			t.Fatalf("only %q were delivered", bodies)
		}
		for _, m := range got {
			bodies = append(bodies, string(m.Body()))
			ack(t, m)
		}
	}
	slices.Sort(bodies)
	if want := []string{"0", "1", "2", "3", "4"}; !slices.Equal(bodies, want) {
		t.Errorf("bodies %q, want %q", bodies, want)
	}
}

func testBodyIsCopied(t *testing.T, q queue.Queue) {
	b := []byte("mine\x00\xff")
	if err := q.Publish(t.Context(), "", b); err != nil {
		t.Fatal(err)
	}
	copy(b, "????")
	if m := one(t, q); string(m.Body()) != "mine\x00\xff" {
		t.Errorf("body %q has changed with the caller's slice", m.Body())
	}
}

func testLargeBody(t *testing.T, q queue.Queue) {
	b := make([]byte, 200<<10)
	for i := range b {
		b[i] = 'a' + byte(i%23)
	}
	publish(t, q, "", string(b))
	m := one(t, q)
	if string(m.Body()) != string(b) {
		t.Fatalf("a body of %d bytes was changed (%d bytes)", len(b), len(m.Body()))
	}
	bury(t, m, "too large")
	if got := buried(t, q, 1); len(got) != 1 || string(got[0].Body) != string(b) {
		t.Errorf("the large body was not buried unchanged")
	}
}

func testRetry(t *testing.T, q queue.Queue) {
	publish(t, q, "", "again")
	m := one(t, q)
	if err := m.Retry(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	m = one(t, q)
	if m.Attempt() != 2 || string(m.Body()) != "again" {
		t.Errorf("body %q attempt %d, want again 2", m.Body(), m.Attempt())
	}
	delay := max(2*m.Lease(), time.Second)
	start := time.Now()
	if err := m.Retry(t.Context(), delay); err != nil {
		t.Fatal(err)
	}
	m = one(t, q)
	if took := time.Since(start); took < delay*2/3 {
		t.Errorf("a retry with a delay of %v was delivered after %v", delay, took)
	}
	if m.Attempt() != 3 {
		t.Errorf("attempt %d, want 3", m.Attempt())
	}
	ack(t, m)
	waiting(t, q, 0)
}

func testExtend(t *testing.T, q queue.Queue) {
	publish(t, q, "", "slow")
	m := one(t, q)
	for end := time.Now().Add(3 * m.Lease()); time.Now().Before(end); {
		none(t, q, m.Lease()/4)
		if err := m.Extend(t.Context()); err != nil {
			t.Fatalf("extend: %v", err)
		}
	}
	ack(t, m)
	none(t, q, 2*m.Lease())
	waiting(t, q, 0)
}

func testLeaseExpires(t *testing.T, q queue.Queue) {
	publish(t, q, "", "lost")
	m := one(t, q)
	none(t, q, m.Lease()/4)
	again := one(t, q)
	if again.Attempt() != 2 || string(again.Body()) != "lost" {
		t.Errorf("body %q attempt %d, want lost 2", again.Body(), again.Attempt())
	}
	ack(t, again)
	none(t, q, 2*m.Lease())
}

func bury(t *testing.T, m queue.Message, reason string) {
	t.Helper()
	if err := m.Bury(t.Context(), reason); err != nil {
		t.Fatalf("bury %q: %v", reason, err)
	}
}

func buried(t *testing.T, q queue.Queue, max int) []queue.Buried {
	t.Helper()
	got, err := q.Buried(t.Context(), max)
	if err != nil {
		t.Fatalf("buried: %v", err)
	}
	return got
}

func testBury(t *testing.T, q queue.Queue) {
	if got := buried(t, q, 10); len(got) != 0 {
		t.Fatalf("a new queue holds %d buried messages", len(got))
	}
	reasons := []string{"broken: line 1\nline 2", "", "夏休み \"quoted\" \\ {}"}
	start := time.Now()
	var lease time.Duration
	for i, r := range reasons {
		publish(t, q, "", fmt.Sprintf("bad\x00%d", i))
		m := one(t, q)
		lease = m.Lease()
		bury(t, m, r)
	}
	waiting(t, q, 0)
	none(t, q, 2*lease)
	got := buried(t, q, 10)
	if len(got) != len(reasons) {
		t.Fatalf("%d buried, want %d", len(got), len(reasons))
	}
	for i, b := range got {
		if string(b.Body) != fmt.Sprintf("bad\x00%d", i) || b.Reason != reasons[i] {
			t.Errorf("buried %d is %q with the reason %q, want reason %q", i, b.Body, b.Reason, reasons[i])
		}
		if b.At.Before(start.Add(-soon)) || b.At.After(time.Now().Add(soon)) {
			t.Errorf("buried %d at %v, want about %v", i, b.At, start)
		}
	}
	if got := buried(t, q, 2); len(got) != 2 || got[0].Reason != reasons[0] {
		t.Errorf("at most two of three, oldest first: got %+v", got)
	}
}

// testUnbury checks that an unburied message is delivered as a new one, and that the others stay
// buried.
func testUnbury(t *testing.T, q queue.Queue) {
	for i := range 3 {
		publish(t, q, fmt.Sprint("id", i), fmt.Sprint("bad", i))
		bury(t, one(t, q), "because")
	}
	list := buried(t, q, 10)
	if len(list) != 3 || list[0].ID == "" || list[0].ID == list[1].ID || list[1].ID == list[2].ID {
		t.Fatalf("buried: %+v, want three with different IDs", list)
	}
	if list[1].Attempts != 1 {
		t.Errorf("buried after %d attempts, want 1", list[1].Attempts)
	}
	if err := q.Unbury(t.Context(), list[1].ID); err != nil {
		t.Fatalf("unbury: %v", err)
	}
	m := one(t, q)
	if string(m.Body()) != "bad1" || m.Attempt() != 1 {
		t.Errorf("the unburied message is %q at attempt %d, want bad1 at 1", m.Body(), m.Attempt())
	}
	left := buried(t, q, 10)
	if len(left) != 2 || left[0].ID != list[0].ID || string(left[1].Body) != "bad2" {
		t.Errorf("still buried: %+v", left)
	}
	for _, id := range []string{list[1].ID, "", "no such", "0", "99999"} {
		if err := q.Unbury(t.Context(), id); !errors.Is(err, queue.ErrNotBuried) {
			t.Errorf("unbury %q: %v, want %v", id, err, queue.ErrNotBuried)
		}
	}
	if err := m.Retry(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	m = one(t, q)
	bury(t, m, "again")
	if got := buried(t, q, 10); len(got) != 3 || got[2].Reason != "again" || got[2].Attempts != 2 {
		t.Errorf("buried once more: %+v", got)
	}
	waiting(t, q, 0)
}

func testRepeatedID(t *testing.T, q queue.Queue) {
	publish(t, q, "same id", "x")
	publish(t, q, "same id", "x")
	m := one(t, q)
	ack(t, m)
	for _, m := range fetch(t, q, 2, m.Lease()/2) {
		if string(m.Body()) != "x" {
			t.Errorf("body %q", m.Body())
		}
		ack(t, m)
	}
	publish(t, q, "other id", "x")
	ack(t, one(t, q))
	publish(t, q, "", "y")
	publish(t, q, "", "y")
	waiting(t, q, 2)
	ack(t, one(t, q))
	ack(t, one(t, q))
	waiting(t, q, 0)
}

func testWaiting(t *testing.T, q queue.Queue) {
	waiting(t, q, 0)
	for i := range 3 {
		publish(t, q, fmt.Sprintf("id%d", i), "w")
	}
	n := 3
	if got, err := q.Waiting(t.Context()); err == nil && got > n {
		n = got // Where an answer was lost, the client has published again, as it may.
	}
	waiting(t, q, n)
	m := one(t, q)
	waiting(t, q, n)
	ack(t, m)
	waiting(t, q, n-1)
}

// testConcurrent runs four publishers and four consumers that retry different messages, and checks
// that every message is settled.
func testConcurrent(t *testing.T, q queue.Queue) {
	const publishers, each = 4, 60
	var mu sync.Mutex
	settled := map[string]bool{}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				body := fmt.Sprintf("%d-%d", p, i)
				if err := q.Publish(t.Context(), body, []byte(body)); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	end := time.Now().Add(6 * soon)
	for c := range 4 {
		wg.Go(func() {
			for {
				mu.Lock()
				done := len(settled) == publishers*each
				mu.Unlock()
				if done || time.Now().After(end) {
					return
				}
				got, err := q.Fetch(t.Context(), 5, 200*time.Millisecond)
				if err != nil {
					t.Errorf("fetch: %v", err)
					return
				}
				for i, m := range got {
					if (i+c)%3 == 0 && m.Attempt() == 1 {
						if err := m.Retry(t.Context(), 0); err != nil {
							t.Errorf("retry: %v", err)
						}
						continue
					}
					if err := m.Ack(t.Context()); err != nil {
						t.Errorf("ack: %v", err)
						continue
					}
					mu.Lock()
					settled[string(m.Body())] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(settled) != publishers*each {
		t.Fatalf("%d of %d messages were settled", len(settled), publishers*each)
	}
	waiting(t, q, 0)
}

func testClose(t *testing.T, q queue.Queue) {
	publish(t, q, "", "left")
	m := one(t, q)
	if err := q.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	_, fetchErr := q.Fetch(t.Context(), 1, time.Millisecond)
	_, waitingErr := q.Waiting(t.Context())
	_, buriedErr := q.Buried(t.Context(), 1)
	for what, err := range map[string]error{
		"publish": q.Publish(t.Context(), "", nil), "fetch": fetchErr, "waiting": waitingErr, "buried": buriedErr,
		"unbury": q.Unbury(t.Context(), "1"),
		"ack":    m.Ack(t.Context()), "extend": m.Extend(t.Context()),
		"retry": m.Retry(t.Context(), 0), "bury": m.Bury(t.Context(), "x"),
	} {
		if !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%s after close: %v, want %v", what, err, queue.ErrClosed)
		}
	}
	if err := q.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// blocked starts a Fetch, calls stop while it waits, and returns its error.
func blocked(t *testing.T, q queue.Queue, ctx context.Context, stop func()) error {
	t.Helper()
	result := make(chan error, 1)
	go func() {
		_, err := q.Fetch(ctx, 1, 6*soon)
		result <- err
	}()
	time.Sleep(200 * time.Millisecond)
	stop()
	select {
	case err := <-result:
		return err
	case <-time.After(soon):
		t.Fatalf("fetch did not return within %v", soon)
		return nil
	}
}

func testCloseWakesFetch(t *testing.T, q queue.Queue) {
	err := blocked(t, q, t.Context(), func() {
		if err := q.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if !errors.Is(err, queue.ErrClosed) {
		t.Errorf("fetch: %v, want %v", err, queue.ErrClosed)
	}
}

func testCancel(t *testing.T, q queue.Queue) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := blocked(t, q, ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("fetch: %v, want %v", err, context.Canceled)
	}
	if err := q.Publish(ctx, "", []byte("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("publish: %v, want %v", err, context.Canceled)
	}
	publish(t, q, "", "still works")
	ack(t, one(t, q))
}

// testDurable checks that published, leased and buried messages survive a restart, and that settled
// ones stay settled.
func (s *suite) testDurable(t *testing.T) {
	q := s.opened(t)
	for _, b := range []string{"acked", "buried", "leased", "fresh"} {
		publish(t, q, b, b)
	}
	for range 4 {
		m := one(t, q)
		switch string(m.Body()) {
		case "acked":
			ack(t, m)
		case "buried":
			bury(t, m, "because")
		}
	}
	publish(t, q, "late", "late")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}

	q = s.reopen(t)
	defer q.Close()
	seen := map[string]bool{}
	for end := time.Now().Add(3 * soon); len(seen) < 3 && time.Now().Before(end); {
		for _, m := range fetch(t, q, 10, time.Second) {
			seen[string(m.Body())] = true
			ack(t, m)
		}
	}
	for _, b := range []string{"leased", "fresh", "late"} {
		if !seen[b] {
			t.Errorf("%q was lost in the restart", b)
		}
	}
	waiting(t, q, 0)
	if got := buried(t, q, 10); len(got) != 1 || string(got[0].Body) != "buried" || got[0].Reason != "because" {
		t.Errorf("buried after the restart: %+v", got)
	}
}
