package stack

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
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// fakeQueue is a failure queue, and a function that accepts everything, for what no emulator can be made to do.
type fakeQueue struct {
	mu       sync.Mutex
	messages []*fakeMessage
	calls    []string
	invoked  int
	loses    int                   // of the next receives, how many have their answer lost
	refuses  map[string]batchError // of the next release, by entry
	before   func(call string)     // the call is served
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

func newFakeQueue(t *testing.T, messages int) (*fakeQueue, *Cloud, *Deployment) {
	t.Helper()
	q := &fakeQueue{}
	for i := range messages {
		q.messages = append(q.messages, &fakeMessage{id: fmt.Sprintf("m%02d", i)})
	}
	server := httptest.NewServer(q)
	t.Cleanup(server.Close)
	who := credentials.NewStaticCredentialsProvider("a", "b", "")
	c := &Cloud{
		Queue:    sqs.New(sqs.Options{BaseEndpoint: &server.URL, Region: "us-east-1", Credentials: who}),
		Function: lambda.New(lambda.Options{BaseEndpoint: &server.URL, Region: "us-east-1", Credentials: who}),
	}
	return q, c, &Deployment{FailureQueue: server.URL + "/1/failures", FunctionName: "imgmill-photos"}
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
	answer := map[string]any{}
	switch call {
	case "ReceiveMessage":
		answer["Messages"] = q.receive(in.MaxNumberOfMessages, time.Duration(in.VisibilityTimeout)*time.Second)
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
				q.held(e.ReceiptHandle).until = time.Time{}
			}
		}
		q.refuses, answer["Failed"], answer["Successful"] = nil, failed, []any{}
	case "ChangeMessageVisibility":
		if q.held(in.ReceiptHandle) == nil {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#MessageNotInflight","message":"no"}`)
			return
		}
	case "DeleteMessage":
		q.messages = slices.DeleteFunc(q.messages, func(m *fakeMessage) bool { return m.handle == in.ReceiptHandle })
	case "GetQueueAttributes":
		n := 0
		for _, m := range q.messages {
			if m.until.After(time.Now()) {
				n++
			}
		}
		answer["Attributes"] = map[string]string{"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(n)}
	}
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone needs none
}

func (q *fakeQueue) receive(most int, lease time.Duration) []map[string]any {
	list := []map[string]any{}
	for _, m := range q.messages {
		if len(list) == most || m.until.After(time.Now()) {
			continue
		}
		m.until, m.handle = time.Now().Add(lease), m.id+strconv.Itoa(len(q.calls))
		sum := md5.Sum([]byte("{}"))
		list = append(list, map[string]any{"MessageId": m.id, "ReceiptHandle": m.handle, "Body": "{}", "MD5OfBody": hex.EncodeToString(sum[:])})
	}
	return list
}

func (q *fakeQueue) held(handle string) *fakeMessage {
	for _, m := range q.messages {
		if m.handle == handle && m.until.After(time.Now()) {
			return m
		}
	}
	return nil
}

// TestALostAnswerIsTold: SQS leases messages, and the answer does not arrive. The SDK asks again, and gets others.
func TestALostAnswerIsTold(t *testing.T) {
	q, c, d := newFakeQueue(t, 23)
	q.loses = 1
	if list, hidden, err := c.Failures(t.Context(), d, 100); len(list) != 13 || hidden != 10 || err != nil {
		t.Errorf("%d failures, %d hidden, %v", len(list), hidden, err)
	}
	none := func(r Retried) { t.Errorf("told of %+v", r) }
	if _, err := c.RetryFailures(t.Context(), d, 100, []int{1}, none); err == nil || !strings.Contains(err.Error(), "about 10 failures cannot be seen now") || q.invoked != 0 {
		t.Errorf("by number: %v", err)
	}
	var told int
	if hidden, err := c.RetryFailures(t.Context(), d, 100, nil, func(r Retried) { told++ }); hidden != 10 || err != nil || told != 13 || q.invoked != 13 {
		t.Errorf("%d are sent back, %d hidden, %v", told, hidden, err)
	}
	for _, m := range q.messages { // a minute later
		m.until = time.Time{}
	}
	if list, hidden, err := c.Failures(t.Context(), d, 100); len(list) != 10 || hidden != 0 || err != nil {
		t.Errorf("%d failures, %d hidden, %v", len(list), hidden, err)
	}
}

// TestNumbersOfAPartMeanNothing: where there is more than may be looked at, SQS gives any of it.
func TestNumbersOfAPartMeanNothing(t *testing.T) {
	q, c, d := newFakeQueue(t, 23)
	none := func(r Retried) { t.Errorf("told of %+v", r) }
	if _, err := c.RetryFailures(t.Context(), d, 20, []int{1}, none); err == nil || !strings.Contains(err.Error(), "raise --max") || q.invoked != 0 {
		t.Errorf("by number: %v", err)
	}
	told := 0
	if _, err := c.RetryFailures(t.Context(), d, 20, nil, func(Retried) { told++ }); err != nil || told != 20 {
		t.Errorf("%d are sent back, %v", told, err)
	}
}

// TestReleaseTriesAgain what SQS itself fails at, and not what has run out.
func TestReleaseTriesAgain(t *testing.T) {
	q, c, d := newFakeQueue(t, 10)
	q.refuses = map[string]batchError{"3": {Code: "InternalError", Message: "try again"}, "5": {Code: "ReceiptHandleIsInvalid", SenderFault: true}}
	if list, hidden, err := c.Failures(t.Context(), d, 100); len(list) != 10 || hidden != 0 || err != nil {
		t.Errorf("%d failures, %d hidden, %v", len(list), hidden, err)
	}
	if n := c.held(t.Context(), d); n != 1 {
		t.Errorf("%d are still leased, want that whose lease SQS does not know", n)
	}
}

// TestRetryIsInterrupted: what was accepted is deleted, and the rest is given back at once.
func TestRetryIsInterrupted(t *testing.T) {
	q, c, d := newFakeQueue(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	q.before = func(call string) {
		if call == "DeleteMessage" {
			cancel()
		}
	}
	var told []Retried
	_, err := c.RetryFailures(ctx, d, 100, nil, func(r Retried) { told = append(told, r) })
	if !errors.Is(err, context.Canceled) || len(told) != 1 || told[0].Err != nil || q.invoked != 1 || len(q.messages) != 4 {
		t.Errorf("%v, told %+v, %d are left", err, told, len(q.messages))
	}
	if n := c.held(t.Context(), d); n != 0 {
		t.Errorf("%d are still leased", n)
	}
}

func TestLease(t *testing.T) {
	for most, want := range map[int]time.Duration{1: time.Minute, 1000: time.Minute, 20_000: 1000 * time.Second, 1_000_000: 12 * time.Hour} {
		if got := lease(most); got != want {
			t.Errorf("of %d: %v, want %v", most, got, want)
		}
	}
}

// TestALeaseIsRenewed before it runs out; what ran out all the same is another's, and stays.
func TestALeaseIsRenewed(t *testing.T) {
	q, c, d := newFakeQueue(t, 1)
	list, _, err := c.takeFailures(t.Context(), d, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, test := range []struct {
		age   time.Duration
		gone  bool
		calls int
		fails bool
	}{{0, true, 0, false}, {lease(10) / 3, true, 0, false}, {lease(10) * 2 / 3, false, 1, false}, {lease(10) * 2 / 3, true, 1, true}} {
		q.calls, q.messages[0].until = nil, time.Now().Add(time.Minute)
		if test.gone {
			q.messages[0].until = time.Time{}
		}
		list[0].taken = time.Now().Add(-test.age)
		if err := c.keep(t.Context(), d, list[0], lease(10)); (err != nil) != test.fails || len(q.calls) != test.calls {
			t.Errorf("%+v: %v after %q", test, err, q.calls)
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
	// look wants so many failures, listed or told of as hidden, and waits for these.
	look := func(want int) []Failure {
		t.Helper()
		for end := time.Now().Add(leaseFailures + 30*time.Second); ; time.Sleep(time.Second) {
			list, hidden, err := w.Failures(ctx, w.d, 100)
			if err != nil || len(list)+hidden != want || time.Now().After(end) {
				t.Fatalf("%d failures and %d hidden, want %d: %v\n%+v", len(list), hidden, want, err, list)
			}
			if hidden == 0 {
				return list
			}
			t.Logf("an answer of the emulator was lost, with %d messages in it", hidden)
		}
	}
	look(0)
	// Nothing may take the work away while it is looked at.
	w.must(w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.d.WorkQueue, Attributes: map[string]string{"DelaySeconds": "600"}}))
	payload := notified(t, "gone/0.jpg")
	send(`{"version":"1.0","timestamp":"2026-01-02T03:04:05.678Z","requestContext":{"condition":"RetriesExhausted","approximateInvokeCount":3},` +
		`"requestPayload":` + payload + `,"responsePayload":{"errorMessage":"too busy","errorType":"e"}}`)
	for i := range 22 {
		send(notified(t, fmt.Sprintf("gone/%d.jpg", i+1)))
	}
	first := look(23)
	if first[0].Reason != "too busy" || first[0].Tries != 3 || first[1].Tries != 5 {
		t.Fatalf("%+v", first)
	}
	second := look(23)
	for i := range first {
		if first[i].ID != second[i].ID {
			t.Errorf("failure %d was %s and is %s", i+1, first[i].ID, second[i].ID)
		}
	}
	var told []Retried
	retry := func() error {
		_, err := w.RetryFailures(ctx, w.d, 100, []int{1, 3, 77}, func(r Retried) { told = append(told, r) })
		return err
	}
	err := retry()
	if _, ok := errors.AsType[*HiddenError](err); ok && len(told) == 0 {
		t.Log(err)
		look(23)
		err = retry()
	}
	if err != nil {
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
	if left := look(21); left[0].ID != first[1].ID || left[1].ID != first[3].ID {
		t.Errorf("left are %s and %s first, want %s and %s", left[0].ID, left[1].ID, first[1].ID, first[3].ID)
	}
	out, err := w.Queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &w.d.WorkQueue,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed}})
	w.must(out, err)
	if n := out.Attributes["ApproximateNumberOfMessagesDelayed"]; n != "1" {
		t.Errorf("%s messages were sent to the work queue, want 1", n)
	}
}

// TestAWSFailuresAreNotMadeByAChange, on an emulator: a queue in which work waits does not go for another trigger.
func TestAWSFailuresAreNotMadeByAChange(t *testing.T) {
	w := openWard(t, "queue")
	ctx := t.Context()
	w.must(w.Queue.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &w.d.WorkQueue, Attributes: map[string]string{"DelaySeconds": "600"}}))
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", []byte(doctorRecipe))
	if err != nil {
		t.Fatal(err)
	}
	change := func(trigger string) error {
		_, err := w.Plan(ctx, Settings{Names: w.d.Names, Account: strings.Split(w.d.FunctionARN, ":")[4], Recipe: r, Given: map[string]string{"Trigger": trigger}})
		return err
	}
	w.must(w.Queue.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &w.d.WorkQueue})) // of S3's test events
	w.must(nil, change("direct"))
	body := notified(t, "in/a.jpg")
	w.must(w.Queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &w.d.WorkQueue, MessageBody: &body}))
	w.must(nil, change("queue"))
	if err := change("direct"); err == nil || !strings.Contains(err.Error(), w.d.Names.WorkQueue()+" goes with this change and still holds about 1 event,") {
		t.Errorf("work waits, and it says %v", err)
	}
}
