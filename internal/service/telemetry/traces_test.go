package telemetry

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// receiver is a collector that keeps what it receives.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	received []*tracepb.ResourceSpans
	answers  []int // of the next requests; then 200
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	c := &receiver{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests = append(c.requests, r)
		if len(c.answers) > 0 {
			w.WriteHeader(c.answers[0])
			c.answers = c.answers[1:]
			return
		}
		body, err := io.ReadAll(r.Body)
		data := &tracepb.TracesData{}
		if err = errors.Join(err, proto.Unmarshal(body, data)); err != nil {
			t.Error(err)
		}
		c.received = append(c.received, data.ResourceSpans...)
	}))
	t.Cleanup(c.Close)
	return c
}

// open opens traces with an environment of name=value.
func open(t *testing.T, environment ...string) (*Traces, error) {
	t.Helper()
	return OpenTraces(t.Context(), "1.2.3", func(name string) string {
		for _, pair := range environment {
			if n, v, _ := strings.Cut(pair, "="); n == name {
				return v
			}
		}
		return ""
	}, slog.New(slog.DiscardHandler))
}

func attributes(list []*commonpb.KeyValue) map[string]string {
	m := map[string]string{}
	for _, a := range list {
		m[a.Key] = a.Value.GetStringValue()
	}
	return m
}

// TestTraces follows a change through a store, and checks what a collector is sent about it.
func TestTraces(t *testing.T) {
	collector := newReceiver(t)
	collector.answers = []int{503}
	traces, err := open(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL+"/", "OTEL_EXPORTER_OTLP_HEADERS=x-key=a%20b, y = 2")
	if err != nil {
		t.Fatal(err)
	}
	store := traces.Store(mem.New("photos"))
	key := "summer/a\xff.jpg" // any bytes
	process := traces.Process(func(ctx context.Context, c event.Change) mill.Result {
		if _, err := store.Head(ctx, c.Bucket, c.Key); err == nil {
			t.Error("there is such an object")
		}
		if _, err := store.Put(ctx, c.Bucket, c.Key, []byte("x"), bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Error(err)
		}
		if _, err := store.Put(ctx, "nowhere", c.Key, nil, bucket.Attributes{}, bucket.Condition{}); err == nil {
			t.Error("there is such a bucket")
		}
		return mill.Result{Verdict: outcome.Bad, Reason: "no picture", Source: mill.Picture{Bytes: 7}}
	})
	process(t.Context(), event.Change{Bucket: "photos", Key: key})
	if _, err := store.Head(t.Context(), "photos", key); err != nil { // not part of a change
		t.Error(err)
	}
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	if n := len(collector.requests); n != 2 || len(collector.received) != 1 {
		t.Fatalf("%d requests, %d resources; want a second attempt after the status 503", n, len(collector.received))
	}
	r := collector.requests[1]
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" ||
		r.Header.Get("X-Key") != "a b" || r.Header.Get("Y") != "2" {
		t.Errorf("request to %s with %v", r.URL.Path, r.Header)
	}
	resource := collector.received[0]
	if a := attributes(resource.Resource.Attributes); a["service.name"] != "imgmill" || a["service.version"] != "1.2.3" {
		t.Errorf("resource %v", a)
	}
	spans := resource.ScopeSpans[0].Spans
	change := spans[len(spans)-1] // it ends last
	var names []string
	for _, s := range spans {
		names = append(names, s.Name)
		if a := attributes(s.Attributes); a["aws.s3.key"] != "summer/a\uFFFD.jpg" {
			t.Errorf("%s of %q", s.Name, a["aws.s3.key"])
		}
		failed := s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR
		if want := s == change || attributes(s.Attributes)["aws.s3.bucket"] == "nowhere"; failed != want {
			t.Errorf("%s failed: %t", s.Name, failed)
		}
		if s != change && (string(s.ParentSpanId) != string(change.SpanId) || string(s.TraceId) != string(change.TraceId)) {
			t.Errorf("%s is not part of the change", s.Name)
		}
	}
	if want := []string{"Head", "Put", "Put", "change"}; !slices.Equal(names, want) {
		t.Errorf("spans %v, want %v", names, want)
	}
	if a := attributes(change.Attributes); a["imgmill.verdict"] != "bad" || a["imgmill.reason"] != "no picture" {
		t.Errorf("change %v", a)
	}
}

// TestLostSpans: a collector that is elsewhere, or that rejects spans, is an error.
func TestLostSpans(t *testing.T) {
	rejects := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3)
	rejects = protowire.AppendString(protowire.AppendTag(rejects, 2, protowire.BytesType), "too old")
	partial := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), rejects)
	for name, test := range map[string]struct {
		status int
		body   string
		want   string // of the error
	}{
		"redirect": {302, "", "302 Found"},
		"rejected": {200, string(partial), "rejected 3 spans: too old"},
		"accepted": {200, "", ""},
		"JSON":     {200, "{}", ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/login")
			if r.URL.Path == "/v1/traces" {
				w.WriteHeader(test.status)
			}
			_, _ = io.WriteString(w, test.body)
		}))
		defer server.Close()
		c, err := newCollector(server.URL+"/v1/traces", func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		err = c.UploadTraces(t.Context(), nil)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestNoTraces checks that nothing is traced unless it is asked for, and what is refused.
func TestNoTraces(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	for _, environment := range [][]string{nil, {at, "OTEL_TRACES_EXPORTER=none"}, {at, "OTEL_SDK_DISABLED=true"}} {
		traces, err := open(t, environment...)
		if err != nil || traces != nil {
			t.Errorf("%v: %v, %v", environment, traces, err)
		}
		if err := traces.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ variable, want string }{
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=localhost:4318", `"localhost:4318" is not a URL`},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", `is "grpc"; use http/protobuf`},
		{"OTEL_TRACES_EXPORTER=zipkin", `is "zipkin"; use otlp or none`},
		{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=soon", `"soon" is not a number`},
		{"OTEL_EXPORTER_OTLP_HEADERS=x", "is not a list"},
		{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + file, "no certificate in"},
	} {
		if traces, err := open(t, test.variable, at); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v", test.variable, traces, err)
		}
	}
}

// TestCertificate sends spans to a collector with a certificate of its own.
func TestCertificate(t *testing.T) {
	got := make(chan string, 1)
	collector := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.Path }))
	t.Cleanup(collector.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	traces, err := open(t, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+collector.URL+"/here", "OTEL_EXPORTER_OTLP_CERTIFICATE="+file)
	if err != nil {
		t.Fatal(err)
	}
	traces.Process(func(context.Context, event.Change) mill.Result { return mill.Result{Verdict: outcome.Done} })(t.Context(), event.Change{})
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if path := <-got; path != "/here" {
		t.Errorf("sent to %s", path)
	}
}

// TestStoreConformance checks that a traced store is still the store that it was.
func TestStoreConformance(t *testing.T) {
	traces, err := open(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_SAMPLER=always_off")
	if err != nil {
		t.Fatal(err)
	}
	buckettest.Run(t, func(*testing.T) (bucket.Store, string) {
		return traces.Store(mem.New("photos", "other")), "photos"
	})
}
