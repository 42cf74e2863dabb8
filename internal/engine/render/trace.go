package render

import (
	"context"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Trace has functions that are called while variants are made, for whoever shows how far a picture is. They
// must return soon: the picture waits for them. Each may be nil.
type Trace struct {
	Opened  func(codec.Header) // Make has read the header
	Decoded func()             // Render has all samples that the variants need, reduced, and encodes next
}

type traceKey struct{}

// WithTrace returns a context with which Make and Render call the functions of t.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func opened(ctx context.Context, h codec.Header) {
	if t, ok := ctx.Value(traceKey{}).(Trace); ok && t.Opened != nil {
		t.Opened(h)
	}
}

func decoded(ctx context.Context) {
	if t, ok := ctx.Value(traceKey{}).(Trace); ok && t.Decoded != nil {
		t.Decoded()
	}
}
