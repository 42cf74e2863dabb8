package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// s3Record is a record of a notification. It lacks the members that are not used here; publish.go
// writes them all.
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

// notified parses a record of S3 or a compatible server.
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
		// It does not encode keys. Its sequencer is not padded and restarts with the process, so it
		// orders nothing. Its size is 0 if it is unknown (versitygw 1.8, s3event/event.go).
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

// fromGateway detects versitygw, which claims to be S3: S3 itself writes event names without "s3:",
// and MinIO, which writes them with it, has the event source minio:s3.
func (r *s3Record) fromGateway() bool {
	return r.EventSource == "aws:s3" && strings.HasPrefix(r.EventName, "s3:") &&
		strings.HasSuffix(r.S3.ConfigurationID, "-global")
}

// classify reports whether an event is a removal, or else the reason why it is ignored. A removal
// may concern one version or be the creation of a delete marker; the key may have other versions.
func classify(eventName string) (removed bool, ignored string) {
	name := strings.TrimPrefix(eventName, "s3:")
	family, kind, _ := strings.Cut(name, ":")
	switch family {
	case "ObjectRemoved", "LifecycleExpiration":
		return true, ""
	case "ObjectCreated":
		// MinIO uses these names for changes that leave the bytes alone; S3 puts them into other
		// families.
		if !slices.Contains([]string{"PutTagging", "DeleteTagging", "PutRetention", "PutLegalHold"}, kind) {
			return false, ""
		}
	}
	return false, fmt.Sprintf("event %.60q does not change the content of an object", name)
}
