package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

var keys = credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")

// TestServices compares what is sent with the API references of the three services.
func TestServices(t *testing.T) {
	e := sample()
	body, err := e.encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arn, target, scope string
		answer             string
		want               map[string]any
	}{
		{"arn:aws:sqs:eu-west-1:123456789012:q", "AmazonSQS.SendMessage", "/eu-west-1/sqs/aws4_request", "{}",
			map[string]any{"MessageBody": string(body), "QueueUrl": "URL/123456789012/q"}},
		{"arn:aws:sqs:eu-west-1:123456789012:q.fifo", "AmazonSQS.SendMessage", "/eu-west-1/sqs/aws4_request", "{}",
			map[string]any{"MessageDeduplicationId": e.ID, "MessageGroupId": group(e)}},
		{"arn:aws:events:us-east-1:123456789012:event-bus/b", "AWSEvents.PutEvents", "/us-east-1/events/aws4_request",
			`{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`, map[string]any{"Entries": nil}},
		{"arn:aws:sns:eu-north-1:123456789012:t", "", "/eu-north-1/sns/aws4_request", "<PublishResponse/>",
			map[string]any{"Action": "Publish", "TopicArn": "arn:aws:sns:eu-north-1:123456789012:t", "Message": string(body)}},
	} {
		var got map[string]any
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			data, _ := io.ReadAll(r.Body)
			if !strings.Contains(r.Header.Get("Authorization"), test.scope) || r.Header.Get("X-Amz-Target") != test.target {
				t.Errorf("%s: %v", test.arn, r.Header)
			}
			if form, err := url.ParseQuery(string(data)); test.target == "" && err == nil {
				got = map[string]any{}
				for name := range form {
					got[name] = form.Get(name)
				}
			} else if err := json.Unmarshal(data, &got); err != nil {
				t.Error(err)
			}
			io.WriteString(w, test.answer)
		}))
		n, err := Open([]recipe.Notify{{To: test.arn, Events: all}},
			Options{Getenv: environment(map[string]string{"AWS_ENDPOINT_URL": server.URL}), Credentials: keys})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Send(t.Context(), e, nil); err != nil {
			t.Errorf("%s: %v", test.arn, err)
		}
		server.Close()
		for name, want := range test.want {
			if text, ok := want.(string); ok {
				want = strings.Replace(text, "URL", server.URL, 1)
			} else {
				entry := got[name].([]any)[0].(map[string]any)
				name, got["Detail"], want = "Detail", entry["Detail"], string(body)
				if entry["Source"] != "imgmill" || entry["EventBusName"] != test.arn || entry["DetailType"] != e.Type {
					t.Errorf("%v", entry)
				}
			}
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", test.arn, name, got[name], want)
			}
		}
	}
}

func TestServiceErrors(t *testing.T) {
	for _, test := range []struct {
		arn    string
		status int
		answer string
		want   string
		passes bool
	}{
		{"arn:aws:events:us-east-1:123456789012:event-bus/b", 200,
			`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate"}]}`, "ThrottlingException: Rate", true},
		{"arn:aws:events:us-east-1:123456789012:event-bus/b", 200,
			`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"AccessDeniedException","ErrorMessage":"No"}]}`, "AccessDeniedException: No", false},
		{"arn:aws:events:us-east-1:123456789012:event-bus/b", 200, `<html>`, "no result of PutEvents", true},
		{"arn:aws:sqs:us-east-1:123456789012:q", 400, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}`,
			"QueueDoesNotExist: gone", false},
		{"arn:aws:sqs:us-east-1:123456789012:q", 503, ``, "503 Service Unavailable", true},
		{"arn:aws:sns:us-east-1:123456789012:q", 403, `<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>`,
			"AuthorizationError: no", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			io.WriteString(w, test.answer)
		}))
		s := newService(test.arn, Options{Getenv: environment(map[string]string{"AWS_ENDPOINT_URL": server.URL}), Credentials: keys})
		err := s.send(t.Context(), sample(), []byte("{}"))
		server.Close()
		_, final := err.(*refusal)
		if err == nil || !strings.Contains(err.Error(), test.want) || final == test.passes {
			t.Errorf("%s: %v (final: %v), want %s", test.answer, err, final, test.want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:events:eu-west-1:123456789012:event-bus/default": "https://events.eu-west-1.amazonaws.com",
		"arn:aws-cn:sqs:cn-north-1:123456789012:q":                "https://sqs.cn-north-1.amazonaws.com.cn",
		"arn:aws-us-gov:sns:us-gov-west-1:123456789012:t":         "https://sns.us-gov-west-1.amazonaws.com",
	} {
		if got := newService(arn, Options{Getenv: environment(nil)}).Endpoint; got != want {
			t.Errorf("%s: %s, want %s", arn, got, want)
		}
	}
}

// TestAWSEvents sends to a bus, a topic and a queue of an emulator (.ci/aws), and reads what arrives in the queue, which
// is a target of all.
func TestAWSEvents(t *testing.T) {
	endpoint := os.Getenv("IMGMILL_AWS_ENDPOINT")
	if endpoint == "" {
		t.Skip("IMGMILL_AWS_ENDPOINT names no emulator")
	}
	o := Options{Getenv: environment(map[string]string{"AWS_ENDPOINT_URL": endpoint}),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	account := map[string]string{"ministack": "000000000000", "moto": "123456789012"}[os.Getenv("IMGMILL_AWS_EMULATOR")]
	queue := newService("arn:aws:sqs:us-east-1:"+account+":notify", o)
	if _, err := queue.JSON(t.Context(), "1.0", "AmazonSQS.CreateQueue", map[string]any{"QueueName": "notify"}); err != nil {
		t.Fatal(err)
	}
	topic := newService("arn:aws:sns:us-east-1:"+account+":notify", o)
	if err := topic.Query(t.Context(), "CreateTopic", snsVersion, url.Values{"Name": {"notify"}}); err != nil {
		t.Fatal(err)
	}
	if err := topic.Query(t.Context(), "Subscribe", snsVersion, url.Values{"TopicArn": {topic.arn}, "Protocol": {"sqs"}, "Endpoint": {queue.arn},
		"Attributes.entry.1.key": {"RawMessageDelivery"}, "Attributes.entry.1.value": {"true"}}); err != nil {
		t.Fatal(err)
	}
	bus := newService("arn:aws:events:us-east-1:"+account+":event-bus/notify", o)
	for _, call := range []struct {
		target string
		in     map[string]any
	}{
		{"AWSEvents.CreateEventBus", map[string]any{"Name": "notify"}},
		{"AWSEvents.PutRule", map[string]any{"Name": "all", "EventBusName": "notify", "EventPattern": `{"source":["imgmill"]}`}},
		{"AWSEvents.PutTargets", map[string]any{"Rule": "all", "EventBusName": "notify",
			"Targets": []any{map[string]any{"Id": "1", "Arn": queue.arn}}}},
	} {
		if _, err := bus.JSON(t.Context(), "1.1", call.target, call.in); err != nil {
			t.Fatal(err)
		}
	}
	e := sample()
	var list []recipe.Notify
	for _, s := range []*service{queue, topic, bus} {
		list = append(list, recipe.Notify{To: s.arn, Events: all})
		if err := Check(t.Context(), s.arn, o); err != nil {
			t.Errorf("%s: %v", s.arn, err)
		}
		if err := Check(t.Context(), s.arn+"-none", o); err == nil {
			t.Errorf("%s-none exists", s.arn)
		}
	}
	n, err := Open(list, o)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := n.Send(t.Context(), e, nil); err != nil {
		t.Fatal(rest, err)
	}
	found := map[string]bool{}
	for range 20 {
		answer, err := queue.JSON(t.Context(), "1.0", "AmazonSQS.ReceiveMessage",
			map[string]any{"QueueUrl": queue.queueURL(), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1,
				"MessageAttributeNames": []string{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		var out struct {
			Messages []struct {
				MessageID         string `json:"MessageId"`
				Body              string
				MessageAttributes map[string]any
			}
		}
		if err := json.Unmarshal(answer, &out); err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			var wrapped struct{ Detail json.RawMessage }
			text, by := m.Body, m.MessageID
			if json.Unmarshal([]byte(m.Body), &wrapped); wrapped.Detail != nil {
				text = string(wrapped.Detail)
			}
			var got Event
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.ID != e.ID || got.Subject != e.Subject {
				t.Errorf("%s: %v", m.Body, err)
				continue
			}
			found[by] = true
		}
		if len(found) == 3 {
			return
		}
	}
	t.Errorf("%d of 3 ways have brought the event", len(found))
}
