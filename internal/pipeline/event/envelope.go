package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// message parses a message of a queue, whose body has any other shape. It returns at least one
// item, all with the message's ID.
func (p *parser) message(record json.RawMessage, depth int) []Item {
	var m struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	}
	if err := json.Unmarshal(record, &m); err != nil {
		return []Item{{ID: m.MessageID, Err: err}}
	}
	items := p.inner(m.Body, depth)
	for i := range items {
		items[i].ID = m.MessageID
	}
	return items
}

// topicRecord parses the notification of a topic as it is passed to a Lambda function.
func (p *parser) topicRecord(record json.RawMessage, depth int) []Item {
	var r struct {
		Sns json.RawMessage
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return []Item{{Err: err}}
	}
	if r.Sns == nil {
		return []Item{{Err: errors.New("no Sns member")}}
	}
	return p.published(r.Sns, depth)
}

// published parses the notification of a topic, which is the same for a Lambda function and in a
// queue.
func (p *parser) published(envelope []byte, depth int) []Item {
	var n struct {
		Type, Message string
	}
	if err := json.Unmarshal(envelope, &n); err != nil {
		return []Item{{Err: fmt.Errorf("sns: %w", err)}}
	}
	if n.Type == "" {
		return []Item{{Err: errors.New("sns: no type")}}
	}
	// The other types (SubscriptionConfirmation, UnsubscribeConfirmation) are for the person who
	// set up the subscription.
	if n.Type != "Notification" {
		return []Item{{Ignored: fmt.Sprintf("SNS message of type %.40q", n.Type)}}
	}
	return p.inner(n.Message, depth)
}

// inner parses the body inside an envelope of the given depth.
func (p *parser) inner(body string, depth int) []Item {
	e, err := p.body([]byte(body), depth+1)
	switch {
	case err != nil:
		return []Item{{Err: fmt.Errorf("body: %w", err)}}
	case e.Batch != nil:
		// Nobody would send the response that the job waits for.
		return []Item{{Err: errors.New("body: batch tasks inside another envelope")}}
	case e.Shape == ShapeSQS:
		return []Item{{Err: errors.New("body: queue messages inside another envelope")}}
	}
	return e.Items
}

// testEvent parses the event that S3 sends once when a notification is configured, before any
// change.
func testEvent(name json.RawMessage) (Event, error) {
	var s string
	if err := json.Unmarshal(name, &s); err != nil {
		return Event{}, err
	}
	if s != "s3:TestEvent" {
		return Event{}, fmt.Errorf("unknown event %.40q", s)
	}
	return Event{Shape: ShapeS3, Items: []Item{{Ignored: s}}}, nil
}

// bridged parses an EventBridge event. Its keys are not encoded, unlike those of notifications.
func bridged(body []byte) Item {
	var e struct {
		DetailType string `json:"detail-type"`
		Source     string `json:"source"`
		Time       string `json:"time"`
		Detail     struct {
			Bucket struct {
				Name string `json:"name"`
			} `json:"bucket"`
			Object struct {
				Key       string `json:"key"`
				Size      *int64 `json:"size"`
				ETag      string `json:"etag"`
				VersionID string `json:"version-id"`
				Sequencer string `json:"sequencer"`
			} `json:"object"`
		} `json:"detail"`
	}
	// The detail of another service may have any form: ignore its event before reporting an error
	// in the detail.
	invalid := json.Unmarshal(body, &e)
	removed, tagged := e.DetailType == "Object Deleted", e.DetailType == "Object Tags Added"
	if e.Source != "" && e.DetailType != "" && (e.Source != "aws.s3" || !removed && !tagged && e.DetailType != "Object Created") {
		return Item{Ignored: fmt.Sprintf("EventBridge event %.40q from %.40q", e.DetailType, e.Source)}
	}
	if invalid != nil {
		return Item{Err: invalid}
	}
	if e.Source == "" || e.DetailType == "" {
		return Item{Err: errors.New("no source or detail-type")}
	}
	o := e.Detail.Object
	if tagged {
		o.Sequencer, o.Size = "", nil
	}
	return finish(Change{
		Bucket: e.Detail.Bucket.Name, Key: o.Key, VersionID: o.VersionID, ETag: o.ETag, Sequencer: o.Sequencer,
		Removed: removed, Tagged: tagged, Time: instant(e.Time),
	}, o.Size)
}

// tasks parses an invocation by S3 Batch Operations. Its objects exist already; each is handled as
// if it had just been created.
func (p *parser) tasks(body []byte) (Event, error) {
	var b struct {
		SchemaVersion string `json:"invocationSchemaVersion"`
		InvocationID  string `json:"invocationId"`
		Job           struct {
			ID string `json:"id"`
		} `json:"job"`
		Tasks json.RawMessage `json:"tasks"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return Event{}, err
	}
	if b.SchemaVersion != "1.0" && b.SchemaVersion != "2.0" {
		return Event{}, fmt.Errorf("unsupported batch invocation schema %.40q, want 1.0 or 2.0", b.SchemaVersion)
	}
	tasks, err := p.elements(b.Tasks)
	if err != nil {
		return Event{}, fmt.Errorf("tasks: %w", err)
	}
	e := Event{Shape: ShapeBatch, Batch: &Batch{b.SchemaVersion, b.InvocationID, b.Job.ID}}
	for i, task := range tasks {
		item := parseTask(task)
		if item.Err != nil {
			item.Err = fmt.Errorf("task %d: %w", i, item.Err)
		}
		e.Items = append(e.Items, item)
	}
	if e.Items == nil {
		e.Items = []Item{{Ignored: "no tasks"}}
	}
	return e, nil
}

// parseTask parses one task of an invocation.
func parseTask(task json.RawMessage) Item {
	var t struct {
		TaskID    string `json:"taskId"`
		Key       string `json:"s3Key"`
		VersionID string `json:"s3VersionId"`
		Bucket    string `json:"s3Bucket"`    // schema 2.0
		BucketARN string `json:"s3BucketArn"` // schema 1.0
	}
	if err := json.Unmarshal(task, &t); err != nil {
		return Item{ID: t.TaskID, Err: err}
	}
	if t.TaskID == "" {
		return Item{Err: errors.New("no taskId")}
	}
	if t.Bucket == "" && t.BucketARN != "" {
		// arn:partition:s3:region:account:bucket; a slash means an access point, which does not
		// name a bucket.
		part := strings.SplitN(t.BucketARN, ":", 6)
		if len(part) != 6 || part[0] != "arn" || strings.ContainsAny(part[5], ":/") {
			return Item{ID: t.TaskID, Err: fmt.Errorf("%.80q is not a bucket's ARN", t.BucketARN)}
		}
		t.Bucket = part[5]
	}
	key, err := url.QueryUnescape(t.Key)
	if err != nil {
		return Item{ID: t.TaskID, Err: fmt.Errorf("key: %w", err)}
	}
	item := finish(Change{Bucket: t.Bucket, Key: key, VersionID: t.VersionID}, nil)
	item.ID = t.TaskID
	return item
}

// finish checks a change and fills in its size, which is nil if the record has none.
func finish(c Change, size *int64) Item {
	c.Size = -1
	if size != nil {
		c.Size = *size
	}
	switch {
	case c.Bucket == "":
		return Item{Err: errors.New("no bucket name")}
	case c.Key == "":
		return Item{Err: errors.New("no object key")}
	case size != nil && *size < 0:
		return Item{Err: fmt.Errorf("invalid object size %d", *size)}
	}
	c.ETag, c.Sequencer = bare(c.ETag), usable(c.Sequencer)
	return Item{Change: c}
}

// bare returns an ETag without the quotes that it has in HTTP but not in S3's events.
func bare(etag string) string { return strings.Trim(etag, `"`) }

// instant parses the time of an event. It is only informative, so the result of an invalid time is
// zero, not an error.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	// In UTC, the year may be outside the range of RFC 3339.
	if t = t.UTC(); err != nil || t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
