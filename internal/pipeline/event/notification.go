package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// s3Record is a record of a notification. S3 has more members; those of no use here are only in what publish.go writes.
type s3Record struct {
	EventSource string `json:"eventSource"`
	EventTime   string `json:"eventTime"`
	EventName   string `json:"eventName"`
	S3          struct {
		ConfigurationID string `json:"configurationId"`
		Bucket          struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      *int64 `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// notified reads a record of S3 or its like.
func notified(record json.RawMessage) Item {
	var r s3Record
	if err := json.Unmarshal(record, &r); err != nil {
		return Item{Err: err}
	}
	if r.EventName == "" {
		return Item{Err: fmt.Errorf("no eventName in a record of %.40q", r.EventSource)}
	}
	removed, ignored := classify(r.EventName)
	if ignored != "" {
		return Item{Ignored: ignored}
	}
	o := r.S3.Object
	key, err := url.QueryUnescape(o.Key)
	if r.fromGateway() {
		// It sends keys as they are; its sequencer restarts with the process, without padding, and orders nothing; it
		// says 0 bytes of what it has not counted (versitygw 1.8, s3event/event.go).
		key, err, o.Sequencer = o.Key, nil, ""
		if o.Size != nil && *o.Size == 0 {
			o.Size = nil
		}
	}
	if err != nil {
		return Item{Err: fmt.Errorf("key: %w", err)}
	}
	return finish(Change{
		Bucket: r.S3.Bucket.Name, Key: key, VersionID: o.VersionID, ETag: o.ETag, Sequencer: o.Sequencer,
		Removed: removed, Time: instant(r.EventTime),
	}, o.Size)
}

// fromGateway tells versitygw, which says that it is S3: S3 itself writes event names without "s3:", and MinIO, which
// writes them with it, calls itself minio:s3.
func (r *s3Record) fromGateway() bool {
	return r.EventSource == "aws:s3" && strings.HasPrefix(r.EventName, "s3:") && strings.HasSuffix(r.S3.ConfigurationID, "-global")
}

// classify says what an event does to its key, or why it is of no interest. A removal is one of a version, or the
// creation of a delete marker; the key may have other versions.
func classify(eventName string) (removed bool, ignored string) {
	name := strings.TrimPrefix(eventName, "s3:")
	family, kind, _ := strings.Cut(name, ":")
	switch family {
	case "ObjectRemoved", "LifecycleExpiration":
		return true, ""
	case "ObjectCreated":
		// These are MinIO's, for changes beside the bytes, which S3 counts to other families.
		if !slices.Contains([]string{"PutTagging", "DeleteTagging", "PutRetention", "PutLegalHold"}, kind) {
			return false, ""
		}
	}
	return false, fmt.Sprintf("event %.60q does not change what an object holds", name)
}
