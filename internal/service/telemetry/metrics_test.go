package telemetry

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/mem"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
)

// value returns the sample of a metric in what the handler serves.
func value(t *testing.T, m *Metrics, name string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if sample, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(sample)
		}
	}
	return ""
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	results := []mill.Result{
		{Verdict: outcome.Done, Source: mill.Picture{Bytes: 5000}, Variants: []mill.Variant{{Bytes: 300}, {Bytes: 200}}},
		{Verdict: outcome.Done, Source: mill.Picture{Bytes: 1000}, Variants: []mill.Variant{{Bytes: 100}}},
		{Verdict: outcome.Bad, Source: mill.Picture{Bytes: 7}},
		{Verdict: outcome.Retry},
		{Verdict: outcome.Skipped, OfTarget: true}, // what the worker has written itself
	}
	process := m.Process(func(context.Context, event.Change) mill.Result {
		if got := value(t, m, "imgmill_changes_in_flight"); got != "1" {
			t.Errorf("in flight: %s", got)
		}
		r := results[0]
		results = results[1:]
		return r
	})
	for len(results) > 0 {
		if r := process(t.Context(), event.Change{Bucket: "b", Key: "k", Time: time.Now().Add(-90 * time.Second)}); r.Verdict == "" {
			t.Error("the result is lost")
		}
	}
	for name, want := range map[string]string{
		`imgmill_changes_total{verdict="done"}`:       "2",
		`imgmill_changes_total{verdict="bad"}`:        "1",
		`imgmill_changes_total{verdict="retry"}`:      "1",
		`imgmill_changes_total{verdict="skipped"}`:    "0",
		`imgmill_source_bytes_total`:                  "6007",
		`imgmill_variant_bytes_total`:                 "600",
		`imgmill_variants_total`:                      "3",
		`imgmill_changes_in_flight`:                   "0",
		`imgmill_change_seconds_count`:                "4",
		`imgmill_change_age_seconds_count`:            "3", // that of a retry is not over
		`imgmill_change_age_seconds_bucket{le="60"}`:  "0",
		`imgmill_change_age_seconds_bucket{le="300"}`: "3",
		`imgmill_queue_settled_total{as="ack"}`:       "",
	} {
		if got := value(t, m, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if value(t, m, "go_goroutines") == "" || value(t, m, "process_start_time_seconds") == "" {
		t.Error("nothing about the process")
	}
}

func TestGaugeThatCannotBeRead(t *testing.T) {
	m := NewMetrics()
	m.Gauge("a", "A value.", func(context.Context) (float64, error) { return 7, nil })
	m.Gauge("b", "No value.", func(context.Context) (float64, error) { return 7, errors.New("away") })
	if a, b := value(t, m, "a"), value(t, m, "b"); a != "7" || b != "NaN" {
		t.Errorf("a %s, b %s", a, b)
	}
}

func TestQueueMetrics(t *testing.T) {
	m := NewMetrics()
	q := m.Queue(mem.New(time.Minute))
	for range 3 {
		if err := q.Publish(t.Context(), "", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	settle := []func(queue.Message) error{
		func(m queue.Message) error { return m.Retry(t.Context(), 0) },
		func(m queue.Message) error { return m.Ack(t.Context()) },
		func(m queue.Message) error { return m.Bury(t.Context(), "bad") },
	}
	for _, f := range settle {
		messages, err := q.Fetch(t.Context(), 1, time.Second)
		if err != nil || len(messages) != 1 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		if err := f(messages[0]); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		`imgmill_queue_settled_total{as="ack"}`:   "1",
		`imgmill_queue_settled_total{as="retry"}`: "1",
		`imgmill_queue_settled_total{as="bury"}`:  "1",
		`imgmill_queue_messages`:                  "1",
		`imgmill_queue_attempts_count`:            "3",
	} {
		if got := value(t, m, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// TestQueueConformance checks that an observed queue is still the queue that it was.
func TestQueueConformance(t *testing.T) {
	queuetest.Run(t, func(*testing.T) queue.Queue { return NewMetrics().Queue(mem.New(time.Second)) }, queuetest.FakeTime())
}
