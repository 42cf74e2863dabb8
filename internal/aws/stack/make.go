package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/aws/template"
)

const changeSetPrefix = "imgmill-"

// Rest waits until nobody works on the stack and gives the deployment as it then is. It changes nothing.
func (c *Cloud) Rest(ctx context.Context, n Names, tell Tell) (*Deployment, error) {
	d, err := c.Find(ctx, n)
	if err != nil || !strings.HasSuffix(string(d.Status), "_IN_PROGRESS") || d.Status == types.StackStatusReviewInProgress {
		return d, err
	}
	after, err := c.lastEvent(ctx, d.StackID)
	if err != nil {
		return nil, err
	}
	tell(Event{Part: "stack " + n.Stack, Status: "waited for", Reason: string(d.Status)})
	if _, _, err := c.watch(ctx, d.StackID, after, tell); err != nil {
		return nil, err
	}
	return c.Find(ctx, n)
}

// Make does what the plan says, which must carry a zip, and gives the deployment as it then is and whether anything was
// changed. Whatever it is interrupted in, making a new plan and doing that ends in the same. A *StackError tells what AWS
// could not do.
func (c *Cloud) Make(ctx context.Context, p *Plan, tell Tell) (*Deployment, bool, error) {
	if err := c.clear(ctx, p, tell); err != nil {
		return nil, false, err
	}
	if err := c.ensureCodeBucket(ctx, p.Names, p.Account, tell); err != nil {
		return nil, false, err
	}
	if err := c.upload(ctx, p.Names, p.Parameters["CodeKey"], p.zip, tell); err != nil {
		return nil, false, err
	}
	changed, err := c.changeStack(ctx, p, tell)
	if err != nil {
		return nil, changed, err
	}
	d, err := c.Find(ctx, p.Names)
	if err != nil {
		return nil, changed, err
	}
	if err := c.tagMade(ctx, d, tell); err != nil {
		return d, changed, err
	}
	wanted := Wanted(p.Names, p.Recipe, d.FunctionARN, d.WorkQueueARN)
	told, err := c.notify(ctx, p.Names, d.SourceBucket, wanted)
	if err != nil {
		return d, changed, err
	}
	if told {
		tell(Event{Part: "notifications of " + d.SourceBucket, Status: "written", Reason: describe(wanted)})
	}
	return d, changed || told, c.prune(ctx, p.Names, p.Parameters["CodeKey"])
}

// tagMade sees to it that the buckets that the stack made carry the tag, also where CloudFormation did not pass it on or
// somebody took it off: without it destroy would leave them.
func (c *Cloud) tagMade(ctx context.Context, d *Deployment, tell Tell) error {
	for _, name := range d.made() {
		tags, err := c.bucketTags(ctx, name)
		if err != nil {
			return err
		}
		if tagOf(tags) == d.Name {
			continue
		}
		tags = append(slices.DeleteFunc(tags, func(t s3types.Tag) bool { return aws.ToString(t.Key) == TagName }),
			s3types.Tag{Key: aws.String(TagName), Value: aws.String(d.Name)})
		if err := c.tag(ctx, name, tags); err != nil {
			return err
		}
		tell(Event{Part: "bucket " + name, Status: "tagged"})
	}
	return nil
}

// made are the buckets that the stack made, as against those that it was attached to.
func (d *Deployment) made() []string {
	var names []string
	for _, b := range []string{"Source", "Target"} {
		if d.Parameters["Create"+b+"Bucket"] == "true" {
			names = append(names, d.Parameters[b+"BucketName"])
		}
	}
	return names
}

// clear brings a stack that an earlier failure left into a state that can be changed.
func (c *Cloud) clear(ctx context.Context, p *Plan, tell Tell) error {
	if p.Broken != nil {
		return c.deleteStack(ctx, p.Broken, tell)
	}
	if p.Now == nil || p.Now.Status != types.StackStatusUpdateRollbackFailed {
		return nil
	}
	after, err := c.lastEvent(ctx, p.Now.StackID)
	if err != nil {
		return err
	}
	if _, err := c.Formation.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &p.Now.StackID}); err != nil {
		return fmt.Errorf("go on with rolling back stack %s: %w", p.Stack, err)
	}
	events, status, err := c.watch(ctx, p.Now.StackID, after, tell)
	if err == nil && status != types.StackStatusUpdateRollbackComplete {
		err = &StackError{p.Stack, status, c.cause(ctx, p.Now.StackID, events)}
	}
	return err
}

// changeStack makes a change set, looks at it, and has it done. It reports whether there was anything to change.
func (c *Cloud) changeStack(ctx context.Context, p *Plan, tell Tell) (bool, error) {
	kind := types.ChangeSetTypeUpdate
	if p.Now == nil {
		kind = types.ChangeSetTypeCreate
	}
	var parameters []types.Parameter
	for name, value := range p.Parameters {
		parameters = append(parameters, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
	}
	// The name is also the token by which CloudFormation knows a call again whose answer was lost.
	name := changeSetPrefix + time.Now().UTC().Format("20060102-150405")
	set, err := c.Formation.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &p.Stack, ChangeSetName: &name, ClientToken: &name, ChangeSetType: kind,
		TemplateBody: aws.String(template.Template), Parameters: parameters, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Tags: []types.Tag{{Key: aws.String(TagName), Value: aws.String(p.Name)}},
	})
	if err != nil {
		return false, fmt.Errorf("make a change set of stack %s: %w", p.Stack, err)
	}
	changes, err := c.readChangeSet(ctx, set)
	if err != nil {
		// Also when interrupted: an empty stack that waits for a change set would be in the way of others.
		return false, errors.Join(err, c.drop(context.WithoutCancel(ctx), set, kind))
	}
	if changes == nil {
		return false, c.drop(ctx, set, types.ChangeSetTypeUpdate)
	}
	for _, change := range changes {
		r := change.ResourceChange
		tell(Event{aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), "will " + strings.ToLower(string(r.Action)), replacement(r)})
		if losesBucket(r) {
			err := fmt.Errorf("the change would part the stack from bucket %s; nothing was changed", aws.ToString(r.PhysicalResourceId))
			return false, errors.Join(err, c.drop(ctx, set, kind))
		}
	}
	after, err := c.lastEvent(ctx, *set.StackId)
	if err != nil {
		return false, err
	}
	if _, err := c.Formation.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: set.StackId, ChangeSetName: set.Id, ClientRequestToken: &name}); err != nil {
		return false, fmt.Errorf("have the change set of stack %s done: %w", p.Stack, err)
	}
	events, status, err := c.watchFrom(ctx, *set.StackId, after, tell)
	if err != nil {
		return true, err
	}
	if status != types.StackStatusCreateComplete && status != types.StackStatusUpdateComplete {
		return true, &StackError{p.Stack, status, c.cause(ctx, *set.StackId, events)}
	}
	return true, nil
}

// watchFrom is watch for a change that was ordered a moment ago and may not be visible as one yet.
func (c *Cloud) watchFrom(ctx context.Context, stackID, after string, tell Tell) ([]types.StackEvent, types.StackStatus, error) {
	for range 20 {
		fresh, err := c.eventsAfter(ctx, stackID, after)
		if err != nil || len(fresh) > 0 {
			break
		}
		if err := sleep(ctx, shortWait); err != nil {
			return nil, "", err
		}
	}
	return c.watch(ctx, stackID, after, tell)
}

// readChangeSet waits for a change set and gives its changes; nil if there are none.
func (c *Cloud) readChangeSet(ctx context.Context, set *cloudformation.CreateChangeSetOutput) ([]types.Change, error) {
	changes := []types.Change{}
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: set.Id, StackName: set.StackId}
	for wait := shortWait; ; wait = min(wait*3/2, longWait) {
		out, err := c.Formation.DescribeChangeSet(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("read the change set: %w", err)
		}
		switch out.Status {
		case types.ChangeSetStatusCreateComplete:
			changes = append(changes, out.Changes...)
			if out.NextToken == nil {
				return changes, nil
			}
			in.NextToken = out.NextToken
			continue
		case types.ChangeSetStatusFailed:
			reason := aws.ToString(out.StatusReason)
			if strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed") {
				return nil, nil
			}
			why := c.refusal(ctx, &cloudformation.DescribeEventsInput{ChangeSetName: set.Id}, Cause{Reason: plainReason(reason)})
			return nil, fmt.Errorf("AWS refuses the change: %s", strings.TrimPrefix(why.Part+": "+why.Reason, ": "))
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// drop takes a change set back, and the empty stack that one for a new stack made.
func (c *Cloud) drop(ctx context.Context, set *cloudformation.CreateChangeSetOutput, kind types.ChangeSetType) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if kind == types.ChangeSetTypeCreate {
		if _, err := c.Formation.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: set.StackId}); err != nil {
			return fmt.Errorf("take the empty stack back: %w", err)
		}
		return nil
	}
	if _, err := c.Formation.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.Id, StackName: set.StackId}); err != nil {
		return fmt.Errorf("take the change set back: %w", err)
	}
	return nil
}

func replacement(r *types.ResourceChange) string {
	if r.Replacement == types.ReplacementTrue {
		return "replaced by a new one"
	}
	return ""
}

// losesBucket: buckets outlive every update, so that no address of a picture ever changes.
func losesBucket(r *types.ResourceChange) bool {
	return aws.ToString(r.ResourceType) == "AWS::S3::Bucket" &&
		(r.Action == types.ChangeActionRemove || r.Replacement == types.ReplacementTrue)
}

// deleteStack deletes a stack and waits until it is gone.
func (c *Cloud) deleteStack(ctx context.Context, d *Deployment, tell Tell) error {
	after, err := c.lastEvent(ctx, d.StackID)
	if err != nil {
		return err
	}
	if d.Status != types.StackStatusDeleteInProgress {
		if _, err := c.Formation.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &d.StackID}); err != nil {
			return fmt.Errorf("delete stack %s: %w", d.Stack, err)
		}
	}
	events, status, err := c.watchFrom(ctx, d.StackID, after, tell)
	if err == nil && status != types.StackStatusDeleteComplete {
		err = &StackError{d.Stack, status, c.cause(ctx, d.StackID, events)}
	}
	return err
}
