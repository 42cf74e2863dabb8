package telemetry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// collector sends spans to an OpenTelemetry collector by OTLP over HTTP (OpenTelemetry Protocol
// Specification, "OTLP/HTTP"). OpenTelemetry's own client for that, otlptracehttp, links gRPC and its
// gateway: the program would be 28 MB larger instead of 0.6 MB.
type collector struct {
	url     string
	headers map[string]string
	client  http.Client
}

// newCollector returns the collector at a URL, with the headers, the time limit, the protocol and the
// certificate that the standard variables name.
func newCollector(endpoint string, getenv func(string) string) (*collector, error) {
	// Each variable has a form for traces alone, which precedes the general one.
	option := func(name string) string {
		return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), getenv("OTEL_EXPORTER_OTLP_"+name))
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %q is not a URL like http://127.0.0.1:4318", endpoint)
	}
	if p := cmp.Or(option("PROTOCOL"), "http/protobuf"); p != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; use http/protobuf, which collectors take at port 4318", p)
	}
	c := &collector{url: endpoint, headers: map[string]string{}, client: http.Client{
		Timeout: 10 * time.Second,
		// A redirected POST would become a GET, whose answer says nothing.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if text := option("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_TIMEOUT: %q is not a number of milliseconds", text)
		}
		c.client.Timeout = time.Duration(ms) * time.Millisecond
	}
	for pair := range strings.SplitSeq(option("HEADERS"), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS is not a list like name=value,name=value")
		}
		c.headers[strings.TrimSpace(name)] = value
	}
	if file := option("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: no certificate in %s", file)
		}
		c.client.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots},
		}
	}
	return c, nil
}

func (c *collector) Start(context.Context) error { return nil }

func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans. It tries again, a second later, if the collector asks for it.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// On the wire, TracesData is the same as the request of the specification.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		again, err := c.send(ctx, body)
		if err == nil || !again || attempt == 3 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// send sends a request once. It reports whether another attempt may succeed.
func (c *collector) send(ctx context.Context, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return true, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return true, err
	}
	switch code := answer.StatusCode; {
	case code < 300:
		return false, c.accepted(text)
	default:
		again := code == 429 || code == 502 || code == 503 || code == 504
		return again, fmt.Errorf("the collector at %s answered %s", c.url, answer.Status)
	}
}

// accepted returns an error if the answer to a request, an ExportTraceServiceResponse, says that spans were
// rejected (field 1, partial_success: 1, rejected_spans, and 2, error_message). They are not to be sent
// again. An answer in another form, as some collectors send it, says nothing.
func (c *collector) accepted(answer []byte) error {
	partial, _, _ := fields(answer)
	_, message, rejected := fields(partial)
	if rejected == 0 {
		return nil
	}
	return fmt.Errorf("the collector at %s rejected %d spans: %s", c.url, rejected, message)
}

// fields returns what is in the fields 1 and 2 of a message, if these are bytes, and in field 1 if it is a
// number (Protocol Buffers, "Encoding").
func fields(message []byte) (first, second []byte, number uint64) {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return
		}
		message = message[size:]
		switch {
		case kind == protowire.BytesType && n <= 2:
			value, _ := protowire.ConsumeBytes(message)
			if n == 1 {
				first = value
			} else {
				second = value
			}
		case kind == protowire.VarintType && n == 1:
			number, _ = protowire.ConsumeVarint(message)
		}
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return
		}
		message = message[size:]
	}
	return
}
