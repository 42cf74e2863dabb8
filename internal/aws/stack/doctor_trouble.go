package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// recently is how far back the log is read for trouble; mostLines bounds that for a busy function.
const (
	recently  = 24 * time.Hour
	mostLines = 50_000
)

func checkFailures(ctx context.Context, p *patient) {
	out, err := p.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &p.d.FailureQueue, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages}})
	switch n := ""; {
	case isCode(err, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
		p.fault(p.remake(), "the failure queue %s is gone: what fails is lost", p.names.FailureQueue())
	case err != nil:
		p.unseen("the failure queue", "sqs:GetQueueAttributes", err)
	default:
		if n = out.Attributes["ApproximateNumberOfMessages"]; n != "" && n != "0" {
			p.warn("imgmill failures "+p.names.Name, "%s waiting in %s; after 14 days a failure is lost", n, p.names.FailureQueue())
			return
		}
		p.ok("none waiting in %s", p.names.FailureQueue())
	}
}

// checkLog counts what the function has met recently.
func checkLog(ctx context.Context, p *patient) {
	verdicts := map[string]int{}
	faults, lines := 0, 0
	var last Line     // that tells of a fault
	var blocked *Line // why it cannot start, as far as the latest lines tell
	for l, err := range p.Lines(ctx, p.d.LogGroup, time.Now().Add(-recently)) {
		switch {
		case errors.Is(err, ErrNoLog):
			p.fault(p.remake(), "the log group %s is gone, and the function may not make it: what it does cannot be seen", p.d.LogGroup)
			return
		case err != nil:
			p.unseen("the function's log", "logs:FilterLogEvents on "+p.d.LogGroup, err)
			return
		}
		switch {
		case l.Verdict != "":
			verdicts[l.Verdict]++
			blocked = nil
			if l.Verdict == "retry" {
				last = l
			}
		case l.Kind == LineFault, l.Level == "ERROR":
			faults++
			last = l
			if l.Message == "cannot start" { // Lambda has lines of its own after it, without the reason
				blocked = &l
			}
		}
		if lines++; lines == mostLines {
			break
		}
	}
	seen := fmt.Sprintf("in the last %.0f h", recently.Hours())
	if lines == mostLines {
		seen += fmt.Sprintf(", its first %d lines", lines)
	}
	seen += fmt.Sprintf(": %d done, %d skipped, %s", verdicts["done"], verdicts["skipped"], countOf(verdicts["bad"], "bad picture"))
	if faults+verdicts["retry"] == 0 {
		p.ok("%s", seen)
		return
	}
	if blocked != nil {
		p.fault(p.again()+" with a recipe that imgmill config check accepts", "the function cannot start: %s", blocked.Reason)
		return
	}
	why := strings.TrimPrefix(last.Reason, "Error: ")
	p.warn(fmt.Sprintf("imgmill logs %s --errors --since %.0fh", p.names.Name, recently.Hours()),
		"%s, %s, %s; the last, at %s: %s", seen, countOf(verdicts["retry"], "failed attempt"), countOf(faults, "other error"), last.Time.Local().Format(time.DateTime), why)
}
