package deployment

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// UnseenError reports that there is no stack, and that it is unknown whether another tool keeps the
// deployment, because Lambda did not say whether its function exists, or which tags it has.
type UnseenError struct {
	Names  Names
	Action string // the permission that the call needs
	Denied bool   // that permission is lacking
	Err    error
}

func (e *UnseenError) Error() string {
	reason := e.Err.Error()
	if _, ok := errors.AsType[*client.NoAccessError](e.Err); !ok {
		reason = client.Reason(e.Err)
	}
	if e.Denied {
		reason = "you need " + e.Action
	}
	return fmt.Sprintf("there is no stack %s, and whether another tool such as Terraform keeps the deployment %s cannot be told: %s",
		e.Names.Stack, e.Names.Name, reason)
}

func (e *UnseenError) Unwrap() error { return e.Err }

// FindAny reads a deployment that has a stack or, if there is none, one that another tool keeps, such
// as Terraform: by its function, which has the same name and tag. Such a deployment has no StackID. The
// error is ErrNotDeployed if there is neither, and an *UnseenError if there is no stack and nobody can
// tell about the function.
func FindAny(ctx context.Context, c *client.Cloud, n Names) (*Deployment, error) {
	d, err := Find(ctx, c, n)
	if !errors.Is(err, ErrNotDeployed) {
		return d, err
	}
	f, functionErr := c.Function.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &n.Stack})
	switch {
	case client.IsCode(functionErr, "ResourceNotFoundException"):
		return nil, err
	case functionErr != nil:
		return nil, &UnseenError{n, "lambda:GetFunction", client.IsDenied(functionErr), functionErr}
	case f.TagsError != nil: // Lambda describes a function without its tags to whoever may not list them
		tagsErr := &smithy.GenericAPIError{Code: aws.ToString(f.TagsError.ErrorCode), Message: aws.ToString(f.TagsError.Message)}
		return nil, &UnseenError{n, "lambda:ListTags", client.IsDenied(tagsErr), tagsErr}
	case f.Configuration == nil || f.Tags[TagName] != n.Name:
		return nil, err
	}
	return fromFunction(ctx, c, n, f.Configuration, f.Tags)
}

// fromFunction describes the deployment of a function: as the stack's outputs and parameters would,
// as far as the commands use them.
func fromFunction(ctx context.Context, c *client.Cloud, n Names, f *types.FunctionConfiguration,
	tags map[string]string) (*Deployment, error) {
	d := &Deployment{Names: n, Tags: tags, FunctionName: aws.ToString(f.FunctionName), FunctionARN: aws.ToString(f.FunctionArn),
		RoleARN: aws.ToString(f.Role), LogGroup: n.LogGroup(), Trigger: "direct",
		Parameters: map[string]string{"MemoryMB": strconv.Itoa(int(aws.ToInt32(f.MemorySize))),
			"TimeoutSeconds": strconv.Itoa(int(aws.ToInt32(f.Timeout)))}}
	if f.Environment != nil {
		d.SourceBucket, d.TargetBucket = f.Environment.Variables[recipe.EnvSourceBucket], f.Environment.Variables[recipe.EnvTargetBucket]
	}
	if len(f.Architectures) > 0 {
		d.Parameters["Architecture"] = string(f.Architectures[0])
	}
	if f.LoggingConfig != nil && f.LoggingConfig.LogGroup != nil {
		d.LogGroup = *f.LoggingConfig.LogGroup
	}
	failures := n.FailureQueue()
	out, err := c.Queue.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &failures})
	if err != nil {
		return nil, fmt.Errorf("find queue %s: %w", failures, err)
	}
	d.FailureQueue = aws.ToString(out.QueueUrl)
	work := n.WorkQueue()
	switch out, err := c.Queue.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &work}); {
	case err == nil:
		d.WorkQueue, d.Trigger = aws.ToString(out.QueueUrl), "queue"
		attributes, err := c.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: out.QueueUrl,
			AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
		if err != nil {
			return nil, fmt.Errorf("read queue %s: %w", work, err)
		}
		d.WorkQueueARN = attributes.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
	case !client.IsCode(err, client.NoQueue...):
		return nil, fmt.Errorf("find queue %s: %w", work, err)
	}
	d.Parameters["Trigger"] = d.Trigger
	return d, nil
}
