package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Traces records a span for each change and, inside it, one for each call of the store. A nil Traces
// records nothing.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// OpenTraces starts traces as the standard variables of OpenTelemetry ask, which getenv returns
// (OpenTelemetry specification, "Environment Variable Specification"). Without an endpoint it
// returns nil. The SDK itself reads those of the sampler, the batches and the resource.
func OpenTraces(ctx context.Context, version string, getenv func(string) string, log *slog.Logger) (*Traces, error) {
	endpoint := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if general := getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" && general != "" {
		endpoint = strings.TrimSuffix(general, "/") + "/v1/traces"
	}
	exporter := cmp.Or(getenv("OTEL_TRACES_EXPORTER"), "otlp")
	switch {
	case endpoint == "" || exporter == "none" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"):
		return nil, nil
	case exporter != "otlp":
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; use otlp or none", exporter)
	}
	client, err := newCollector(endpoint, getenv)
	if err != nil {
		return nil, err
	}
	exp, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, err
	}
	// Detectors later in the list win: the name is only a default.
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "imgmill"), attribute.String("service.version", version)),
		resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", outcome.AttrError, err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exp), sdktrace.WithResource(res))
	return &Traces{provider, provider.Tracer("github.com/imgmill/imgmill")}, nil
}

// Close sends what has not been sent.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Process returns p with a span for each change.
func (t *Traces) Process(p Process) Process {
	if t == nil {
		return p
	}
	return func(ctx context.Context, c event.Change) mill.Result {
		ctx, span := t.tracer.Start(ctx, "change", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
			text("aws.s3.bucket", c.Bucket), text("aws.s3.key", c.Key),
			attribute.Bool("imgmill.removed", c.Removed)))
		defer span.End()
		r := p(ctx, c)
		line := r.LogLine(c)
		span.SetAttributes(
			text("imgmill.verdict", string(r.Verdict)), text("imgmill.reason", line.Reason),
			attribute.Int64("imgmill.bytes_in", line.BytesIn), attribute.Int64("imgmill.bytes_out", line.BytesOut),
			attribute.Int("imgmill.variants", line.Variants))
		if r.Verdict == outcome.Retry || r.Verdict == outcome.Bad {
			span.SetStatus(codes.Error, valid(line.Reason))
		}
		return r
	}
}

// valid returns a text that can be in a span: a key may be any bytes, but Protocol Buffers hold UTF-8
// alone, and refuse all spans of a batch for one that is not.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func text(name, value string) attribute.KeyValue { return attribute.String(name, valid(value)) }

// Store returns s with a span for each call that is part of a change. That of a Get ends when the body
// begins.
func (t *Traces) Store(s bucket.Store) bucket.Store {
	if t == nil {
		return s
	}
	return &tracedStore{s, t.tracer}
}

type tracedStore struct {
	bucket.Store
	tracer trace.Tracer
}

// start starts the span of a call. The function that it returns ends the span.
func (s *tracedStore) start(ctx context.Context, call, bucketName, key string) (context.Context, func(error)) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, func(error) {}
	}
	ctx, span := s.tracer.Start(ctx, call, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		text("aws.s3.bucket", bucketName), text("aws.s3.key", key)))
	return ctx, func(err error) {
		if err != nil {
			span.AddEvent("exception", trace.WithAttributes(text("exception.message", err.Error())))
		}
		// That there is no such object, or another, is an answer.
		if err != nil && !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrPrecondition) {
			span.SetStatus(codes.Error, valid(err.Error()))
		}
		span.End()
	}
}

func (s *tracedStore) Get(ctx context.Context, b, key string, cond bucket.Condition) (*bucket.Object, error) {
	// The body is read within ctx, so that the span may not end with the call's.
	_, end := s.start(ctx, "Get", b, key)
	o, err := s.Store.Get(ctx, b, key, cond)
	end(err)
	return o, err
}

func (s *tracedStore) ReadAt(ctx context.Context, b, key, etag string, p []byte, offset int64) error {
	ctx, end := s.start(ctx, "ReadAt", b, key)
	err := s.Store.ReadAt(ctx, b, key, etag, p, offset)
	end(err)
	return err
}

func (s *tracedStore) Head(ctx context.Context, b, key string) (bucket.Info, error) {
	ctx, end := s.start(ctx, "Head", b, key)
	info, err := s.Store.Head(ctx, b, key)
	end(err)
	return info, err
}

func (s *tracedStore) Tags(ctx context.Context, b, key, version string) (map[string]string, error) {
	ctx, end := s.start(ctx, "Tags", b, key)
	tags, err := s.Store.Tags(ctx, b, key, version)
	end(err)
	return tags, err
}

func (s *tracedStore) Put(
	ctx context.Context, b, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	ctx, end := s.start(ctx, "Put", b, key)
	etag, err := s.Store.Put(ctx, b, key, body, attr, cond)
	end(err)
	return etag, err
}

func (s *tracedStore) Copy(
	ctx context.Context, from bucket.Source, b, key string, attr bucket.Attributes, cond bucket.Condition,
) error {
	ctx, end := s.start(ctx, "Copy", b, key)
	err := s.Store.Copy(ctx, from, b, key, attr, cond)
	end(err)
	return err
}

func (s *tracedStore) Delete(ctx context.Context, b, key string, cond bucket.Condition) error {
	ctx, end := s.start(ctx, "Delete", b, key)
	err := s.Store.Delete(ctx, b, key, cond)
	end(err)
	return err
}
