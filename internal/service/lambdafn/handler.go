// Package lambdafn is the Lambda handler. It accepts events in every shape that package event
// knows, runs each change through the pipeline, and returns the response that the invoking service
// expects.
//
// Bad pictures are logged and acknowledged. An error that is worth a retry fails the invocation or,
// if the service supports partial failures, only that message or task. The package never starts
// clients or reads the environment, which is left to cmd/bootstrap.
package lambdafn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Handler handles invocations.
type Handler struct {
	// Process runs one change through the pipeline.
	Process func(context.Context, event.Change) mill.Result
	// Log receives a line for each change.
	Log *slog.Logger
}

// margin is the time that is reserved for the response before the function's deadline. Without a
// response, the whole batch would be delivered again.
const margin = 500 * time.Millisecond

// Handle handles the payload of an invocation. It returns the response for the invoking service: an
// SQS batch response, an S3 Batch Operations result, or nil. An error makes the service deliver the
// whole event again.
func (h *Handler) Handle(ctx context.Context, requestID string, payload json.RawMessage) (any, error) {
	log := h.Log.With(outcome.AttrRequest, requestID)
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-margin))
		defer cancel()
	}
	e, err := event.Parse(payload)
	if err != nil {
		log.Error("invalid event", outcome.AttrError, err)
		return nil, fmt.Errorf("invalid event: %w", err)
	}
	results := make([]result, len(e.Items))
	for i, item := range e.Items {
		results[i] = h.item(ctx, log, item)
	}
	return respond(e, results)
}

// result is the outcome for an item of an event.
type result struct {
	id string
	mill.Result
}

func (h *Handler) item(ctx context.Context, log *slog.Logger, item event.Item) result {
	r := result{id: item.ID}
	switch {
	case item.Err != nil:
		r.Verdict, r.Reason = outcome.Bad, "invalid record: "+item.Err.Error()
		log.Error("invalid record", outcome.AttrID, item.ID, outcome.AttrVerdict, outcome.Bad, outcome.AttrReason, item.Err.Error())
		return r
	case item.Ignored != "":
		r.Verdict, r.Reason = outcome.Skipped, item.Ignored
		log.Info("record ignored", outcome.AttrID, item.ID, outcome.AttrVerdict, outcome.Skipped, outcome.AttrReason, item.Ignored)
		return r
	}
	r.Result = h.Process(ctx, item.Change)
	log.LogAttrs(ctx, r.Verdict.Level(), outcome.ChangeMessage, r.LogLine(item.Change).Attrs()...)
	return r
}

// respond returns the response that the sender expects: messages and tasks are settled one by one,
// all other events as a whole.
func respond(e event.Event, results []result) (any, error) {
	var retry []string
	var errs []error
	for _, r := range results {
		if r.Verdict == outcome.Retry {
			retry = append(retry, r.id)
			errs = append(errs, errors.New(r.Reason))
		}
	}
	switch e.Shape {
	case event.ShapeSQS:
		return event.FailMessages(retry...), nil
	case event.ShapeBatch:
		return e.Batch.Response(taskResults(results)...), nil
	}
	return nil, errors.Join(errs...)
}

// maxResult limits the length of a task's text, in bytes, in the report of its job.
const maxResult = 1024

func taskResults(results []result) []event.BatchResult {
	var tasks []event.BatchResult
	for _, r := range results {
		code := event.Succeeded
		switch r.Verdict {
		case outcome.Retry:
			code = event.TemporaryFailure
		case outcome.Bad:
			code = event.PermanentFailure
		}
		text := strings.TrimSuffix(string(r.Verdict)+": "+r.Reason, ": ")
		text = strings.ToValidUTF8(text[:min(maxResult, len(text))], "")
		tasks = append(tasks, event.BatchResult{TaskID: r.id, Code: code, Text: text})
	}
	return tasks
}
