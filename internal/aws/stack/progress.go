// Package stack creates, changes and deletes deployments.
//
// A deployment is one CloudFormation stack (internal/aws/template/template.yaml) and, outside the
// stack, the bucket with the function's zips and the notifications of the source bucket. The
// package never deletes what does not carry the deployment's tag, never changes a notification of
// somebody else, never asks a person and never prints: the commands do. Every operation can be
// interrupted and repeated.
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

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
)

// Event is one step of an operation, reported when it happens.
type Event struct {
	// Part is a logical ID in the stack, or outside it a description such as bucket photos-code.
	Part string `json:"part"`
	// Type is like AWS::Lambda::Function, or empty outside the stack.
	Type string `json:"type,omitempty"`
	// Status is CloudFormation's, like CREATE_IN_PROGRESS, or outside the stack a word: created,
	// uploaded, deleted.
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// Progress is called with each event, in order, by one goroutine.
type Progress func(Event)

// The interval between two polls of a stack is short while events arrive and grows while none do,
// since CloudFormation throttles.
const (
	minPoll = 500 * time.Millisecond
	maxPoll = 5 * time.Second
)

// Wait waits until no operation on the stack is in progress and returns the deployment as it then
// is. It changes nothing.
func Wait(ctx context.Context, c *client.Cloud, n deployment.Names,
	progress Progress) (*deployment.Deployment, error) {
	d, err := deployment.Find(ctx, c, n)
	if err != nil || !inProgress(d.Status) {
		return d, err
	}
	after, err := lastEvent(ctx, c, d.StackID)
	if err != nil {
		return nil, err
	}
	progress(Event{Part: "stack " + n.Stack, Status: "waiting for", Reason: string(d.Status)})
	if _, _, err := watch(ctx, c, d.StackID, after, progress); err != nil {
		return nil, err
	}
	return deployment.Find(ctx, c, n)
}

// inProgress reports whether a status changes by itself. A stack in review waits for a person.
func inProgress(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") &&
		status != types.StackStatusReviewInProgress
}

// watch reports the events of a stack that follow a known one until no operation is in progress. It
// returns these events, oldest first, and the final status. The stack is named by its ID, which
// still finds it after its deletion.
func watch(ctx context.Context, c *client.Cloud, stackID, after string,
	progress Progress) ([]types.StackEvent, types.StackStatus, error) {
	var all []types.StackEvent
	for wait := minPoll; ; {
		// The status is read before the events, so that events between the two calls are reported
		// before the end.
		status, err := stackStatus(ctx, c, stackID)
		if err != nil {
			return all, status, err
		}
		recent, err := eventsAfter(ctx, c, stackID, after)
		if err != nil {
			return all, status, err
		}
		for _, e := range recent {
			progress(Event{aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType),
				string(e.ResourceStatus), aws.ToString(e.ResourceStatusReason)})
			after = aws.ToString(e.EventId)
		}
		all = append(all, recent...)
		if !inProgress(status) {
			return all, status, nil
		}
		if wait = min(wait*3/2, maxPoll); len(recent) > 0 {
			wait = minPoll
		}
		if err := client.Sleep(ctx, wait); err != nil {
			return all, status, err
		}
	}
}

// watchStarted is watch for an operation that was just requested and may not be visible yet.
func watchStarted(ctx context.Context, c *client.Cloud, stackID, after string,
	progress Progress) ([]types.StackEvent, types.StackStatus, error) {
	for range 20 {
		recent, err := eventsAfter(ctx, c, stackID, after)
		if err != nil || len(recent) > 0 {
			break
		}
		if err := client.Sleep(ctx, minPoll); err != nil {
			return nil, "", err
		}
	}
	return watch(ctx, c, stackID, after, progress)
}

// stackStatus reads the status of a stack. A stack that does not exist is DELETE_COMPLETE.
func stackStatus(ctx context.Context, c *client.Cloud, stackID string) (types.StackStatus, error) {
	out, err := c.Formation.DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: &stackID})
	switch {
	case deployment.IsMissingStack(err), err == nil && len(out.Stacks) == 0:
		return types.StackStatusDeleteComplete, nil
	case err != nil:
		return "", fmt.Errorf("describe stack %s: %w", stackID, err)
	}
	return out.Stacks[0].StackStatus, nil
}

// eventsAfter returns the events of a stack since a known one, oldest first. AWS lists the newest
// first.
func eventsAfter(
	ctx context.Context, c *client.Cloud, stackID, after string,
) ([]types.StackEvent, error) {
	var recent []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(c.Formation,
		&cloudformation.DescribeStackEventsInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if deployment.IsMissingStack(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the events of stack %s: %w", stackID, err)
		}
		if i := slices.IndexFunc(page.StackEvents,
			func(e types.StackEvent) bool { return aws.ToString(e.EventId) == after }); i >= 0 {
			recent = append(recent, page.StackEvents[:i]...)
			break
		}
		recent = append(recent, page.StackEvents...)
	}
	slices.Reverse(recent)
	return recent, nil
}

// lastEvent returns the ID of a stack's newest event, or nothing if it has none.
func lastEvent(ctx context.Context, c *client.Cloud, stackID string) (string, error) {
	out, err := c.Formation.DescribeStackEvents(ctx,
		&cloudformation.DescribeStackEventsInput{StackName: &stackID})
	switch {
	case deployment.IsMissingStack(err), err == nil && len(out.StackEvents) == 0:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the events of stack %s: %w", stackID, err)
	}
	return aws.ToString(out.StackEvents[0].EventId), nil
}
