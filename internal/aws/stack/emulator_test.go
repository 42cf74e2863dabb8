package stack_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/awstest"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestAWSPlanKeepsPendingEvents: a change of the trigger is refused while events are pending in the
// queue that it deletes.
func TestAWSPlanKeepsPendingEvents(t *testing.T) {
	w := awstest.Deploy(t, "queue")
	ctx := t.Context()
	w.Must(w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.D.WorkQueue,
		Attributes: map[string]string{"DelaySeconds": "600"}}))
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(awstest.Recipe))
	if err != nil {
		t.Fatal(err)
	}
	change := func(trigger string) error {
		_, err := stack.NewPlan(ctx, w.Cloud,
			stack.Settings{Names: w.D.Names, Account: strings.Split(w.D.FunctionARN, ":")[4],
				Recipe: r, Given: map[string]string{"Trigger": trigger}})
		return err
	}
	w.Must(w.Queue.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &w.D.WorkQueue})) // removes S3's test events
	w.Must(nil, change("direct"))
	body := `{"Records":[]}`
	w.Must(w.Queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.D.WorkQueue,
		MessageBody: &body}))
	w.Must(nil, change("queue"))
	if err := change("direct"); err == nil ||
		!strings.Contains(err.Error(),
			"this change deletes queue "+w.D.Names.WorkQueue()+", in which events are still pending (about 1)") {
		t.Errorf("an event is pending, and the error is %v", err)
	}
}
