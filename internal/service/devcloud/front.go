package devcloud

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// front is the listener that clients connect to. It forwards a connection to the gateway, which
// listens on another port of loopback, once the header of its first request is complete. The gateway
// treats a connection without a request as busy and would wait ten seconds for it when it stops, and
// browsers and Go's own client open such connections in advance. A listener of our own also holds a
// free port from the moment it is chosen.
//
// The gateway ends for good when it cannot accept a connection, for example for lack of file
// descriptors. The front therefore bounds the connections in number and time, so that there are
// always enough of them: more connections wait in the system's queue, and those that do nothing make
// room for them.
type front struct {
	l       net.Listener
	backend string            // address of the gateway
	busy    func(string) bool // whether the gateway is at work on a request from an address
	log     *slog.Logger
	limits  frontLimits

	places chan struct{} // holds one for each link without a complete header, and those that wait
	slots  chan struct{} // holds one for each link that is forwarded

	mu     sync.Mutex
	links  map[*link]bool
	closed chan struct{}
	once   sync.Once
	work   sync.WaitGroup
}

// frontLimits bounds the connections of a front.
type frontLimits struct {
	places, slots int
	// header is how long the header of the first request may take, and quiet how long no byte may
	// pass on a forwarded connection.
	header, quiet time.Duration
	// If others wait, a connection ends earlier: without a header after young, without a request
	// after idle, and with a request on which nothing moves after stalled.
	young, idle, stalled time.Duration
}

// What one forwarded connection needs in file descriptors: three sockets, and the files of an
// upload. The rest of the process, mostly the queue, needs fewer than otherFiles.
const (
	filesPerSlot = 7
	otherFiles   = 64
)

// limitsFor returns the limits for a process that may open so many files.
func limitsFor(files int) frontLimits {
	free := max(files-otherFiles, 0)
	return frontLimits{
		places: min(max(free/4, 4), 2048), slots: min(max(free*3/4/filesPerSlot, 2), 2048),
		header: time.Minute, quiet: 5 * time.Minute,
		young: 50 * time.Millisecond, idle: time.Second, stalled: 10 * time.Second,
	}
}

func newFront(
	l net.Listener, backend string, limits frontLimits, busy func(string) bool, log *slog.Logger,
) *front {
	return &front{
		l: l, backend: backend, busy: busy, log: log, limits: limits,
		places: make(chan struct{}, limits.places), slots: make(chan struct{}, limits.slots),
		links: map[*link]bool{}, closed: make(chan struct{}),
	}
}

// link is one connection of a client.
type link struct {
	client net.Conn
	born   time.Time
	state  atomic.Int32 // one of the states below
	moved  atomic.Int64 // when the last byte passed, in nanoseconds since born

	gateway net.Conn // set before state becomes forwarded
}

const (
	reading   int32 = iota // the header of the first request is not complete
	waiting                // it is, but there is no slot
	forwarded              // bytes pass between client and gateway
)

func (k *link) touch() { k.moved.Store(int64(time.Since(k.born))) }

func (k *link) quiet() time.Duration { return time.Since(k.born) - time.Duration(k.moved.Load()) }

// Accepting is tried again after errors: at once after a connection that was closed too early, after
// a pause if there are no file descriptors or no memory. After other errors, which nothing that the
// front can do would mend, it gives up.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
	maxFailures  = 10 // in succession, of the other kind
	repeatLog    = time.Minute
)

// serve accepts connections until close. Start it with begin.
func (f *front) serve() error {
	stop := f.expire()
	defer stop()
	var pause time.Duration
	var logged time.Time
	failures := 0
	for f.enter() {
		c, err := f.l.Accept()
		if err == nil {
			pause, failures = 0, 0
			f.work.Go(func() { f.handle(&link{client: c, born: time.Now()}) })
			continue
		}
		<-f.places
		if f.isClosed() {
			return nil
		}
		if failures++; scarce(err) {
			failures = 0
		}
		if errors.Is(err, net.ErrClosed) || failures == maxFailures {
			return fmt.Errorf("accept connections: %w", err)
		}
		if time.Since(logged) > repeatLog {
			f.log.Warn("cannot accept connections; will try again", "error", err)
			logged = time.Now()
		}
		pause = min(max(2*pause, firstPause), longestPause)
		f.makeRoom()
		f.sleep(pause)
	}
	return nil
}

// begin runs work in the background, which wait then waits for, unless the front has been closed.
func (f *front) begin(work func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isClosed() {
		f.work.Go(work)
	}
}

// scarce reports whether an error passes once others have closed their files.
func scarce(err error) bool {
	for _, known := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// enter waits for a place for one more connection. It reports false if the front has been closed.
func (f *front) enter() bool { return f.acquire(f.places, f.evictReading) }

// acquire puts one into a semaphore. While it is full, it evicts connections that do nothing.
func (f *front) acquire(semaphore chan struct{}, evict func()) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-f.closed:
			return false
		case semaphore <- struct{}{}:
			return true
		default:
		}
		select {
		case <-f.closed:
			return false
		case semaphore <- struct{}{}:
			return true
		case <-tick.C:
			evict()
		}
	}
}

// handle takes a connection from its first byte to its end. The caller has entered it.
func (f *front) handle(k *link) {
	defer k.client.Close()
	left := false
	leave := func() {
		if !left {
			left = true
			<-f.places
		}
	}
	defer leave()
	if !f.add(k) {
		return
	}
	defer f.remove(k)
	k.client.SetReadDeadline(k.born.Add(f.limits.header))
	header, err := readHeader(k.client)
	if err != nil {
		return
	}
	k.client.SetReadDeadline(time.Time{})
	k.state.Store(waiting)
	if !f.acquire(f.slots, f.evictForwarded) {
		return
	}
	defer func() { <-f.slots }()
	gateway, err := f.dial()
	if err != nil {
		f.log.Warn("a connection was dropped", "error", err)
		return
	}
	defer gateway.Close()
	f.mu.Lock()
	k.gateway = gateway
	f.mu.Unlock()
	k.touch()
	k.state.Store(forwarded)
	leave()
	f.forward(k, header)
}

// maxHeader is a little more than the gateway reads.
const maxHeader = 64 << 10

// readHeader reads until the header of a request is complete, or longer than any. It returns all
// that it has read.
func readHeader(c net.Conn) ([]byte, error) {
	data := make([]byte, 0, 4<<10)
	for {
		n, err := c.Read(data[len(data):cap(data)])
		seen := max(len(data)-3, 0)
		data = data[:len(data)+n]
		if bytes.Contains(data[seen:], []byte("\r\n\r\n")) || bytes.Contains(data[seen:], []byte("\n\n")) || len(data) >= maxHeader {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

// dial connects to the gateway, and tries again while file descriptors are scarce.
func (f *front) dial() (net.Conn, error) {
	pause := firstPause
	for {
		c, err := net.Dial("tcp4", f.backend)
		if err == nil || !scarce(err) || pause > longestPause || f.isClosed() {
			return c, err
		}
		f.sleep(pause)
		pause *= 2
	}
}

// forward copies bytes between client and gateway until either ends. An error ends the connection.
func (f *front) forward(k *link, header []byte) {
	f.work.Go(func() {
		if _, err := k.gateway.Write(header); err == nil {
			k.copy(k.gateway, k.client)
		}
		k.gateway.(*net.TCPConn).CloseWrite()
	})
	k.copy(k.client, k.gateway)
}

// buffers holds those of copy.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// copy copies until an end or an error. Unlike io.Copy, it needs no pipe, which would cost two file
// descriptors, and records when bytes pass.
func (k *link) copy(to, from net.Conn) {
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			k.touch()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
			k.touch()
		}
		if err != nil {
			return
		}
	}
}

// add registers a connection, unless the front has been closed.
func (f *front) add(k *link) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isClosed() {
		return false
	}
	f.links[k] = true
	return true
}

func (f *front) remove(k *link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.links, k)
}

// makeRoom evicts all that may be evicted.
func (f *front) makeRoom() {
	f.evictReading()
	f.evictForwarded()
}

// evictReading closes the connections that have not sent a header in the time that it takes.
func (f *front) evictReading() {
	f.evict(func(k *link) bool {
		return k.state.Load() == reading && time.Since(k.born) > f.limits.young
	})
}

// evictForwarded closes the connections that have no request, and those whose request does not move.
func (f *front) evictForwarded() {
	f.evict(func(k *link) bool {
		if k.state.Load() != forwarded || k.quiet() <= f.limits.idle {
			return false
		}
		return k.quiet() > f.limits.stalled || !f.busy(k.gateway.LocalAddr().String())
	})
}

func (f *front) evict(which func(*link) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.links {
		if which(k) {
			k.end()
		}
	}
}

// end closes both connections, which ends handle. The caller holds the front's mutex.
func (k *link) end() {
	k.client.Close()
	if k.gateway != nil {
		k.gateway.Close()
	}
}

// expire closes connections on which nothing passes, also if nobody waits, until it is stopped.
func (f *front) expire() (stop func()) {
	tick, done := time.NewTicker(max(f.limits.quiet/10, time.Millisecond)), make(chan struct{})
	f.work.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				f.evict(func(k *link) bool { return k.state.Load() == forwarded && k.quiet() > f.limits.quiet })
			}
		}
	})
	return func() { tick.Stop(); close(done) }
}

func (f *front) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.closed:
	}
}

func (f *front) isClosed() bool {
	select {
	case <-f.closed:
		return true
	default:
		return false
	}
}

// close stops accepting and closes the connections that have no request. The others end when the
// gateway does.
func (f *front) close() {
	f.once.Do(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		close(f.closed)
		for k := range f.links {
			if k.state.Load() != forwarded {
				k.end()
			}
		}
		f.l.Close()
	})
}

// wait waits until all connections have ended.
func (f *front) wait() { f.work.Wait() }
