// Package failures lists the events that the function of a deployment failed to process, and sends
// them back.
//
// They are messages in the deployment's failure queue. Listing leaves the queue as it was; a
// message is deleted only after its event was accepted again. The package never decides what a
// failure is: Lambda and the work queue do.
package failures

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// Failure is a message of the failure queue: an event that the function failed to process. Those who
// list other failures beside them use it too.
type Failure struct {
	// ID is the message's ID.
	ID string `json:"id,omitempty"`
	// Verdict is Retry for an event whose attempts are exhausted, and Bad for an upload that cannot be
	// processed.
	Verdict outcome.Verdict `json:"verdict"`
	// At is when the event failed or, for a message that came through the work queue, when it was
	// first sent.
	At time.Time `json:"at"`
	// Keys are those of the objects in the event.
	Keys []string `json:"keys"`
	// Reason is empty if it is not known.
	Reason string `json:"reason,omitempty"`
	// Tries is the number of attempts, or 0 if it is not known.
	Tries int `json:"tries,omitempty"`
	// Event is what the function receives again.
	Event json.RawMessage `json:"event,omitempty"`
	// Record is Lambda's record of a failed invocation. It is nil for a message that came through
	// the work queue.
	Record json.RawMessage `json:"record,omitempty"`

	handle string    // SQS's receipt handle
	leased time.Time // when the message was received
}

// fromInvocation reports whether the failure is a failed invocation, not a message of the work
// queue.
func (f Failure) fromInvocation() bool { return f.Record != nil }

// destinationRecord is what Lambda sends to a destination on failure (AWS Lambda Developer Guide,
// "Capturing records of Lambda asynchronous invocations").
type destinationRecord struct {
	Timestamp      time.Time
	RequestContext struct {
		Condition              string
		ApproximateInvokeCount int
	}
	RequestPayload  json.RawMessage
	ResponseContext struct{ FunctionError string }
	ResponsePayload json.RawMessage
}

// Parse reads the body of a message in the failure queue: Lambda's record of a failed invocation,
// or the event itself as it was in the work queue. Any other text is kept as a JSON string in
// Event, and Reason then explains why it is not an event.
func Parse(body string) Failure {
	var r destinationRecord
	if err := json.Unmarshal([]byte(body), &r); err == nil && len(r.RequestPayload) > 0 &&
		r.RequestContext.Condition != "" {
		f := Failure{
			Verdict: outcome.Retry, At: r.Timestamp, Reason: r.reason(), Tries: r.RequestContext.ApproximateInvokeCount,
			Event: r.RequestPayload, Record: json.RawMessage(body),
		}
		f.Keys, _ = keysOf(r.RequestPayload)
		return f
	}
	keys, err := keysOf([]byte(body))
	if err == nil {
		return Failure{Verdict: outcome.Retry, Keys: keys, Event: json.RawMessage(body)}
	}
	f := Failure{Verdict: outcome.Retry, Reason: "not an event: " + err.Error(), Event: json.RawMessage(body)}
	if !json.Valid(f.Event) {
		f.Event, _ = json.Marshal(body) // a string can always be marshalled
	}
	return f
}

// reason returns the error that the function returned or, if it never returned one, why Lambda gave
// up.
func (r destinationRecord) reason() string {
	var response struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(r.ResponsePayload, &response); err == nil &&
		response.ErrorMessage != "" {
		return response.ErrorMessage
	}
	switch c := r.RequestContext.Condition; {
	case c == "EventAgeExceeded":
		return "the event expired before Lambda could run the function"
	case response.ErrorType != "":
		return response.ErrorType
	default:
		return strings.TrimSuffix(c+" "+r.ResponseContext.FunctionError, " ")
	}
}

// keysOf lists the keys in an event, each once.
func keysOf(body []byte) ([]string, error) {
	e, err := event.Parse(body)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, item := range e.Items {
		if k := item.Change.Key; k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}
