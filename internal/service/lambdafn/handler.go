// Package lambdafn is the Lambda handler. It accepts events in every shape that package event
// knows, runs each change through the pipeline, and returns the response that the invoking service
// expects.
//
// Bad pictures are logged and acknowledged. An error that is worth a retry fails the invocation or,
// if the service supports partial failures, only that message or task. The package never starts
// clients or reads the environment, which is left to cmd/bootstrap.
//
// Lambda ends a function at its deadline without a word, and then delivers the whole event again,
// with those that were done. Handle therefore stops in time (margin, settling), and divides the time
// among the items of an event (share), so that one slow picture fails alone. A picture that has the
// whole time of an invocation to itself and needs more is bad: it would need more every time.
//
// The event AuditRequest, which a schedule sends, asks for an audit instead: the listings of both buckets and a
// sample of marks are compared, and a line is logged (audit.go).
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
	// Process runs one change through the pipeline, with a bound on the time for its picture.
	Process func(context.Context, event.Change, mill.Allowance) mill.Result
	// Mill is what audits compare the buckets with.
	Mill *mill.Mill
	// Log receives a line for each change, and for each audit.
	Log *slog.Logger
}

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
	if isAudit(payload) {
		h.audit(ctx, log)
		return nil, nil
	}
	e, err := event.Parse(payload)
	if err != nil {
		log.Error("invalid event", outcome.AttrError, err)
		return nil, fmt.Errorf("invalid event: %w", err)
	}
	return respond(e, h.items(ctx, log, e.Items))
}

// result is the outcome for an item of an event.
type result struct {
	id string
	mill.Result
}

// items settles the items of an event. Each has its share of the time that is left; those for which
// it was too short go on, once all others are settled, with what the others have not used.
func (h *Handler) items(ctx context.Context, log *slog.Logger, items []event.Item) []result {
	results := make([]result, len(items))
	var late []int
	for i, item := range items {
		var done bool
		left := len(items) - i
		if results[i], done = h.item(ctx, log, item, share(ctx, left, len(items) == 1), left == 1 && late == nil); !done {
			late = append(late, i)
		}
	}
	for n, i := range late {
		results[i], _ = h.item(ctx, log, items[i], share(ctx, len(late)-n, false), true)
	}
	return results
}

// share returns the time for the picture of the next of so many items. alone means that there was no
// other: then no attempt would have more.
func share(ctx context.Context, items int, alone bool) mill.Allowance {
	end, ok := ctx.Deadline()
	if !ok {
		return mill.Allowance{}
	}
	left := beforeSettling(time.Until(end))
	return mill.Allowance{Time: max(left/time.Duration(items), time.Millisecond), Full: alone}
}

// item settles an item and logs the result, unless its picture ran out of time and this is not the
// last attempt.
func (h *Handler) item(ctx context.Context, log *slog.Logger, item event.Item, a mill.Allowance, last bool) (r result, done bool) {
	r = result{id: item.ID}
	switch {
	case item.Err != nil:
		r.Verdict, r.Reason = outcome.Bad, "invalid record: "+item.Err.Error()
		log.Error("invalid record", outcome.AttrID, item.ID, outcome.AttrVerdict, outcome.Bad, outcome.AttrReason, item.Err.Error())
		return r, true
	case item.Ignored != "":
		r.Verdict, r.Reason = outcome.Skipped, item.Ignored
		log.Info("record ignored", outcome.AttrID, item.ID, outcome.AttrVerdict, outcome.Skipped, outcome.AttrReason, item.Ignored)
		return r, true
	}
	r.Result = h.Process(ctx, item.Change, a)
	if r.OutOfTime && !last {
		return r, false
	}
	// Nobody tells a function of the target bucket, unless by mistake.
	log.LogAttrs(ctx, max(r.Level(), slog.LevelInfo), outcome.ChangeMessage, r.LogLine(item.Change).Attrs()...)
	return r, true
}

// respond returns the response that the sender expects: messages and tasks are settled one by one,
// all other events as a whole.
func respond(e event.Event, results []result) (any, error) {
	var retry []string
	var errs []error
	for _, r := range results {
		if r.Verdict == outcome.Retry {
			retry = append(retry, r.id)
			errs = append(errs, errors.New(outcome.Short(r.Reason, outcome.MaxReason))) // the runtime logs it
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
