package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// The stores below have formats of their own. What they call an ETag is taken over only if it is the
// ETag that their S3 interface has, because a picture of another ETag counts as replaced. Their keys
// are not encoded.

// queued parses the message of Cloudflare R2, which reaches a consumer of Cloudflare Queues (R2
// documentation, "Event notifications").
func queued(body []byte) Item {
	var n struct {
		Action string `json:"action"`
		Bucket string `json:"bucket"`
		Object struct {
			Key  string `json:"key"`
			Size *int64 `json:"size"`
			ETag string `json:"eTag"`
		} `json:"object"`
		Time string `json:"eventTime"`
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return Item{Err: err}
	}
	c := Change{Bucket: n.Bucket, Key: n.Object.Key, ETag: n.Object.ETag, Time: instant(n.Time)}
	switch n.Action {
	case "PutObject", "CopyObject", "CompleteMultipartUpload":
	case "DeleteObject", "LifecycleDeletion":
		c.Removed = true
	default:
		return Item{Ignored: fmt.Sprintf("R2 action %.40q", n.Action)}
	}
	return finish(c, n.Object.Size)
}

// pushed parses the message of Google Cloud Storage, as a push subscription of Pub/Sub wraps it (Cloud
// Storage documentation, "Pub/Sub notifications"). The attributes say all but the size. The ETag of
// the payload is that of the JSON API; the generation orders the changes, but without an ETag it
// could be that of another version.
func pushed(message []byte) Item {
	var m struct {
		Data       []byte `json:"data"` // base64
		Attributes struct {
			Type          string `json:"eventType"`
			Time          string `json:"eventTime"`
			Format        string `json:"payloadFormat"`
			Bucket        string `json:"bucketId"`
			Object        string `json:"objectId"`
			OverwrittenBy string `json:"overwrittenByGeneration"`
		} `json:"attributes"`
	}
	if err := json.Unmarshal(message, &m); err != nil {
		return Item{Err: fmt.Errorf("message: %w", err)}
	}
	a := m.Attributes
	c := Change{Bucket: a.Bucket, Key: a.Object, Time: instant(a.Time)}
	switch a.Type {
	case "":
		return Item{Err: errors.New("the Pub/Sub message has no eventType: it is not of Cloud Storage")}
	case "OBJECT_FINALIZE":
	case "OBJECT_DELETE", "OBJECT_ARCHIVE":
		if a.OverwrittenBy != "" {
			return Item{Ignored: "an overwritten generation, whose successor has an event of its own"}
		}
		c.Removed = true
	default:
		return Item{Ignored: fmt.Sprintf("Cloud Storage event %.40q", a.Type)}
	}
	var object struct {
		Size *size `json:"size"` // a string
	}
	if a.Format == "JSON_API_V1" && !c.Removed {
		if err := json.Unmarshal(m.Data, &object); err != nil {
			return Item{Err: fmt.Errorf("message data: %w", err)}
		}
	}
	return finish(c, (*int64)(object.Size))
}

// grid parses a list of events of Azure Event Grid in its own schema.
func (p *parser) grid(list []byte) (Event, error) {
	events, err := p.elements(list)
	if err != nil {
		return Event{}, err
	}
	e := Event{Shape: ShapeEventGrid}
	for i, one := range events {
		for _, item := range blobbed(one) {
			if item.Err != nil {
				item.Err = fmt.Errorf("event %d: %w", i, item.Err)
			}
			e.Items = append(e.Items, item)
		}
	}
	if e.Items == nil {
		e.Items = []Item{{Ignored: "no events"}}
	}
	return e, nil
}

// blobbed parses an event of Azure Blob Storage in the schema of Event Grid or of CloudEvents 1.0
// (Event Grid documentation, "Azure Blob Storage as an Event Grid source"). A container is a bucket.
// There are two changes if a blob was renamed. The ETag is not that of any S3 interface.
func blobbed(event []byte) []Item {
	var e struct {
		Type      string `json:"eventType"`
		CloudType string `json:"type"`
		Subject   string `json:"subject"`
		Time      string `json:"eventTime"`
		CloudTime string `json:"time"`
		Data      struct {
			Length *int64 `json:"contentLength"`
			Source string `json:"sourceUrl"`
		} `json:"data"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return []Item{{Err: err}}
	}
	kind := e.Type + e.CloudType
	c := Change{Time: instant(e.Time + e.CloudTime)}
	subject := strings.TrimPrefix(strings.TrimPrefix(e.Subject, "/"), "blobServices/default/containers/")
	c.Bucket, c.Key, _ = strings.Cut(subject, "/blobs/")
	// No page says whether the subject is encoded; the samples of others are not.
	if decoded, err := url.PathUnescape(c.Key); err == nil && decoded != c.Key {
		c.AltKey = decoded
	}
	switch kind {
	case "":
		return []Item{{Err: errors.New("no eventType")}}
	case "Microsoft.Storage.BlobCreated":
		return []Item{finish(c, e.Data.Length)}
	case "Microsoft.Storage.BlobDeleted":
		c.Removed = true
		return []Item{finish(c, nil)}
	case "Microsoft.Storage.BlobRenamed":
		from, err := url.Parse(e.Data.Source)
		if err != nil {
			return []Item{{Err: fmt.Errorf("sourceUrl: %w", err)}, finish(c, nil)}
		}
		old := Change{Removed: true, Time: c.Time}
		old.Bucket, old.Key, _ = strings.Cut(strings.TrimPrefix(from.Path, "/"), "/")
		return []Item{finish(old, nil), finish(c, nil)}
	}
	return []Item{{Ignored: fmt.Sprintf("Event Grid event %.60q", kind)}}
}
