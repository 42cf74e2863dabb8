package jetstream_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
)

// server connects to the server that IMGMILL_NATS names, such as nats://127.0.0.1:4222, which runs as
// a process of its own with JetStream.
func server(t *testing.T) (*nats.Conn, string) {
	t.Helper()
	address := os.Getenv("IMGMILL_NATS")
	if address == "" {
		t.Skip("IMGMILL_NATS names no server")
	}
	nc, err := nats.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, address
}

var made atomic.Int64

func name() string { return fmt.Sprintf("imgmill-%d-%d", time.Now().UnixNano(), made.Add(1)) }

// TestShared runs the suite on a server of somebody else.
func TestShared(t *testing.T) {
	nc, _ := server(t)
	var last atomic.Pointer[string]
	open := func(t *testing.T, name string) queue.Queue {
		q, err := jetstream.Open(t.Context(), nc, jetstream.Config{Name: name, Lease: time.Second, Shared: true})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	queuetest.Run(t, func(t *testing.T) queue.Queue {
		n := name()
		if strings.HasSuffix(t.Name(), "/Durable") {
			last.Store(&n)
		}
		return open(t, n)
	}, queuetest.Durable(func(t *testing.T) queue.Queue { return open(t, *last.Load()) }))
}

// TestDialExistingStream: a stream that an administrator has made stays as it is, and its subject is
// where messages come from.
func TestDialExistingStream(t *testing.T) {
	nc, address := server(t)
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream := name()
	made, err := js.CreateStream(t.Context(), natsjs.StreamConfig{
		Name: stream, Subjects: []string{"events." + stream}, MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "events."+stream, []byte("theirs")); err != nil {
		t.Fatal(err)
	}
	q, err := jetstream.Dial(t.Context(), address+"/"+stream, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Publish(t.Context(), "", []byte("ours")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"theirs", "ours"} {
		got, err := q.Fetch(t.Context(), 1, 10*time.Second)
		if err != nil || len(got) != 1 || string(got[0].Body()) != want {
			t.Fatalf("%v, %v, want %s", got, err, want)
		}
		if err := got[0].Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := q.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d are waiting, %v", n, err)
	}
	info, err := made.Info(t.Context())
	if err != nil || info.Config.MaxAge != time.Hour || info.Config.Retention != natsjs.LimitsPolicy || info.State.Msgs != 2 {
		t.Errorf("the stream is now %+v, %v", info, err)
	}
}

func TestDialRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "127.0.0.1:4222/uploads", "http://127.0.0.1/uploads", "nats:///uploads", "nats://127.0.0.1:1", "nats://127.0.0.1:1/a.b",
		"nats://127.0.0.1:1/uploads?replicas=many", "nats://127.0.0.1:1/uploads?replicas=9", "nats://127.0.0.1:1/uploads",
	} {
		if _, err := jetstream.Dial(t.Context(), bad, "", slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%q: no error", bad)
		} else {
			t.Logf("%q: %v", bad, err)
		}
	}
}
