package failures_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/aws/awstest"
	"github.com/imgmill/imgmill/internal/aws/failures"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

func notification(t *testing.T, key string) string {
	t.Helper()
	body, err := event.Notification(event.Change{Bucket: "photos-input", Key: key,
		Time: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestAWSFailures lists failures twice with the same result, and sends some back: these leave the
// list, the rest stays.
func TestAWSFailures(t *testing.T) {
	w := awstest.Deploy(t, "queue")
	ctx := t.Context()
	send := func(body string) {
		w.Must(w.Queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.D.FailureQueue,
			MessageBody: &body}))
	}
	// list expects so many failures, listed or in flight, and waits for those in flight.
	list := func(want int) []failures.Failure {
		t.Helper()
		for end := time.Now().Add(90 * time.Second); ; time.Sleep(time.Second) {
			found, inFlight, err := failures.List(ctx, w.Cloud, w.D, 100)
			if err != nil || len(found)+inFlight != want || time.Now().After(end) {
				t.Fatalf("%d failures and %d in flight, want %d: %v\n%+v", len(found), inFlight,
					want, err, found)
			}
			if inFlight == 0 {
				return found
			}
			t.Logf("a response of the emulator was lost, with %d messages in it", inFlight)
		}
	}
	list(0)
	// Nothing may receive the work while the test counts it.
	w.Must(w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.D.WorkQueue,
		Attributes: map[string]string{"DelaySeconds": "600"}}))
	payload := notification(t, "gone/0.jpg")
	send(`{"version":"1.0","timestamp":"2026-01-02T03:04:05.678Z","requestContext":{"condition":"RetriesExhausted","approximateInvokeCount":3},` +
		`"requestPayload":` + payload + `,"responsePayload":{"errorMessage":"too busy","errorType":"e"}}`)
	for i := range 22 {
		send(notification(t, fmt.Sprintf("gone/%d.jpg", i+1)))
	}
	first := list(23)
	if first[0].Reason != "too busy" || first[0].Tries != 3 || first[1].Tries != 5 {
		t.Fatalf("%+v", first)
	}
	second := list(23)
	for i := range first {
		if first[i].ID != second[i].ID {
			t.Errorf("failure %d was %s and is %s", i+1, first[i].ID, second[i].ID)
		}
	}
	var reported []failures.Result
	retry := func() error {
		_, err := failures.Retry(ctx, w.Cloud, w.D, 100, []int{1, 3, 77},
			func(r failures.Result) { reported = append(reported, r) })
		return err
	}
	err := retry()
	if _, ok := errors.AsType[*failures.InFlightError](err); ok && len(reported) == 0 {
		t.Log(err)
		list(23)
		err = retry()
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(reported) != 3 || reported[0].ID != first[0].ID || reported[1].ID != first[2].ID ||
		reported[2].Number != 77 || reported[2].Err == nil {
		t.Fatalf("%+v", reported)
	}
	if w.Emulator == "moto" {
		t.Log("moto cannot serve lambda:Invoke without containers")
		return
	}
	if reported[0].Err != nil || reported[1].Err != nil {
		t.Errorf("not sent back: %v, %v", reported[0].Err, reported[1].Err)
	}
	if left := list(21); left[0].ID != first[1].ID || left[1].ID != first[3].ID {
		t.Errorf("the first remaining are %s and %s, want %s and %s", left[0].ID, left[1].ID,
			first[1].ID, first[3].ID)
	}
	out, err := w.Queue.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &w.D.WorkQueue,
			AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed}})
	w.Must(out, err)
	if n := out.Attributes["ApproximateNumberOfMessagesDelayed"]; n != "1" {
		t.Errorf("%s messages were sent to the work queue, want 1", n)
	}
}
