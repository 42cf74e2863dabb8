package dispatch_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/dispatch"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// fakeQueue answers as SQS does. It refuses each message whose number is in refuse, once.
type fakeQueue struct {
	refuse map[int]bool // by number, whether it is the sender's fault
	got    int
	sizes  []int // of the requests
	bodies []string
}

func (q *fakeQueue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "GetQueueAttributes") {
		io.WriteString(w, `{"Attributes":{"ApproximateNumberOfMessages":"40","ApproximateNumberOfMessagesNotVisible":"2"}}`)
		return
	}
	var in struct {
		Entries []struct{ Id, MessageBody string }
	}
	type failed struct {
		Id, Code, Message string
		SenderFault       bool
	}
	var out struct {
		Successful []map[string]string
		Failed     []failed
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(err)
	}
	q.sizes = append(q.sizes, len(in.Entries))
	for _, e := range in.Entries {
		q.got++
		if fault, ok := q.refuse[q.got]; ok {
			out.Failed = append(out.Failed, failed{e.Id, "InternalError", "not now", fault})
			continue
		}
		sum := md5.Sum([]byte(e.MessageBody)) // which the SDK checks
		out.Successful = append(out.Successful, map[string]string{"Id": e.Id, "MessageId": fmt.Sprint(q.got),
			"MD5OfMessageBody": hex.EncodeToString(sum[:])})
		q.bodies = append(q.bodies, e.MessageBody)
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		panic(err)
	}
}

func (q *fakeQueue) open(t *testing.T) *dispatch.Queue {
	t.Helper()
	queue, err := dispatch.OpenQueue(clienttest.Open(t, q.ServeHTTP),
		&deployment.Deployment{Names: deployment.Names{Name: "photos"}, WorkQueue: "https://sqs/1/imgmill-photos-work"})
	if err != nil {
		t.Fatal(err)
	}
	return queue
}

// TestQueue: 23 changes take three requests, one more for messages that SQS refused for reasons of its
// own, and arrive as what they are, each once.
func TestQueue(t *testing.T) {
	fake := &fakeQueue{refuse: map[int]bool{3: false, 7: false}}
	q := fake.open(t)
	want := map[string]event.Change{}
	for i := range 23 {
		c := event.Change{Bucket: "photos-input", Key: fmt.Sprintf("a b+ä/%d.jpg", i), ETag: "e", Size: int64(i)}
		want[c.Key] = c
		if err := q.Send(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q.Sent != 23 || fmt.Sprint(fake.sizes) != "[10 2 10 3]" {
		t.Errorf("%d sent in requests of %v", q.Sent, fake.sizes)
	}
	for _, body := range fake.bodies {
		e, err := event.Parse([]byte(body))
		if err != nil || len(e.Items) != 1 || e.Items[0].Err != nil {
			t.Fatalf("%s: %+v, %v", body, e, err)
		}
		got := e.Items[0].Change
		got.Time = want[got.Key].Time
		if got != want[got.Key] {
			t.Errorf("got %+v, want %+v", got, want[got.Key])
		}
		delete(want, got.Key)
	}
	if len(want) > 0 {
		t.Errorf("not sent: %v", want)
	}
	if n, err := q.Waiting(t.Context()); n != 42 || err != nil {
		t.Errorf("%d waiting, %v", n, err)
	}
}

// TestQueueRefuses: a message that is at fault ends the work, and a deployment without a queue says so.
func TestQueueRefuses(t *testing.T) {
	q := (&fakeQueue{refuse: map[int]bool{1: true}}).open(t)
	if err := q.Send(t.Context(), event.Change{Bucket: "b", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if err := q.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("error %v", err)
	}
	if err := q.Send(t.Context(), event.Change{Bucket: "b"}); err == nil {
		t.Error("a change without a key was sent")
	}
	_, err := dispatch.OpenQueue(nil, &deployment.Deployment{Names: deployment.Names{Name: "photos"}})
	if !errors.Is(err, dispatch.ErrDirect) {
		t.Errorf("error %v", err)
	}
}
