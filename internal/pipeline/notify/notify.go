// Package notify tells others what became of an upload: a webhook, an event bus of EventBridge, an SNS topic, an SQS
// queue, or a stream of NATS. An event is a CloudEvent 1.0 in structured JSON (cloudevents.io, "JSON Event Format",
// "HTTP Protocol Binding", "NATS Protocol Binding"). A webhook's are signed as Standard Webhooks says
// (standardwebhooks.com): with HMAC-SHA256 over the ID of the event, the time and the body.
//
// Send tries for a bounded time, and reports what it could not deliver; whoever calls it keeps the event and tries
// again later. The package promises no order and drops no event. It never follows a redirect, and reads no secret but
// the environment variables that the recipe names.
package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const (
	// patience bounds the delivery of an event to one destination, and timeout one attempt. An instance of a
	// function, or a lane of a worker, makes no picture in that time.
	patience = 15 * time.Second
	timeout  = 5 * time.Second
	attempts = 3
	// firstPause is the time before the second attempt; each of the following is four times as long.
	firstPause = 250 * time.Millisecond
	// A destination that does not answer is left alone for a second, and with each further failure for twice as long,
	// at most maxRest, so that it holds up no pictures: meanwhile, deliveries fail at once.
	firstRest = time.Second
	maxRest   = 30 * time.Second
)

// Options are what destinations need beside the recipe.
type Options struct {
	Getenv func(string) string // for secrets, and for the endpoints that all AWS SDKs support
	// Credentials are those of AWS. They may be nil if no destination is an ARN.
	Credentials aws.CredentialsProvider
}

// Notifier sends events. It is safe for concurrent use.
type Notifier struct{ destinations []*destination }

// Open prepares the destinations of a recipe, without a call to any. It returns nil if there are none. The
// error names what is missing.
func Open(list []recipe.Notify, o Options) (*Notifier, error) {
	if len(list) == 0 {
		return nil, nil
	}
	n := &Notifier{}
	var errs []error
	for _, to := range list {
		s, err := open(to, o)
		if err != nil {
			errs = append(errs, fmt.Errorf("notify %s: %w", to.To, err))
			continue
		}
		n.destinations = append(n.destinations, &destination{Notify: to, sender: s})
	}
	return n, errors.Join(errs...)
}

func open(to recipe.Notify, o Options) (sender, error) {
	if service := to.Service(); service != "" {
		if o.Credentials == nil {
			return nil, errors.New("there are no AWS credentials to sign with")
		}
		return newService(to.To, o), nil
	}
	secret := ""
	if to.SecretEnv != "" {
		if secret = Secret(to.SecretEnv, o.Getenv); secret == "" {
			return nil, fmt.Errorf("the environment variable %s is not set; put the secret into it", to.SecretEnv)
		}
	}
	if to.IsWebhook() {
		return newWebhook(to.To, to.SecretEnv, secret)
	}
	return newNATS(to.To, secret)
}

// sender delivers an event once. An error that another attempt would not change is a *refusal.
type sender interface {
	send(ctx context.Context, e Event, body []byte) error
}

// refusal is the answer of a destination that does not take an event as it is, or from this sender.
type refusal struct{ error }

// refused returns an error that another attempt would not change.
func refused(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// destination is one destination, and whether it answers.
type destination struct {
	recipe.Notify
	sender sender

	mu    sync.Mutex
	rest  time.Duration // after the last failure; 0 if the last delivery succeeded
	until time.Time     // it is left alone
}

// Send delivers an event to every destination that wants such ones or, if only is not nil, to those among them
// that it lists. Destinations are independent: it returns those that the event could not be delivered to, and why.
func (n *Notifier) Send(ctx context.Context, e Event, only []string) (undelivered []string, err error) {
	if n == nil {
		return nil, nil
	}
	body, err := e.encode()
	if err != nil {
		return nil, err
	}
	var to []*destination
	for _, d := range n.destinations {
		if d.Wants(e.Kind()) && (only == nil || slices.Contains(only, d.To)) {
			to = append(to, d)
		}
	}
	errs := make([]error, len(to))
	var group sync.WaitGroup
	for i, d := range to {
		group.Go(func() { errs[i] = d.deliver(ctx, e, body) })
	}
	group.Wait()
	for i, d := range to {
		if errs[i] != nil {
			undelivered = append(undelivered, d.To)
			errs[i] = fmt.Errorf("%s: %w", d.To, errs[i])
		}
	}
	return undelivered, errors.Join(errs...)
}

// Wants reports whether some destination is told of events of a kind.
func (n *Notifier) Wants(what recipe.Notice) bool {
	return n != nil && slices.ContainsFunc(n.destinations, func(d *destination) bool { return d.Wants(what) })
}

// deliver tries to deliver an event, unless the destination is left alone.
func (d *destination) deliver(ctx context.Context, e Event, body []byte) error {
	if d.resting() {
		return errors.New("it has not answered; the next attempt is later")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := firstPause
	for attempt := 1; ; attempt++ {
		once, end := context.WithTimeout(ctx, timeout)
		err := d.sender.send(once, e, body)
		end()
		if err == nil {
			d.answers()
			return nil
		}
		if _, final := errors.AsType[*refusal](err); final {
			return err
		}
		if attempt == attempts || ctx.Err() != nil {
			d.leave()
			return err
		}
		select {
		case <-ctx.Done():
			d.leave()
			return err
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause *= 4
	}
}

func (d *destination) resting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.until)
}

// leave leaves a destination alone for a time.
func (d *destination) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Now().Before(d.until) {
		return // another delivery has failed at the same time
	}
	d.rest = min(max(2*d.rest, firstRest), maxRest)
	d.until = time.Now().Add(d.rest)
}

func (d *destination) answers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rest, d.until = 0, time.Time{}
}
