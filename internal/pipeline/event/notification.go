package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// s3Record is a record of a notification. It lacks the members that are not used here; publish.go
// writes them all.
type s3Record struct {
	EventSource string   `json:"eventSource"`
	EventTime   string   `json:"eventTime"`
	EventName   string   `json:"eventName"`
	User        identity `json:"userIdentity"`
	S3          struct {
		ConfigurationID string `json:"configurationId"`
		Bucket          struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      *size  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

// size is a number of bytes. Ceph has written it as a string.
type size int64

func (s *size) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(bytes.Trim(text, `"`), (*int64)(s))
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
	removed, tagged, ignored := classify(r.EventName)
	if ignored != "" {
		return Item{Ignored: ignored}
	}
	o := r.S3.Object
	if tagged {
		o.Sequencer, o.Size = "", nil
	}
	key, alt := r.key()
	if r.fromGateway() {
		// Its sequencer is not padded and restarts with the process, so it orders nothing. Its size
		// is 0 if it is unknown (versitygw 1.8, s3event/event.go).
		o.Sequencer = ""
		if o.Size != nil && *o.Size == 0 {
			o.Size = nil
		}
	}
	return finish(Change{
		Bucket: r.S3.Bucket.Name, Key: key, AltKey: alt, VersionID: o.VersionID, ETag: o.ETag,
		Sequencer: o.Sequencer, Removed: removed, Tagged: tagged, Time: instant(r.EventTime),
	}, (*int64)(o.Size))
}

// key returns the key of a record and, unless it is certain that its sender encodes keys or that it
// does not, the other reading of it. S3 and MinIO encode them; versitygw, ministack and Ceph were
// seen to send them raw, the second as if it were S3. In order:
//
//  1. versitygw's keys are raw.
//  2. A key with a byte that no encoder leaves, or with a percent sign that begins no escape, is raw.
//  3. The keys of MinIO and of this package are encoded, and so are those of a record with a
//     sequencer like S3's, which its imitators lack.
//  4. All others are uncertain. Ceph's are more likely raw, the others' encoded.
func (r *s3Record) key() (key, alt string) {
	sent := r.S3.Object.Key
	if r.fromGateway() || !maybeEncoded(sent) {
		return sent, ""
	}
	decoded, err := url.QueryUnescape(sent)
	switch {
	case err != nil, decoded == sent:
		return sent, ""
	case r.EventSource == "minio:s3", r.User == ourselves, r.EventSource == "aws:s3" && likeAmazons(r.S3.Object.Sequencer):
		return decoded, ""
	case r.EventSource == "ceph:s3":
		return sent, decoded
	}
	return decoded, sent
}

// maybeEncoded reports whether a key can be the result of an encoding: it has only the bytes that
// RFC 3986 allows in a path or a query, without those that every encoder escapes.
func maybeEncoded(key string) bool {
	for i := range len(key) {
		if c := key[i]; c <= ' ' || c > '~' || strings.IndexByte("\"#<>?[\\]^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

// likeAmazons reports whether a sequencer has at least 16 hexadecimal digits. Amazon's have 18.
func likeAmazons(sequencer string) bool { return len(sequencer) >= 16 && usable(sequencer) != "" }

// usable returns a sequencer, or nothing if it cannot order anything: it is not hexadecimal, or it is
// the zero that ministack sends with every event.
func usable(sequencer string) string {
	if strings.Trim(sequencer, "0123456789abcdefABCDEF") != "" || strings.Trim(sequencer, "0") == "" {
		return ""
	}
	return sequencer
}

// fromGateway detects versitygw, which claims to be S3: S3 itself writes event names without "s3:",
// and MinIO, which writes them with it, has the event source minio:s3.
func (r *s3Record) fromGateway() bool {
	return r.EventSource == "aws:s3" && strings.HasPrefix(r.EventName, "s3:") &&
		strings.HasSuffix(r.S3.ConfigurationID, "-global")
}

// classify reports whether an event is a removal or has set tags, or else the reason why it is ignored. A
// removal may concern one version or be the creation of a delete marker; the key may have other versions.
func classify(eventName string) (removed, tagged bool, ignored string) {
	name := strings.TrimPrefix(eventName, "s3:")
	family, kind, _ := strings.Cut(name, ":")
	switch family {
	case "ObjectRemoved", "LifecycleExpiration":
		return true, false, ""
	case "ObjectTagging":
		if kind == "Put" {
			return false, true, ""
		}
	case "ObjectCreated":
		if kind == "PutTagging" { // MinIO's name
			return false, true, ""
		}
		// MinIO uses these names for changes that leave the bytes alone; S3 puts them into other
		// families.
		if !slices.Contains([]string{"DeleteTagging", "PutRetention", "PutLegalHold"}, kind) {
			return false, false, ""
		}
	}
	return false, false, fmt.Sprintf("event %.60q does not change the content of an object", name)
}
