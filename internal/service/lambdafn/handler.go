// Package lambdafn is the Lambda handler: every event shape in, each change through the pipeline, and the answer that
// the invoking service expects.
//
// Bad pictures are logged and acknowledged; a fault worth another try fails the invocation, or, where the service
// understands it, that one message or task. It never starts clients or reads the environment: cmd/bootstrap does.
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

// Handler answers invocations.
type Handler struct {
	Process func(context.Context, event.Change) mill.Result
	Log     *slog.Logger
}

// margin is kept before the function's deadline to answer: without an answer all of a batch comes again.
const margin = 500 * time.Millisecond

// Handle takes an invocation's payload and gives its response: a SQS batch response, an S3 Batch Operations result, or
// nothing. An error makes the invoking service try the whole event again.
func (h *Handler) Handle(ctx context.Context, requestID string, payload json.RawMessage) (any, error) {
	log := h.Log.With(outcome.AttrRequest, requestID)
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-margin))
		defer cancel()
	}
	e, err := event.Parse(payload)
	if err != nil {
		log.Error("event not understood", outcome.AttrError, err)
		return nil, fmt.Errorf("event not understood: %w", err)
	}
	results := make([]result, len(e.Items))
	for i, item := range e.Items {
		results[i] = h.item(ctx, log, item)
	}
	return respond(e, results)
}

// result is what became of an item.
type result struct {
	id string
	mill.Result
}

func (h *Handler) item(ctx context.Context, log *slog.Logger, item event.Item) result {
	r := result{id: item.ID}
	switch {
	case item.Err != nil:
		r.Verdict, r.Reason = outcome.Bad, "record not understood: "+item.Err.Error()
		log.Error("record not understood", outcome.AttrID, item.ID, outcome.AttrVerdict, outcome.Bad, outcome.AttrReason, item.Err.Error())
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

// respond answers as the sender expects: messages and tasks are settled one by one, everything else as a whole.
func respond(e event.Event, results []result) (any, error) {
	var again []string
	var faults []error
	for _, r := range results {
		if r.Verdict == outcome.Retry {
			again = append(again, r.id)
			faults = append(faults, errors.New(r.Reason))
		}
	}
	switch e.Shape {
	case event.ShapeSQS:
		return event.FailMessages(again...), nil
	case event.ShapeBatch:
		return e.Batch.Response(taskResults(results)...), nil
	}
	return nil, errors.Join(faults...)
}

// maxResult bounds a task's text in the job's report.
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
		tasks = append(tasks, event.BatchResult{TaskID: r.id, Code: code, Text: strings.ToValidUTF8(text[:min(maxResult, len(text))], "")})
	}
	return tasks
}
