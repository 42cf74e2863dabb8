package jetstream_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
	"github.com/imgmill/imgmill/internal/pipeline/queue/queuetest"
)

// start starts a server in the process that opens no port, and connects to it. end ends both.
func start(t *testing.T, dir string) (nc *nats.Conn, end func()) {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "imgmill", DontListen: true, JetStream: true, StoreDir: dir, MaxPayload: 8 << 20, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	if nc, err = nats.Connect("", nats.InProcessServer(s)); err != nil {
		t.Fatal(err)
	}
	return nc, func() {
		nc.Close()
		s.Shutdown()
		s.WaitForShutdown()
	}
}

func open(t *testing.T, nc *nats.Conn, name string) *jetstream.Queue {
	t.Helper()
	q, err := jetstream.Open(t.Context(), nc, jetstream.Config{Name: name, Lease: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestConformance runs the suite on a server in the process, which the test of durability restarts.
func TestConformance(t *testing.T) {
	shared, end := start(t, t.TempDir())
	t.Cleanup(end)
	own, dir := func() {}, t.TempDir()
	t.Cleanup(func() { own() })
	restart := func(t *testing.T) queue.Queue {
		own()
		var nc *nats.Conn
		nc, own = start(t, dir)
		return open(t, nc, "durable")
	}
	// The tests run in a group, so that the servers outlive those that are parallel.
	t.Run("suite", func(t *testing.T) {
		queuetest.Run(t, func(t *testing.T) queue.Queue {
			if strings.HasSuffix(t.Name(), "/Durable") {
				return restart(t)
			}
			return open(t, shared, name())
		}, queuetest.Durable(restart))
	})
}

// TestBuryLargest buries messages as large as the server accepts, with a reason as far as there is room.
func TestBuryLargest(t *testing.T) {
	nc, end := start(t, t.TempDir())
	t.Cleanup(end)
	q := open(t, nc, "large")
	most := int(nc.MaxPayload())
	for _, c := range []struct {
		size   int
		reason string
	}{{most - 2000, "no\nluck"}, {most, ""}} {
		body := bytes.Repeat([]byte("x"), c.size)
		if err := q.Publish(t.Context(), "", body); err != nil {
			t.Fatal(err)
		}
		got, err := q.Fetch(t.Context(), 1, time.Minute)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if err := got[0].Bury(t.Context(), "no\nluck"); err != nil {
			t.Fatalf("%d bytes: %v", c.size, err)
		}
		list, err := q.Buried(t.Context(), 10)
		if err != nil || len(list) != 1 || !bytes.Equal(list[0].Body, body) || list[0].Reason != c.reason {
			t.Fatalf("%d bytes: %d buried, %v", c.size, len(list), err)
		}
		if err := q.Unbury(t.Context(), list[0].ID); err != nil {
			t.Fatal(err)
		}
		if got, err = q.Fetch(t.Context(), 1, time.Minute); err != nil || len(got) != 1 || !bytes.Equal(got[0].Body(), body) {
			t.Fatalf("put back: %d messages, %v", len(got), err)
		}
		if err := got[0].Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldBuried reads a buried message of version 0.1.0.
func TestOldBuried(t *testing.T) {
	nc, end := start(t, t.TempDir())
	t.Cleanup(end)
	q := open(t, nc, "old")
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish("old-buried.1", []byte(`{"reason":"no luck","body":"e30=","attempts":10}`)); err != nil {
		t.Fatal(err)
	}
	list, err := q.Buried(t.Context(), 10)
	if err != nil || len(list) != 1 || string(list[0].Body) != "{}" || list[0].Reason != "no luck" || list[0].Attempts != 10 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestConfig(t *testing.T) {
	err := jetstream.Config{Name: "a.b", Lease: -1, Duplicates: 2 * time.Hour}.Validate()
	for _, want := range []string{`name "a.b"`, "lease", "duplicate window 2h"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s in it", err, want)
		}
	}
	if _, err := jetstream.Open(t.Context(), nil, jetstream.Config{}); err == nil {
		t.Error("opened a queue without a name")
	}
}
