package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/client"
)

// checkDelivery checks the event source mapping from the work queue to the function, or, if S3
// calls the function directly, the destination of failed events.
func checkDelivery(ctx context.Context, e *examination) {
	if e.d.WorkQueue == "" {
		checkFailureDestination(ctx, e)
		return
	}
	out, err := e.Function.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{
		FunctionName: &e.d.FunctionName, EventSourceArn: &e.d.WorkQueueARN})
	if err != nil {
		e.unseen("the event source mapping of the queue", "lambda:ListEventSourceMappings", err)
		return
	}
	if len(out.EventSourceMappings) == 0 {
		e.fault(e.recreate(),
			"the event source mapping from %s to the function does not exist: events pile up in the queue",
			e.names.WorkQueue())
		return
	}
	m := out.EventSourceMappings[0]
	update := "aws lambda update-event-source-mapping --uuid " + aws.ToString(m.UUID)
	switch state := aws.ToString(m.State); {
	case state != "Enabled" && state != "Enabling" && state != "Updating" && state != "Creating":
		e.fault(update+" --enabled",
			"the event source mapping from %s is %s: events pile up in the queue",
			e.names.WorkQueue(), state)
	case !slices.Contains(m.FunctionResponseTypes,
		types.FunctionResponseTypeReportBatchItemFailures):
		e.fault(update+" --function-response-types ReportBatchItemFailures",
			"the event source mapping lacks ReportBatchItemFailures: failed messages are deleted as if they were done")
	default:
		e.checkQueue(ctx)
	}
}

// checkQueue checks that messages are invisible for longer than the function may take, and that
// failed ones end in the failure queue.
func (e *examination) checkQueue(ctx context.Context) {
	out, err := e.Queue.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &e.d.WorkQueue,
			AttributeNames: []sqstypes.QueueAttributeName{
				sqstypes.QueueAttributeNameVisibilityTimeout,
				sqstypes.QueueAttributeNameApproximateNumberOfMessages,
				sqstypes.QueueAttributeNameRedrivePolicy}})
	if err != nil {
		e.unseen("the queue "+e.names.WorkQueue(), "sqs:GetQueueAttributes", err)
		return
	}
	visibility, _ := strconv.Atoi(out.Attributes["VisibilityTimeout"])
	if e.function != nil && visibility < int(aws.ToInt32(e.function.Timeout)) {
		e.fault(fmt.Sprintf("aws sqs set-queue-attributes --queue-url %s --attributes VisibilityTimeout=%d",
			e.d.WorkQueue, 6*aws.ToInt32(e.function.Timeout)),
			"messages of %s are delivered again after %d s, while the function may still be processing them (its timeout is %d s)",
			e.names.WorkQueue(), visibility, aws.ToInt32(e.function.Timeout))
		return
	}
	if !strings.Contains(out.Attributes["RedrivePolicy"], e.failureQueueARN()) {
		e.fault(e.recreate(),
			"failed messages of %s do not go to %s: they are retried for days and then lost",
			e.names.WorkQueue(), e.names.FailureQueue())
		return
	}
	e.ok("%s feeds the function, %s pending", e.names.WorkQueue(),
		out.Attributes["ApproximateNumberOfMessages"])
}

// checkFailureDestination checks the destination on failure, without which failed events are lost.
func checkFailureDestination(ctx context.Context, e *examination) {
	if e.functionErr != nil {
		return
	}
	out, err := e.Function.GetFunctionEventInvokeConfig(ctx,
		&lambda.GetFunctionEventInvokeConfigInput{
			FunctionName: &e.d.FunctionName, Qualifier: aws.String("$LATEST")})
	destination := ""
	switch {
	case client.IsCode(err, "ResourceNotFoundException"):
	case err != nil:
		e.unseen("the destination of failed events", "lambda:GetFunctionEventInvokeConfig", err)
		return
	case out.DestinationConfig != nil && out.DestinationConfig.OnFailure != nil:
		destination = aws.ToString(out.DestinationConfig.OnFailure.Destination)
	}
	switch destination {
	case e.failureQueueARN():
		e.ok("failed events go to %s", e.names.FailureQueue())
	case "":
		e.fault(e.recreate(),
			"failed events have no destination: an event that fails three times is lost")
	default:
		e.warn(e.recreate(), "failed events go to %s, not to %s", destination,
			e.names.FailureQueue())
	}
}
