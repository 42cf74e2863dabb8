package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/awscall"
)

// service is an event bus, a topic or a queue of AWS.
type service struct {
	*awscall.Service
	arn, account, resource string
}

// newService returns the destination of an ARN, which the recipe has checked.
func newService(arn string, o Options) *service {
	part := strings.SplitN(arn, ":", 6)
	variable := map[string]string{"events": "EVENTBRIDGE", "sns": "SNS", "sqs": "SQS"}[part[2]]
	return &service{awscall.Open(part[2], variable, part[1], part[3], o.Getenv, o.Credentials), arn, part[4], part[5]}
}

// snsVersion is that of the API of SNS.
const snsVersion = "2010-03-31"

// isFIFO reports whether a queue or topic keeps an order within groups of messages.
func (s *service) isFIFO() bool { return strings.HasSuffix(s.resource, ".fifo") }

// queueURL is how the API names a queue.
func (s *service) queueURL() string { return s.Endpoint + "/" + s.account + "/" + s.resource }

// group is the group of messages that an event belongs to: that of its upload.
func group(e Event) string {
	sum := sha256.Sum256([]byte(e.Source + "/" + e.Subject))
	return hex.EncodeToString(sum[:16])
}

// send implements sender.
func (s *service) send(ctx context.Context, e Event, body []byte) error {
	switch s.Name {
	case "sns":
		return s.publish(ctx, e, body)
	case "sqs":
		return s.sendMessage(ctx, e, body)
	}
	return s.putEvents(ctx, e, body)
}

// sendMessage sends to a queue (Amazon SQS API Reference, SendMessage).
func (s *service) sendMessage(ctx context.Context, e Event, body []byte) error {
	attribute := func(value string) map[string]string {
		return map[string]string{"DataType": "String", "StringValue": value}
	}
	in := map[string]any{
		"QueueUrl": s.queueURL(), "MessageBody": string(body),
		"MessageAttributes": map[string]any{"content-type": attribute(mediaType), "type": attribute(e.Type)},
	}
	if s.isFIFO() {
		in["MessageGroupId"], in["MessageDeduplicationId"] = group(e), e.ID
	}
	_, err := s.JSON(ctx, "1.0", "AmazonSQS.SendMessage", in)
	return sent(err)
}

// putEvents sends to an event bus (Amazon EventBridge API Reference, PutEvents). Part of the answer is whether
// the entry was taken.
func (s *service) putEvents(ctx context.Context, e Event, body []byte) error {
	answer, err := s.JSON(ctx, "1.1", "AWSEvents.PutEvents", map[string]any{"Entries": []any{map[string]any{
		"EventBusName": s.arn, "Source": "imgmill", "DetailType": e.Type, "Detail": string(body), "Time": e.Time.Unix(),
	}}})
	if err != nil {
		return sent(err)
	}
	var out struct {
		Entries []struct{ ErrorCode, ErrorMessage string }
	}
	if err := json.Unmarshal(answer, &out); err != nil || len(out.Entries) != 1 {
		return errors.New("it answers with what is no result of PutEvents")
	}
	if e := out.Entries[0]; e.ErrorCode != "" {
		return sent(&awscall.Fault{Status: http.StatusOK, Code: e.ErrorCode, Message: e.ErrorMessage})
	}
	return nil
}

// publish sends to a topic (Amazon SNS API Reference, Publish).
func (s *service) publish(ctx context.Context, e Event, body []byte) error {
	in := url.Values{
		"TopicArn": {s.arn}, "Message": {string(body)},
		// Subscriptions can filter by it.
		"MessageAttributes.entry.1.Name": {"type"}, "MessageAttributes.entry.1.Value.DataType": {"String"},
		"MessageAttributes.entry.1.Value.StringValue": {e.Type},
	}
	if s.isFIFO() {
		in.Set("MessageGroupId", group(e))
		in.Set("MessageDeduplicationId", e.ID)
	}
	return sent(s.Query(ctx, "Publish", snsVersion, in))
}

// Check asks whether the target of an ARN exists: EventBridge takes events for a bus that does not, and drops
// them. It needs events:DescribeEventBus, sns:GetTopicAttributes or sqs:GetQueueAttributes.
func Check(ctx context.Context, arn string, o Options) error {
	s := newService(arn, o)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	switch s.Name {
	case "sns":
		err = s.Query(ctx, "GetTopicAttributes", snsVersion, url.Values{"TopicArn": {arn}})
	case "sqs":
		_, err = s.JSON(ctx, "1.0", "AmazonSQS.GetQueueAttributes", map[string]any{
			"QueueUrl": s.queueURL(), "AttributeNames": []string{"QueueArn"}})
	default:
		_, err = s.JSON(ctx, "1.1", "AWSEvents.DescribeEventBus", map[string]any{"Name": strings.TrimPrefix(s.resource, "event-bus/")})
	}
	return err
}

// sent returns the error of a call, which another attempt may change or not.
func sent(err error) error {
	switch fault, ok := errors.AsType[*awscall.Fault](err); {
	case err == nil:
		return nil
	case !ok:
		return unanswered(err)
	case fault.Passes():
		return fault
	default:
		return &refusal{fault}
	}
}
