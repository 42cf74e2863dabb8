package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Event is one step of a deployment's life, told when it happens.
type Event struct {
	Part   string `json:"part"`           // logical ID in the stack, or what it is: bucket photos-code
	Type   string `json:"type,omitempty"` // like AWS::Lambda::Function; empty outside of the stack
	Status string `json:"status"`         // CloudFormation's, like CREATE_IN_PROGRESS, or a word: made, uploaded, deleted
	Reason string `json:"reason,omitempty"`
}

// Tell is called with each event, in order, by one goroutine.
type Tell func(Event)

// How often a stack is asked for news: often while there are some, rarer while not. CloudFormation throttles.
const (
	shortWait = 500 * time.Millisecond
	longWait  = 5 * time.Second
)

// watch tells the events of a stack from those after a known one until the stack rests, and gives these events, oldest
// first, and the status. The stack is named by its ID, which also finds it when it is deleted.
func (c *Cloud) watch(ctx context.Context, stackID, after string, tell Tell) ([]types.StackEvent, types.StackStatus, error) {
	var all []types.StackEvent
	for wait := shortWait; ; {
		// The status is asked first: events that come between the two are then told before the end.
		status, err := c.status(ctx, stackID)
		if err != nil {
			return all, status, err
		}
		fresh, err := c.eventsAfter(ctx, stackID, after)
		if err != nil {
			return all, status, err
		}
		for _, e := range fresh {
			tell(Event{aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), string(e.ResourceStatus), aws.ToString(e.ResourceStatusReason)})
			after = aws.ToString(e.EventId)
		}
		all = append(all, fresh...)
		if !strings.HasSuffix(string(status), "_IN_PROGRESS") || status == types.StackStatusReviewInProgress {
			return all, status, nil
		}
		if wait = min(wait*3/2, longWait); len(fresh) > 0 {
			wait = shortWait
		}
		if err := sleep(ctx, wait); err != nil {
			return all, status, err
		}
	}
}

// status is where a stack stands; one that is gone is DELETE_COMPLETE.
func (c *Cloud) status(ctx context.Context, stackID string) (types.StackStatus, error) {
	out, err := c.Formation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stackID})
	switch {
	case isMissingStack(err), err == nil && len(out.Stacks) == 0:
		return types.StackStatusDeleteComplete, nil
	case err != nil:
		return "", fmt.Errorf("describe stack %s: %w", stackID, err)
	}
	return out.Stacks[0].StackStatus, nil
}

// eventsAfter gives a stack's events since a known one, oldest first; AWS lists the newest first.
func (c *Cloud) eventsAfter(ctx context.Context, stackID, after string) ([]types.StackEvent, error) {
	var fresh []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(c.Formation, &cloudformation.DescribeStackEventsInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isMissingStack(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the events of %s: %w", stackID, err)
		}
		if i := slices.IndexFunc(page.StackEvents, func(e types.StackEvent) bool { return aws.ToString(e.EventId) == after }); i >= 0 {
			fresh = append(fresh, page.StackEvents[:i]...)
			break
		}
		fresh = append(fresh, page.StackEvents...)
	}
	slices.Reverse(fresh)
	return fresh, nil
}

// lastEvent is the ID of a stack's newest event, or nothing if it has none.
func (c *Cloud) lastEvent(ctx context.Context, stackID string) (string, error) {
	out, err := c.Formation.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stackID})
	switch {
	case isMissingStack(err), err == nil && len(out.StackEvents) == 0:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the events of %s: %w", stackID, err)
	}
	return aws.ToString(out.StackEvents[0].EventId), nil
}
