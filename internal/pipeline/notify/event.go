package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// typePrefix is the beginning of the type of all events, behind which their kind stands.
const typePrefix = "com.github.imgmill."

// mediaType is that of a CloudEvent in structured JSON.
const mediaType = "application/cloudevents+json"

// maxEvent bounds an event, in bytes: SNS and EventBridge take 256 KiB, with what they add. The variants of a
// larger one are left out.
const maxEvent = 240 << 10

// Event is a CloudEvent about an upload.
type Event struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"` // s3://BUCKET, that of the uploads
	Type        string    `json:"type"`
	Subject     string    `json:"subject"` // the key of the upload
	Time        time.Time `json:"time"`    // at which the event was made
	ContentType string    `json:"datacontenttype"`
	Data        Data      `json:"data"`
}

// Data is what is known of an upload.
type Data struct {
	Source Upload `json:"source"`
	// Bucket is that of the variants.
	Bucket string `json:"bucket"`
	// Manifest is the object that describes the variants, if the recipe makes manifests.
	Manifest *Object `json:"manifest,omitempty"`
	// Variants are the objects that were made, as a manifest describes them. After a failure these are
	// the variants that could be made all the same.
	Variants []manifest.Variant `json:"variants,omitempty"`
	// Omitted is the number of variants that are not listed, because the event would be too large.
	Omitted int `json:"variants_omitted,omitempty"`
	// Reason says why a picture could not be made, and what to do.
	Reason string `json:"reason,omitempty"`
	// Failed are the variants that could not be made while others could.
	Failed []manifest.Failure `json:"failed,omitempty"`
}

// Upload is an object of the source bucket.
type Upload struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	ETag    string `json:"etag,omitempty"`
	Version string `json:"version,omitempty"` // in a bucket with versions
	// Sequencer orders the uploads of a key, where the store tells it: the longer one is padded with
	// zeros on the right, and the greater one is later.
	Sequencer string     `json:"sequencer,omitempty"`
	Modified  *time.Time `json:"modified,omitempty"` // the time of the upload
	Format    string     `json:"format,omitempty"`
	Width     int        `json:"width,omitempty"` // pixels, upright
	Height    int        `json:"height,omitempty"`
	Bytes     int64      `json:"bytes,omitempty"`
}

// Object is an object of the target bucket.
type Object struct {
	Key string `json:"key"`
	URL string `json:"url"`
}

// New returns an event. settings identify what was made beside the upload: an event that is sent again has the
// same ID, and that of a changed recipe another one.
func New(kind recipe.Notice, now time.Time, d Data, settings string) Event {
	id := sha256.New()
	modified := ""
	if d.Source.Modified != nil {
		modified = d.Source.Modified.UTC().Truncate(time.Second).String()
	}
	for _, part := range []string{string(kind), d.Source.Bucket, d.Source.Key, d.Source.ETag, d.Source.Version,
		d.Source.Sequencer, modified, d.Bucket, settings, d.Reason} {
		fmt.Fprintf(id, "%q ", part)
	}
	return Event{
		SpecVersion: "1.0", ID: hex.EncodeToString(id.Sum(nil)[:16]), Source: "s3://" + d.Source.Bucket,
		Type: typePrefix + string(kind), Subject: d.Source.Key, Time: now.UTC().Truncate(time.Millisecond),
		ContentType: "application/json", Data: d,
	}
}

// Kind is what the event tells of.
func (e Event) Kind() recipe.Notice { return recipe.Notice(strings.TrimPrefix(e.Type, typePrefix)) }

// encode returns the event as JSON.
func (e Event) encode() ([]byte, error) {
	body, err := json.Marshal(e)
	if err == nil && len(body) > maxEvent {
		e.Data.Omitted, e.Data.Variants, e.Data.Failed = len(e.Data.Variants), nil, nil
		body, err = json.Marshal(e)
	}
	return body, err
}
