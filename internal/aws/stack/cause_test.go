package stack

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const testStackID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/imgmill-photos/1"

// events reads a list as the console shows it, oldest first: part, type, status, reason.
func events(text string) []types.StackEvent {
	var list []types.StackEvent
	for line := range strings.Lines(strings.TrimSpace(text)) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 4)
		e := types.StackEvent{
			StackId: aws.String(testStackID), LogicalResourceId: aws.String(f[0]),
			ResourceType:       aws.String("AWS::" + f[1]),
			ResourceStatus:     types.ResourceStatus(f[2]),
			PhysicalResourceId: aws.String(f[0] + "-id"),
		}
		if f[1] == "CloudFormation::Stack" {
			e.PhysicalResourceId = e.StackId
		}
		if f[3] != "" {
			e.ResourceStatusReason = aws.String(f[3])
		}
		list = append(list, e)
	}
	return list
}

func TestFirstCause(t *testing.T) {
	for name, c := range map[string]struct{ events, part, reason string }{
		"the first failure, not its consequences": {`
imgmill-photos|CloudFormation::Stack|CREATE_IN_PROGRESS|User Initiated
LambdaResizeRole|IAM::Role|CREATE_IN_PROGRESS|Resource creation Initiated
FailureQueue|SQS::Queue|CREATE_FAILED|Resource creation cancelled
SourceBucket|S3::Bucket|CREATE_FAILED|Resource handler returned message: "photos-input already exists (Service: S3, Status Code: 0, Request ID: null) (SDK Attempt Count: 1)" (RequestToken: 1-2-3, HandlerErrorCode: AlreadyExists)
ImageResizerFunction|Lambda::Function|CREATE_FAILED|Resource creation cancelled
imgmill-photos|CloudFormation::Stack|ROLLBACK_IN_PROGRESS|The following resource(s) failed to create: [FailureQueue, SourceBucket, ImageResizerFunction]. Rollback requested by user.
LambdaResizeRole|IAM::Role|DELETE_FAILED|Something after it
imgmill-photos|CloudFormation::Stack|ROLLBACK_COMPLETE|`, "SourceBucket", "photos-input already exists (SDK Attempt Count: 1)"},
		"an update": {`
imgmill-photos|CloudFormation::Stack|UPDATE_IN_PROGRESS|User Initiated
ErrorsAlarm|CloudWatch::Alarm|UPDATE_FAILED|Resource update cancelled
ImageResizerFunction|Lambda::Function|UPDATE_FAILED|Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]. (Service: Lambda, Status Code: 400, Request ID: 9)
imgmill-photos|CloudFormation::Stack|UPDATE_ROLLBACK_IN_PROGRESS|The following resource(s) failed to update: [ErrorsAlarm, ImageResizerFunction].`,
			"ImageResizerFunction",
			"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."},
		"the stack itself": {`
imgmill-photos|CloudFormation::Stack|CREATE_IN_PROGRESS|User Initiated
imgmill-photos|CloudFormation::Stack|ROLLBACK_IN_PROGRESS|Role is not authorized to perform: cloudformation:X`, "", "Role is not authorized to perform: cloudformation:X"},
		"a removal": {`
imgmill-photos|CloudFormation::Stack|DELETE_IN_PROGRESS|User Initiated
SourceBucket|S3::Bucket|DELETE_SKIPPED|
LambdaResizeRole|IAM::Role|DELETE_FAILED|Cannot delete entity, must detach all policies first.
imgmill-photos|CloudFormation::Stack|DELETE_FAILED|The following resource(s) failed to delete: [LambdaResizeRole]. `, "LambdaResizeRole", "Cannot delete entity, must detach all policies first."},
		"no reason": {`
imgmill-photos|CloudFormation::Stack|CREATE_FAILED|`, "", "AWS gave no reason"},
	} {
		got := firstCause(events(c.events))
		if got.Part != c.part || got.Reason != c.reason {
			t.Errorf("%s: %q: %q, want %q: %q", name, got.Part, got.Reason, c.part, c.reason)
		}
	}
}
