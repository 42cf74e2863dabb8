package recipe

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Notify is a destination that is told what became of an upload.
type Notify struct {
	// To is the URL of a webhook, the ARN of an event bus of EventBridge, of an SNS topic or of an SQS queue,
	// or the server and the subject of NATS: nats://HOST:PORT/SUBJECT.
	To string
	// SecretEnv names the environment variable that holds the secret: what a webhook's events are signed with,
	// or the password or token of NATS. The recipe holds no secret.
	SecretEnv string
	// Events are those that it is told of. None in the file means all.
	Events []Notice
}

// Notice is what an event tells of.
type Notice string

const (
	NoticeDone    Notice = "done"    // all variants are there
	NoticeFailed  Notice = "failed"  // the picture, or a part of its variants, cannot be made
	NoticeRemoved Notice = "removed" // the upload is gone, and its variants with it
)

var notices = []Notice{NoticeDone, NoticeFailed, NoticeRemoved}

// Wants reports whether a destination is told of events of a kind.
func (n Notify) Wants(what Notice) bool { return slices.Contains(n.Events, what) }

// Service is the service of an ARN: events, sns or sqs. It is empty for a URL.
func (n Notify) Service() string {
	if m := notifyARN.FindStringSubmatch(n.To); m != nil {
		return m[1]
	}
	return ""
}

// IsWebhook reports whether events are sent to a URL of HTTP.
func (n Notify) IsWebhook() bool {
	return strings.HasPrefix(n.To, "https://") || strings.HasPrefix(n.To, "http://")
}

// OnThisMachine reports whether a destination is a URL of the loopback interface.
func (n Notify) OnThisMachine() bool {
	u, err := url.Parse(n.To)
	return err == nil && n.Service() == "" && isLoopback(u.Hostname())
}

// NotifyARNs returns the ARNs among the destinations, each once, in the order of the file.
func (r *Recipe) NotifyARNs() (arns []string) {
	for _, n := range r.Notify {
		if n.Service() != "" && !slices.Contains(arns, n.To) {
			arns = append(arns, n.To)
		}
	}
	return arns
}

// NotifySecrets returns the names of the environment variables that hold secrets, each once.
func (r *Recipe) NotifySecrets() (names []string) {
	for _, n := range r.Notify {
		if n.SecretEnv != "" && !slices.Contains(names, n.SecretEnv) {
			names = append(names, n.SecretEnv)
		}
	}
	return names
}

const maxNotify = 10

var (
	// notifyARN matches what the three services name their buses, topics and queues (Service Authorization
	// Reference, "Resource types defined by" EventBridge, SNS and SQS).
	notifyARN = regexp.MustCompile(`^arn:aws[a-z-]*:(events|sns|sqs):[a-z0-9-]+:[0-9]{12}:(.+)$`)
	busName   = regexp.MustCompile(`^event-bus/[A-Za-z0-9._/-]{1,256}$`)
	queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}(\.fifo)?$`)
	// envName is what POSIX allows as the name of an environment variable (section 8.1), as Lambda does, and
	// not a name that Lambda reserves (AWS Lambda Developer Guide, "Defined runtime environment variables").
	envName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)
	// subject is a subject of NATS that can be published to (docs.nats.io, "Subject-Based Messaging"): no wildcards.
	subject = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

// notify is the list of destinations.
func (rd *reader) notify(r *Recipe) value {
	entry := func(d *Notify, events *[]string) value {
		kinds := rd.texts(events)
		kinds.schema = arrayOf(jsonSchema{"enum": notices})
		return rd.object(field{"to", rd.text(&d.To)}, field{"secret_env", rd.text(&d.SecretEnv)}, field{"events", kinds})
	}
	read := func(name string, n ast.Node) {
		rd.list(name, n, func(name string, n ast.Node) {
			var d Notify
			var events []string
			entry(&d, &events).read(name, n)
			for _, e := range events {
				d.Events = append(d.Events, Notice(e))
			}
			if events == nil {
				d.Events = slices.Clone(notices)
			}
			r.Notify = append(r.Notify, d)
		})
	}
	var events []string
	return value{read, arrayOf(entry(&Notify{}, &events).schema)}
}

// checkNotify looks at the destinations.
func (r *Recipe) checkNotify(rep *report) {
	if n := len(r.Notify); n > maxNotify {
		rep.add("notify", "has %d destinations; a recipe has at most %d", n, maxNotify)
	}
	for i, n := range r.Notify {
		name := fmt.Sprintf("notify[%d]", i)
		if rep.bad(name) {
			continue
		}
		if err := n.checkTo(); err != nil {
			rep.add(name+".to", "%v", err)
			continue
		}
		if slices.ContainsFunc(r.Notify[:i], func(o Notify) bool { return o.To == n.To }) {
			rep.add(name+".to", "%q is listed twice; remove one", n.To)
		}
		switch {
		case n.SecretEnv == "" && n.IsWebhook():
			rep.add(name+".secret_env", "is missing; name the environment variable that holds the secret to sign with, "+
				"like IMGMILL_WEBHOOK_SECRET")
		case n.SecretEnv != "" && n.Service() != "":
			rep.add(name+".secret_env", "has no effect for an ARN, where AWS credentials sign; leave it out")
		case n.SecretEnv != "" && !envName.MatchString(n.SecretEnv):
			rep.add(name+".secret_env", "is not the name of an environment variable; write a name like IMGMILL_WEBHOOK_SECRET, "+
				"and put the secret into that variable")
		case strings.HasPrefix(n.SecretEnv, "AWS_"), strings.HasPrefix(n.SecretEnv, "LAMBDA_"):
			rep.add(name+".secret_env", "begins with a prefix that AWS reserves; choose another name")
		}
		if len(n.Events) == 0 {
			rep.add(name+".events", "is empty; list some of %s, or leave it out for all", strings.Join(noticeWords(), ", "))
		}
		for j, e := range n.Events {
			at := fmt.Sprintf("%s.events[%d]", name, j)
			if !slices.Contains(notices, e) {
				rep.add(at, "%s", notOneOf(string(e), notices))
			} else if slices.Contains(n.Events[:j], e) {
				rep.add(at, "%q is listed twice; remove one", e)
			}
		}
	}
}

func noticeWords() (words []string) {
	for _, n := range notices {
		words = append(words, string(n))
	}
	return words
}

// checkTo reports what is wrong with a destination. It does not quote one that may contain a secret.
func (n Notify) checkTo() error {
	if n.To == "" {
		return errors.New("is missing; write the URL of a webhook, an ARN, or nats://HOST:PORT/SUBJECT")
	}
	if strings.HasPrefix(n.To, "arn:") {
		m := notifyARN.FindStringSubmatch(n.To)
		ok := m != nil && (m[1] == "events" && busName.MatchString(m[2]) || m[1] != "events" && queueName.MatchString(m[2]))
		if !ok {
			return fmt.Errorf("%q is not the ARN of an event bus, a topic or a queue; write one like "+
				"arn:aws:sns:eu-west-1:123456789012:pictures", n.To)
		}
		return nil
	}
	u, err := url.Parse(n.To)
	switch {
	case err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "nats", "tls"}, u.Scheme):
		return errors.New("is neither a URL nor an ARN; write one like https://example.com/hooks, " +
			"arn:aws:sns:eu-west-1:123456789012:pictures or nats://127.0.0.1:4222/pictures")
	case u.User != nil:
		return errors.New("contains credentials; take them out, and name an environment variable as secret_env")
	case u.Fragment != "":
		return errors.New("has a fragment (#), which is never sent; leave it out")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("is not encrypted; write https://, since only an address of this machine may do without")
	case !n.IsWebhook() && (!subject.MatchString(strings.TrimPrefix(u.Path, "/")) || u.RawQuery != ""):
		return fmt.Errorf("names no subject; write it like %s://%s/pictures.done", u.Scheme, u.Host)
	}
	return nil
}

// isLoopback reports whether a host is this machine, without looking up a name.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
