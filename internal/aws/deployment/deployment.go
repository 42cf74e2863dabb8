// Package deployment describes a deployment of imgmill on AWS: the names of its parts, the
// parameters of its stack, its state, and the zip that its function runs.
//
// It only reads. Package stack creates, changes and deletes deployments.
package deployment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// ErrNotDeployed reports that the region has no stack of the deployment's name.
var ErrNotDeployed = errors.New("not deployed")

// Deployment is the state of a stack. The fields that are outputs of the template follow from names
// and parameters until the stack is complete, except for the URLs of queues.
type Deployment struct {
	Names
	StackID      string
	Status       types.StackStatus
	StatusReason string
	// Protected reports whether termination protection is on.
	Protected  bool
	Parameters map[string]string
	Tags       map[string]string

	SourceBucket, TargetBucket string
	FunctionName, FunctionARN  string
	RoleARN                    string
	BatchRoleARN               string // of S3 Batch Operations; empty in a stack of an earlier version
	LogGroup                   string
	// FailureQueue and WorkQueue are URLs. WorkQueue and WorkQueueARN are empty unless the trigger
	// is a queue.
	FailureQueue            string
	WorkQueue, WorkQueueARN string
	// Trigger is direct or queue.
	Trigger string
}

// Find reads a deployment. The error is ErrNotDeployed if there is no stack of that name.
func Find(ctx context.Context, c *client.Cloud, n Names) (*Deployment, error) {
	out, err := c.Formation.DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: &n.Stack})
	if IsMissingStack(err) {
		return nil, fmt.Errorf("%s in %s: %w", n.Name, c.Region, ErrNotDeployed)
	}
	if err != nil {
		return nil, fmt.Errorf("describe stack %s: %w", n.Stack, err)
	}
	if len(out.Stacks) == 0 {
		return nil, fmt.Errorf("%s in %s: %w", n.Name, c.Region, ErrNotDeployed)
	}
	return fromStack(n, out.Stacks[0]), nil
}

// IsMissingStack reports whether CloudFormation returned err because a stack does not exist. There
// is no error code for it.
func IsMissingStack(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationError" &&
		strings.Contains(api.ErrorMessage(), "does not exist")
}

func fromStack(n Names, s types.Stack) *Deployment {
	d := &Deployment{
		Names: n, StackID: aws.ToString(s.StackId), Status: s.StackStatus,
		StatusReason: aws.ToString(s.StackStatusReason),
		Protected:    aws.ToBool(s.EnableTerminationProtection),
		Parameters:   map[string]string{}, Tags: map[string]string{},
	}
	for _, p := range s.Parameters {
		d.Parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, t := range s.Tags {
		d.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	fields := map[string]*string{
		"SourceBucket": &d.SourceBucket, "TargetBucket": &d.TargetBucket,
		"FunctionName": &d.FunctionName,
		"FunctionArn":  &d.FunctionARN, "RoleArn": &d.RoleARN, "BatchRoleArn": &d.BatchRoleARN, "LogGroup": &d.LogGroup,
		"FailureQueueUrl": &d.FailureQueue, "WorkQueueUrl": &d.WorkQueue,
		"WorkQueueArn": &d.WorkQueueARN, "Trigger": &d.Trigger,
	}
	for _, o := range s.Outputs {
		if f, ok := fields[aws.ToString(o.OutputKey)]; ok {
			*f = aws.ToString(o.OutputValue)
		}
	}
	d.deriveOutputs()
	return d
}

// deriveOutputs fills in what follows from names and parameters, because a stack has outputs only
// once it is complete.
func (d *Deployment) deriveOutputs() {
	id, err := arn.Parse(d.StackID)
	if err != nil {
		return
	}
	ofService := func(service, resource string) string {
		return arn.ARN{Partition: id.Partition, Service: service, Region: id.Region,
			AccountID: id.AccountID, Resource: resource}.String()
	}
	d.SourceBucket = cmp.Or(d.SourceBucket, d.Parameters["SourceBucketName"])
	d.TargetBucket = cmp.Or(d.TargetBucket, d.Parameters["TargetBucketName"])
	d.Trigger = cmp.Or(d.Trigger, d.Parameters["Trigger"])
	d.FunctionName = cmp.Or(d.FunctionName, d.Stack)
	d.FunctionARN = cmp.Or(d.FunctionARN, ofService("lambda", "function:"+d.Stack))
	d.LogGroup = cmp.Or(d.LogGroup, d.Names.LogGroup())
	if d.Trigger == "queue" {
		d.WorkQueueARN = cmp.Or(d.WorkQueueARN, ofService("sqs", d.Names.WorkQueue()))
	}
}

// brokenStates are the states of a stack that holds nothing worth keeping and cannot be updated:
// its creation or its deletion failed.
var brokenStates = []types.StackStatus{
	types.StackStatusReviewInProgress, types.StackStatusCreateFailed,
	types.StackStatusRollbackComplete,
	types.StackStatusRollbackFailed, types.StackStatusDeleteFailed,
}

// Broken reports whether the stack can only be deleted, because its creation or its deletion
// failed.
func (d *Deployment) Broken() bool { return slices.Contains(brokenStates, d.Status) }

// Elsewhere reports whether another tool keeps the deployment, such as SAM, the CDK or Terraform: the
// template of imgmill deploy has a parameter for the place of the code.
func (d *Deployment) Elsewhere() bool { return d.Parameters["CodeKey"] == "" && !d.Broken() }

// Complete reports whether all outputs of the template are known. A stack that was never finished
// lacks some.
func (d *Deployment) Complete() bool {
	return d.SourceBucket != "" && d.TargetBucket != "" && d.FunctionName != "" &&
		d.LogGroup != "" && d.FailureQueue != ""
}

// CreatedBuckets returns the buckets that the stack created, in contrast to existing ones that it
// uses.
func (d *Deployment) CreatedBuckets() []string {
	var names []string
	for _, b := range []string{"Source", "Target"} {
		if d.Parameters["Create"+b+"Bucket"] == "true" {
			names = append(names, d.Parameters[b+"BucketName"])
		}
	}
	return names
}

// ChangedFlags returns the flags of imgmill deploy that would create a deployment with the same
// settings: those whose values are not the template's defaults. Each starts with a space.
func (d *Deployment) ChangedFlags() string {
	known, err := Parameters()
	if err != nil {
		return "" // the template is part of the program, and tests parse it
	}
	text := ""
	for _, f := range Flags {
		value, def := d.Parameters[f.Parameter], known[f.Parameter].Default
		switch {
		case value == "", def != nil && value == *def:
		case f.Parameter == "MaximumConcurrency" && d.Parameters["Trigger"] == "direct": // it has no effect
		case f.Parameter == "SourceBucketName" && value == d.InputBucket,
			f.Parameter == "TargetBucketName" && value == d.OutputBucket:
		default:
			text += " --" + f.Flag + " " + quoted(value)
		}
	}
	if tags := TagsText(d.OwnTags()); tags != "" {
		text += " --tags " + quoted(tags)
	}
	return text
}

// quoted returns a word of a shell's command line.
func quoted(value string) string {
	if !strings.ContainsFunc(value, func(r rune) bool {
		return !strings.ContainsRune("-_.,:/=+@%", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
