package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// ErrNotDeployed: there is no stack of that name in this region of this account.
var ErrNotDeployed = errors.New("not deployed")

// Deployment is a stack as it stands. Its fields are the outputs of internal/aws/template/template.yaml of the same names; but for the URLs of
// queues they are there before the stack is whole, as its names and parameters have them.
type Deployment struct {
	Names
	StackID      string
	Status       types.StackStatus
	StatusReason string
	Protected    bool // from being deleted
	Parameters   map[string]string
	Tags         map[string]string
	SourceBucket string
	TargetBucket string
	FunctionName string
	FunctionARN  string
	RoleARN      string
	LogGroup     string
	FailureQueue string // URL
	WorkQueue    string // URL; empty unless the trigger is a queue
	WorkQueueARN string // likewise
	Trigger      string // direct or queue
}

// Find reads a deployment. The error is ErrNotDeployed if there is no stack of that name.
func (c *Cloud) Find(ctx context.Context, n Names) (*Deployment, error) {
	out, err := c.Formation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &n.Stack})
	if isMissingStack(err) {
		return nil, fmt.Errorf("%s in %s: %w", n.Name, c.Region, ErrNotDeployed)
	}
	if err != nil {
		return nil, fmt.Errorf("describe stack %s: %w", n.Stack, err)
	}
	if len(out.Stacks) == 0 {
		return nil, fmt.Errorf("%s in %s: %w", n.Name, c.Region, ErrNotDeployed)
	}
	return deploymentOf(n, out.Stacks[0]), nil
}

// isMissingStack: CloudFormation has no error code of its own for a stack that is not there.
func isMissingStack(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist")
}

func deploymentOf(n Names, s types.Stack) *Deployment {
	d := &Deployment{
		Names: n, StackID: aws.ToString(s.StackId), Status: s.StackStatus, StatusReason: aws.ToString(s.StackStatusReason),
		Protected:  aws.ToBool(s.EnableTerminationProtection),
		Parameters: map[string]string{}, Tags: map[string]string{},
	}
	for _, p := range s.Parameters {
		d.Parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, t := range s.Tags {
		d.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	fields := map[string]*string{
		"SourceBucket": &d.SourceBucket, "TargetBucket": &d.TargetBucket, "FunctionName": &d.FunctionName,
		"FunctionArn": &d.FunctionARN, "RoleArn": &d.RoleARN, "LogGroup": &d.LogGroup,
		"FailureQueueUrl": &d.FailureQueue, "WorkQueueUrl": &d.WorkQueue, "WorkQueueArn": &d.WorkQueueARN, "Trigger": &d.Trigger,
	}
	for _, o := range s.Outputs {
		if f, ok := fields[aws.ToString(o.OutputKey)]; ok {
			*f = aws.ToString(o.OutputValue)
		}
	}
	d.derive()
	return d
}

// derive fills in what follows from names and parameters: a stack has outputs only once it was made whole.
func (d *Deployment) derive() {
	id, err := arn.Parse(d.StackID)
	if err != nil {
		return
	}
	d.SourceBucket = or(d.SourceBucket, d.Parameters["SourceBucketName"])
	d.TargetBucket = or(d.TargetBucket, d.Parameters["TargetBucketName"])
	d.Trigger = or(d.Trigger, d.Parameters["Trigger"])
	d.FunctionName = or(d.FunctionName, d.Stack)
	d.FunctionARN = or(d.FunctionARN, arn.ARN{Partition: id.Partition, Service: "lambda", Region: id.Region, AccountID: id.AccountID, Resource: "function:" + d.Stack}.String())
	d.LogGroup = or(d.LogGroup, "/aws/lambda/"+d.Stack)
	if d.Trigger == "queue" {
		d.WorkQueueARN = or(d.WorkQueueARN, arn.ARN{Partition: id.Partition, Service: "sqs", Region: id.Region, AccountID: id.AccountID, Resource: d.Names.WorkQueue()}.String())
	}
}
