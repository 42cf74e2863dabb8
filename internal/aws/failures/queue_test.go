package failures

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
)

// fakeQueue is a failure queue and a function that accepts every event, for behaviour that no
// emulator shows.
type fakeQueue struct {
	mu       sync.Mutex
	messages []*fakeMessage
	calls    []string
	invoked  int
	loses    int                   // how many of the next receives lose their response
	refuses  map[string]batchError // errors of the next release, by entry
	before   func(call string)     // called before each call is served
}

type fakeMessage struct {
	id, handle string
	until      time.Time
}

type batchError struct {
	ID          string `json:"Id"`
	Code        string
	SenderFault bool
	Message     string
}

func newFakeQueue(t *testing.T, messages int) (*fakeQueue, *client.Cloud, *deployment.Deployment) {
	t.Helper()
	q := &fakeQueue{}
	for i := range messages {
		q.messages = append(q.messages, &fakeMessage{id: fmt.Sprintf("m%02d", i)})
	}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	who := credentials.NewStaticCredentialsProvider("a", "b", "")
	c := &client.Cloud{
		Queue: sqs.New(sqs.Options{BaseEndpoint: &server.URL, Region: "us-east-1",
			Credentials: who}),
		Function: lambda.New(lambda.Options{BaseEndpoint: &server.URL, Region: "us-east-1",
			Credentials: who}),
	}
	return q, c, &deployment.Deployment{FailureQueue: server.URL + "/1/failures",
		FunctionName: "imgmill-photos"}
}

func (q *fakeQueue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if q.before != nil {
		q.before(call)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = append(q.calls, call)
	var in struct {
		MaxNumberOfMessages, VisibilityTimeout int
		ReceiptHandle                          string
		Entries                                []struct{ ID, ReceiptHandle string }
	}
	if call == "" { // Lambda's Invoke
		q.invoked++
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := map[string]any{}
	switch call {
	case "ReceiveMessage":
		response["Messages"] = q.receive(in.MaxNumberOfMessages,
			time.Duration(in.VisibilityTimeout)*time.Second)
		if q.loses > 0 {
			q.loses--
			panic(http.ErrAbortHandler)
		}
	case "ChangeMessageVisibilityBatch":
		var failed []batchError
		for _, e := range in.Entries {
			if f, ok := q.refuses[e.ID]; ok {
				f.ID = e.ID
				failed = append(failed, f)
			} else {
				q.find(e.ReceiptHandle).until = time.Time{}
			}
		}
		q.refuses, response["Failed"], response["Successful"] = nil, failed, []any{}
	case "ChangeMessageVisibility":
		if q.find(in.ReceiptHandle) == nil {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#MessageNotInflight","message":"no"}`)
			return
		}
	case "DeleteMessage":
		q.messages = slices.DeleteFunc(q.messages,
			func(m *fakeMessage) bool { return m.handle == in.ReceiptHandle })
	case "GetQueueAttributes":
		n := 0
		for _, m := range q.messages {
			if m.until.After(time.Now()) {
				n++
			}
		}
		response["Attributes"] = map[string]string{"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(n)}
	}
	_ = json.NewEncoder(w).Encode(response) // the client may be gone
}

func (q *fakeQueue) receive(most int, lease time.Duration) []map[string]any {
	list := []map[string]any{}
	for _, m := range q.messages {
		if len(list) == most || m.until.After(time.Now()) {
			continue
		}
		m.until, m.handle = time.Now().Add(lease), m.id+strconv.Itoa(len(q.calls))
		sum := md5.Sum([]byte("{}"))
		list = append(list, map[string]any{"MessageId": m.id, "ReceiptHandle": m.handle,
			"Body": "{}", "MD5OfBody": hex.EncodeToString(sum[:])})
	}
	return list
}

func (q *fakeQueue) find(handle string) *fakeMessage {
	for _, m := range q.messages {
		if m.handle == handle && m.until.After(time.Now()) {
			return m
		}
	}
	return nil
}

// TestLostResponsesAreCountedInFlight: SQS leases messages whose response is lost; the SDK's retry
// receives others.
func TestLostResponsesAreCountedInFlight(t *testing.T) {
	q, c, d := newFakeQueue(t, 23)
	q.loses = 1
	if list, inFlight, err := List(t.Context(), c, d, 100); len(list) != 13 || inFlight != 10 ||
		err != nil {
		t.Errorf("%d failures, %d in flight, %v", len(list), inFlight, err)
	}
	none := func(r Result) { t.Errorf("reported %+v", r) }
	if _, err := Retry(t.Context(), c, d, 100, []int{1}, none); err == nil ||
		!strings.Contains(err.Error(), "failures are in flight (about 10)") || q.invoked != 0 {
		t.Errorf("by number: %v", err)
	}
	var reported int
	if inFlight, err := Retry(t.Context(), c, d, 100, nil,
		func(r Result) { reported++ }); inFlight != 10 || err != nil || reported != 13 ||
		q.invoked != 13 {
		t.Errorf("%d are sent back, %d in flight, %v", reported, inFlight, err)
	}
	for _, m := range q.messages { // a minute later
		m.until = time.Time{}
	}
	if list, inFlight, err := List(t.Context(), c, d, 100); len(list) != 10 || inFlight != 0 ||
		err != nil {
		t.Errorf("%d failures, %d in flight, %v", len(list), inFlight, err)
	}
}

// TestRetryRefusesNumbersOfAPart: if there are more messages than may be read, SQS returns any of
// them.
func TestRetryRefusesNumbersOfAPart(t *testing.T) {
	q, c, d := newFakeQueue(t, 23)
	none := func(r Result) { t.Errorf("reported %+v", r) }
	if _, err := Retry(t.Context(), c, d, 20, []int{1}, none); err == nil ||
		!strings.Contains(err.Error(), "raise --max") || q.invoked != 0 {
		t.Errorf("by number: %v", err)
	}
	reported := 0
	if _, err := Retry(t.Context(), c, d, 20, nil, func(Result) { reported++ }); err != nil ||
		reported != 20 {
		t.Errorf("%d are sent back, %v", reported, err)
	}
}

// TestReleaseRetries what SQS itself failed to release, but not an expired lease.
func TestReleaseRetries(t *testing.T) {
	q, c, d := newFakeQueue(t, 10)
	q.refuses = map[string]batchError{"3": {Code: "InternalError", Message: "try again"},
		"5": {Code: "ReceiptHandleIsInvalid", SenderFault: true}}
	if list, inFlight, err := List(t.Context(), c, d, 100); len(list) != 10 || inFlight != 0 ||
		err != nil {
		t.Errorf("%d failures, %d in flight, %v", len(list), inFlight, err)
	}
	if n := countInFlight(t.Context(), c, d); n != 1 {
		t.Errorf("%d are still leased, want only the one whose lease SQS does not know", n)
	}
}

// TestInterruptedRetry: what was accepted is deleted, and the rest is released at once.
func TestInterruptedRetry(t *testing.T) {
	q, c, d := newFakeQueue(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	q.before = func(call string) {
		if call == "DeleteMessage" {
			cancel()
		}
	}
	var reported []Result
	_, err := Retry(ctx, c, d, 100, nil, func(r Result) { reported = append(reported, r) })
	if !errors.Is(err, context.Canceled) || len(reported) != 1 || reported[0].Err != nil ||
		q.invoked != 1 || len(q.messages) != 4 {
		t.Errorf("%v, reported %+v, %d remain", err, reported, len(q.messages))
	}
	if n := countInFlight(t.Context(), c, d); n != 0 {
		t.Errorf("%d are still leased", n)
	}
}

func TestLeaseFor(t *testing.T) {
	for most, want := range map[int]time.Duration{1: time.Minute, 1000: time.Minute,
		20_000: 1000 * time.Second, 1_000_000: 12 * time.Hour} {
		if got := leaseFor(most); got != want {
			t.Errorf("of %d: %v, want %v", most, got, want)
		}
	}
}

// TestRenewLease renews a lease before it expires. If it expired all the same, another command may
// hold the message.
func TestRenewLease(t *testing.T) {
	q, c, d := newFakeQueue(t, 1)
	list, _, err := receive(t.Context(), c, d, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, test := range []struct {
		age   time.Duration
		gone  bool
		calls int
		fails bool
	}{{0, true, 0, false}, {leaseFor(10) / 3, true, 0, false},
		{leaseFor(10) * 2 / 3, false, 1, false}, {leaseFor(10) * 2 / 3, true, 1, true}} {
		q.calls, q.messages[0].until = nil, time.Now().Add(time.Minute)
		if test.gone {
			q.messages[0].until = time.Time{}
		}
		list[0].leased = time.Now().Add(-test.age)
		if err := renewLease(t.Context(), c, d, list[0],
			leaseFor(10)); (err != nil) != test.fails || len(q.calls) != test.calls {
			t.Errorf("%+v: %v after %q", test, err, q.calls)
		}
	}
}
