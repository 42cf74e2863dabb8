package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// dialTimeout bounds the attempt to connect to a webhook or a server of NATS.
const dialTimeout = 5 * time.Second

// checkEvents looks for what the recipe's notify names: that buses, topics and queues exist, that servers can be
// connected to, and that the function has the secrets. It sends no event.
func checkEvents(ctx context.Context, e *examination) {
	r := e.recipe()
	if r == nil || len(r.Notify) == 0 {
		return
	}
	checkSecrets(e, r)
	for _, n := range r.Notify {
		if service := n.Service(); service != "" {
			e.checkARN(ctx, n.To, service)
			continue
		}
		if err := connect(ctx, n.To); err != nil {
			e.warn("start it, or change notify in the recipe; if only the function may reach it, this is no fault",
				"%s cannot be reached from this machine: %v", n.To, err)
			continue
		}
		e.ok("%s can be reached from this machine", n.To)
	}
}

// checkSecrets checks that the function's environment has the secrets.
func checkSecrets(e *examination, r *recipe.Recipe) {
	if e.function == nil || e.function.Environment == nil || e.function.Environment.Error != nil {
		return // the check of the environment has said so
	}
	get := func(name string) string { return e.function.Environment.Variables[name] }
	for _, name := range r.NotifySecrets() {
		if notify.Secret(name, get) == "" {
			e.fault(fmt.Sprintf("set %s, then %s", name, e.redeploy()),
				"the function has no secret %s, which notify names: it cannot start", name)
		}
	}
}

// checkARN checks that a bus, a topic or a queue exists.
func (e *examination) checkARN(ctx context.Context, arn, service string) {
	err := notify.Check(ctx, arn, notify.Options{Getenv: os.Getenv, Credentials: e.Credentials})
	action := map[string]string{"events": "events:DescribeEventBus", "sns": "sns:GetTopicAttributes", "sqs": "sqs:GetQueueAttributes"}[service]
	switch {
	case err == nil:
		e.ok("%s exists", arn)
	case missing(err):
		e.fault("create it, or change notify in the recipe and "+e.redeploy(), "%s does not exist, so its events are lost or fail", arn)
	default:
		e.report(Diagnosis{e.check, Unseen, fmt.Sprintf("cannot look for %s: %v", arn, err), "ask for a policy that allows you " + action})
	}
}

// missing reports whether an answer says that there is no such bus, topic or queue (the errors of DescribeEventBus,
// GetTopicAttributes and GetQueueAttributes).
func missing(err error) bool {
	code, _, _ := strings.Cut(err.Error(), ":")
	switch strings.TrimPrefix(code, "AWS.SimpleQueueService.") {
	case "ResourceNotFoundException", "NotFound", "NotFoundException", "QueueDoesNotExist", "NonExistentQueue":
		return true
	}
	return false
}

// connect connects to the server of a URL, and makes a TLS handshake if the URL asks for one at once.
func connect(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	if port == "" {
		port = "4222"
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var conn net.Conn
	host := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "https" {
		conn, err = (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	} else { // NATS begins TLS later
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return err
	}
	return conn.Close()
}
