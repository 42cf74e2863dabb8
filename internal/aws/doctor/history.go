package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/logs"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// logPeriod is how much of the log is read; maxLines bounds that for a busy function.
const (
	logPeriod = 24 * time.Hour
	maxLines  = 50_000
)

func checkFailures(ctx context.Context, e *examination) {
	out, err := e.Queue.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &e.d.FailureQueue,
			AttributeNames: []types.QueueAttributeName{
				types.QueueAttributeNameApproximateNumberOfMessages}})
	switch n := ""; {
	case client.IsCode(err, client.NoQueue...):
		e.fault(e.recreate(), "the failure queue %s does not exist: failed events are lost",
			e.names.FailureQueue())
	case err != nil:
		e.unseen("the failure queue", "sqs:GetQueueAttributes", err)
	default:
		if n = out.Attributes["ApproximateNumberOfMessages"]; n != "" && n != "0" {
			e.warn("imgmill failures "+e.names.Name,
				"%s pending in %s; a failure is lost after 14 days", n, e.names.FailureQueue())
			return
		}
		e.ok("none pending in %s", e.names.FailureQueue())
	}
}

// history counts what the function's log records.
type history struct {
	verdicts map[outcome.Verdict]int
	faults   int
	lines    int
	last     logs.Line  // the last one about a failure
	blocked  *logs.Line // why the function cannot start; nil if it started since
}

func (h *history) add(l logs.Line) {
	h.lines++
	switch {
	case l.Verdict != "":
		h.verdicts[l.Verdict]++
		h.blocked = nil
		if l.Verdict == outcome.Retry {
			h.last = l
		}
	case l.Kind == logs.KindFault, l.Level == "ERROR":
		h.faults++
		h.last = l
		if l.CannotStart() { // lines of Lambda follow that do not have the reason
			h.blocked = &l
		}
	}
}

// checkLog counts the recent outcomes of the function.
func checkLog(ctx context.Context, e *examination) {
	h := history{verdicts: map[outcome.Verdict]int{}}
	for l, err := range logs.Read(ctx, e.Cloud, e.d.LogGroup, time.Now().Add(-logPeriod)) {
		switch {
		case errors.Is(err, logs.ErrNoGroup):
			e.fault(e.recreate(),
				"the log group %s does not exist, and the function may not create it: its work leaves no record",
				e.d.LogGroup)
			return
		case err != nil:
			e.unseen("the function's log", "logs:FilterLogEvents on "+e.d.LogGroup, err)
			return
		}
		if h.add(l); h.lines == maxLines {
			break
		}
	}
	summary := fmt.Sprintf("in the last %.0f h", logPeriod.Hours())
	if h.lines == maxLines {
		summary += fmt.Sprintf(", its first %d lines", h.lines)
	}
	summary += fmt.Sprintf(": %d done, %d skipped, %s", h.verdicts[outcome.Done],
		h.verdicts[outcome.Skipped], plural(h.verdicts[outcome.Bad], "bad picture"))
	if h.faults+h.verdicts[outcome.Retry] == 0 {
		e.ok("%s", summary)
		return
	}
	if h.blocked != nil {
		advice := e.redeploy()
		if h.blocked.Kind != logs.KindFault {
			advice += " with a recipe that imgmill config check accepts"
		}
		e.fault(advice, "the function cannot start: %s", strings.TrimPrefix(h.blocked.Reason, "Error: "))
		return
	}
	e.warn(fmt.Sprintf("imgmill logs %s --errors --since %.0fh", e.names.Name, logPeriod.Hours()),
		"%s, %s, %s; the last, at %s: %s", summary,
		plural(h.verdicts[outcome.Retry], "failed attempt"), plural(h.faults, "other error"),
		h.last.Time.Local().Format(time.DateTime), strings.TrimPrefix(h.last.Reason, "Error: "))
}
