package mill

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
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

// newMill returns a mill over a store in memory.
func newMill(t *testing.T, more string) *Mill {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test",
		[]byte("source: {bucket: in-1}\ntarget: {bucket: out-1}\nvariants: {a: {width: 300}}\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return New(mem.New("in-1", "out-1"), r)
}

// TestWaitForMemory: a picture that finds no memory is put back, and the time for which it waits is not
// held against it.
func TestWaitForMemory(t *testing.T) {
	m := newMill(t, "limits: {timeout: 2s}\n")
	store := &gets{Store: m.Store}
	data := sample.Photo(400, 300)
	if _, err := store.Put(t.Context(), "in-1", "a.jpg", data, bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	m.Store, m.Memory = store, NewMemory(1<<20)
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

// wantVerdict processes a change while memory is held by others, and checks that it waits for memory
// (retry), or that it does not.
func wantVerdict(t *testing.T, m *Mill, c event.Change, want outcome.Verdict) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if r := m.Process(ctx, c); r.Verdict != want {
		t.Errorf("%s: %s (%s), want %s", c.Key, r.Verdict, r.Reason, want)
	}
}

// TestMemoryOfGzip: memory is reserved for what a compressed object holds, not for its own length. The
// picture has nothing but jumps to where it is, so that its pixels take next to nothing.
func TestMemoryOfGzip(t *testing.T) {
	bmp := binary.LittleEndian.AppendUint32([]byte("BM"), 0)
	for _, v := range []uint32{0, 58, 40, 64, 64, 8<<16 | 1, 1, 0, 0, 0, 1, 0, 0} { // BITMAPINFOHEADER, RLE8, one colour
		bmp = binary.LittleEndian.AppendUint32(bmp, v)
	}
	bmp = append(bmp, bytes.Repeat([]byte{0, 2, 0, 0}, 200_000)...)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(bmp); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := newMill(t, "")
	attr := bucket.Attributes{ContentEncoding: "gzip"}
	if _, err := m.Store.Put(t.Context(), "in-1", "a.bmp", z.Bytes(), attr, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	m.Memory = NewMemory(4 << 20)
	others, err := m.Memory.await(t.Context(), 4<<20-int64(len(bmp))/2)
	if err != nil {
		t.Fatal(err)
	}
	c := event.Change{Bucket: "in-1", Key: "a.bmp", Size: int64(z.Len())}
	wantVerdict(t, m, c, outcome.Retry)
	others.release()
	if r := m.Process(t.Context(), c); r.Verdict != outcome.Bad {
		t.Errorf("with enough memory: %s (%s)", r.Verdict, r.Reason)
	}
	if n := m.Memory.Held(); n != 0 {
		t.Errorf("%d held by nobody", n)
	}
}

// TestOversizeWaitsForNothing: what is over limits.bytes is refused without a wait, for which all that
// come later would wait too.
func TestOversizeWaitsForNothing(t *testing.T) {
	m := newMill(t, "limits: {bytes: 1KB}\n")
	data := sample.Photo(400, 300)
	if _, err := m.Store.Put(t.Context(), "in-1", "a.jpg", data, bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	m.Memory = NewMemory(1 << 20)
	others, err := m.Memory.await(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer others.release()
	wantVerdict(t, m, event.Change{Bucket: "in-1", Key: "a.jpg", Size: int64(len(data))}, outcome.Bad)
}
