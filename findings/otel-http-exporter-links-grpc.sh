#!/usr/bin/env bash
# What: OpenTelemetry's exporter of traces over HTTP links gRPC, its gateway and HTML templates, and a
#   small program that sends spans with it is 1.9 times as large as one that encodes the same spans with
#   the same library (otlptrace) and posts them with net/http.
# Versions: otel 1.47.0 with sdk, otlptrace and otlptracehttp, aws-sdk-go-v2/service/s3 1.109.1, built with
#   Go 1.26.
# Why it matters: the request that it sends is one POST. Its generated type is in a package that also
#   holds gRPC's stubs; with them, templates come into the program, and the linker can no longer drop
#   exported methods that nobody calls: those of every type, SDKs included. imgmill would have grown from
#   42 to 70 MB. The message of the request has the same encoding as TracesData, which is in a package
#   without gRPC: imgmill posts that itself, which costs 0.6 MB.
# Seen: 2026-11-29 (bytes, linux/amd64, Go 1.26.8)
#   none 8827042
#   post 10555554
#   exporter 20000930
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'EOF'
module example.com/sizes

go 1.26

require (
	github.com/aws/aws-sdk-go-v2/service/s3 v1.109.1
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/proto/otlp v1.11.0
	google.golang.org/protobuf v1.36.12
)
EOF
build() {
  mkdir "$1"
  cat >"$1/main.go" <<EOF
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	ctx := context.Background()
	var options []trace.TracerProviderOption
	if e, err := exporter(ctx); err != nil {
		panic(err)
	} else if e != nil {
		options = append(options, trace.WithBatcher(e))
	}
	provider := trace.NewTracerProvider(options...)
	_, span := provider.Tracer("sizes").Start(ctx, "span")
	span.End()
	_, err := s3.New(s3.Options{Region: "us-east-1"}).ListBuckets(ctx, nil)
	fmt.Println(err, provider.Shutdown(ctx))
}
EOF
  cat >"$1/exporter.go"
}
build none <<'EOF'
package main

import (
	"context"

	"go.opentelemetry.io/otel/sdk/trace"
)

func exporter(context.Context) (trace.SpanExporter, error) { return nil, nil }
EOF
build post <<'EOF'
package main

import (
	"bytes"
	"context"
	"net/http"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

type client struct{}

func (client) Start(context.Context) error { return nil }
func (client) Stop(context.Context) error  { return nil }

func (client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	answer, err := http.Post("http://127.0.0.1:4318/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func exporter(ctx context.Context) (trace.SpanExporter, error) { return otlptrace.New(ctx, client{}) }
EOF
build exporter <<'EOF'
package main

import (
	"context"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
)

func exporter(ctx context.Context) (trace.SpanExporter, error) { return otlptracehttp.New(ctx) }
EOF
go mod tidy >/dev/null 2>&1
for program in none post exporter; do
  CGO_ENABLED=0 go build -trimpath -ldflags=-s -o "$program.bin" "./$program"
  echo "$program $(wc -c <"$program.bin")"
done
# Sizes differ a little between versions of Go; the ratios do not.
size() { wc -c <"$1.bin"; }
go list -deps ./exporter | grep -q '^google.golang.org/grpc$'
[ "$(size post)" -lt $(($(size none) * 3 / 2)) ] && [ "$(size exporter)" -gt $(($(size post) * 3 / 2)) ]
