package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// service is an event bus, a topic or a queue of AWS. It is called by HTTP, with the signer of the SDK: the three
// clients of the SDK would add to the start-up time of a function, for one call each.
type service struct {
	arn                   string
	name, region, account string
	resource              string
	endpoint              string
	credentials           aws.CredentialsProvider
	client                *http.Client
}

// newService returns the destination of an ARN, which the recipe has checked.
func newService(arn string, o Options) *service {
	part := strings.SplitN(arn, ":", 6)
	s := &service{
		arn: arn, name: part[2], region: part[3], account: part[4], resource: part[5], credentials: o.Credentials,
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	variable := map[string]string{"events": "EVENTBRIDGE", "sns": "SNS", "sqs": "SQS"}[s.name]
	s.endpoint = cmp.Or(o.Getenv("AWS_ENDPOINT_URL_"+variable), o.Getenv("AWS_ENDPOINT_URL"))
	if s.endpoint == "" {
		domain := "amazonaws.com"
		if part[1] == "aws-cn" {
			domain += ".cn"
		}
		s.endpoint = fmt.Sprintf("https://%s.%s.%s", s.name, s.region, domain)
	}
	s.endpoint = strings.TrimSuffix(s.endpoint, "/")
	return s
}

// isFIFO reports whether a queue or topic keeps an order within groups of messages.
func (s *service) isFIFO() bool { return strings.HasSuffix(s.resource, ".fifo") }

// queueURL is how the API names a queue.
func (s *service) queueURL() string { return s.endpoint + "/" + s.account + "/" + s.resource }

// group is the group of messages that an event belongs to: that of its upload.
func group(e Event) string {
	sum := sha256.Sum256([]byte(e.Source + "/" + e.Subject))
	return hex.EncodeToString(sum[:16])
}

// send implements sender.
func (s *service) send(ctx context.Context, e Event, body []byte) error {
	switch s.name {
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
	_, err := s.call(ctx, "AmazonSQS.SendMessage", in)
	return err
}

// putEvents sends to an event bus (Amazon EventBridge API Reference, PutEvents). Part of the answer is whether
// the entry was taken.
func (s *service) putEvents(ctx context.Context, e Event, body []byte) error {
	answer, err := s.call(ctx, "AWSEvents.PutEvents", map[string]any{"Entries": []any{map[string]any{
		"EventBusName": s.arn, "Source": "imgmill", "DetailType": e.Type, "Detail": string(body), "Time": e.Time.Unix(),
	}}})
	if err != nil {
		return err
	}
	var out struct {
		FailedEntryCount int
		Entries          []struct{ ErrorCode, ErrorMessage string }
	}
	if err := json.Unmarshal(answer, &out); err != nil || len(out.Entries) != 1 {
		return fmt.Errorf("it answers with what is no result of PutEvents")
	}
	if code := out.Entries[0].ErrorCode; code != "" {
		return s.fault(http.StatusOK, code, out.Entries[0].ErrorMessage)
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
	return s.query(ctx, "Publish", in)
}

// Check asks whether the target of an ARN exists: EventBridge takes events for a bus that does not, and drops
// them. It needs events:DescribeEventBus, sns:GetTopicAttributes or sqs:GetQueueAttributes.
func Check(ctx context.Context, arn string, o Options) error {
	s := newService(arn, o)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	switch s.name {
	case "sns":
		err = s.query(ctx, "GetTopicAttributes", url.Values{"TopicArn": {arn}})
	case "sqs":
		_, err = s.call(ctx, "AmazonSQS.GetQueueAttributes", map[string]any{
			"QueueUrl": s.queueURL(), "AttributeNames": []string{"QueueArn"}})
	default:
		_, err = s.call(ctx, "AWSEvents.DescribeEventBus", map[string]any{"Name": strings.TrimPrefix(s.resource, "event-bus/")})
	}
	return err
}

// call calls an operation of a service that speaks JSON.
func (s *service) call(ctx context.Context, target string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, refused("%w", err)
	}
	version := "1.1"
	if s.name == "sqs" {
		version = "1.0"
	}
	status, answer, err := s.post(ctx, body, map[string]string{
		"Content-Type": "application/x-amz-json-" + version, "X-Amz-Target": target})
	if err != nil || status == http.StatusOK {
		return answer, err
	}
	var fault struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	json.Unmarshal(answer, &fault) // without them, the status says it
	return nil, s.fault(status, fault.Type[strings.LastIndexByte(fault.Type, '#')+1:], fault.Message)
}

// query calls an operation of SNS, which speaks the Query protocol.
func (s *service) query(ctx context.Context, action string, in url.Values) error {
	in.Set("Action", action)
	in.Set("Version", "2010-03-31")
	status, answer, err := s.post(ctx, []byte(in.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
	if err != nil || status == http.StatusOK {
		return err
	}
	var fault struct {
		Error struct{ Code, Message string }
	}
	xml.Unmarshal(answer, &fault) // without them, the status says it
	return s.fault(status, fault.Error.Code, fault.Error.Message)
}

// maxAnswer bounds the bytes of an answer that are read.
const maxAnswer = 64 << 10

// post sends a signed request.
func (s *service) post(ctx context.Context, body []byte, header map[string]string) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, refused("%w", err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	keys, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), s.name, s.region, time.Now()); err != nil {
		return 0, nil, refused("sign: %w", err)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, nil, unanswered(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, err
}

// fault returns the error of a call. Those that pass are throttling and faults of the service.
func (s *service) fault(status int, code, message string) error {
	text := strings.Trim(fmt.Sprintf("%s: %s", code, message), ": ")
	if text == "" {
		text = fmt.Sprintf("it answers %d %s", status, http.StatusText(status))
	}
	passes := status >= 500 || status == http.StatusTooManyRequests || strings.Contains(code, "Throttl") ||
		code == "InternalFailure" || code == "InternalException"
	if passes {
		return fmt.Errorf("%s", text)
	}
	return refused("%s", text)
}
