package devcloud

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// flaky is a listener whose Accept fails some times before it works.
type flaky struct {
	net.Listener
	err  error
	left atomic.Int64
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", l.err)}
	}
	return l.Listener.Accept()
}

// quick are limits for tests.
var quick = frontLimits{
	places: 4, slots: 2, header: 200 * time.Millisecond, quiet: 300 * time.Millisecond,
	young: 20 * time.Millisecond, idle: 50 * time.Millisecond, stalled: 100 * time.Millisecond,
}

// startFront runs a front before a web server that answers with the path, and returns its address
// and the result of serve.
func startFront(t *testing.T, wrap func(net.Listener) net.Listener, limits frontLimits) (string, <-chan error) {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.URL.Path)
	}))
	l, err := listen(AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if wrap != nil {
		l = wrap(l)
	}
	busy := func(string) bool { return true }
	f := newFront(l, strings.TrimPrefix(backend.URL, "http://"), limits, busy, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	f.begin(func() { ended <- f.serve() })
	t.Cleanup(func() {
		f.close()
		backend.CloseClientConnections()
		f.wait()
		backend.Close()
	})
	return address, ended
}

func ask(address, path string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: waitTimeout}
	resp, err := client.Get("http://" + address + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && string(body) != path {
		err = fmt.Errorf("answered %q", body)
	}
	return err
}

// TestAcceptRecovers: a lack of file descriptors passes, however long it takes.
func TestAcceptRecovers(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED} {
		bad := &flaky{err: err}
		bad.left.Store(5)
		address, ended := startFront(t, func(l net.Listener) net.Listener { bad.Listener = l; return bad }, quick)
		if err := ask(address, "/x"); err != nil {
			t.Errorf("after %v: %v", bad.err, err)
		}
		select {
		case err := <-ended:
			t.Errorf("ended with %v", err)
		default:
		}
	}
}

// TestAcceptGivesUp: an error that does not pass ends the front with its reason.
func TestAcceptGivesUp(t *testing.T) {
	bad := &flaky{err: syscall.EINVAL}
	bad.left.Store(1 << 40)
	_, ended := startFront(t, func(l net.Listener) net.Listener { bad.Listener = l; return bad }, quick)
	select {
	case err := <-ended:
		if !errors.Is(err, syscall.EINVAL) || !strings.HasPrefix(err.Error(), "accept connections: ") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(waitTimeout):
		t.Fatal("still trying")
	}
}

// dialRaw opens a connection and sends the beginning of a request.
func dialRaw(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// wantClosed waits until the other side has closed a connection.
func wantClosed(t *testing.T, what string, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(waitTimeout))
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%s: still open", what)
	}
}

// TestUnfinishedConnections: what sends nothing, half a header or half a body is closed, although
// nobody needs its place.
func TestUnfinishedConnections(t *testing.T) {
	address, _ := startFront(t, nil, quick)
	for what, text := range map[string]string{
		"nothing":       "",
		"half a header": "GET /x HTTP/1.1\r\nHost: x\r\n",
		"half a body":   "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
	} {
		wantClosed(t, what, dialRaw(t, address, text))
	}
	answered := dialRaw(t, address, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(answered).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("%q, %v", line, err)
	}
	wantClosed(t, "idle after a request", answered)
}

// TestCrowd: many connections that do nothing keep nobody from being served.
func TestCrowd(t *testing.T) {
	patient := quick
	patient.header, patient.quiet = time.Hour, time.Hour
	address, _ := startFront(t, nil, patient)
	for i := range 30 {
		dialRaw(t, address, []string{"", "GET / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12"}[i%3])
	}
	for i := range 5 {
		if err := ask(address, fmt.Sprintf("/%d", i)); err != nil {
			t.Error(err)
		}
	}
}

func TestFrontLimits(t *testing.T) {
	for _, files := range []int{0, 64, 128, 256, 1024, 4096, 1 << 20} {
		l := limitsFor(files)
		most := l.places + filesPerSlot*l.slots
		if l.places < 4 || l.slots < 2 || l.slots > maxConnections || files >= 128 && most > files-otherFiles {
			t.Errorf("%d files: %+v need %d", files, l, most)
		}
	}
}

// TestFewFiles runs a server with 128 file descriptors among many connections that do nothing and
// some with half a request: uploads go on, and the process does not end.
func TestFewFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no such limit")
	}
	idle := 300
	if os.Getenv("IMGMILL_FAULT_SEEDS") != "" { // make faults
		idle = 2000
	}
	cl, endpoint, kill := startChildWith(t, t.TempDir(), "ulimit -n 128; ")
	defer kill()
	address := strings.TrimPrefix(endpoint, "http://")
	for i := range idle {
		text := ""
		if i%20 == 0 {
			text = "PUT /photos-input/x.jpg HTTP/1.1\r\nContent-Length: 100\r\n"
		}
		dialRaw(t, address, text)
	}
	begin := time.Now()
	for i := range 20 {
		key := fmt.Sprintf("%d.jpg", i)
		put(t, cl, source, key, "body")
		if got := get(t, cl, source, key); got != "body" {
			t.Errorf("%s holds %q", key, got)
		}
	}
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("20 uploads took %v", took)
	}
}

// TestUnfinishedUploads does the same with requests whose body never ends.
func TestUnfinishedUploads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no such limit")
	}
	cl, endpoint, kill := startChildWith(t, t.TempDir(), "ulimit -n 128; ")
	defer kill()
	for range 40 {
		dialRaw(t, strings.TrimPrefix(endpoint, "http://"),
			"PUT /photos-input/x.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	}
	put(t, cl, source, "a.jpg", "body")
}

// TestEndBeforeItServes: a server that is told to end once it listens, and before it serves, does not serve for good.
func TestEndBeforeItServes(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	l, err := listenOn(0)
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listening := func() {
		cancel()
		time.Sleep(50 * time.Millisecond) // for the shutdown
	}
	if err := c.gw.serveInner(ctx, address, "us-east-1", c.account, listening); err != nil {
		t.Error(err)
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err) // it still listens
	}
	l.Close()
}
