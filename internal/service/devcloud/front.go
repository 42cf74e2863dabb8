package devcloud

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// portsTried is how many ports are tried, beginning with FirstPort, before the system chooses one.
const portsTried = 20

// wsaeAddrInUse is the number of EADDRINUSE on Windows, which package syscall does not define
// there.
const wsaeAddrInUse = syscall.Errno(10048)

// front is the listener that clients connect to. It forwards a connection to the gateway, which
// listens on another port of loopback, once the client has sent something. The gateway treats a
// connection without a request as busy and would wait ten seconds for it when it stops, and
// browsers and Go's own client open such connections in advance. A listener of our own also holds a
// free port from the moment it is chosen.
type front struct {
	l       net.Listener
	backend string // address of the gateway

	mu     sync.Mutex
	fresh  map[net.Conn]bool // connections that have sent nothing yet
	closed bool
	conns  sync.WaitGroup
}

func newFront(l net.Listener, backend string) *front {
	return &front{l: l, backend: backend, fresh: map[net.Conn]bool{}}
}

// listen opens the listener for Config.Port.
func listen(want int) (net.Listener, error) {
	switch want {
	case AnyPort:
		return listenOn(0)
	case 0:
		for p := FirstPort; p < FirstPort+portsTried; p++ {
			if l, err := listenOn(p); err == nil {
				return l, nil
			}
		}
		return listenOn(0)
	}
	return listenOn(want)
}

func listenOn(port int) (net.Listener, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, wsaeAddrInUse):
		return nil, fmt.Errorf(
			"port %d on 127.0.0.1 is in use by another program: stop that program, or choose another port", port)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf(
			"port %d on 127.0.0.1 is reserved for privileged users: choose one from 1024 on", port)
	case err != nil:
		return nil, fmt.Errorf("port %d on 127.0.0.1: %w", port, err)
	}
	return l, nil
}

// portOf returns the port of a listener.
func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// serve accepts connections until close.
func (f *front) serve() error {
	for {
		c, err := f.l.Accept()
		if err != nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.closed {
				return nil
			}
			return fmt.Errorf("accept connections: %w", err)
		}
		if f.admit(c) {
			f.conns.Go(func() { f.forward(c) })
		}
	}
}

// admit registers a new connection, or closes it if the front has been closed.
func (f *front) admit(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		c.Close()
		return false
	}
	f.fresh[c] = true
	return true
}

// forward copies bytes between client and gateway until either ends. An error ends the connection.
func (f *front) forward(client net.Conn) {
	defer client.Close()
	first := make([]byte, 4<<10)
	n, err := client.Read(first)
	f.mu.Lock()
	delete(f.fresh, client)
	f.mu.Unlock()
	if err != nil {
		return
	}
	gateway, err := net.Dial("tcp4", f.backend)
	if err != nil {
		return
	}
	defer gateway.Close()
	f.conns.Go(func() {
		if _, err := gateway.Write(first[:n]); err == nil {
			io.Copy(gateway, client)
		}
		gateway.(*net.TCPConn).CloseWrite()
	})
	io.Copy(client, gateway)
}

// close stops accepting and closes the connections that have sent nothing. The others end when the
// gateway does.
func (f *front) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for c := range f.fresh {
		c.Close()
	}
	f.l.Close()
}

// wait waits until all connections have ended.
func (f *front) wait() { f.conns.Wait() }
