package notify

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// natsServer publishes to a subject that a stream of JetStream holds, and waits until the stream has stored the
// event: without a stream, NATS drops what nobody listens to. It speaks the part of the client protocol that this
// takes (docs.nats.io, "Client Protocol", and "JetStream wire API Reference"), since a function links no client of NATS.
// It sends one event at a time, on a connection that it keeps.
type natsServer struct {
	secure                bool
	host, subject         string
	user, password, token string
	mu                    sync.Mutex
	conn                  net.Conn
	r                     *bufio.Reader
	inbox                 string // of the connection
	published             int    // on it
}

// maxLine bounds a line of the protocol, in bytes.
const maxLine = 64 << 10

// newNATS returns a destination. The secret is a token, or a user and a password with a colon between them.
func newNATS(address, secret string) (*natsServer, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	n := &natsServer{secure: u.Scheme == "tls", host: u.Host, subject: strings.TrimPrefix(u.Path, "/")}
	if u.Port() == "" {
		n.host = net.JoinHostPort(u.Hostname(), "4222")
	}
	if user, password, ok := strings.Cut(secret, ":"); ok {
		n.user, n.password = user, password
	} else {
		n.token = secret
	}
	return n, nil
}

// send implements sender. A connection that was kept may be dead, or the server may have ended it, which it reports as
// an error (Stale Connection) that says nothing about the event: a failure on it is followed by an attempt on a new one.
func (n *natsServer) send(ctx context.Context, e Event, body []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := n.conn != nil
	err := n.publish(ctx, e, body)
	if err != nil && kept {
		err = n.publish(ctx, e, body)
	}
	return err
}

func (n *natsServer) publish(ctx context.Context, e Event, body []byte) (err error) {
	defer func() {
		if err != nil && n.conn != nil {
			n.conn.Close()
			n.conn = nil
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.conn == nil {
		if err := n.connect(ctx); err != nil {
			return err
		}
	}
	n.limit(ctx)
	conn := n.conn
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	n.published++
	reply := n.inbox + "." + strconv.Itoa(n.published)
	header := "NATS/1.0\r\nNats-Msg-Id: " + e.ID + "\r\nContent-Type: " + mediaType + "\r\n\r\n"
	message := fmt.Sprintf("HPUB %s %s %d %d\r\n%s", n.subject, reply, len(header), len(header)+len(body), header)
	if _, err := io.WriteString(n.conn, message+string(body)+"\r\n"); err != nil {
		return err
	}
	for {
		subject, status, payload, err := n.next()
		if err != nil {
			return err
		}
		if subject == reply {
			return n.acknowledged(status, payload)
		}
	}
}

// acknowledged returns what the answer of a stream means.
func (n *natsServer) acknowledged(status string, payload []byte) error {
	if status == "503" {
		return refused("no stream holds the subject %s; add it to a stream of JetStream, or events would be lost", n.subject)
	}
	var answer struct {
		Stream string
		Error  *struct {
			Code        int
			Description string
		}
	}
	switch err := json.Unmarshal(payload, &answer); {
	case err != nil, answer.Stream == "" && answer.Error == nil:
		return refused("what answers on the subject %s is no stream of JetStream", n.subject)
	case answer.Error != nil && answer.Error.Code < 500:
		return refused("%s", answer.Error.Description)
	case answer.Error != nil:
		return errors.New(answer.Error.Description)
	}
	return nil
}

// limit bounds the time of reading and writing by that of a context.
func (n *natsServer) limit(ctx context.Context) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(timeout)
	}
	n.conn.SetDeadline(end)
}

// connect connects, and waits until the server has accepted the credentials.
func (n *natsServer) connect(ctx context.Context) error {
	dialer := net.Dialer{}
	conn, err := dialer.DialContext(ctx, "tcp", n.host)
	if err != nil {
		return err
	}
	n.conn, n.r = conn, bufio.NewReaderSize(conn, maxLine)
	n.limit(ctx)
	line, err := n.line()
	text, ok := strings.CutPrefix(line, "INFO ")
	var info struct {
		TLSRequired bool `json:"tls_required"`
		Headers     bool
		JetStream   bool
	}
	if err != nil || !ok || json.Unmarshal([]byte(text), &info) != nil {
		return errors.Join(errors.New("what answers is no NATS server"), err)
	}
	if !info.Headers || !info.JetStream {
		return refused("the server has no JetStream, which keeps events; turn it on")
	}
	if n.secure || info.TLSRequired {
		host, _, _ := net.SplitHostPort(n.host)
		secured := tls.Client(conn, &tls.Config{ServerName: host})
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		n.conn, n.r = secured, bufio.NewReaderSize(secured, maxLine)
		n.limit(ctx)
	}
	options, err := json.Marshal(map[string]any{
		"verbose": false, "pedantic": false, "lang": "go", "version": "1", "protocol": 1, "name": "imgmill", "headers": true,
		"no_responders": true, "user": n.user, "pass": n.password, "auth_token": n.token, "tls_required": n.secure,
	})
	if err != nil {
		return err
	}
	var id [12]byte
	rand.Read(id[:])
	n.inbox, n.published = "_INBOX."+hex.EncodeToString(id[:]), 0
	if _, err := fmt.Fprintf(n.conn, "CONNECT %s\r\nSUB %s.* 1\r\nPING\r\n", options, n.inbox); err != nil {
		return err
	}
	for {
		line, err := n.line()
		if err != nil {
			return err
		}
		if line == "PONG" {
			return nil
		}
	}
}

// line reads a line of the protocol. It answers a PING, and returns the errors that the server reports.
func (n *natsServer) line() (string, error) {
	for {
		line, err := n.r.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if fault, ok := strings.CutPrefix(text, "-ERR"); ok {
			return "", refused("NATS: %s", strings.Trim(fault, " '"))
		}
		if text != "PING" {
			return text, nil
		}
		if _, err := io.WriteString(n.conn, "PONG\r\n"); err != nil {
			return "", err
		}
	}
}

// next reads the next message. The status is that of its header, if it has one.
func (n *natsServer) next() (subject, status string, payload []byte, err error) {
	for {
		line, err := n.line()
		if err != nil {
			return "", "", nil, err
		}
		field := strings.Fields(line)
		if len(field) < 4 || field[0] != "MSG" && field[0] != "HMSG" {
			continue
		}
		total, err := strconv.Atoi(field[len(field)-1])
		head := 0
		if err == nil && field[0] == "HMSG" {
			head, err = strconv.Atoi(field[len(field)-2])
		}
		if err != nil || total < 0 || total > maxLine || head < 0 || head > total {
			return "", "", nil, fmt.Errorf("the server sent %q", line)
		}
		data := make([]byte, total+len("\r\n"))
		if _, err := io.ReadFull(n.r, data); err != nil {
			return "", "", nil, err
		}
		if first := strings.Fields(string(data[:head])); len(first) > 1 && first[0] == "NATS/1.0" {
			status = first[1]
		}
		return field[1], status, data[head:total], nil
	}
}
