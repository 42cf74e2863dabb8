package failures

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
)

func notification(t *testing.T, keys ...string) string {
	t.Helper()
	var changes []event.Change
	for _, k := range keys {
		changes = append(changes, event.Change{Bucket: "photos-input", Key: k,
			Time: time.Unix(1, 0)})
	}
	body, err := event.Notification(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestParse has the record of the Lambda Developer Guide, "Capturing records of Lambda asynchronous
// invocations".
func TestParse(t *testing.T) {
	payload := notification(t, "夏/a b.jpg")
	record := func(condition, response string) string {
		return `{"version":"1.0","timestamp":"2026-01-02T03:04:05.678Z","requestContext":{"requestId":"r","functionArn":"f:$LATEST",` +
			`"condition":"` + condition + `","approximateInvokeCount":3},"requestPayload":` + payload + `,` +
			`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":` + response + `}`
	}
	for name, test := range map[string]struct {
		body       string
		reason     string
		tries      int
		keys       []string
		invocation bool
	}{
		"a failed invocation":    {record("RetriesExhausted", `{"errorMessage":"read: access denied","errorType":"joinError"}`), "read: access denied", 3, []string{"夏/a b.jpg"}, true},
		"one without a message":  {record("RetriesExhausted", `{"errorType":"Runtime.ExitError"}`), "Runtime.ExitError", 3, []string{"夏/a b.jpg"}, true},
		"one without a response": {record("RetriesExhausted", `null`), "RetriesExhausted Unhandled", 3, []string{"夏/a b.jpg"}, true},
		"one that expired":       {record("EventAgeExceeded", `null`), "the event expired before Lambda could run the function", 3, []string{"夏/a b.jpg"}, true},
		"a message of the queue": {notification(t, "a.jpg", "b.jpg", "a.jpg"), "", 0,
			[]string{"a.jpg", "b.jpg"}, false},
		"a foreign object": {`{"hello":1}`, "not an event: ", 0, nil, false},
		"a foreign text":   {"hello \x01", "not an event: ", 0, nil, false},
	} {
		f := Parse(test.body)
		if !strings.HasPrefix(f.Reason, test.reason) || (f.Reason == "") != (test.reason == "") ||
			f.Tries != test.tries || !slices.Equal(f.Keys, test.keys) ||
			f.fromInvocation() != test.invocation {
			t.Errorf("%s: %+v", name, f)
		}
		if test.invocation && (string(f.Event) != payload || string(f.Record) != test.body ||
			f.At.UnixMilli() != 1767323045678) {
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

func TestFailuresAreSortedByTime(t *testing.T) {
	at := time.Unix(100, 0)
	byID := map[string]Failure{}
	for i, id := range []string{"c", "a", "b"} {
		byID[id] = Failure{ID: id, At: at.Add(time.Duration(i/2) * time.Second)}
	}
	for range 20 {
		var ids string
		for _, f := range sorted(byID) {
			ids += f.ID
		}
		if ids != "acb" {
			t.Fatalf("the order is %s, want acb", ids)
		}
	}
}
