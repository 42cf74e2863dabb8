package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
)

func open(t testing.TB, path string) *Queue {
	t.Helper()
	q, err := Open(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return q
}

func TestConformance(t *testing.T) {
	durable := filepath.Join(t.TempDir(), "durable")
	queuetest.Run(t, func(t *testing.T) queue.Queue {
		if strings.HasSuffix(t.Name(), "/Durable") {
			return open(t, durable)
		}
		return open(t, filepath.Join(t.TempDir(), "events"))
	}, queuetest.Durable(func(t *testing.T) queue.Queue { return open(t, durable) }), queuetest.FakeTime())
}

// crash returns a copy of the queue's file as it is, as the next process finds it after a kill.
func crash(t *testing.T, q *Queue) string {
	t.Helper()
	data, err := os.ReadFile(q.path)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func publish(t testing.TB, q *Queue, bodies ...string) {
	t.Helper()
	for _, b := range bodies {
		if err := q.Publish(t.Context(), "", []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
}

// fetch leases up to ten messages.
func fetch(t testing.TB, q *Queue) []queue.Message {
	t.Helper()
	got, err := q.Fetch(t.Context(), 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// held settles what waits, and returns it as text: bodies with the numbers of their deliveries, and after a
// bar what is buried.
func held(t testing.TB, q *Queue) string {
	t.Helper()
	var text []string
	for _, m := range fetch(t, q) {
		text = append(text, fmt.Sprint(string(m.Body()), m.Attempt()))
		if err := m.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	buried, err := q.Buried(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "|")
	for _, b := range buried {
		text = append(text, fmt.Sprint(string(b.Body), b.Attempts, b.Reason))
	}
	return strings.Join(text, " ")
}

// TestKilled: a process that is killed has settled what it settled, and the deliveries of what it held
// count.
func TestKilled(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "events"))
	publish(t, q, "acked", "buried", "returned", "leased", "never")
	got, err := q.Fetch(t.Context(), 4, 0)
	if err != nil || len(got) != 4 {
		t.Fatal(len(got), err)
	}
	for _, err := range []error{
		got[0].Ack(t.Context()), got[1].Bury(t.Context(), "why"), got[2].Bury(t.Context(), "why not"),
		got[1].Ack(t.Context()), got[1].Bury(t.Context(), "again"), // settled, so nothing
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	buried, err := q.Buried(t.Context(), 10)
	if err != nil || len(buried) != 2 {
		t.Fatal(buried, err)
	}
	if err := q.Unbury(t.Context(), buried[1].ID); err != nil {
		t.Fatal(err)
	}
	if err := got[1].Extend(t.Context()); !errors.Is(err, errLease) {
		t.Errorf("a lease of a settled message was extended: %v", err)
	}
	const want = "leased2 never1 returned1 | buried1why"
	if got := held(t, open(t, crash(t, q))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	last, _, err := q.State()
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, crash(t, q))
	if now, waiting, err := again.State(); now != last || waiting != 3 || err != nil {
		t.Errorf("%d, %d waiting, %v; want %d and 3", now, waiting, err, last)
	}
}

// TestDamaged damages the file of a queue with three messages.
func TestDamaged(t *testing.T) {
	const length = recordSize + 3 // of each record
	for _, c := range []struct {
		name    string
		damage  func(data []byte) []byte
		want    string
		damaged bool
	}{
		{"nothing", func(d []byte) []byte { return d }, "one1 two1 six1 |", false},
		{"an interrupted write", func(d []byte) []byte { return d[:len(d)-1] }, "one1 two1 |", false},
		{"an interrupted mark", func(d []byte) []byte { return d[:headSize+2*length+3] }, "one1 two1 |", false},
		{"zeros at the end", func(d []byte) []byte { return append(d, make([]byte, 5000)...) }, "one1 two1 six1 |", false},
		{"a body", func(d []byte) []byte { d[headSize+length-1] ^= 1; return d }, "two1 six1 |", true},
		{"a length", func(d []byte) []byte { d[headSize+11] = 0x7f; return d }, "two1 six1 |", true},
		{"two records", func(d []byte) []byte { clear(d[headSize+9 : headSize+2*length]); return d }, "six1 |", true},
		{"half a head", func(d []byte) []byte { return d[:headSize/2] }, "|", false},
		{"all", func(d []byte) []byte { return nil }, "|", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := open(t, filepath.Join(t.TempDir(), "events"))
			publish(t, q, "one", "two", "six")
			path := crash(t, q)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			after := open(t, path)
			if after.Damaged() != c.damaged {
				t.Errorf("damaged: %t", after.Damaged())
			}
			publish(t, after, "new")
			want := strings.Replace(c.want, "|", "new1 |", 1)
			if got := held(t, after); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if next := open(t, crash(t, after)); next.Damaged() {
				t.Error("the damage is found again")
			}
		})
	}
}

func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"text": "Dear diary", "next version": "imgmill queue 2\n........"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, 0)
		if err == nil || !strings.Contains(err.Error(), path+" does not hold a queue") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != content {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if _, err := Open(dir, 0); err == nil {
		t.Error("opened a folder")
	}
	path := filepath.Join(dir, "mode")
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestDiskFails: while the file cannot be written, each call says so, and nothing of it is found later.
// Then all is as before.
func TestDiskFails(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "events"))
	publish(t, q, "one")
	leased := fetch(t, q)
	writable := q.file
	var err error
	if q.file, err = os.Open(q.path); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"publish": q.Publish(t.Context(), "", []byte("lost")), "ack": leased[0].Ack(t.Context()),
		"bury": leased[0].Bury(t.Context(), "lost"),
	} {
		if err == nil || !strings.Contains(err.Error(), q.path) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := leased[0].Retry(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if got, err := q.Fetch(t.Context(), 1, 0); err == nil {
		t.Errorf("fetched %d messages", len(got))
	}
	if err := q.file.Close(); err != nil {
		t.Fatal(err)
	}
	q.file = writable
	publish(t, q, "two")
	if got, want := held(t, open(t, crash(t, q))), "one2 two1 |"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, err := q.Fetch(t.Context(), 2, 3*time.Second); err != nil || len(got) == 0 {
		t.Errorf("fetched %d messages, %v", len(got), err)
	}
}

// TestShrinks: a file is written anew when it is opened and most of it is settled, and emptied when all
// is; numbers go on.
func TestShrinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	q := open(t, path)
	large := strings.Repeat("x", 1<<20)
	publish(t, q, large, large, large, "left")
	for _, m := range fetch(t, q)[:3] {
		if err := m.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	q2 := open(t, crash(t, q))
	if q2.size > 1000 {
		t.Errorf("%d bytes", q2.size)
	}
	publish(t, q2, large, large, large, large)
	if got := held(t, q2); len(got) < 4<<20 {
		t.Fatalf("%d bytes", len(got))
	}
	info, err := os.Stat(q2.path)
	if err != nil || info.Size() != headSize {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	publish(t, q2, "next")
	q3 := open(t, crash(t, q2))
	if last, waiting, err := q3.State(); last != 9 || waiting != 1 || err != nil {
		t.Errorf("%d, %d waiting, %v", last, waiting, err)
	}
	if got := held(t, q3); got != "next1 |" {
		t.Error(got)
	}
}

// TestSharedSyncs: calls that come while another is being synced share the next sync, and those that
// bury the same message bury it once.
func TestSharedSyncs(t *testing.T) {
	q := open(t, filepath.Join(t.TempDir(), "events"))
	publish(t, q, "bad")
	m := fetch(t, q)[0]
	q.disk.Lock() // as a sync in progress
	var calls sync.WaitGroup
	for i := range 20 {
		calls.Go(func() {
			call := func() error { return q.Publish(t.Context(), "", []byte("body")) }
			if i < 2 {
				call = func() error { return m.Bury(t.Context(), "twice") }
			}
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	for pending := 0; pending < 20; time.Sleep(time.Millisecond) {
		q.mu.Lock()
		pending = len(q.next.entries)
		q.mu.Unlock()
	}
	q.disk.Unlock()
	calls.Wait()
	for _, q := range []*Queue{q, open(t, crash(t, q))} {
		_, waiting, err := q.State()
		buried, err2 := q.Buried(t.Context(), 10)
		if waiting != 18 || len(buried) != 1 || err != nil || err2 != nil {
			t.Errorf("%d wait, %d are buried, %v, %v", waiting, len(buried), err, err2)
		}
	}
}

// TestMany: a long queue is opened and counted quickly, and takes little memory.
func TestMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const many = 200_000
	body := bytes.Repeat([]byte("e"), 600)
	data := appendHead(nil, 0)
	for i := range uint64(many) {
		data = appendRecord(data, record{size: uint32(len(body)), kind: kindWaiting, seq: i + 1}, body)
		if len(data) > 1<<20 || i == many-1 {
			if _, err := f.Write(data); err != nil {
				t.Fatal(err)
			}
			data = data[:0]
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	q := open(t, path)
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / many
	if each > 120 {
		t.Errorf("%d bytes of memory for each message", each)
	}
	if n, err := q.Waiting(t.Context()); n != many || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	t.Logf("opened in %v, %d bytes of memory for each message", took, each)
}

// FuzzScan: whatever a file holds, scan ends, and what it finds are valid records one after another.
func FuzzScan(f *testing.F) {
	data := appendHead(nil, 0)
	data = appendRecord(data, record{size: 3, kind: kindWaiting, seq: 1}, []byte("one"))
	g := appendGrave(nil, time.Unix(1, 2), 3, "why", []byte("one"))
	data = appendRecord(data, record{size: uint32(len(g)), kind: kindBuried, seq: 2, origin: 1}, g)
	f.Add(data)
	f.Add(append(bytes.Clone(data[:70]), data...))
	f.Fuzz(func(t *testing.T, data []byte) {
		at := int64(headSize)
		r := bytes.NewReader(data)
		end, damaged, err := scan(r, r.Size(), func(rec record) {
			if rec.at < at || rec.end() > r.Size() {
				t.Fatalf("a record from %d to %d, after %d", rec.at, rec.end(), at)
			}
			_, payload, err := readRecord(io.NewSectionReader(r, rec.at, r.Size()), rec.at, r.Size()-rec.at)
			if err != nil {
				t.Fatal(err)
			}
			if rec.kind == kindBuried {
				grave(payload)
			}
			at = rec.end()
		})
		if err != nil || end != at {
			t.Fatalf("ends at %d of %d, damaged %t, %v; the last record ends at %d", end, r.Size(), damaged, err, at)
		}
	})
}

// BenchmarkEvent publishes, fetches and settles messages of eight callers at a time.
func BenchmarkEvent(b *testing.B) {
	q := open(b, filepath.Join(b.TempDir(), "events"))
	body := bytes.Repeat([]byte("e"), 600)
	b.SetParallelism(4)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := q.Publish(context.Background(), "", body); err != nil {
				b.Error(err)
			}
			got, err := q.Fetch(context.Background(), 1, time.Second)
			for _, m := range got {
				err = errors.Join(err, m.Ack(context.Background()))
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
}
