package notify

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// natsOn runs a server. options may change how.
func natsOn(t *testing.T, options func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true}
	options(o)
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	return s
}

func TestNATS(t *testing.T) {
	s := natsOn(t, func(o *server.Options) { o.Username, o.Password = "me", "pa:ss" })
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("me", "pa:ss"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "pictures", Subjects: []string{"pictures.>"}})
	if err != nil {
		t.Fatal(err)
	}
	open := func(subject, secret string) *Notifier {
		n, err := Open([]recipe.Notify{{To: s.ClientURL() + "/" + subject, SecretEnv: "NATS", Events: all}},
			Options{Getenv: environment(map[string]string{"NATS": secret})})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := open("pictures.done", "me:pa:ss")
	e := sample()
	for range 2 { // the second is dropped by its ID
		if _, err := n.Send(t.Context(), e, nil); err != nil {
			t.Fatal(err)
		}
	}
	// The server ends the connection, as it does with one that was idle for too long.
	id, err := s.Connz(&server.ConnzOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range id.Conns {
		if c.Name == "imgmill" {
			if err := s.DisconnectClientByID(c.Cid); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := sample()
	other.ID = "another"
	if _, err := n.Send(t.Context(), other, nil); err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.State.Msgs != 2 {
		t.Errorf("the stream has %+v: %v", info, err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	var got Event
	if err != nil || json.Unmarshal(m.Data, &got) != nil || got.ID != e.ID || m.Header.Get("Content-Type") != mediaType {
		t.Errorf("%+v: %v", m, err)
	}
	for _, test := range []struct{ subject, secret, want string }{
		{"nobody", "me:pa:ss", "no stream holds the subject nobody"},
		{"pictures.done", "me:wrong", "Authorization Violation"},
		{"pictures.done", "token", "Authorization Violation"},
	} {
		if _, err := open(test.subject, test.secret).Send(t.Context(), e, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test, err)
		}
	}
}

func TestNATSWithoutJetStream(t *testing.T) {
	s := natsOn(t, func(o *server.Options) { o.JetStream = false })
	n, err := Open([]recipe.Notify{{To: s.ClientURL() + "/a", Events: all}}, Options{Getenv: environment(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Send(t.Context(), sample(), nil); err == nil || !strings.Contains(err.Error(), "no JetStream") {
		t.Error(err)
	}
}

// TestNATSStaleConnection: a server that ends a connection says so in an error, which is not about the next event.
func TestNATSStaleConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var published atomic.Int32
	ended := make(chan struct{})
	serve := func(c net.Conn, first bool) {
		defer c.Close()
		fmt.Fprint(c, `INFO {"headers":true,"jetstream":true}`+"\r\n")
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			switch f := strings.Fields(line); {
			case line == "PING\r\n":
				fmt.Fprint(c, "PONG\r\n")
			case len(f) == 5 && f[0] == "HPUB":
				published.Add(1)
				answer := `{"stream":"s","seq":1}`
				fmt.Fprintf(c, "MSG %s 1 %d\r\n%s\r\n", f[2], len(answer), answer)
				if first {
					fmt.Fprint(c, "-ERR 'Stale Connection'\r\n")
					close(ended)
					io.Copy(io.Discard, r) // what comes now is not looked at
					return
				}
			}
		}
	}
	go func() {
		for first := true; ; first = false {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, first)
		}
	}()
	n, err := Open([]recipe.Notify{{To: "nats://" + l.Addr().String() + "/a", Events: all}}, Options{Getenv: environment(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := n.Send(t.Context(), sample(), nil); err != nil {
			t.Fatal(err)
		}
		<-ended
	}
	if published.Load() != 2 {
		t.Errorf("%d events", published.Load())
	}
}
