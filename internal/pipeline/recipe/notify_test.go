package recipe

import (
	"slices"
	"strings"
	"testing"
)

func TestNotify(t *testing.T) {
	r := parse(t, buckets+`
notify:
  - {to: "https://example.com/hooks?a=1", secret_env: HOOK, events: [failed]}
  - {to: "http://127.0.0.1:8080/hooks", secret_env: HOOK}
  - {to: "arn:aws:events:eu-west-1:123456789012:event-bus/default"}
  - {to: "arn:aws-cn:sns:cn-north-1:123456789012:pictures.fifo"}
  - {to: "arn:aws:sqs:eu-west-1:123456789012:pictures"}
  - {to: "nats://127.0.0.1:4222/pictures.done", secret_env: NATS}
  - {to: "tls://nats.example.com/pictures"}
`)
	var services []string
	for _, n := range r.Notify {
		services = append(services, n.Service())
	}
	if want := []string{"", "", "events", "sns", "sqs", "", ""}; !slices.Equal(services, want) {
		t.Errorf("services %q, want %q", services, want)
	}
	if r.Notify[0].Wants(NoticeDone) || !r.Notify[0].Wants(NoticeFailed) || !r.Notify[1].Wants(NoticeRemoved) {
		t.Errorf("events %v and %v", r.Notify[0].Events, r.Notify[1].Events)
	}
	if r.Notify[0].OnThisMachine() || !r.Notify[1].OnThisMachine() || r.Notify[4].OnThisMachine() || !r.Notify[5].OnThisMachine() {
		t.Error("which destinations are on this machine?")
	}
	if got := r.NotifySecrets(); !slices.Equal(got, []string{"HOOK", "NATS"}) {
		t.Errorf("secrets %v", got)
	}
	if got := r.NotifyARNs(); len(got) != 3 {
		t.Errorf("ARNs %v", got)
	}
	if parse(t, buckets).Fingerprint(r.Variants[0]) != r.Fingerprint(r.Variants[0]) {
		t.Error("who is told makes variants stale")
	}
}

// TestNotifyOfTheExample parses what the example shows in a comment.
func TestNotifyOfTheExample(t *testing.T) {
	text := strings.NewReplacer("notify: []", "notify:", "#   - {to:", "  - {to:").Replace(string(Example(all)))
	if r := parse(t, text); len(r.Notify) != 2 {
		t.Errorf("the example has %d destinations", len(r.Notify))
	}
}

func TestProblemsOfNotify(t *testing.T) {
	for to, want := range map[string]string{
		`""`:                      "is missing",
		`"hooks"`:                 "neither a URL nor an ARN",
		`"ftp://example.com/"`:    "neither a URL nor an ARN",
		`"http://example.com/"`:   "not encrypted",
		`"http://10.0.0.1/"`:      "not encrypted",
		`"https://me:pw@a.com/"`:  "contains credentials",
		`"https://a.com/#x"`:      "fragment",
		`"nats://127.0.0.1:4222"`: "names no subject",
		`"nats://127.0.0.1/a.*"`:  "names no subject",
		`"arn:aws:s3:::bucket"`:   "is not the ARN",
		`"arn:aws:events:eu-west-1:123456789012:rule/a"`:        "is not the ARN",
		`"arn:aws:sqs:eu-west-1:12345678901:a"`:                 "is not the ARN",
		`"arn:aws:sqs:eu-west-1:123456789012:a", secret_env: A`: "has no effect for an ARN",
		`"https://a.com/"`:                                      "secret_env: is missing",
		`"https://a.com/", secret_env: "whsec_+/="`:             "is not the name",
		`"https://a.com/", secret_env: AWS_SECRET`:              "AWS reserves",
		`"https://a.com/", secret_env: A, events: []`:           "events: is empty",
		`"https://a.com/", secret_env: A, events: [gone]`:       `"gone" is not valid`,
		`"https://a.com/", secret_env: A, events: [done, done]`: "listed twice",
		`"https://a.com/", secret: A`:                           "unknown setting; known here: events, secret_env, to",
	} {
		_, err := Parse(all, "imgmill.yaml", []byte(buckets+"notify:\n  - {to: "+to+"}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "whsec_") {
			t.Errorf("%s: the problem quotes a secret: %v", to, err)
		}
	}
	twice := "notify:\n  - {to: 'arn:aws:sqs:eu-west-1:123456789012:a'}\n  - {to: 'arn:aws:sqs:eu-west-1:123456789012:a'}\n"
	if _, err := Parse(all, "imgmill.yaml", []byte(buckets+twice)); err == nil || !strings.Contains(err.Error(), "imgmill.yaml:5: notify[1].to: ") {
		t.Errorf("twice: %v", err)
	}
}
