package event

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// filerEntry is a file or folder of SeaweedFS's filer. Values of extended attributes are bytes,
// which JSON has in base64.
type filerEntry struct {
	Name       string `json:"name"`
	Folder     bool   `json:"is_directory"`
	Attributes struct {
		Size  *int64 `json:"file_size"`
		MTime int64  `json:"mtime"` // seconds
	} `json:"attributes"`
	Extended map[string][]byte `json:"extended"`
}

// Extended attributes that SeaweedFS's S3 server writes (weed/s3api/s3_constants/extend_key.go). The
// versions of KEY are files in the folder KEY.versions, whose attributes say which one is current.
const (
	filerETag          = "Seaweed-X-Amz-ETag"
	filerVersion       = "Seaweed-X-Amz-Version-Id"
	filerLatest        = "Seaweed-X-Amz-Latest-Version-Id"
	filerLatestETag    = "Seaweed-X-Amz-Latest-Version-ETag"
	filerLatestMarker  = "Seaweed-X-Amz-Latest-Version-Is-Delete-Marker"
	filerVersionFolder = ".versions"
)

// filed parses the notification that SeaweedFS's filer sends to a webhook (its wiki, "Filer
// Notification Webhook"). It concerns a path of the filer, which is /buckets/BUCKET/KEY for an object.
// There are two changes if an object was moved.
func filed(body []byte) []Item {
	var n struct {
		Type    string `json:"event_type"`
		Path    string `json:"key"`
		Message struct {
			Old    *filerEntry `json:"old_entry"`
			New    *filerEntry `json:"new_entry"`
			Parent string      `json:"new_parent_path"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return []Item{{Err: err}}
	}
	m := n.Message
	switch n.Type {
	case "create", "update":
		return []Item{stored(n.Path, m.Old, m.New)}
	case "delete":
		return []Item{stored(n.Path, m.Old, nil)}
	case "rename":
		if m.New == nil {
			return []Item{{Err: fmt.Errorf("the new name of %.80q is missing", n.Path)}}
		}
		return []Item{stored(n.Path, m.Old, nil), stored(path.Join(m.Parent, m.New.Name), nil, m.New)}
	}
	return []Item{{Err: fmt.Errorf("unknown event_type %.40q", n.Type)}}
}

// stored returns the change of what lies at a path of the filer: before is nil if there was nothing,
// now is nil if it has been removed.
func stored(at string, before, now *filerEntry) Item {
	name, ok := strings.CutPrefix(at, "/buckets/")
	bucket, key, isObject := strings.Cut(name, "/")
	switch {
	case !ok || !isObject || key == "" || strings.HasPrefix(bucket, "."):
		return Item{Ignored: fmt.Sprintf("%.80q is not an object", at)}
	case strings.HasPrefix(key, ".uploads/"):
		return Item{Ignored: "part of a multipart upload"}
	case before == nil && now == nil:
		return Item{Err: fmt.Errorf("no entry for %.80q", at)}
	}
	c := Change{Bucket: bucket, Key: key, Removed: now == nil}
	last := now
	if now == nil {
		last = before
	}
	if last.Folder {
		if !before.has(filerLatest) && !now.has(filerLatest) {
			return Item{Ignored: "folder"}
		}
		c.Key = strings.TrimSuffix(key, filerVersionFolder)
		c.Removed = !now.has(filerLatest) || string(now.Extended[filerLatestMarker]) == "true"
		if !c.Removed {
			c.VersionID, c.ETag = now.text(filerLatest), now.text(filerLatestETag)
		}
		return finish(c, nil)
	}
	if last.has(filerVersion) && strings.HasSuffix(path.Dir(key), filerVersionFolder) {
		// It is not current before its folder says so.
		return Item{Ignored: "version of an object"}
	}
	if now == nil {
		return finish(c, nil)
	}
	c.ETag = now.text(filerETag)
	c.Time = time.Unix(now.Attributes.MTime, 0).UTC()
	return finish(c, now.Attributes.Size)
}

// has reports whether there is an entry with an extended attribute.
func (e *filerEntry) has(attribute string) bool { return e != nil && len(e.Extended[attribute]) > 0 }

// text returns an extended attribute, or nothing if it is no text.
func (e *filerEntry) text(attribute string) string {
	if b := e.Extended[attribute]; utf8.Valid(b) {
		return string(b)
	}
	return ""
}
