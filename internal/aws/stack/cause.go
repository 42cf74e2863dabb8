package stack

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// Cause is the first failure of an operation on a stack. Later failures follow from it.
type Cause struct {
	// Part is the logical ID of the resource, or empty for the stack itself.
	Part string
	// Type is like AWS::Lambda::Function.
	Type string
	// Reason is the message of the service that failed.
	Reason string
}

// Error reports an operation on a stack that CloudFormation gave up.
type Error struct {
	Stack string
	// Status is the state that the stack is left in.
	Status types.StackStatus
	Cause  Cause
}

func (e *Error) Error() string {
	part := e.Cause.Part
	if part == "" {
		part = "the stack"
	} else if e.Cause.Type != "" {
		part += " (" + e.Cause.Type + ")"
	}
	return fmt.Sprintf("stack %s failed and is now %s: %s: %s", e.Stack, e.Status, part,
		e.Cause.Reason)
}

// consequences are the starts of reasons that only report the failure of another resource.
var consequences = []string{
	"Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled",
	"The following resource(s) failed to",
}

// firstCause finds the cause among the events of one operation, oldest first.
func firstCause(events []types.StackEvent) Cause {
	var stack Cause
	for _, e := range events {
		reason := aws.ToString(e.ResourceStatusReason)
		status := string(e.ResourceStatus)
		isStack := aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
		switch {
		case reason == "" || isConsequence(reason):
		case isStack && (strings.HasSuffix(status, "_FAILED") ||
			strings.Contains(status, "ROLLBACK")):
			if stack.Reason == "" {
				stack.Reason = plainReason(reason)
			}
		case !isStack && strings.HasSuffix(status, "_FAILED"):
			return Cause{aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType),
				plainReason(reason)}
		}
	}
	if stack.Reason == "" {
		stack.Reason = "AWS gave no reason"
	}
	return stack
}

// findCause finds the first cause among the events of one operation. If CloudFormation refused the
// operation before it began, the stack's events only refer to the operation's events, which are
// then read.
func findCause(ctx context.Context, c *client.Cloud, stackID string,
	events []types.StackEvent) Cause {
	found := firstCause(events)
	if strings.Contains(found.Reason, "DescribeEvents") {
		return validationCause(ctx, c, &cloudformation.DescribeEventsInput{StackName: &stackID},
			found)
	}
	return found
}

// validationCause returns what an early validation found (CloudFormation API Reference,
// DescribeEvents), or else the known cause.
func validationCause(ctx context.Context, c *client.Cloud, in *cloudformation.DescribeEventsInput,
	known Cause) Cause {
	in.Filters = &types.EventFilter{FailedEvents: aws.Bool(true)}
	out, err := c.Formation.DescribeEvents(ctx, in)
	if err != nil {
		return known
	}
	for _, e := range out.OperationEvents { // the newest operation first
		if e.ValidationStatus == types.ValidationStatusFailed &&
			aws.ToString(e.ValidationStatusReason) != "" {
			return Cause{aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType),
				plainReason(*e.ValidationStatusReason)}
		}
	}
	return known
}

func isConsequence(reason string) bool {
	for _, c := range consequences {
		if strings.HasPrefix(reason, c) {
			return true
		}
	}
	return false
}

var (
	handlerMessage = regexp.MustCompile(`^Resource handler returned message: "(.*)" \(RequestToken: [^)]*\)$`)
	callDetails    = regexp.MustCompile(`(?i) ?\((Service: [^)]*|RequestToken: [^)]*|HandlerErrorCode: [^)]*)\)`)
)

// plainReason removes from a reason what does not help a person: the wrapping of the resource's
// handler and request IDs.
func plainReason(s string) string {
	if m := handlerMessage.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	return strings.TrimSpace(callDetails.ReplaceAllString(s, ""))
}
