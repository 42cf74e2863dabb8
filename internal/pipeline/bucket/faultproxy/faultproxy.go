// Package faultproxy is an HTTP proxy on loopback that does to the answers of an object store what
// networks, proxies and failing servers do: it stalls, truncates, resets, and answers something
// else. It is for tests.
//
// It never changes a request, so that signatures stay valid, and never does anything that its
// schedule did not ask for.
package faultproxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Fault is what happens to one request.
type Fault string

const (
	None Fault = "none"
	// Refuse: the connection is reset before the request has reached the store.
	Refuse Fault = "refuse"
	// Reset: the store has done what the request asked for, and the connection is reset instead of
	// the answer.
	Reset Fault = "reset"
	// Stall: the answer does not come until the client gives up.
	Stall Fault = "stall"
	// StallBody: half of the answer comes, and nothing after it.
	StallBody Fault = "stall in the body"
	// Truncate: the connection ends after half of the answer.
	Truncate Fault = "truncate"
	// Status500 and Status503: the store's usual errors, as XML.
	Status500 Fault = "500"
	Status503 Fault = "503"
	// Late500: the same after the request has had its effect.
	Late500 Fault = "late 500"
	// ShortLength: the answer claims, and has, half of its length.
	ShortLength Fault = "short length"
	// LongLength: the answer claims ten bytes more than it has.
	LongLength Fault = "long length"
	// NoLength: the answer comes in chunks, without Content-Length.
	NoLength Fault = "no length"
	// NoETag: the answer has no ETag.
	NoETag Fault = "no ETag"
	// Error200: the request was not passed on, and the answer is an error with status 200.
	Error200 Fault = "error with 200"
	// Page200: the request was not passed on, and the answer is a web page with status 200.
	Page200 Fault = "web page with 200"
)

// Faults are all faults.
var Faults = []Fault{
	Refuse, Reset, Stall, StallBody, Truncate, Status500, Status503, Late500, ShortLength, LongLength, NoLength,
	NoETag, Error200, Page200,
}

// Schedule decides the fault of a request, the nth that the proxy receives. It is called by one
// goroutine at a time.
type Schedule func(r *http.Request, n int) Fault

// stallLimit ends a stalled answer if the client does not.
const stallLimit = time.Minute

// Proxy is a running proxy.
type Proxy struct {
	server  *httptest.Server
	target  string
	client  *http.Client
	stopped chan struct{}

	mu       sync.Mutex
	schedule Schedule
	n        int
	counts   map[Fault]int
}

// Start starts a proxy before the store at an endpoint such as http://127.0.0.1:9000.
func Start(endpoint string, schedule Schedule) *Proxy {
	p := &Proxy{
		target: endpoint, schedule: schedule, counts: map[Fault]int{}, stopped: make(chan struct{}),
		client: &http.Client{
			Transport: &http.Transport{DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}
	p.server = httptest.NewServer(p)
	return p
}

// URL returns the endpoint of the proxy.
func (p *Proxy) URL() string { return p.server.URL }

// Counts returns how often each fault has occurred.
func (p *Proxy) Counts() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := map[Fault]int{}
	for f, n := range p.counts {
		counts[f] = n
	}
	return counts
}

// Close stops the proxy and ends stalled answers.
func (p *Proxy) Close() {
	close(p.stopped)
	p.server.CloseClientConnections()
	p.server.Close()
	p.client.CloseIdleConnections()
}

func (p *Proxy) next(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.schedule(r, p.n)
	p.n++
	p.counts[f]++
	return f
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f := p.next(r)
	switch f {
	case Refuse:
		reset(w)
		return
	case Stall:
		p.stall(r)
		reset(w)
		return
	case Status500:
		fail(w, http.StatusInternalServerError, "InternalError")
		return
	case Status503:
		fail(w, http.StatusServiceUnavailable, "SlowDown")
		return
	case Error200:
		fail(w, http.StatusOK, "InternalError")
		return
	case Page200:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>Please sign in.</body></html>")
		return
	}
	resp, answer, err := p.pass(r, body)
	if err != nil {
		reset(w)
		return
	}
	for name, values := range resp.Header {
		w.Header()[name] = slices.Clone(values)
	}
	p.answer(w, r, f, resp.StatusCode, answer)
}

// pass makes the request to the store and reads its answer.
func (p *Proxy) pass(r *http.Request, body []byte) (*http.Response, []byte, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header, out.Host, out.ContentLength = r.Header.Clone(), r.Host, int64(len(body))
	resp, err := p.client.Do(out)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, answer, err
}

// answer sends the store's answer with a fault. The headers are set.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, f Fault, status int, body []byte) {
	send := func(part []byte) {
		w.WriteHeader(status)
		_, _ = w.Write(part)
		w.(http.Flusher).Flush()
	}
	half := body[:len(body)/2]
	switch f {
	case Reset:
		reset(w)
	case Late500:
		fail(w, http.StatusInternalServerError, "InternalError")
	case StallBody:
		send(half)
		p.stall(r)
		reset(w)
	case Truncate:
		send(half)
		reset(w)
	case ShortLength:
		if r.Method != http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(half)))
		}
		send(half)
	case LongLength:
		if r.Method != http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)+10))
		}
		send(body)
		reset(w)
	case NoLength:
		w.Header().Del("Content-Length")
		send(body)
	case NoETag:
		w.Header().Del("ETag")
		send(body)
	default:
		send(body)
	}
}

// stall waits until the client gives up.
func (p *Proxy) stall(r *http.Request) {
	t := time.NewTimer(stallLimit)
	defer t.Stop()
	select {
	case <-r.Context().Done():
	case <-p.stopped:
	case <-t.C:
	}
}

// reset ends the connection at once, so that what was sent may be lost too.
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if errors.Is(err, http.ErrHijacked) || conn == nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// fail answers with an error as S3 writes it.
func fail(w http.ResponseWriter, status int, code string) {
	for name := range w.Header() {
		w.Header().Del(name)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+
		"\n<Error><Code>%s</Code><Message>injected</Message></Error>", code)
}
