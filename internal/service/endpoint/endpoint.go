// Package endpoint is the HTTP endpoint of a worker: stores push their events to it, and whoever runs
// the worker asks it how it is.
//
//	POST /events   an event of any store that package event knows
//	GET  /healthz  200 while the process runs
//	GET  /readyz   200 if everything that the worker needs can be reached, or 503 and what cannot
//	GET  /metrics  for Prometheus
//
// An event is answered with 200 once it is safe: it is in the queue or, without one, all of its
// changes are processed. What could not be taken is answered with 503, and the sender should send it
// again. What is no event never becomes one, and is answered with 400. The package never processes
// anything itself, and never answers a store before it knows.
package endpoint

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Endpoint answers requests. Either Publish or Process is required, and so are Metrics and Log.
type Endpoint struct {
	// Publish stores an event durably. If it is nil, Process is called for each change instead.
	Publish func(ctx context.Context, body []byte) error
	Process func(context.Context, event.Change) mill.Result
	// Concurrency is how many events are processed at the same time without a queue; 2 by default.
	Concurrency int
	// Token is what senders must give: in the header Authorization, behind "Bearer ", or in the query
	// parameter token. Without one, events are refused unless only this machine reaches the address.
	Token string
	// Checks find out whether the worker is ready, by the name of what they reach.
	Checks  map[string]func(context.Context) error
	Metrics http.Handler
	Log     *slog.Logger
	// Grace is how long requests may go on after the context of Run has ended; 25 s by default.
	Grace time.Duration
}

const (
	// maxBody is as much as a message of SQS or JetStream holds.
	maxBody = 1 << 20
	// maxWaiting is how many events may wait to be processed, without a queue. Senders that give up
	// after seconds may not send again, so that they are better held than refused.
	maxWaiting = 256
	// maxChanges is how many changes an event may have that waits. Senders put one into each, or a few
	// dozens; each takes many times the bytes that it has in the event.
	maxChanges     = 1000
	publishTimeout = 30 * time.Second
	// refusalsEvery is the time between two lines of the log about refused requests, which anybody can send.
	refusalsEvery      = 10 * time.Second
	retryAfter         = 5 * time.Second
	defaultConcurrency = 2
	defaultGrace       = 25 * time.Second
)

// Run serves until ctx ends. Then it finishes the requests in progress, as far as Grace allows.
func (e *Endpoint) Run(ctx context.Context, listener net.Listener) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	h := &handler{
		Endpoint: e, stopping: ctx, work: work, ready: readiness{checks: e.Checks, log: e.Log},
		slots: make(chan struct{}, cmp.Or(e.Concurrency, defaultConcurrency)), waiting: make(chan struct{}, maxWaiting),
	}
	if addr, ok := listener.Addr().(*net.TCPAddr); e.Token == "" && ok && !addr.IP.IsLoopback() {
		h.closed = true
		e.Log.Warn("events are refused: others can reach " + addr.String() + ", and there is no token; set one with --token " +
			"or IMGMILL_TOKEN, or listen at 127.0.0.1")
	}
	server := &http.Server{
		Handler: h.routes(), ErrorLog: slog.NewLogLogger(e.Log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(e.Grace, defaultGrace))
		defer cancel()
		err := server.Shutdown(limit)
		cut()
		stopped <- err
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return server.Close()
	}
	return nil
}

// handler is an endpoint that runs.
type handler struct {
	*Endpoint
	stopping context.Context // ends when no new work should begin
	work     context.Context // ends when work in progress is cut off
	slots    chan struct{}   // has an element for each event that is processed
	waiting  chan struct{}   // and for each that is processed or waits for it
	closed   bool            // events are refused
	ready    readiness

	mu       sync.Mutex
	logged   time.Time // when a refused request was
	unlogged int       // refused requests since then
}

func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", h.events)
	mux.HandleFunc("OPTIONS /events", h.cloudEvents)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", h.ready.serve)
	mux.Handle("GET /metrics", h.Metrics)
	return mux
}

// events takes one event.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	if !h.allowed(w, r) {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		h.refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the event has more than %d bytes", maxBody))
		return
	} else if err != nil {
		return // the sender is gone
	}
	if r.Header.Get("aeg-event-type") == "SubscriptionValidation" {
		h.validate(w, body)
		return
	}
	e, err := event.Parse(body)
	if err != nil {
		h.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if h.Publish != nil {
		h.publish(w, body, e)
		return
	}
	changes, invalid := split(e)
	switch {
	case len(changes) == 0 && invalid != "":
		h.refuse(w, http.StatusBadRequest, invalid)
		return
	case len(changes) == 0:
		return
	case len(changes) > maxChanges:
		h.refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the event has more than %d changes", maxChanges))
		return
	}
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		h.later(w, "too many events wait to be processed")
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-h.stopping.Done():
		h.later(w, "the worker is stopping")
		return
	}
	h.process(w, changes, invalid)
}

// split returns the changes of an event, and what is wrong with the last of its invalid records. The rest
// of the event is not kept while the changes wait.
func split(e event.Event) (changes []event.Change, invalid string) {
	for _, item := range e.Items {
		switch {
		case item.Err != nil:
			invalid = item.Err.Error()
		case item.Ignored == "":
			changes = append(changes, item.Change)
		}
	}
	return changes, invalid
}

// publish puts an event into the queue, unless there is nothing in it to do. What cannot be read goes
// there too, for the worker to bury it. A sender that gives up does not end that: it may never send the
// event again.
func (h *handler) publish(w http.ResponseWriter, body []byte, e event.Event) {
	for _, item := range e.Items {
		if item.Ignored != "" {
			continue
		}
		ctx, cancel := context.WithTimeout(h.work, publishTimeout)
		defer cancel()
		if err := h.Publish(ctx, body); err != nil {
			h.Log.Warn("cannot publish an event; its sender must send it again", outcome.AttrError, err)
			h.later(w, "the queue cannot be reached")
		}
		return
	}
}

// process processes the changes of an event, whether or not the sender waits for the answer.
func (h *handler) process(w http.ResponseWriter, changes []event.Change, invalid string) {
	retry := ""
	for _, c := range changes {
		result := h.Process(h.work, c)
		h.Log.LogAttrs(h.work, result.Level(), outcome.ChangeMessage, result.LogLine(c).Attrs()...)
		if result.Verdict == outcome.Retry {
			retry = result.Reason
		}
	}
	switch {
	case retry != "":
		h.later(w, retry)
	case invalid != "":
		h.refuse(w, http.StatusBadRequest, invalid)
	}
}

// allowed reports whether a request has the token, and answers it if it has not. Where none is needed, web
// pages that a browser of this machine shows could send events too: browsers name their origin.
func (h *handler) allowed(w http.ResponseWriter, r *http.Request) bool {
	if h.closed {
		h.refuse(w, http.StatusForbidden, "this worker takes no events from others: it was started without a token")
		return false
	}
	if h.Token == "" && r.Header.Get("Origin") != "" {
		h.refuse(w, http.StatusForbidden, "web pages may send no events to a worker that was started without a token")
		return false
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		given = r.URL.Query().Get("token")
	}
	if h.Token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(h.Token)) == 0 {
		h.refuse(w, http.StatusUnauthorized, "the token is missing or wrong")
		return false
	}
	return true
}

// validate answers the question of Azure Event Grid whether its events are wanted (Event Grid
// documentation, "Endpoint validation with Event Grid event schema").
func (h *handler) validate(w http.ResponseWriter, body []byte) {
	var events []struct {
		Data struct {
			Code string `json:"validationCode"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &events); err != nil || len(events) != 1 || events[0].Data.Code == "" {
		h.refuse(w, http.StatusBadRequest, "the validation has no validationCode")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]string{"validationResponse": events[0].Data.Code}); err != nil {
		h.Log.Warn("cannot answer a validation", outcome.AttrError, err)
	}
}

// cloudEvents answers the same question in the way of CloudEvents (HTTP 1.1 Web Hooks for Event
// Delivery, section 4).
func (h *handler) cloudEvents(w http.ResponseWriter, r *http.Request) {
	if h.allowed(w, r) {
		w.Header().Set("WebHook-Allowed-Origin", r.Header.Get("WebHook-Request-Origin"))
		w.Header().Set("WebHook-Allowed-Rate", "*")
	}
}

// later asks the sender to send an event again.
func (h *handler) later(w http.ResponseWriter, reason string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	http.Error(w, reason, http.StatusServiceUnavailable)
}

// refuse answers a request that would be refused again. The log has the first one, and then one at a time
// with the number of those before it.
func (h *handler) refuse(w http.ResponseWriter, status int, reason string) {
	http.Error(w, reason, status)
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.logged) < refusalsEvery {
		h.unlogged++
		return
	}
	h.Log.Warn("request refused", outcome.AttrReason, reason, "status", status, "unlogged", h.unlogged)
	h.logged, h.unlogged = time.Now(), 0
}
