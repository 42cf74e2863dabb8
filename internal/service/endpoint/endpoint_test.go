package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// put is the notification of a new object.
func put(key string) string {
	return `{"Records":[` + record("ObjectCreated:Put", key) + `]}`
}

func record(name, key string) string {
	return fmt.Sprintf(`{"eventSource":"aws:s3","eventName":%q,"s3":{"bucket":{"name":"b"},"object":{"key":%q}}}`, name, key)
}

// serve runs an endpoint until the test ends, and returns its URL and the function that stops it.
func serve(t *testing.T, e *Endpoint) (url string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, e, listener)
}

func serveOn(t *testing.T, e *Endpoint, listener net.Listener) (url string, stop func()) {
	t.Helper()
	if e.Metrics = http.NotFoundHandler(); e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, listener) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:" + port, stop
}

// ask sends a request and returns the status and the body of the answer.
func ask(t *testing.T, method, url, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

// TestPublish checks that an event of every store reaches the queue byte for byte, and what does not.
func TestPublish(t *testing.T) {
	var published []string
	var broken error
	url, _ := serve(t, &Endpoint{Publish: func(_ context.Context, body []byte) error {
		published = append(published, string(body))
		return broken
	}})
	url += "/events"
	files, err := filepath.Glob("../../pipeline/event/testdata/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		published = nil
		status, text, _ := ask(t, "POST", url, string(body))
		want := 1
		if filepath.Base(file) == "s3-test.json" {
			want = 0 // there is nothing to do
		}
		if status != 200 || len(published) != want || want == 1 && published[0] != string(body) {
			t.Errorf("%s: %d %s, published %d times", file, status, text, len(published))
		}
	}
	published = nil
	for _, test := range []struct {
		name, body string
		status     int
	}{
		{"no event", `{"hello":1}`, 400},
		{"no JSON", `hello`, 400},
		{"too large", `{"Records":[],"x":"` + strings.Repeat("x", maxBody) + `"}`, 413},
	} {
		if status, text, _ := ask(t, "POST", url, test.body); status != test.status || len(published) != 0 {
			t.Errorf("%s: %d %s, published %q", test.name, status, text, published)
		}
	}
	if status, _, _ := ask(t, "POST", url, put("")); status != 200 || len(published) != 1 {
		t.Errorf("an invalid record: %d, published %q, but the worker should bury it", status, published)
	}
	broken = errors.New("no connection")
	if status, text, header := ask(t, "POST", url, put("k")); status != 503 || header.Get("Retry-After") != "5" {
		t.Errorf("queue away: %d %s", status, text)
	}
	if status, _, _ := ask(t, "GET", url, ""); status != 405 {
		t.Errorf("GET: %d", status)
	}
}

// TestProcess checks the answers without a queue.
func TestProcess(t *testing.T) {
	var keys []string
	url, _ := serve(t, &Endpoint{Process: func(_ context.Context, c event.Change) mill.Result {
		keys = append(keys, c.Key)
		return mill.Result{Verdict: outcome.Verdict(strings.TrimSuffix(c.Key, ".jpg")), Reason: "a reason"}
	}})
	for _, test := range []struct {
		records string
		status  int
		keys    string
	}{
		{record("ObjectCreated:Put", "done.jpg"), 200, "done.jpg"},
		{record("ObjectRemoved:Delete", "skipped.jpg"), 200, "skipped.jpg"},
		{record("ObjectCreated:Put", "bad.jpg"), 200, "bad.jpg"},
		{record("ObjectCreated:Put", "retry.jpg"), 503, "retry.jpg"},
		{record("ObjectAcl:Put", "done.jpg"), 200, ""},
		{record("ObjectCreated:Put", "") + "," + record("ObjectCreated:Put", "done.jpg"), 400, "done.jpg"},
	} {
		keys = nil
		status, text, _ := ask(t, "POST", url+"/events", `{"Records":[`+test.records+`]}`)
		if got := strings.Join(keys, " "); status != test.status || got != test.keys {
			t.Errorf("%s: %d %s, processed %q", test.records, status, text, got)
		}
	}
}

// TestSenderGivesUp checks that an event is taken although nobody waits for the answer.
func TestSenderGivesUp(t *testing.T) {
	for name, queue := range map[string]bool{"published": true, "processed": false} {
		t.Run(name, func(t *testing.T) {
			begun, taken := make(chan struct{}), make(chan error, 1)
			take := func(ctx context.Context) {
				close(begun)
				time.Sleep(100 * time.Millisecond)
				taken <- ctx.Err()
			}
			e := &Endpoint{Process: func(ctx context.Context, _ event.Change) mill.Result {
				take(ctx)
				return mill.Result{Verdict: outcome.Done}
			}}
			if queue {
				e.Publish = func(ctx context.Context, _ []byte) error { take(ctx); return nil }
			}
			url, _ := serve(t, e)
			ctx, giveUp := context.WithCancel(t.Context())
			go func() { <-begun; giveUp() }()
			r, err := http.NewRequestWithContext(ctx, "POST", url+"/events", strings.NewReader(put("k")))
			if err != nil {
				t.Fatal(err)
			}
			if answer, err := http.DefaultClient.Do(r); err == nil {
				answer.Body.Close()
				t.Errorf("answered %s", answer.Status)
			}
			if err := <-taken; err != nil {
				t.Errorf("cut off: %v", err)
			}
		})
	}
}

// TestConcurrency sends more events at once than may be processed, and more than may wait.
func TestConcurrency(t *testing.T) {
	var now, most, done atomic.Int32
	release := make(chan struct{})
	url, stop := serve(t, &Endpoint{Concurrency: 3, Process: func(context.Context, event.Change) mill.Result {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-release
		done.Add(1)
		return mill.Result{Verdict: outcome.Done}
	}})
	var answers [2]atomic.Int32
	var all sync.WaitGroup
	for range maxWaiting + 10 {
		all.Go(func() {
			switch status, text, header := ask(t, "POST", url+"/events", put("k")); {
			case status == 200:
				answers[0].Add(1)
			case status == 503 && header.Get("Retry-After") != "":
				if answers[1].Add(1) == 10 {
					close(release) // all others wait now
				}
			default:
				t.Errorf("%d %s", status, text)
			}
		})
	}
	all.Wait()
	if a, b := answers[0].Load(), answers[1].Load(); a != maxWaiting || b != 10 || done.Load() != a || most.Load() != 3 {
		t.Errorf("%d answered with 200, %d with 503, %d processed, up to %d at once", a, b, done.Load(), most.Load())
	}
	stop()
}

// TestNothingWaits: an event without a change is answered at once, and one of very many changes is refused,
// while all slots are taken.
func TestNothingWaits(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	url, _ := serve(t, &Endpoint{Concurrency: 1, Process: func(context.Context, event.Change) mill.Result {
		close(begun)
		<-release
		return mill.Result{Verdict: outcome.Done}
	}})
	url += "/events"
	first := make(chan int)
	go func() { status, _, _ := ask(t, "POST", url, put("first")); first <- status }()
	<-begun
	many := strings.Repeat(record("ObjectCreated:Put", "k")+",", maxChanges) + record("ObjectCreated:Put", "k")
	for _, test := range []struct {
		name, body string
		status     int
	}{
		{"empty records", `{"Records":[{}` + strings.Repeat(",{}", 40_000) + `]}`, 400},
		{"nothing to do", `{"Records":[` + record("ObjectAcl:Put", "k") + `]}`, 200},
		{"too many changes", `{"Records":[` + many + `]}`, 413},
	} {
		if status, text, _ := ask(t, "POST", url, test.body); status != test.status {
			t.Errorf("%s: %d %s", test.name, status, text)
		}
	}
	close(release)
	if status := <-first; status != 200 {
		t.Errorf("in progress: %d", status)
	}
}

// TestWebPages: without a token, a page in a browser of this machine can send no events.
func TestWebPages(t *testing.T) {
	for token, want := range map[string]int{"": 403, "t": 200} {
		url, _ := serve(t, &Endpoint{Token: token, Publish: func(context.Context, []byte) error { return nil }})
		status, text, _ := ask(t, "POST", url+"/events?token="+token, put("k"), "Origin", "https://example.com")
		if status != want {
			t.Errorf("with the token %q: %d %s", token, status, text)
		}
	}
}

// TestRefusalsInLog: whoever sends requests that are refused does not fill the log.
func TestRefusalsInLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := &handler{Endpoint: &Endpoint{Log: slog.New(slog.NewTextHandler(&log, nil))}}
		for range 3 {
			for range 100 {
				h.refuse(httptest.NewRecorder(), 401, "no")
			}
			time.Sleep(refusalsEvery)
		}
		if got := log.String(); strings.Count(got, "\n") != 3 || strings.Count(got, "unlogged=99") != 2 {
			t.Error(got)
		}
	})
}

// TestStop checks that what is processed ends well, and that what waits is refused.
func TestStop(t *testing.T) {
	begun := make(chan struct{})
	finish := make(chan struct{})
	url, stop := serve(t, &Endpoint{Concurrency: 1, Process: func(ctx context.Context, _ event.Change) mill.Result {
		close(begun)
		<-finish
		if ctx.Err() != nil {
			t.Error("cut off")
		}
		return mill.Result{Verdict: outcome.Done}
	}})
	first := make(chan int)
	go func() { status, _, _ := ask(t, "POST", url+"/events", put("first")); first <- status }()
	<-begun
	second := make(chan int)
	go func() { status, _, _ := ask(t, "POST", url+"/events", put("second")); second <- status }()
	time.Sleep(50 * time.Millisecond) // it has sent its request, or will be refused as it connects
	go stop()
	if status := <-second; status != 503 {
		t.Errorf("waiting: %d", status)
	}
	close(finish)
	if status := <-first; status != 200 {
		t.Errorf("in progress: %d", status)
	}
	stop()
}

// TestGrace checks that work that takes longer than the grace is cut off.
func TestGrace(t *testing.T) {
	begun, cut := make(chan struct{}), make(chan struct{})
	url, stop := serve(t, &Endpoint{Grace: 50 * time.Millisecond, Process: func(ctx context.Context, _ event.Change) mill.Result {
		close(begun)
		<-ctx.Done()
		close(cut)
		return mill.Result{Verdict: outcome.Retry}
	}})
	go func() {
		if answer, err := http.Post(url+"/events", "application/json", strings.NewReader(put("k"))); err == nil {
			answer.Body.Close()
		}
	}()
	<-begun
	stop()
	<-cut
}

func TestToken(t *testing.T) {
	url, _ := serve(t, &Endpoint{Token: "s3cret", Publish: func(context.Context, []byte) error { return nil }})
	for _, test := range []struct {
		query, authorization string
		status               int
	}{
		{"", "", 401},
		{"", "Bearer wrong", 401},
		{"", "s3cret", 401},
		{"", "Bearer s3cret", 200},
		{"?token=s3cret", "", 200},
		{"?token=wrong", "", 401},
		{"?token=s3cret", "Bearer wrong", 401},
	} {
		status, text, _ := ask(t, "POST", url+"/events"+test.query, put("k"), "Authorization", test.authorization)
		if status != test.status {
			t.Errorf("%+v: %d %s", test, status, text)
		}
	}
}

// reachable is a listener of this machine that claims to be reachable by others.
type reachable struct{ net.Listener }

func (l reachable) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4zero, Port: l.Listener.Addr().(*net.TCPAddr).Port}
}

func TestNoTokenForOthers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	url, stop := serveOn(t, &Endpoint{Publish: func(context.Context, []byte) error {
		t.Error("published")
		return nil
	}, Log: slog.New(slog.NewTextHandler(&log, nil))}, reachable{listener})
	if status, text, _ := ask(t, "POST", url+"/events", put("k")); status != 403 {
		t.Errorf("%d %s", status, text)
	}
	if status, _, _ := ask(t, "GET", url+"/healthz", ""); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	stop()
	if got := log.String(); !strings.Contains(got, "set one with --token or IMGMILL_TOKEN") {
		t.Errorf("the log does not say what to do: %s", got)
	}
}

// TestHandshakes checks that Azure Event Grid gets its answers, in both of its schemas.
func TestHandshakes(t *testing.T) {
	url, _ := serve(t, &Endpoint{Token: "t", Publish: func(context.Context, []byte) error {
		t.Error("published")
		return nil
	}})
	url += "/events?token=t"
	validation := `[{"id":"1","topic":"/subscriptions/0","subject":"","data":{"validationCode":"512d38b6",
		"validationUrl":"https://rp.example/validate"},"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent",
		"eventTime":"2026-03-01T09:30:00Z","metadataVersion":"1","dataVersion":"1"}]`
	status, text, _ := ask(t, "POST", url, validation, "aeg-event-type", "SubscriptionValidation")
	if status != 200 || strings.TrimSpace(text) != `{"validationResponse":"512d38b6"}` {
		t.Errorf("validation: %d %s", status, text)
	}
	if status, _, _ := ask(t, "POST", url, `[]`, "aeg-event-type", "SubscriptionValidation"); status != 400 {
		t.Errorf("validation without a code: %d", status)
	}
	if status, _, _ := ask(t, "POST", url, validation); status != 200 {
		t.Errorf("validation without the header: %d, but it is an event that asks for nothing", status)
	}
	_, _, header := ask(t, "OPTIONS", url, "", "WebHook-Request-Origin", "eventgrid.azure.net")
	if got := header.Get("WebHook-Allowed-Origin"); got != "eventgrid.azure.net" {
		t.Errorf("allowed origin %q", got)
	}
	if status, _, _ := ask(t, "OPTIONS", strings.TrimSuffix(url, "t"), "", "WebHook-Request-Origin", "x"); status != 401 {
		t.Errorf("OPTIONS without the token: %d", status)
	}
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away error
		asked := 0
		r := &readiness{log: slog.New(slog.DiscardHandler), checks: map[string]func(context.Context) error{
			"store": func(context.Context) error { asked++; return away },
			"queue": func(ctx context.Context) error {
				if away != nil {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			},
		}}
		answer := func() (int, string) {
			w := httptest.NewRecorder()
			r.serve(w, nil)
			return w.Code, w.Body.String()
		}
		if status, text := answer(); status != 200 || text != "queue: ok\nstore: ok\n" {
			t.Errorf("%d %q", status, text)
		}
		away = errors.New("no route")
		if status, _ := answer(); status != 200 || asked != 1 {
			t.Errorf("%d; asked %d times within the time that an answer is good for", status, asked)
		}
		time.Sleep(readyFor)
		status, text := answer()
		if want := "queue: cannot be reached; the log says why\nstore: cannot be reached; the log says why\n"; status != 503 || text != want {
			t.Errorf("%d %q", status, text)
		}
	})
}
