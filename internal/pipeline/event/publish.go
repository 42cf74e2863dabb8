package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// timeLayout is S3's: UTC, always milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// identity is whom S3 names as the cause of an event and as the owner of a bucket.
type identity struct {
	PrincipalID string `json:"principalId"`
}

// outRecord is a whole record of version 2.1 (Amazon S3 User Guide, "Event message structure").
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

// Notification is the JSON that S3 sends for changes of one bucket or several, with the plainest names there are:
// ObjectCreated:Put and ObjectRemoved:Delete. What Parse makes of it are the same changes, with their times in UTC and
// cut to milliseconds. A change without bucket or key, or with text that JSON cannot hold, is an error; a key may be any
// bytes.
func Notification(changes ...Change) ([]byte, error) {
	return notification("", changes)
}

// NamedNotification is Notification with the event's name for all changes, such as ObjectCreated:Copy or
// ObjectRemoved:DeleteMarkerCreated. A name that does not mean what a change says is an error.
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
			return nil, fmt.Errorf("notification of %q in %q: %w", c.Key, c.Bucket, err)
		}
		body.Records = append(body.Records, r)
	}
	return json.Marshal(body)
}

func (c Change) record(name string) (outRecord, error) {
	switch {
	case name == "" && c.Removed:
		name = "ObjectRemoved:Delete"
	case name == "":
		name = "ObjectCreated:Put"
	}
	if removed, ignored := classify(name); ignored != "" || removed != c.Removed || strings.HasPrefix(name, "s3:") {
		return outRecord{}, fmt.Errorf("event name %q does not go with the change", name)
	}
	if c.Bucket == "" || c.Key == "" {
		return outRecord{}, errors.New("no bucket or no key")
	}
	for _, s := range []string{c.Bucket, c.VersionID, c.ETag, c.Sequencer} {
		if !utf8.ValidString(s) {
			return outRecord{}, fmt.Errorf("%q is not UTF-8", s)
		}
	}
	o := outObject{Key: encodeKey(c.Key), ETag: bare(c.ETag), VersionID: c.VersionID, Sequencer: c.Sequencer}
	if c.Size >= 0 {
		o.Size = &c.Size
	}
	return outRecord{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: "us-east-1",
		EventTime: c.Time.UTC().Format(timeLayout), EventName: name,
		UserIdentity:      identity{"imgmill"},
		RequestParameters: map[string]string{"sourceIPAddress": "127.0.0.1"},
		ResponseElements:  map[string]string{"x-amz-request-id": "", "x-amz-id-2": ""},
		S3: outS3{
			SchemaVersion: "1.0", ConfigurationID: "imgmill",
			Bucket: outBucket{Name: c.Bucket, OwnerIdentity: identity{"imgmill"}, ARN: "arn:aws:s3:::" + c.Bucket},
			Object: o,
		},
	}, nil
}

// encodeKey writes a key as S3 does: application/x-www-form-urlencoded (WHATWG URL, 5), in which letters, digits and
// * - . _ stand for themselves and a space is a plus sign, except that slashes stay.
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
