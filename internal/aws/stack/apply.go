package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/template"
	"github.com/imgmill/imgmill/internal/aws/trigger"
)

const changeSetPrefix = "imgmill-"

// Apply carries out a plan, which must have a zip. It returns the deployment as it then is and
// whether anything was changed. After an interrupt at any point, a new plan that is applied has the
// same result. The error is an *Error if CloudFormation gave up.
func Apply(ctx context.Context, c *client.Cloud, p *Plan,
	progress Progress) (*deployment.Deployment, bool, error) {
	if err := recoverStack(ctx, c, p, progress); err != nil {
		return nil, false, err
	}
	if err := ensureCodeBucket(ctx, c, p, progress); err != nil {
		return nil, false, err
	}
	if err := uploadZip(ctx, c, p.Names, p.Parameters["CodeKey"], p.zip, progress); err != nil {
		return nil, false, err
	}
	changed, err := changeStack(ctx, c, p, progress)
	if err != nil {
		return nil, changed, err
	}
	d, err := deployment.Find(ctx, c, p.Names)
	if err != nil {
		return nil, changed, err
	}
	if err := tagCreatedBuckets(ctx, c, d, p, progress); err != nil {
		return d, changed, err
	}
	wanted := trigger.Wanted(p.Names, p.Recipe, d.FunctionARN, d.WorkQueueARN)
	written, err := trigger.Write(ctx, c, p.Names, d.SourceBucket, wanted)
	if err != nil {
		return d, changed, err
	}
	if written {
		progress(Event{Part: "notifications of " + d.SourceBucket, Status: "written",
			Reason: describe(wanted)})
	}
	return d, changed || written, pruneZips(ctx, c, p.Names, p.Parameters["CodeKey"])
}

// tagCreatedBuckets puts the stack's tags on the buckets that the stack created if CloudFormation did
// not, or if somebody removed them. Without imgmill's own tag, destroy would keep them.
func tagCreatedBuckets(ctx context.Context, c *client.Cloud, d *deployment.Deployment, p *Plan,
	progress Progress) error {
	for _, name := range d.CreatedBuckets() {
		tags, err := bucketTags(ctx, c, name)
		if err != nil {
			return err
		}
		tags, changed := p.retag(tags)
		if !changed {
			continue
		}
		if err := tagBucket(ctx, c, name, tags); err != nil {
			return err
		}
		progress(Event{Part: "bucket " + name, Status: "tagged"})
	}
	return nil
}

// allTags are the tags of everything in the deployment.
func (p *Plan) allTags() map[string]string {
	all := map[string]string{deployment.TagName: p.Name}
	maps.Copy(all, p.Tags)
	return all
}

// retag adds the plan's tags to those that a bucket has, and removes those that the deployment had
// before. It reports whether that changes anything.
func (p *Plan) retag(tags []s3types.Tag) (result []s3types.Tag, changed bool) {
	wanted, before := p.allTags(), map[string]string{}
	if p.Current != nil {
		before = p.Current.OwnTags()
	}
	for _, t := range tags {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		want, ok := wanted[key]
		_, old := before[key]
		switch {
		case ok && want == value:
			delete(wanted, key)
		case ok || old:
			changed = true
			continue
		}
		result = append(result, t)
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		result, changed = append(result, s3types.Tag{Key: aws.String(key), Value: aws.String(wanted[key])}), true
	}
	return result, changed
}

// recoverStack brings a stack that a failure left behind into a state that can be changed.
func recoverStack(ctx context.Context, c *client.Cloud, p *Plan, progress Progress) error {
	if p.Broken != nil {
		return deleteStack(ctx, c, p.Broken, progress)
	}
	if p.Current == nil || p.Current.Status != types.StackStatusUpdateRollbackFailed {
		return nil
	}
	after, err := lastEvent(ctx, c, p.Current.StackID)
	if err != nil {
		return err
	}
	if _, err := c.Formation.ContinueUpdateRollback(ctx,
		&cloudformation.ContinueUpdateRollbackInput{StackName: &p.Current.StackID}); err != nil {
		return fmt.Errorf("continue the rollback of stack %s: %w", p.Stack, err)
	}
	events, status, err := watch(ctx, c, p.Current.StackID, after, progress)
	if err == nil && status != types.StackStatusUpdateRollbackComplete {
		err = &Error{p.Stack, status, findCause(ctx, c, p.Current.StackID, events)}
	}
	return err
}

// changeStack creates a change set, checks it, and executes it. It reports whether there was
// anything to change.
func changeStack(ctx context.Context, c *client.Cloud, p *Plan, progress Progress) (bool, error) {
	kind := types.ChangeSetTypeUpdate
	if p.Current == nil {
		kind = types.ChangeSetTypeCreate
	}
	var parameters []types.Parameter
	for name, value := range p.Parameters {
		parameter := types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)}
		if name == secretsParameter && value == hidden {
			parameter = types.Parameter{ParameterKey: aws.String(name), UsePreviousValue: aws.Bool(true)}
		}
		parameters = append(parameters, parameter)
	}
	var tags []types.Tag
	for key, value := range p.allTags() {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	// The name is also the token by which CloudFormation recognizes a repeated call whose response
	// was lost.
	name := changeSetPrefix + time.Now().UTC().Format("20060102-150405")
	set, err := c.Formation.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &p.Stack, ChangeSetName: &name, ClientToken: &name, ChangeSetType: kind,
		TemplateBody: aws.String(template.Template), Parameters: parameters,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Tags:         tags,
	})
	if err != nil {
		return false, fmt.Errorf("create a change set for stack %s: %w", p.Stack, err)
	}
	changes, err := readChangeSet(ctx, c, set)
	if err != nil {
		// Also after an interrupt: an empty stack that waits for a change set would be in the way
		// of other commands.
		return false, errors.Join(err, discard(context.WithoutCancel(ctx), c, set, kind))
	}
	if changes == nil {
		return false, discard(ctx, c, set, types.ChangeSetTypeUpdate)
	}
	for _, change := range changes {
		r := change.ResourceChange
		progress(Event{aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), "will " +
			strings.ToLower(string(r.Action)), replacement(r)})
		if losesBucket(r) {
			err := fmt.Errorf("this change would remove bucket %s from the stack; nothing was changed",
				aws.ToString(r.PhysicalResourceId))
			return false, errors.Join(err, discard(ctx, c, set, kind))
		}
	}
	return executeChangeSet(ctx, c, p, set, name, progress)
}

// executeChangeSet executes a change set and waits for the end. It reports whether the execution
// was started.
func executeChangeSet(ctx context.Context, c *client.Cloud, p *Plan,
	set *cloudformation.CreateChangeSetOutput, token string, progress Progress) (bool, error) {
	after, err := lastEvent(ctx, c, *set.StackId)
	if err != nil {
		return false, err
	}
	in := &cloudformation.ExecuteChangeSetInput{StackName: set.StackId, ChangeSetName: set.Id,
		ClientRequestToken: &token}
	if _, err := c.Formation.ExecuteChangeSet(ctx, in); err != nil {
		return false, fmt.Errorf("execute the change set of stack %s: %w", p.Stack, err)
	}
	events, status, err := watchStarted(ctx, c, *set.StackId, after, progress)
	if err != nil {
		return true, err
	}
	if status != types.StackStatusCreateComplete && status != types.StackStatusUpdateComplete {
		return true, &Error{p.Stack, status, findCause(ctx, c, *set.StackId, events)}
	}
	return true, nil
}

// readChangeSet waits for a change set to be ready and returns its changes, or nil if there are
// none.
func readChangeSet(ctx context.Context, c *client.Cloud,
	set *cloudformation.CreateChangeSetOutput) ([]types.Change, error) {
	changes := []types.Change{}
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: set.Id, StackName: set.StackId}
	for wait := minPoll; ; wait = min(wait*3/2, maxPoll) {
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
			if strings.Contains(reason, "didn't contain changes") ||
				strings.Contains(reason, "No updates are to be performed") {
				return nil, nil
			}
			why := validationCause(ctx, c,
				&cloudformation.DescribeEventsInput{ChangeSetName: set.Id},
				Cause{Reason: plainReason(reason)})
			return nil, fmt.Errorf("AWS refuses the change: %s",
				strings.TrimPrefix(why.Part+": "+why.Reason, ": "))
		}
		if err := client.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// discard deletes a change set, and the empty stack that comes with one for a new stack.
func discard(ctx context.Context, c *client.Cloud, set *cloudformation.CreateChangeSetOutput,
	kind types.ChangeSetType) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if kind == types.ChangeSetTypeCreate {
		if _, err := c.Formation.DeleteStack(ctx,
			&cloudformation.DeleteStackInput{StackName: set.StackId}); err != nil {
			return fmt.Errorf("delete the empty stack: %w", err)
		}
		return nil
	}
	if _, err := c.Formation.DeleteChangeSet(ctx,
		&cloudformation.DeleteChangeSetInput{ChangeSetName: set.Id,
			StackName: set.StackId}); err != nil {
		return fmt.Errorf("delete the change set: %w", err)
	}
	return nil
}

func replacement(r *types.ResourceChange) string {
	if r.Replacement == types.ReplacementTrue {
		return "replaced by a new one"
	}
	return ""
}

// losesBucket reports whether a change takes a bucket out of the stack. Buckets outlive every
// update, so that the address of a picture never changes.
func losesBucket(r *types.ResourceChange) bool {
	return aws.ToString(r.ResourceType) == "AWS::S3::Bucket" &&
		(r.Action == types.ChangeActionRemove || r.Replacement == types.ReplacementTrue)
}

// deleteStack deletes a stack and waits for the end of its deletion.
func deleteStack(ctx context.Context, c *client.Cloud, d *deployment.Deployment,
	progress Progress) error {
	after, err := lastEvent(ctx, c, d.StackID)
	if err != nil {
		return err
	}
	if d.Status != types.StackStatusDeleteInProgress {
		if _, err := c.Formation.DeleteStack(ctx,
			&cloudformation.DeleteStackInput{StackName: &d.StackID}); err != nil {
			return fmt.Errorf("delete stack %s: %w", d.Stack, err)
		}
	}
	events, status, err := watchStarted(ctx, c, d.StackID, after, progress)
	if err == nil && status != types.StackStatusDeleteComplete {
		err = &Error{d.Stack, status, findCause(ctx, c, d.StackID, events)}
	}
	return err
}
