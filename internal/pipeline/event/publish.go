package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// timeLayout is the layout of times in S3's notifications: UTC, always with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// identity is the cause of an event or the owner of a bucket.
type identity struct {
	PrincipalID string `json:"principalId"`
}

// ourselves is the identity in the records that this package writes.
var ourselves = identity{"imgmill"}

// outRecord is a complete record of version 2.1 (Amazon S3 User Guide, "Event message structure").
type outRecord struct {
	EventVersion      string            `json:"eventVersion"`
	EventSource       string            `json:"eventSource"`
	AWSRegion         string            `json:"awsRegion"`
	EventTime         string            `json:"eventTime"`
	EventName         string            `json:"eventName"`
	UserIdentity      identity          `json:"userIdentity"`
	RequestParameters map[string]string `json:"requestParameters"`
	ResponseElements  map[string]string `json:"responseElements"`
	S3                outS3             `json:"s3"`
}

type outS3 struct {
	SchemaVersion   string    `json:"s3SchemaVersion"`
	ConfigurationID string    `json:"configurationId"`
	Bucket          outBucket `json:"bucket"`
	Object          outObject `json:"object"`
}

type outBucket struct {
	Name          string   `json:"name"`
	OwnerIdentity identity `json:"ownerIdentity"`
	ARN           string   `json:"arn"`
}

type outObject struct {
	Key       string `json:"key"`
	Size      *int64 `json:"size,omitempty"`
	ETag      string `json:"eTag,omitempty"`
	VersionID string `json:"versionId,omitempty"`
	Sequencer string `json:"sequencer,omitempty"`
}

// Notification returns the JSON that S3 sends for changes, with the event names ObjectCreated:Put
// and ObjectRemoved:Delete. Parse turns it back into the same changes, with times in UTC and
// truncated to milliseconds. It is an error if a change has no bucket or key, or has text that is
// not valid UTF-8; a key may be any bytes.
func Notification(changes ...Change) ([]byte, error) {
	return notification("", changes)
}

// NamedNotification is like Notification with another event name for all changes, such as
// ObjectCreated:Copy or ObjectRemoved:DeleteMarkerCreated. It is an error if the name contradicts a
// change.
func NamedNotification(name string, changes ...Change) ([]byte, error) {
	if name == "" {
		return nil, errors.New("notification without an event name")
	}
	return notification(name, changes)
}

func notification(name string, changes []Change) ([]byte, error) {
	body := struct{ Records []outRecord }{make([]outRecord, 0, len(changes))}
	for _, c := range changes {
		r, err := c.record(name)
		if err != nil {
			return nil, fmt.Errorf("notification for %q in %q: %w", c.Key, c.Bucket, err)
		}
		body.Records = append(body.Records, r)
	}
	return json.Marshal(body)
}

func (c Change) record(name string) (outRecord, error) {
	switch {
	case name == "" && c.Removed:
		name = "ObjectRemoved:Delete"
	case name == "" && c.Tagged:
		name = "ObjectTagging:Put"
	case name == "":
		name = "ObjectCreated:Put"
	}
	if removed, tagged, ignored := classify(name); ignored != "" || removed != c.Removed || tagged != c.Tagged || strings.HasPrefix(name, "s3:") {
		return outRecord{}, fmt.Errorf("event name %q contradicts the change", name)
	}
	if c.Bucket == "" || c.Key == "" {
		return outRecord{}, errors.New("no bucket name or no object key")
	}
	for _, s := range []string{c.Bucket, c.VersionID, c.ETag, c.Sequencer} {
		if !utf8.ValidString(s) {
			return outRecord{}, fmt.Errorf("%q is not valid UTF-8", s)
		}
	}
	o := outObject{Key: encodeKey(c.Key), ETag: bare(c.ETag), VersionID: c.VersionID, Sequencer: c.Sequencer}
	if c.Size >= 0 {
		o.Size = &c.Size
	}
	return outRecord{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: "us-east-1",
		EventTime: c.Time.UTC().Format(timeLayout), EventName: name,
		UserIdentity:      ourselves,
		RequestParameters: map[string]string{"sourceIPAddress": "127.0.0.1"},
		ResponseElements:  map[string]string{"x-amz-request-id": "", "x-amz-id-2": ""},
		S3: outS3{
			SchemaVersion: "1.0", ConfigurationID: "imgmill",
			Bucket: outBucket{Name: c.Bucket, OwnerIdentity: ourselves, ARN: "arn:aws:s3:::" + c.Bucket},
			Object: o,
		},
	}, nil
}

// encodeKey encodes a key as S3 does: application/x-www-form-urlencoded (WHATWG URL, section 5), in
// which letters, digits and * - . _ are not encoded and a space is a plus sign, except that slashes
// are not encoded either.
func encodeKey(key string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("*-._/", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
