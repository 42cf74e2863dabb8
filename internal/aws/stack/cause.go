package stack

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Cause is the first thing that went wrong in a change of a stack; the failures after it follow from it.
type Cause struct {
	Part   string // logical ID of the resource; empty for the stack itself
	Type   string // like AWS::Lambda::Function
	Reason string // what the service said
}

// StackError is a change of a stack that AWS gave up.
type StackError struct {
	Stack  string
	Status types.StackStatus // where the stack is left
	Cause  Cause
}

func (f *StackError) Error() string {
	where := f.Cause.Part
	if where == "" {
		where = "the stack"
	} else if f.Cause.Type != "" {
		where += " (" + f.Cause.Type + ")"
	}
	return fmt.Sprintf("%s failed and is left %s: %s: %s", f.Stack, f.Status, where, f.Cause.Reason)
}

// cascades are reasons of resources that did nothing wrong themselves.
var cascades = []string{
	"Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled", "The following resource(s) failed to",
}

// firstCause finds it among the events of one change, oldest first.
func firstCause(events []types.StackEvent) Cause {
	var stack Cause
	for _, e := range events {
		reason := aws.ToString(e.ResourceStatusReason)
		status := string(e.ResourceStatus)
		own := aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
		switch {
		case reason == "" || isCascade(reason):
		case own && (strings.HasSuffix(status, "_FAILED") || strings.Contains(status, "ROLLBACK")):
			if stack.Reason == "" {
				stack.Reason = plainReason(reason)
			}
		case !own && strings.HasSuffix(status, "_FAILED"):
			return Cause{aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), plainReason(reason)}
		}
	}
	if stack.Reason == "" {
		stack.Reason = "AWS gave no reason"
	}
	return stack
}

// cause is the first cause among the events of one change. Where CloudFormation refused before it began anything, the stack's
// events only say that there is a reason, which is asked for.
func (c *Cloud) cause(ctx context.Context, stackID string, events []types.StackEvent) Cause {
	found := firstCause(events)
	if strings.Contains(found.Reason, "DescribeEvents") {
		return c.refusal(ctx, &cloudformation.DescribeEventsInput{StackName: &stackID}, found)
	}
	return found
}

// refusal is what an early validation found (CloudFormation API, DescribeEvents), or else what is known without it.
func (c *Cloud) refusal(ctx context.Context, of *cloudformation.DescribeEventsInput, known Cause) Cause {
	of.Filters = &types.EventFilter{FailedEvents: aws.Bool(true)}
	out, err := c.Formation.DescribeEvents(ctx, of)
	if err != nil {
		return known
	}
	for _, e := range out.OperationEvents { // the newest operation first
		if e.ValidationStatus == types.ValidationStatusFailed && aws.ToString(e.ValidationStatusReason) != "" {
			return Cause{aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), plainReason(*e.ValidationStatusReason)}
		}
	}
	return known
}

func isCascade(reason string) bool {
	for _, c := range cascades {
		if strings.HasPrefix(reason, c) {
			return true
		}
	}
	return false
}

var (
	handlerSaid = regexp.MustCompile(`^Resource handler returned message: "(.*)" \(RequestToken: [^)]*\)$`)
	callDetails = regexp.MustCompile(`(?i) ?\((Service: [^)]*|RequestToken: [^)]*|HandlerErrorCode: [^)]*)\)`)
)

// plainReason leaves what a person can use of a reason: not the wrapping of the resource's handler, not the request's IDs.
func plainReason(s string) string {
	if m := handlerSaid.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	return strings.TrimSpace(callDetails.ReplaceAllString(s, ""))
}
