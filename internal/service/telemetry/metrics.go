// Package telemetry counts and traces what a worker does: metrics for Prometheus, and traces for an
// OpenTelemetry collector. It wraps what the worker uses (its queue, the store, the function that
// processes a change), and changes nothing in it.
package telemetry

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// Process processes a change, as the worker does.
type Process = func(context.Context, event.Change) mill.Result

// Metrics are the metrics of one worker.
type Metrics struct {
	registry *prometheus.Registry
	changes  *prometheus.CounterVec
	seconds  prometheus.Histogram
	age      prometheus.Histogram
	inFlight prometheus.Gauge
	bytesIn  prometheus.Counter
	bytesOut prometheus.Counter
	variants prometheus.Counter
	attempts prometheus.Histogram
	settled  *prometheus.CounterVec
}

// NewMetrics returns metrics that are all zero.
func NewMetrics() *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "imgmill_changes_total", Help: "Changes of objects that were processed, by verdict.",
		}, []string{"verdict"}),
		seconds: histogram("imgmill_change_seconds", "How long a change took, from the first request to the store to the last.",
			.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60),
		age: histogram("imgmill_change_age_seconds", "Time from an event until its change was processed.",
			.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4*3600, 24*3600),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "imgmill_changes_in_flight", Help: "Changes that are being processed.",
		}),
		bytesIn:  counter("imgmill_source_bytes_total", "Sizes of the pictures that were read."),
		bytesOut: counter("imgmill_variant_bytes_total", "Sizes of the variants that were written."),
		variants: counter("imgmill_variants_total", "Variants that were written."),
		attempts: histogram("imgmill_queue_attempts", "Which delivery of its message a fetched message was.",
			1, 2, 3, 4, 5, 6, 8, 10),
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "imgmill_queue_settled_total", Help: "Messages that were settled: ack, retry or bury.",
		}, []string{"as"}),
	}
	m.registry.MustRegister(m.changes, m.seconds, m.age, m.inFlight, m.bytesIn, m.bytesOut, m.variants,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, verdict := range []outcome.Verdict{outcome.Done, outcome.Skipped, outcome.Retry, outcome.Bad} {
		m.changes.WithLabelValues(string(verdict)) // zero is a value too
	}
	return m
}

// Handler serves the metrics in Prometheus's formats.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Gauge adds a value that is read when the metrics are. It is NaN if it cannot be read.
func (m *Metrics) Gauge(name, help string, read func(context.Context) (float64, error)) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		value, err := read(ctx)
		if err != nil {
			return math.NaN()
		}
		return value
	}))
}

// Process returns p, observed.
func (m *Metrics) Process(p Process) Process {
	return func(ctx context.Context, c event.Change) mill.Result {
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		r := p(ctx, c)
		m.count(c, r)
		return r
	}
}

func (m *Metrics) count(c event.Change, r mill.Result) {
	if r.OfTarget {
		return
	}
	m.changes.WithLabelValues(string(r.Verdict)).Inc()
	m.seconds.Observe(r.Elapsed.Seconds())
	if !c.Time.IsZero() && r.Verdict != outcome.Retry {
		m.age.Observe(max(time.Since(c.Time).Seconds(), 0))
	}
	line := r.LogLine(c)
	m.bytesIn.Add(float64(line.BytesIn))
	m.bytesOut.Add(float64(line.BytesOut))
	m.variants.Add(float64(line.Variants))
}

// Queue returns q, observed. It may be called once.
func (m *Metrics) Queue(q queue.Queue) queue.Queue {
	m.registry.MustRegister(m.attempts, m.settled)
	m.Gauge("imgmill_queue_messages", "Messages in the queue that are not settled.", func(ctx context.Context) (float64, error) {
		n, err := q.Waiting(ctx)
		return float64(n), err
	})
	return &observedQueue{q, m}
}

type observedQueue struct {
	queue.Queue
	m *Metrics
}

func (q *observedQueue) Fetch(ctx context.Context, n int, wait time.Duration) ([]queue.Message, error) {
	messages, err := q.Queue.Fetch(ctx, n, wait)
	for i := range messages {
		q.m.attempts.Observe(float64(messages[i].Attempt()))
		messages[i] = &observedMessage{messages[i], q.m}
	}
	return messages, err
}

type observedMessage struct {
	queue.Message
	m *Metrics
}

func (o *observedMessage) Ack(ctx context.Context) error {
	return o.settle("ack", o.Message.Ack(ctx))
}

func (o *observedMessage) Retry(ctx context.Context, delay time.Duration) error {
	return o.settle("retry", o.Message.Retry(ctx, delay))
}

func (o *observedMessage) Bury(ctx context.Context, reason string) error {
	return o.settle("bury", o.Message.Bury(ctx, reason))
}

func (o *observedMessage) settle(as string, err error) error {
	if err == nil {
		o.m.settled.WithLabelValues(as).Inc()
	}
	return err
}
