package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/event"
)

func notified(t *testing.T, keys ...string) string {
	t.Helper()
	var changes []event.Change
	for _, k := range keys {
		changes = append(changes, event.Change{Bucket: "photos-input", Key: k, Time: time.Unix(1, 0)})
	}
	body, err := event.Notification(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestParseFailure: the record is that of the Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
func TestParseFailure(t *testing.T) {
	payload := notified(t, "夏/a b.jpg")
	record := func(condition, answer string) string {
		return `{"version":"1.0","timestamp":"2026-01-02T03:04:05.678Z","requestContext":{"requestId":"r","functionArn":"f:$LATEST",` +
			`"condition":"` + condition + `","approximateInvokeCount":3},"requestPayload":` + payload + `,` +
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":` + answer + `}`
	}
	for name, test := range map[string]struct {
		body       string
		reason     string
		tries      int
		keys       []string
		invocation bool
	}{
		"an invocation that failed": {record("RetriesExhausted", `{"errorMessage":"read: access denied","errorType":"joinError"}`), "read: access denied", 3, []string{"夏/a b.jpg"}, true},
		"one without a message":     {record("RetriesExhausted", `{"errorType":"Runtime.ExitError"}`), "Runtime.ExitError", 3, []string{"夏/a b.jpg"}, true},
		"one without an answer":     {record("RetriesExhausted", `null`), "RetriesExhausted Unhandled", 3, []string{"夏/a b.jpg"}, true},
		"one that waited too long":  {record("EventAgeExceeded", `null`), "it waited too long for the function to have time for it", 3, []string{"夏/a b.jpg"}, true},
		"a message of the queue":    {notified(t, "a.jpg", "b.jpg", "a.jpg"), "", 0, []string{"a.jpg", "b.jpg"}, false},
		"a foreign object":          {`{"hello":1}`, "this is no event: event: none of the known shapes", 0, nil, false},
		"a foreign text":            {"hello \x01", "this is no event: event: not JSON: invalid character 'h' looking for beginning of value", 0, nil, false},
	} {
		f := ParseFailure(test.body)
		if f.Reason != test.reason || f.Tries != test.tries || !slices.Equal(f.Keys, test.keys) || f.Invocation() != test.invocation {
			t.Errorf("%s: %+v", name, f)
		}
		if test.invocation && (string(f.Event) != payload || string(f.Record) != test.body || f.At.UnixMilli() != 1767323045678) {
			t.Errorf("%s: event %s at %v", name, f.Event, f.At)
		}
		if strings.HasPrefix(test.body, `{"Records`) && string(f.Event) != test.body {
			t.Errorf("%s: event %s", name, f.Event)
		}
		if !strings.HasPrefix(string(f.Event), "{") && string(f.Event) != `"hello \u0001"` {
			t.Errorf("%s: event %s", name, f.Event)
		}
	}
}

func TestFailuresAreInOrderOfTime(t *testing.T) {
	at := time.Unix(100, 0)
	byID := map[string]Failure{}
	for i, id := range []string{"c", "a", "b"} {
		byID[id] = Failure{ID: id, At: at.Add(time.Duration(i/2) * time.Second)}
	}
	for range 20 {
		var ids string
		for _, f := range sortFailures(byID) {
			ids += f.ID
		}
		if ids != "acb" {
			t.Fatalf("the order is %s, want acb", ids)
		}
	}
}

// TestAWSFailuresAreListedAndSentBack, on an emulator: two looks see the same list, what is sent back leaves it, and the rest stays.
func TestAWSFailuresAreListedAndSentBack(t *testing.T) {
	w := openWard(t, "queue")
	ctx := t.Context()
	send := func(body string) {
		w.must(w.Queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.d.FailureQueue, MessageBody: &body}))
	}
	if list, err := w.Failures(ctx, w.d, 100); err != nil || len(list) != 0 {
		t.Fatalf("of a new queue: %+v, %v", list, err)
	}
	// Nothing may take the work away while it is looked at.
	w.must(w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.d.WorkQueue, Attributes: map[string]string{"DelaySeconds": "600"}}))
	payload := notified(t, "gone/0.jpg")
	send(`{"version":"1.0","timestamp":"2026-01-02T03:04:05.678Z","requestContext":{"condition":"RetriesExhausted","approximateInvokeCount":3},` +
		`"requestPayload":` + payload + `,"responsePayload":{"errorMessage":"too busy","errorType":"e"}}`)
	for i := range 22 {
		send(notified(t, fmt.Sprintf("gone/%d.jpg", i+1)))
	}
	first, err := w.Failures(ctx, w.d, 100)
	if err != nil || len(first) != 23 || first[0].Reason != "too busy" || first[0].Tries != 3 || first[1].Tries != 5 {
		t.Fatalf("%d failures, %v: %+v", len(first), err, first)
	}
	second, err := w.Failures(ctx, w.d, 100)
	if err != nil || len(second) != 23 {
		t.Fatalf("the second look sees %d of 23, %v", len(second), err)
	}
	for i := range first {
		if first[i].ID != second[i].ID {
			t.Errorf("failure %d was %s and is %s", i+1, first[i].ID, second[i].ID)
		}
	}
	var told []Retried
	if err := w.RetryFailures(ctx, w.d, 100, []int{1, 3, 77}, func(r Retried) { told = append(told, r) }); err != nil {
		t.Fatal(err)
	}
	if len(told) != 3 || told[0].ID != first[0].ID || told[1].ID != first[2].ID || told[2].Number != 77 || told[2].Err == nil {
		t.Fatalf("%+v", told)
	}
	if w.emulator == "moto" {
		t.Log("moto cannot serve lambda:Invoke without containers")
		return
	}
	if told[0].Err != nil || told[1].Err != nil {
		t.Errorf("not sent back: %v, %v", told[0].Err, told[1].Err)
	}
	left, err := w.Failures(ctx, w.d, 100)
	if err != nil || len(left) != 21 || left[0].ID != first[1].ID || left[1].ID != first[3].ID {
		t.Errorf("%d are left, %v", len(left), err)
	}
	out, err := w.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &w.d.WorkQueue,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed}})
	w.must(out, err)
	if n := out.Attributes["ApproximateNumberOfMessagesDelayed"]; n != "1" {
		t.Errorf("%s messages were sent to the work queue, want 1", n)
	}
}
