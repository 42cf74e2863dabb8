package event

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// The fixtures of stores that are not S3 have the form of their documentation's samples, with keys
// that would be others if they were decoded.
var (
	rawKey  = Change{Bucket: "photos-input", Key: "red+flower/a%20b.jpg", ETag: etag, Size: 1024, Time: when}
	removed = Change{Bucket: "photos-input", Key: "red flower.jpg", Size: -1, Removed: true, Time: when}
)

// with returns a change with something else in it.
func (c Change) with(change func(*Change)) Change {
	change(&c)
	return c
}

var goldensOfOthers = map[string]Event{
	"ceph.json": {Shape: ShapeS3, Items: []Item{{Change: rawKey.with(func(c *Change) {
		c.AltKey, c.Sequencer = "red flower/a b.jpg", "F7E6D75DC742D108"
	})}}},
	"rustfs.json": {Shape: ShapeS3, Items: []Item{{Change: rawKey.with(func(c *Change) {
		c.Key, c.AltKey, c.Sequencer = "red flower/café.jpg", "red+flower%2Fcaf%C3%A9.jpg", "18A8E2F0C6B5A1D0"
	})}}},
	"r2.json":        {Shape: ShapeR2, Items: []Item{{Change: rawKey}}},
	"r2-delete.json": {Shape: ShapeR2, Items: []Item{{Change: removed}}},
	"pubsub.json": {Shape: ShapePubSub, Items: []Item{{Change: rawKey.with(func(c *Change) {
		c.ETag = "" // that of the payload is not the one of the S3 interface
	})}}},
	"pubsub-delete.json": {Shape: ShapePubSub, Items: []Item{{Change: removed}}},
	"eventgrid.json": {Shape: ShapeEventGrid, Items: []Item{
		{Change: Change{Bucket: "photos-input", Key: "red flower/a+b.jpg", Size: 1024, Time: when}},
		{Change: Change{Bucket: "photos-input", Key: "100%25.jpg", AltKey: "100%.jpg", Size: -1, Removed: true, Time: when}},
		{Change: Change{Bucket: "photos-input", Key: "old name.jpg", Size: -1, Removed: true, Time: when}},
		{Change: Change{Bucket: "photos-input", Key: "new.jpg", Size: -1, Time: when}},
		{Ignored: `Event Grid event "Microsoft.Storage.BlobTierChanged"`},
	}},
	"eventgrid-cloudevent.json": {Shape: ShapeEventGrid, Items: []Item{
		{Change: Change{Bucket: "photos-input", Key: "red flower.jpg", Size: 1024, Time: when}},
	}},
	"seaweedfs.json": {Shape: ShapeSeaweedFS, Items: []Item{
		{Change: Change{Bucket: "photos-input", Key: "red flower/a+b 100%.jpg", ETag: etag, Size: 1024, Time: half}},
	}},
	"seaweedfs-rename.json": {Shape: ShapeSeaweedFS, Items: []Item{
		{Change: Change{Bucket: "photos-input", Key: "old.jpg", Size: -1, Removed: true}},
		{Change: Change{Bucket: "photos-input", Key: "moved/new.jpg", Size: 1024, Time: half}},
	}},
}

// summary writes an item as one word and, if there is one, its key.
func (i Item) summary() string {
	switch {
	case i.Err != nil:
		return "error: " + i.Err.Error()
	case i.Ignored != "":
		return "ignored: " + i.Ignored
	case i.Change.Removed:
		return "removed: " + i.Change.Key
	}
	return "created: " + i.Change.Key
}

// TestEventsOfOthers checks what the stores report beside a new object: which of it is a change, and
// which is an error or nothing at all.
func TestEventsOfOthers(t *testing.T) {
	text := func(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }
	filer := func(kind, path, entries string) string {
		return fmt.Sprintf(`{"event_type":%q,"key":%q,"message":{%s}}`, kind, path, entries)
	}
	latest := func(marker string) string {
		return `{"is_directory":true,"extended":{"Seaweed-X-Amz-Latest-Version-Id":` + text("v7") +
			`,"Seaweed-X-Amz-Latest-Version-Is-Delete-Marker":` + text(marker) + `}}`
	}
	version := `{"extended":{"Seaweed-X-Amz-Version-Id":` + text("v7") + `}}`
	r2 := func(action string) string {
		return `{"action":"` + action + `","bucket":"b","object":{"key":"k"}}`
	}
	pubsub := func(attributes string) string {
		return `{"subscription":"s","message":{"attributes":{"bucketId":"b","objectId":"k"` + attributes + `}}}`
	}
	grid := func(kind, subject string) string {
		return `[{"eventType":"` + kind + `","subject":"` + subject + `","data":{"sourceUrl":"https://h/c/%zz"}}]`
	}
	for _, test := range []struct{ name, body, want string }{
		{"a replaced file", filer("update", "/buckets/b/d/k", `"old_entry":{},"new_entry":{}`), "created: d/k"},
		{"a removed file", filer("delete", "/buckets/b/k", `"old_entry":{}`), "removed: k"},
		{"a folder", filer("create", "/buckets/b/d", `"new_entry":{"is_directory":true}`), "ignored: folder"},
		{"a bucket", filer("create", "/buckets/b", `"new_entry":{"is_directory":true}`), `ignored: "/buckets/b" is not an object`},
		{"a file elsewhere", filer("create", "/topics/b/k", `"new_entry":{}`), `ignored: "/topics/b/k" is not an object`},
		{"a file of the system", filer("create", "/buckets/.system/owners/k", `"new_entry":{}`), `ignored: "/buckets/.system/owners/k" is not an object`},
		{"a part", filer("create", "/buckets/b/.uploads/i/0001.part", `"new_entry":{}`), "ignored: part of a multipart upload"},
		{"a version", filer("create", "/buckets/b/k.versions/v_7", `"new_entry":`+version), "ignored: version of an object"},
		{"a file that looks like one", filer("create", "/buckets/b/k.versions/v_7", `"new_entry":{}`), "created: k.versions/v_7"},
		{"the current version", filer("update", "/buckets/b/k.versions", `"old_entry":{"is_directory":true},"new_entry":`+latest("false")), "created: k"},
		{"a delete marker", filer("update", "/buckets/b/k.versions", `"old_entry":`+latest("false")+`,"new_entry":`+latest("true")), "removed: k"},
		{"the last version", filer("delete", "/buckets/b/k.versions", `"old_entry":`+latest("false")), "removed: k"},
		{"a folder that looks like one", filer("delete", "/buckets/b/k.versions", `"old_entry":{"is_directory":true}`), "ignored: folder"},
		{"no entry", filer("create", "/buckets/b/k", ``), `error: no entry for "/buckets/b/k"`},
		{"no new name", filer("rename", "/buckets/b/k", `"old_entry":{}`), `error: the new name of "/buckets/b/k" is missing`},
		{"an unknown type", filer("touch", "/buckets/b/k", ``), `error: unknown event_type "touch"`},
		{"R2, put", r2("PutObject"), "created: k"},
		{"R2, parts", r2("CompleteMultipartUpload"), "created: k"},
		{"R2, expired", r2("LifecycleDeletion"), "removed: k"},
		{"R2, another action", r2("GetObject"), `ignored: R2 action "GetObject"`},
		{"R2, no bucket", `{"action":"PutObject","object":{"key":"k"}}`, "error: no bucket name"},
		{"Cloud Storage, metadata", pubsub(`,"eventType":"OBJECT_METADATA_UPDATE"`), `ignored: Cloud Storage event "OBJECT_METADATA_UPDATE"`},
		{"Cloud Storage, archived", pubsub(`,"eventType":"OBJECT_ARCHIVE"`), "removed: k"},
		{
			"Cloud Storage, overwritten", pubsub(`,"eventType":"OBJECT_DELETE","overwrittenByGeneration":"7"`),
			"ignored: an overwritten generation, whose successor has an event of its own",
		},
		{"Pub/Sub, of something else", pubsub(``), "error: the Pub/Sub message has no eventType: it is not of Cloud Storage"},
		{
			"Pub/Sub, without its payload", pubsub(`,"eventType":"OBJECT_FINALIZE","payloadFormat":"JSON_API_V1"`),
			"error: message data: unexpected end of JSON input",
		},
		{"Event Grid, not a blob", grid("Microsoft.Storage.BlobCreated", "/other/c"), "error: event 0: no object key"},
		{"Event Grid, no type", `[{"subject":"s"}]`, "error: event 0: no eventType"},
		{"Event Grid, empty", `[]`, "ignored: no events"},
		{
			"Event Grid, validation", grid("Microsoft.EventGrid.SubscriptionValidationEvent", ""),
			`ignored: Event Grid event "Microsoft.EventGrid.SubscriptionValidationEvent"`,
		},
		{
			"Event Grid, an old name that cannot be read",
			grid("Microsoft.Storage.BlobRenamed", "/blobServices/default/containers/c/blobs/k"),
			`error: event 0: sourceUrl: parse "https://h/c/%zz": invalid URL escape "%zz"; created: k`,
		},
	} {
		e, err := Parse([]byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, item := range e.Items {
			got = append(got, item.summary())
			if item.Change != (Change{}) && (item.Err != nil || item.Ignored != "") {
				t.Errorf("%s: a change beside it: %+v", test.name, item)
			}
		}
		if s := strings.Join(got, "; "); s != test.want {
			t.Errorf("%s: got %s, want %s", test.name, s, test.want)
		}
	}
}

// TestOthersInEnvelopes checks that the shapes are also found inside the messages of a queue.
func TestOthersInEnvelopes(t *testing.T) {
	for name, want := range goldensOfOthers {
		message := fmt.Sprintf(`{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":%q}]}`, golden(t, name))
		e, err := Parse([]byte(message))
		if err != nil || e.Shape != ShapeSQS {
			t.Fatalf("%s: %+v, %v", name, e, err)
		}
		for i := range e.Items {
			e.Items[i].ID = ""
		}
		if !reflect.DeepEqual(e.Items, want.Items) {
			t.Errorf("%s: got %+v, want %+v", name, e.Items, want.Items)
		}
	}
}

// TestAttributeThatIsNoText: SeaweedFS keeps attributes as bytes. An ETag that is no text counts as unknown, so that the
// event can be passed on.
func TestAttributeThatIsNoText(t *testing.T) {
	for _, c := range []struct{ bytes, want string }{{"d41d8cd9", "d41d8cd9"}, {"d41d8cd\xe5", ""}} {
		etag := base64.StdEncoding.EncodeToString([]byte(c.bytes))
		e, err := Parse([]byte(`{"event_type":"create","key":"/buckets/b/k","message":{"new_entry":{"extended":{"Seaweed-X-Amz-ETag":"` + etag + `"}}}}`))
		if err != nil || len(e.Items) != 1 || e.Items[0].Change.ETag != c.want {
			t.Errorf("%q: %+v, %v; want the ETag %q", c.bytes, e.Items, err, c.want)
		}
	}
}
