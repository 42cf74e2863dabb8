// Package event parses events about objects into changes: S3 notifications, alone or inside SQS
// messages, SNS messages or both; EventBridge events; S3 Batch Operations tasks; the notifications of
// MinIO, RustFS, versitygw, Ceph and S3's emulators; and those of SeaweedFS, Cloudflare R2, Google
// Cloud Storage and Azure Blob Storage, which have forms of their own. It also builds the
// notifications that S3 sends, and the responses that SQS and S3 Batch Operations expect from a
// Lambda function.
//
// An invalid record never hides the others. The package never asks a store whether a change is true
// or still the latest, and never decides whether an object is of interest. It never decodes a key
// that was certainly not encoded; if that is uncertain, the change has both readings.
//
// The structures are those of the Amazon S3 User Guide ("Event message structure", "EventBridge
// event message structure", "Invoke AWS Lambda function"), the SNS Developer Guide ("Amazon SNS
// message and JSON formats") and the Lambda Developer Guide ("Using Lambda with Amazon SQS").
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Shape is the kind of the outermost envelope of an event, which determines the response that its
// sender expects.
type Shape string

const (
	ShapeS3          Shape = "s3"          // notification of S3 or a compatible server, including s3:TestEvent
	ShapeSQS         Shape = "sqs"         // messages of a queue, passed to a Lambda function
	ShapeSNS         Shape = "sns"         // notification of a topic, as passed to a Lambda function or stored in a queue
	ShapeEventBridge Shape = "eventbridge" // one event of an event bus
	ShapeBatch       Shape = "s3batch"     // tasks of an S3 Batch Operations job
	ShapeSeaweedFS   Shape = "seaweedfs"   // one change of a filer
	ShapeR2          Shape = "r2"          // one message of a Cloudflare queue
	ShapePubSub      Shape = "pubsub"      // one message that a push subscription delivers
	ShapeEventGrid   Shape = "eventgrid"   // list of events, or one CloudEvent, of Azure Event Grid
)

// Event is the content of one body. Items is never empty, and every SQS message and every task has
// at least one item: a caller that acknowledges all items acknowledges all messages.
type Event struct {
	Shape Shape
	Items []Item
	Batch *Batch // nil unless Shape is ShapeBatch
}

// Item is one record. If either Err or Ignored is set, Change is zero.
type Item struct {
	// ID is the ID of the SQS message or the batch task, or empty. All records of a message have
	// its ID.
	ID     string
	Change Change
	// Ignored is the reason why a valid record requires no action: it is a test event, a change of
	// tags, or there are no records at all. Such an item should be acknowledged.
	Ignored string
	// Err is the reason why a record is invalid. A retry cannot succeed.
	Err error
}

// Batch holds the values of an S3 Batch Operations invocation that its response must repeat.
type Batch struct {
	SchemaVersion string // "1.0" or "2.0"
	InvocationID  string
	JobID         string
}

const (
	// maxBody exceeds the limit of every sender: Lambda passes up to 6 MB, SQS messages have up to
	// 1 MiB.
	maxBody = 8 << 20
	// maxRecords exceeds the limit of every sender: SQS passes up to 10,000 messages, and an S3
	// notification has one record.
	maxRecords = 50_000
	// maxEnvelopes is the depth of the deepest nesting that senders use: SQS, SNS, S3.
	maxEnvelopes = 3
)

// Parse parses one body of any shape. The error concerns the body as a whole: it is not JSON, has
// no known shape, or exceeds a limit. An error in one record is the Err of its item.
func Parse(body []byte) (Event, error) {
	if len(body) > maxBody {
		return Event{}, fmt.Errorf("the event is %d bytes long, the limit is %d", len(body), maxBody)
	}
	// Decoding would replace an invalid byte by U+FFFD and so change a key. RFC 8259, section 8.1
	// requires UTF-8.
	if !utf8.Valid(body) {
		return Event{}, errors.New("the event is not valid UTF-8")
	}
	p := parser{left: maxRecords}
	e, err := p.body(body, 1)
	if p.left < 0 {
		return Event{}, errTooMany
	}
	if err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	return e, nil
}

var errTooMany = fmt.Errorf("the event has more than %d records", maxRecords)

// parser is the state that all nested bodies share.
type parser struct {
	left int // records that are still allowed
}

// body detects the shape of a body by the names of its members, which differ between all shapes,
// and parses it. Depth is the number of envelopes, including this one.
func (p *parser) body(body []byte, depth int) (Event, error) {
	if depth > maxEnvelopes {
		return Event{}, fmt.Errorf("more than %d nested envelopes", maxEnvelopes)
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) && json.Valid(body) {
		return p.grid(body)
	}
	m, err := members(body)
	if err != nil {
		return Event{}, err
	}
	switch {
	case m["Records"] != nil:
		return p.records(m["Records"], depth)
	case m["detail-type"] != nil && m["detail"] != nil:
		return Event{Shape: ShapeEventBridge, Items: []Item{bridged(body)}}, nil
	case m["Type"] != nil && m["Message"] != nil:
		return Event{Shape: ShapeSNS, Items: p.published(body, depth)}, nil
	case m["invocationId"] != nil && m["tasks"] != nil:
		return p.tasks(body)
	case m["Event"] != nil && m["Bucket"] != nil:
		return testEvent(m["Event"])
	case m["event_type"] != nil && m["key"] != nil:
		return Event{Shape: ShapeSeaweedFS, Items: filed(body)}, nil
	case m["action"] != nil && m["object"] != nil:
		return Event{Shape: ShapeR2, Items: []Item{queued(body)}}, nil
	case m["message"] != nil && m["subscription"] != nil:
		return Event{Shape: ShapePubSub, Items: []Item{pushed(m["message"])}}, nil
	case m["specversion"] != nil && m["type"] != nil:
		return Event{Shape: ShapeEventGrid, Items: blobbed(body)}, nil
	}
	return Event{}, errors.New("none of the known shapes")
}

// members returns the members of a JSON object that identify its shape, and checks the syntax of
// the rest. Names are compared exactly, unlike in Go's struct decoding: other services send
// "records".
func members(body []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	} else if start != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	m := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		switch name {
		case "Records", "detail-type", "detail", "Type", "Message", "invocationId", "tasks", "Event", "Bucket",
			"event_type", "key", "action", "object", "message", "subscription", "specversion", "type":
			m[name.(string)] = value
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("unexpected data after the JSON object")
	}
	return m, nil
}

// records parses the list that S3, SQS and SNS all call "Records". Each record names its source.
func (p *parser) records(list json.RawMessage, depth int) (Event, error) {
	records, err := p.elements(list)
	if err != nil {
		return Event{}, fmt.Errorf("records: %w", err)
	}
	e := Event{Shape: ShapeS3}
	for i, record := range records {
		shape, items := p.record(record, depth)
		if i == 0 {
			e.Shape = shape
		}
		for j := range items {
			if items[j].Err != nil {
				items[j].Err = fmt.Errorf("record %d: %w", i, items[j].Err)
			}
		}
		e.Items = append(e.Items, items...)
	}
	if e.Items == nil {
		e.Items = []Item{{Ignored: "no records"}}
	}
	return e, nil
}

// record parses one element of that list.
func (p *parser) record(record json.RawMessage, depth int) (Shape, []Item) {
	var head struct {
		EventSource string // SNS calls it EventSource, the others eventSource; decoding ignores case
	}
	if err := json.Unmarshal(record, &head); err != nil {
		return ShapeS3, []Item{{Err: err}}
	}
	switch head.EventSource {
	case "aws:sqs":
		return ShapeSQS, p.message(record, depth)
	case "aws:sns":
		return ShapeSNS, p.topicRecord(record, depth)
	}
	return ShapeS3, []Item{notified(record)}
}

// elements splits a list without parsing its elements, and fails once the event has too many of
// them.
func (p *parser) elements(list json.RawMessage) ([]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(list))
	if start, err := dec.Token(); err != nil {
		return nil, err
	} else if start != json.Delim('[') {
		return nil, errors.New("not a list")
	}
	var all []json.RawMessage
	for dec.More() {
		if p.left--; p.left < 0 {
			return nil, errTooMany
		}
		var one json.RawMessage
		if err := dec.Decode(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
