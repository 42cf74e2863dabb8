// Package file is a queue in one file, for one process.
//
// Publish and Bury append a record, and return once it is on the disk; calls that come while another
// is being synced share the next sync. A delivery and a settlement each change a field of the record
// where it lies, so that a queue can be emptied on a full disk. They are not synced: they outlive the
// process, but after a loss of power some messages may be delivered once more. Leases and delays are
// in memory. After a restart, every message that is not settled is delivered at once, as the next of
// its deliveries.
//
// In memory there are some 80 bytes for each message, and no body that is not leased. The file is
// written anew when it is opened and most of it is settled, and emptied when everything is.
//
// The package starts no goroutine, gives up no record because another one is damaged, and leaves it to
// its caller that no other process has the file open.
package file

import (
	"bufio"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

const (
	// defaultLease is the duration of a lease if none is given.
	defaultLease = 5 * time.Second
	// spare is the size from which on a file without messages is emptied while the queue is open.
	spare = 4 << 20
)

// errLease means that the message is settled, or may have been leased to somebody else.
var errLease = errors.New("the lease has expired")

// Queue implements queue.Queue.
type Queue struct {
	path  string
	lease time.Duration
	start time.Time

	// disk is held by whoever changes the length of the file. It is taken before mu.
	disk    sync.Mutex
	file    *os.File
	size    int64
	untidy  bool // what lies behind size could not be removed
	damaged bool

	mu      sync.Mutex
	last    uint64 // the highest number of a message; changed with disk only
	waiting items
	buried  []*item       // by number
	next    *group        // what is to be written next
	changed chan struct{} // closed and replaced whenever a waiting Fetch should look again
	closed  bool
}

// item is a message that waits or is buried, or did until it was settled.
type item struct {
	record
	free time.Duration // when it may be leased, since Queue.start
	pos  int           // in Queue.waiting
}

// items is a heap of messages, of which the first is the next to be leased.
type items []*item

func (h items) Len() int { return len(h) }
func (h items) Less(i, j int) bool {
	return h[i].free < h[j].free || h[i].free == h[j].free && h[i].seq < h[j].seq
}
func (h items) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].pos, h[j].pos = i, j }
func (h *items) Push(x any)   { it := x.(*item); it.pos = len(*h); *h = append(*h, it) }
func (h *items) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return it
}

// Open opens the queue in a file, and creates it with mode 0600 if there is none. A lease of 0 means
// five seconds.
func Open(path string, lease time.Duration) (*Queue, error) {
	if lease == 0 {
		lease = defaultLease
	}
	q := &Queue{path: path, lease: lease, start: time.Now(), next: &group{}, changed: make(chan struct{})}
	if err := q.open(); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	return q, nil
}

func (q *Queue) open() error {
	f, err := os.OpenFile(q.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := q.rewrite(nil); err != nil {
			return err
		}
		f, err = os.OpenFile(q.path, os.O_RDWR, 0)
	}
	if err != nil {
		return err
	}
	again, err := q.load(f)
	if err == nil && again {
		if err := q.rewrite(f); err != nil {
			return err
		}
		if f, err = os.OpenFile(q.path, os.O_RDWR, 0); err != nil {
			return err
		}
		_, err = q.load(f)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	q.file = f
	return nil
}

// load reads the file. It reports whether the file should be written anew.
func (q *Queue) load(f *os.File) (again bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if q.last, err = readHead(f, info.Size()); errors.Is(err, errDamaged) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	replaced := map[uint64]bool{}
	var found []*item
	end, damaged, err := scan(f, info.Size(), func(r record) {
		q.last = max(q.last, r.seq)
		if r.origin != 0 {
			if replaced[r.origin] { // two calls have buried the same message, or returned it
				return
			}
			replaced[r.origin] = true
		}
		if !r.settled {
			found = append(found, &item{record: r})
		}
	})
	if err != nil {
		return false, err
	}
	q.size, q.waiting, q.buried = end, nil, nil
	used := int64(headSize)
	for _, it := range found {
		switch {
		case replaced[it.seq]:
			continue
		case it.kind == kindWaiting:
			heap.Push(&q.waiting, it)
		default:
			q.buried = append(q.buried, it)
		}
		used += it.end() - it.at
	}
	q.damaged = q.damaged || damaged
	if damaged || used*2 < end {
		return true, nil
	}
	if info.Size() > end { // a write that was interrupted
		return false, f.Truncate(end)
	}
	return false, nil
}

// rewrite replaces the file by one with the messages that load has found in old, if there is an old one,
// and closes that.
func (q *Queue) rewrite(old *os.File) (err error) {
	name := q.path + ".new"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		if old != nil {
			err = errors.Join(err, old.Close())
		}
		return err
	}
	w := bufio.NewWriterSize(f, 1<<18)
	_, err = w.Write(appendHead(nil, q.last))
	live := slices.Concat(q.waiting, q.buried)
	slices.SortFunc(live, func(a, b *item) int { return cmp.Compare(a.at, b.at) })
	for _, it := range live {
		if err == nil {
			_, err = io.Copy(w, io.NewSectionReader(old, it.at, it.end()-it.at))
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if old != nil { // Windows replaces no open file
		err = errors.Join(err, old.Close())
	}
	if err == nil {
		err = os.Rename(name, q.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return syncFolder(filepath.Dir(q.path))
}

// syncFolder makes a new name in a folder outlive a loss of power. Windows does so by itself.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Damaged reports whether a part of the file could not be read when it was opened, so that messages
// are lost.
func (q *Queue) Damaged() bool { return q.damaged }

// State returns a number that grows with every message, and the number of messages that wait.
func (q *Queue) State() (last uint64, waiting int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, 0, queue.ErrClosed
	}
	return q.last, len(q.waiting), nil
}

// group is what one write and one sync put on the disk.
type group struct {
	entries []entry
	done    bool // changed with disk only
	err     error
}

// entry is a message to be stored.
type entry struct {
	kind    byte
	payload []byte
	from    *item // what it takes the place of, if anything
}

// store returns once the message is on the disk.
func (q *Queue) store(e entry) error {
	if len(e.payload) > maxPayload {
		return fmt.Errorf("a message has %d bytes, more than %d", len(e.payload), maxPayload)
	}
	q.mu.Lock()
	g := q.next
	g.entries = append(g.entries, e)
	q.mu.Unlock()
	q.disk.Lock()
	defer q.disk.Unlock()
	if !g.done { // whoever was first has written the group
		q.mu.Lock()
		q.next = &group{}
		q.mu.Unlock()
		g.done, g.err = true, q.write(g.entries)
	}
	return g.err
}

// write appends the entries to the file, and makes them the queue's. The caller holds disk.
func (q *Queue) write(entries []entry) error {
	if q.file == nil {
		return queue.ErrClosed
	}
	if q.untidy {
		if err := q.file.Truncate(q.size); err != nil {
			return err
		}
		q.untidy = false
	}
	var data []byte
	stored := make([]*item, len(entries))
	for i, e := range entries {
		r := record{at: q.size + int64(len(data)), size: uint32(len(e.payload)), kind: e.kind, seq: q.last + 1 + uint64(i)}
		if e.from != nil {
			r.origin = e.from.seq
		}
		stored[i] = &item{record: r}
		data = appendRecord(data, r, e.payload)
	}
	_, err := q.file.WriteAt(data, q.size)
	if err == nil {
		err = q.file.Sync()
	}
	if err != nil { // nobody may find later what was reported as not stored
		q.untidy = q.file.Truncate(q.size) != nil
		return err
	}
	q.size += int64(len(data))
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last += uint64(len(entries))
	for i, e := range entries {
		q.add(stored[i], e.from)
	}
	q.wake()
	return nil
}

// add makes a stored message the queue's, in the place of another one unless that has been replaced
// or settled meanwhile. The caller holds mu.
func (q *Queue) add(it, from *item) {
	if from != nil {
		if from.settled {
			return // load does the same
		}
		q.remove(from)
	}
	if it.kind == kindBuried {
		q.buried = append(q.buried, it)
		return
	}
	it.free = q.now()
	heap.Push(&q.waiting, it)
}

// remove removes a message from memory. The caller holds mu.
func (q *Queue) remove(it *item) {
	it.settled = true
	if it.kind == kindWaiting {
		heap.Remove(&q.waiting, it.pos)
		return
	}
	if i, ok := q.findBuried(it.seq); ok {
		q.buried = slices.Delete(q.buried, i, i+1)
	}
}

func (q *Queue) findBuried(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(q.buried, seq, func(it *item, seq uint64) int { return cmp.Compare(it.seq, seq) })
}

func (q *Queue) now() time.Duration { return time.Since(q.start) }

// wake lets every waiting Fetch look again. The caller holds mu.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// begin returns an error if a call cannot proceed. Otherwise the caller holds mu.
func (q *Queue) begin(ctx context.Context) error {
	q.mu.Lock()
	err := ctx.Err()
	if q.closed {
		err = queue.ErrClosed
	}
	if err != nil {
		q.mu.Unlock()
	}
	return err
}

// fail adds the operation to an error, if there is one.
func (q *Queue) fail(what string, err error) error {
	if err == nil || errors.Is(err, queue.ErrClosed) {
		return err
	}
	return fmt.Errorf("%s queue %s: %w", what, q.path, err)
}

// Publish implements queue.Queue. No call is repeated within the process, so ids are not remembered.
func (q *Queue) Publish(ctx context.Context, _ string, body []byte) error {
	if err := q.begin(ctx); err != nil {
		return err
	}
	q.mu.Unlock()
	return q.fail("publish to", q.store(entry{kind: kindWaiting, payload: body}))
}

// Fetch implements queue.Queue.
func (q *Queue) Fetch(ctx context.Context, max int, wait time.Duration) ([]queue.Message, error) {
	return queue.Await(ctx, wait, func() ([]queue.Message, time.Duration, <-chan struct{}, error) { return q.take(ctx, max) })
}

// take leases messages that are free now. If there are none, the caller should look again after
// next, or once changed is closed.
func (q *Queue) take(ctx context.Context, max int) (got []queue.Message, next time.Duration, changed <-chan struct{}, err error) {
	if err := q.begin(ctx); err != nil {
		return nil, 0, nil, err
	}
	defer q.mu.Unlock()
	now := q.now()
	for len(got) < max && len(q.waiting) > 0 && q.waiting[0].free <= now {
		it := q.waiting[0]
		it.free = now + q.lease
		heap.Fix(&q.waiting, 0)
		body, err := q.deliver(it)
		if err != nil && len(got) == 0 {
			return nil, 0, nil, q.fail("fetch from", err)
		}
		if err != nil {
			break // the message keeps its lease, so that the others can be fetched
		}
		got = append(got, &message{q: q, it: it, body: body, attempt: it.attempts})
	}
	next = time.Hour
	if len(q.waiting) > 0 {
		next = q.waiting[0].free - now
	}
	return got, next, q.changed, nil
}

// deliver reads the body of a message, and counts the delivery in the file, where it outlives a
// process that the message kills. The caller holds mu.
func (q *Queue) deliver(it *item) ([]byte, error) {
	body, err := q.read(it)
	if err != nil {
		return nil, err
	}
	n := min(it.attempts+1, math.MaxUint16)
	if _, err := q.file.WriteAt(binary.LittleEndian.AppendUint16(nil, uint16(n)), it.at+atDeliveries); err != nil {
		return nil, err
	}
	it.attempts = n
	return body, nil
}

// read returns the payload of a message. The caller holds mu.
func (q *Queue) read(it *item) ([]byte, error) {
	n := it.end() - it.at
	_, payload, err := readRecord(io.NewSectionReader(q.file, it.at, n), it.at, n)
	return payload, err
}

// Waiting implements queue.Queue.
func (q *Queue) Waiting(ctx context.Context) (int, error) {
	if err := q.begin(ctx); err != nil {
		return 0, err
	}
	defer q.mu.Unlock()
	return len(q.waiting), nil
}

// Buried implements queue.Queue.
func (q *Queue) Buried(ctx context.Context, max int) ([]queue.Buried, error) {
	if err := q.begin(ctx); err != nil {
		return nil, err
	}
	defer q.mu.Unlock()
	var list []queue.Buried
	for _, it := range q.buried[:min(max, len(q.buried))] {
		payload, err := q.read(it)
		if err != nil {
			return nil, q.fail("list buried messages of", err)
		}
		b := grave(payload)
		b.ID = strconv.FormatUint(it.seq, 10)
		list = append(list, b)
	}
	return list, nil
}

// Unbury implements queue.Queue. The ID of a message is its number.
func (q *Queue) Unbury(ctx context.Context, id string) error {
	const what = "return a buried message to"
	if err := q.begin(ctx); err != nil {
		return err
	}
	seq, err := strconv.ParseUint(id, 10, 64)
	i, ok := q.findBuried(seq)
	if err != nil || !ok {
		q.mu.Unlock()
		return q.fail(what, queue.ErrNotBuried)
	}
	it := q.buried[i]
	payload, err := q.read(it)
	q.mu.Unlock()
	if err != nil {
		return q.fail(what, err)
	}
	return q.fail(what, q.store(entry{kind: kindWaiting, payload: grave(payload).Body, from: it}))
}

// Close implements queue.Queue.
func (q *Queue) Close() error {
	q.disk.Lock()
	defer q.disk.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	q.wake()
	err := errors.Join(q.file.Sync(), q.file.Close())
	q.file = nil
	return q.fail("close", err)
}

// message is one lease of an item; attempt distinguishes its leases.
type message struct {
	q       *Queue
	it      *item
	body    []byte
	attempt int
}

func (m *message) Body() []byte         { return m.body }
func (m *message) Attempt() int         { return m.attempt }
func (m *message) Lease() time.Duration { return m.q.lease }

// hold sets the time after which the message is free again.
func (m *message) hold(ctx context.Context, d time.Duration) error {
	if err := m.q.begin(ctx); err != nil {
		return err
	}
	defer m.q.mu.Unlock()
	if m.it.settled || m.it.attempts != m.attempt {
		return errLease
	}
	m.it.free = m.q.now() + d
	heap.Fix(&m.q.waiting, m.it.pos)
	m.q.wake()
	return nil
}

// Extend implements queue.Message.
func (m *message) Extend(ctx context.Context) error { return m.hold(ctx, m.q.lease) }

// Retry implements queue.Message.
func (m *message) Retry(ctx context.Context, delay time.Duration) error { return m.hold(ctx, delay) }

// Ack implements queue.Message. It settles the message even if the lease has expired.
func (m *message) Ack(ctx context.Context) error {
	q := m.q
	if err := q.begin(ctx); err != nil {
		return err
	}
	defer q.mu.Unlock()
	if m.it.settled {
		return nil
	}
	if _, err := q.file.WriteAt([]byte{1}, m.it.at+atSettled); err != nil {
		return q.fail("acknowledge a message in", err)
	}
	q.remove(m.it)
	if len(q.waiting) == 0 && len(q.buried) == 0 && q.disk.TryLock() {
		defer q.disk.Unlock()
		return q.fail("empty", q.empty())
	}
	return nil
}

// empty removes the records of a file without messages, if they are large. The caller holds disk and
// mu.
func (q *Queue) empty() error {
	if q.size < spare {
		return nil
	}
	if _, err := q.file.WriteAt(appendHead(nil, q.last), 0); err != nil {
		return err
	}
	if err := q.file.Truncate(headSize); err != nil {
		return err
	}
	q.size = headSize
	return nil
}

// Bury implements queue.Message.
func (m *message) Bury(ctx context.Context, reason string) error {
	if err := m.q.begin(ctx); err != nil {
		return err
	}
	settled := m.it.settled
	m.q.mu.Unlock()
	if settled {
		return nil
	}
	return m.q.fail("bury a message in", m.q.store(entry{
		kind: kindBuried, payload: appendGrave(nil, time.Now(), m.attempt, reason, m.body), from: m.it,
	}))
}
