// Package event turns what tells of object changes into changes: S3 notifications, alone or inside SQS, SNS and both;
// EventBridge events; S3 Batch Operations tasks; and what MinIO and versitygw send in S3's name. It also builds the
// notification that an S3 sends, and the responses that SQS and S3 Batch Operations expect of a Lambda function.
//
// One bad record never hides the others. The package never asks a store whether a change is true or still the latest,
// and never decides whether an object is of interest.
//
// Structures are those of the Amazon S3 User Guide ("Event message structure", "EventBridge event message structure",
// "Invoke AWS Lambda function"), the SNS Developer Guide ("Amazon SNS message and JSON formats") and the Lambda Developer
// Guide ("Using Lambda with Amazon SQS").
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Shape is the outermost envelope of an event: what sort of answer its sender waits for.
type Shape string

const (
	ShapeS3          Shape = "s3"          // notification of S3 or its like, s3:TestEvent among them
	ShapeSQS         Shape = "sqs"         // messages of a queue, handed to a Lambda function
	ShapeSNS         Shape = "sns"         // notification of a topic, as Lambda gets it or as a queue holds it
	ShapeEventBridge Shape = "eventbridge" // one event of a bus
	ShapeBatch       Shape = "s3batch"     // tasks of an S3 Batch Operations job
)

// Event is what one body says. Items is never empty, and every SQS message and every task has at least one item, so that
// whoever settles all items settles all messages.
type Event struct {
	Shape Shape
	Items []Item
	Batch *Batch // of ShapeBatch, else nil
}

// Item is one record. If Err and Ignored are both empty it is a Change; otherwise Change holds nothing.
type Item struct {
	// ID is the SQS message ID or the batch task ID, else empty. The records of one message share it.
	ID     string
	Change Change
	// Ignored says why a record that is in order asks for nothing: a test event, a change of tags, no records at all. It
	// is to be acknowledged.
	Ignored string
	// Err says why a record cannot be read. Trying again does not help.
	Err error
}

// Batch is what the answer to an S3 Batch Operations invocation repeats.
type Batch struct {
	SchemaVersion string // "1.0" or "2.0"
	InvocationID  string
	JobID         string
}

const (
	// maxBody is over every sender's bound: Lambda passes 6 MB, SQS messages have 1 MiB.
	maxBody = 8 << 20
	// maxRecords is over every sender's bound: SQS hands over 10,000 messages at most, each S3 notification has one record.
	maxRecords = 50_000
	// maxEnvelopes is how deep senders nest: SQS, SNS, S3.
	maxEnvelopes = 3
)

// Parse reads one body of any shape. The error is for a body as a whole: not JSON, no known shape, over a bound.
// What concerns one record is that item's Err.
func Parse(body []byte) (Event, error) {
	if len(body) > maxBody {
		return Event{}, fmt.Errorf("event of %d bytes, over %d", len(body), maxBody)
	}
	// Decoding would replace a wrong byte by U+FFFD, which makes another key of it (RFC 8259, 8.1 wants UTF-8).
	if !utf8.Valid(body) {
		return Event{}, errors.New("event is not UTF-8")
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

var errTooMany = fmt.Errorf("event of more than %d records", maxRecords)

// parser carries what all nested bodies share: how many more records may come.
type parser struct{ left int }

// body tells a body's shape by the names of its members, which do not overlap between shapes, and reads it. Depth counts
// the envelopes, this one included.
func (p *parser) body(body []byte, depth int) (Event, error) {
	if depth > maxEnvelopes {
		return Event{}, fmt.Errorf("more than %d envelopes", maxEnvelopes)
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
	}
	return Event{}, errors.New("none of the known shapes")
}

// members reads the members of an object by which a shape is told and checks the rest. Names count exactly, unlike those
// of Go's struct decoding: other services send "records".
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
		case "Records", "detail-type", "detail", "Type", "Message", "invocationId", "tasks", "Event", "Bucket":
			m[name.(string)] = value
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return m, nil
}

// records reads the list that S3, SQS and SNS all call "Records". Each record names its source.
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

func (p *parser) record(record json.RawMessage, depth int) (Shape, []Item) {
	var head struct {
		EventSource string // SNS writes EventSource, the others eventSource; decoding ignores case
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

// elements splits a list without reading its elements, and stops when the event has too many of them.
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
