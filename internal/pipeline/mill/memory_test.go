package mill

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

func TestMemoryShares(t *testing.T) {
	m := NewMemory(100)
	a, err := m.await(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.await(t.Context(), 30)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.reserve(5); err != nil || a.held != 10 {
		t.Errorf("less than is held: %v, %d", err, a.held)
	}
	if err := a.reserve(70); err != nil {
		t.Errorf("all that is left: %v", err)
	}
	if n := m.Held(); n != 100 {
		t.Errorf("%d held, of 100", n)
	}
	busy, ok := errors.AsType[*busyError](b.reserve(31))
	if !ok || busy.need != 31 {
		t.Errorf("one more: %v", busy)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := m.await(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	a.release()
	b.release()
	if n := m.Held(); n != 0 {
		t.Errorf("%d held by nobody", n)
	}
	all, err := m.await(t.Context(), 1000) // alone
	if err != nil || all.held != 100 {
		t.Errorf("more than there is: %d, %v", all.held, err)
	}
	if err := all.reserve(2000); err != nil {
		t.Errorf("more than there is: %v", err)
	}
}

// gets counts the reads of sources.
type gets struct {
	bucket.Store
	n atomic.Int32
}

func (g *gets) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if name == "in-1" {
		g.n.Add(1)
	}
	return g.Store.Get(ctx, name, key, cond)
}

// TestWaitForMemory: a picture that finds no memory is put back, and the time for which it waits is not
// held against it.
func TestWaitForMemory(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "test",
		[]byte("source: {bucket: in-1}\ntarget: {bucket: out-1}\nvariants: {a: {width: 300}}\nlimits: {timeout: 2s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	store := &gets{Store: mem.New("in-1", "out-1")}
	data := sample.Photo(400, 300)
	if _, err := store.Put(t.Context(), "in-1", "a.jpg", data, bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	m := New(store, r)
	m.Memory = NewMemory(1 << 20)
	others, err := m.Memory.await(t.Context(), 1<<20-int64(len(data))) // room for the file, and no more
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan Result)
	go func() {
		done <- m.Process(t.Context(), event.Change{Bucket: "in-1", Key: "a.jpg", Size: int64(len(data))})
	}()
	select {
	case r := <-done:
		t.Fatalf("it did not wait: %+v", r)
	case <-time.After(2500 * time.Millisecond):
	}
	others.release()
	if r := <-done; r.Verdict != outcome.Done || store.n.Load() != 2 {
		t.Errorf("%s (%s) after %d reads, want done after 2", r.Verdict, r.Reason, store.n.Load())
	}
	if all, err := m.Memory.await(t.Context(), 1<<20); err != nil || all.held != 1<<20 {
		t.Errorf("not everything was given back: %v", err)
	}
}
