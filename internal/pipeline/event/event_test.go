package event

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const etag = "d41d8cd98f00b204e9800998ecf8427e"

var (
	half = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	when = half.Add(125 * time.Millisecond)
	put  = Change{
		Bucket: "photos-input", Key: "red flower/(café) 1+1.jpg", VersionID: "v1", ETag: etag, Size: 1024,
		Sequencer: "0055AED6DCD90281E5", Time: when,
	}
	marker = Change{
		Bucket: "photos-input", Key: "red flower.jpg", VersionID: "v2", ETag: etag, Size: -1,
		Sequencer: "0055AED6DCD90281E6", Removed: true, Time: when,
	}
	expired = Change{Bucket: "photos-input", Key: "old.jpg", Size: -1, Sequencer: "0055", Removed: true, Time: when}
	bus     = Change{
		Bucket: "photos-input", Key: "red+flower/100% (café).jpg", VersionID: "v1", ETag: etag, Size: 1024,
		Sequencer: "00617F08299329D189", Time: half,
	}
	busRemoved = Change{
		Bucket: "photos-input", Key: "red flower.jpg", VersionID: "v2", ETag: etag, Size: -1,
		Sequencer: "00617F08299329D190", Removed: true, Time: half,
	}
)

var tagged = Change{
	Bucket: "photos-input", Key: "red flower.jpg", AltKey: "red+flower.jpg", VersionID: "v2", ETag: "d41d8cd98f00b204e9800998ecf8427e",
	Size: -1, Tagged: true, Time: when,
}

func TestGolden(t *testing.T) {
	one := func(c Change) []Item { return []Item{{Change: c}} }
	tests := map[string]Event{
		"s3-put.json":              {Shape: ShapeS3, Items: one(put)},
		"s3-mixed.json":            {Shape: ShapeS3, Items: []Item{{Change: marker}, {Change: tagged}, {Change: expired}}},
		"s3-test.json":             {Shape: ShapeS3, Items: []Item{{Ignored: "s3:TestEvent"}}},
		"sns.json":                 {Shape: ShapeSNS, Items: one(put)},
		"sns-envelope.json":        {Shape: ShapeSNS, Items: one(put)},
		"eventbridge-created.json": {Shape: ShapeEventBridge, Items: one(bus)},
		"eventbridge-deleted.json": {Shape: ShapeEventBridge, Items: one(busRemoved)},
		"minio.json": {Shape: ShapeS3, Items: one(Change{
			Bucket: "photos-input", Key: "red flower/café.jpg", ETag: etag, Size: 1024, Sequencer: "18A8E2F0C6B5A1D0", Time: when,
		})},
		// The key is not encoded, and neither size nor sequencer has a meaning.
		"versitygw.json": {Shape: ShapeS3, Items: one(Change{
			Bucket: "photos-input", Key: "red+flower/100%.jpg", ETag: "9b2cf535f27731c974343645a3985328-2", Size: -1, Time: half,
		})},
		"s3batch-1.0.json": {
			Shape: ShapeBatch, Batch: &Batch{"1.0", "inv1", "job1"},
			Items: []Item{{ID: "t1", Change: Change{Bucket: "photos-input", Key: "red flower/café.jpg", VersionID: "v1", Size: -1}}},
		},
		"s3batch-2.0.json": {
			Shape: ShapeBatch, Batch: &Batch{"2.0", "inv2", "job2"},
			Items: []Item{{ID: "t2", Change: Change{Bucket: "photos-input", Key: "red+flower.jpg", Size: -1}}},
		},
	}
	maps.Copy(tests, goldensOfOthers)
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(tests)+1 {
		t.Errorf("%d files in testdata, %d tested here and sqs.json below: %v", len(files), len(tests), err)
	}
	for name, want := range tests {
		if got, err := Parse(golden(t, name)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", name, got, err, want)
		}
	}
}

func TestGoldenSQS(t *testing.T) {
	got, err := Parse(golden(t, "sqs.json"))
	if err != nil || got.Shape != ShapeSQS {
		t.Fatalf("shape %q, %v", got.Shape, err)
	}
	want := []Item{
		{ID: "m1", Change: put},
		{ID: "m2", Change: marker}, {ID: "m2", Change: tagged}, {ID: "m2", Change: expired},
		{ID: "m3", Ignored: "s3:TestEvent"},
		{ID: "m4", Change: put},
		{ID: "m5", Change: bus},
		{ID: "m6"}, // not JSON
		{ID: "m7", Ignored: "no records"},
		{ID: "m8", Change: bus},
	}
	for i := range got.Items {
		if err := got.Items[i].Err; got.Items[i].ID == "m6" && err != nil && strings.HasPrefix(err.Error(), "record 5: body: not JSON") {
			got.Items[i].Err = nil
		}
	}
	if !reflect.DeepEqual(got.Items, want) {
		t.Errorf("got %+v\nwant %+v", got.Items, want)
	}
}

// record returns a notification with one record, whose members are given as JSON.
func record(source, name, bucket, object string) string {
	return `{"Records":[{"eventSource":"` + source + `","eventName":"` + name + `","s3":{"bucket":` + bucket + `,"object":` + object + `}}]}`
}

func TestEventNames(t *testing.T) {
	created, removed, tags, ignored := "created", "removed", "tagged", "ignored"
	tests := map[string]string{
		"ObjectCreated:Put": created, "ObjectCreated:Post": created, "ObjectCreated:Copy": created,
		"ObjectCreated:CompleteMultipartUpload": created, "s3:ObjectCreated:Put": created, "ObjectCreated:Restyle": created,
		"ObjectRemoved:Delete": removed, "ObjectRemoved:DeleteMarkerCreated": removed, "s3:ObjectRemoved:NoOP": removed,
		"LifecycleExpiration:Delete": removed, "LifecycleExpiration:DeleteMarkerCreated": removed,
		"s3:ObjectCreated:PutTagging": tags, "s3:ObjectCreated:PutLegalHold": ignored, "s3:ObjectCreated:PutRetention": ignored,
		"s3:ObjectCreated:DeleteTagging": ignored, "ObjectTagging:Put": tags, "ObjectTagging:Delete": ignored,
		"ObjectRestore:Post": ignored, "ObjectRestore:Completed": ignored, "ObjectRestore:Delete": ignored,
		"Replication:OperationFailedReplication": ignored, "LifecycleTransition": ignored, "IntelligentTiering": ignored,
		"ObjectAcl:Put": ignored, "ReducedRedundancyLostObject": ignored, "s3:ObjectAccessed:Get": ignored,
		"s3:TestEvent": ignored, "ObjectCreatedByHand": ignored, "objectcreated:Put": ignored,
	}
	for name, want := range tests {
		e, err := Parse([]byte(record("aws:s3", name, `{"name":"b"}`, `{"key":"k"}`)))
		if err != nil || len(e.Items) != 1 || e.Items[0].Err != nil {
			t.Errorf("%s: %+v, %v", name, e, err)
			continue
		}
		got, item := created, e.Items[0]
		switch {
		case item.Ignored != "":
			got = ignored
			if item.Change != (Change{}) {
				t.Errorf("%s: ignored, but with the change %+v", name, item.Change)
			}
		case item.Change.Tagged:
			got = tags
		case item.Change.Removed:
			got = removed
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestKeysAreDecodedOnce(t *testing.T) {
	tests := []struct{ stored, key string }{
		{"a+b.jpg", "a b.jpg"},
		{"a%2Bb.jpg", "a+b.jpg"},
		{"a%20b.jpg", "a b.jpg"},
		{"a%2520b.jpg", "a%20b.jpg"},
		{"a%252Bb.jpg", "a%2Bb.jpg"},
		{"a%2fb%2Fc/d.jpg", "a/b/c/d.jpg"},
		{"%E5%86%99%E7%9C%9F.jpg", "写真.jpg"},
		{"写真.jpg", "写真.jpg"},
		{"%ff%fe%00", "\xff\xfe\x00"},
		{"+", " "},
		{"..%2F..", "../.."},
		{"a;b&c=d?e#f", "a;b&c=d?e#f"},
	}
	for _, test := range tests {
		bodies := map[string]string{
			"s3":    record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"`+test.stored+`"}`),
			"minio": record("minio:s3", "s3:ObjectCreated:Put", `{"name":"b"}`, `{"key":"`+test.stored+`"}`),
			"batch": `{"invocationSchemaVersion":"2.0","invocationId":"i","tasks":[{"taskId":"t","s3Bucket":"b","s3Key":"` + test.stored + `"}]}`,
		}
		for shape, body := range bodies {
			e, err := Parse([]byte(body))
			if err != nil || len(e.Items) != 1 || e.Items[0].Err != nil || e.Items[0].Change.Key != test.key {
				t.Errorf("%s %q: got %+v, %v, want %q", shape, test.stored, e.Items, err, test.key)
			}
		}
		plain := `{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"},"object":{"key":"` + test.stored + `"}}}`
		if e, err := Parse([]byte(plain)); err != nil || e.Items[0].Change.Key != test.stored {
			t.Errorf("eventbridge %q: got %+v, %v", test.stored, e.Items, err)
		}
	}
}

// badRecords are bodies whose only item is an error that contains want.
var badRecords = []struct{ name, body, want string }{
	{"no bucket", record("aws:s3", "ObjectCreated:Put", `{}`, `{"key":"k"}`), "record 0: no bucket name"},
	{"null bucket", record("aws:s3", "ObjectCreated:Put", `null`, `{"key":"k"}`), "record 0: no bucket name"},
	{"no key", record("aws:s3", "ObjectRemoved:Delete", `{"name":"b"}`, `{}`), "record 0: no object key"},
	{"empty key", record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":""}`), "record 0: no object key"},
	{"size as text", record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"k","size":"twelve"}`), "record 0: "},
	{"size with a fraction", record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"k","size":1.5}`), "size"},
	{"size below zero", record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"k","size":-1}`), "invalid object size -1"},
	{"size that overflows", record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"k","size":99999999999999999999}`), "size"},
	{"key as number", record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":7}`), "key"},
	{"no event name", record("aws:s3", "", `{"name":"b"}`, `{"key":"k"}`), `no eventName in a record of "aws:s3"`},
	{"null record", `{"Records":[null]}`, "record 0: no eventName"},
	{"number for a record", `{"Records":[7]}`, "record 0: "},
	{"another service", `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":""}}]}`, `no eventName in a record of "aws:kinesis"`},
	{"topic record without a notification", `{"Records":[{"EventSource":"aws:sns"}]}`, "no Sns member"},
	{"topic record with null", `{"Records":[{"EventSource":"aws:sns","Sns":null}]}`, "record 0: sns: no type"},
	{"notification that is a number", `{"Records":[{"EventSource":"aws:sns","Sns":7}]}`, "record 0: sns: "},
	{"notification of plain text", `{"Type":"Notification","Message":"hello"}`, "body: not JSON"},
	{"message as an object", `{"Type":"Notification","Message":{"Records":[]}}`, "sns: "},
	{"queue in a topic", `{"Type":"Notification","Message":"{\"Records\":[{\"eventSource\":\"aws:sqs\",\"messageId\":\"m\",\"body\":\"{}\"}]}"}`, "queue messages inside"},
	{"tasks in a topic", `{"Type":"Notification","Message":"{\"invocationSchemaVersion\":\"1.0\",\"invocationId\":\"i\",\"tasks\":[]}"}`, "batch tasks inside"},
	{"bus without a bucket", `{"source":"aws.s3","detail-type":"Object Created","detail":{"object":{"key":"k"}}}`, "no bucket name"},
	{"bus with null detail", `{"source":"aws.s3","detail-type":"Object Created","detail":null}`, "no bucket name"},
	{"bus with text detail", `{"source":"aws.s3","detail-type":"Object Created","detail":"x"}`, "detail"},
	{"bus without a source", `{"detail-type":"Object Created","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`, "no source"},
	{"task without an ID", `{"invocationSchemaVersion":"1.0","invocationId":"i","tasks":[{"s3Bucket":"b","s3Key":"k"}]}`, "task 0: no taskId"},
	{"task without a bucket", `{"invocationSchemaVersion":"1.0","invocationId":"i","tasks":[{"taskId":"t","s3Key":"k"}]}`, "task 0: no bucket name"},
	{"task with an access point", `{"invocationSchemaVersion":"1.0","invocationId":"i","tasks":[{"taskId":"t","s3Key":"k","s3BucketArn":"arn:aws:s3:eu-central-1:111122223333:accesspoint/a"}]}`, "not a bucket's ARN"},
	{"task with a bad key", `{"invocationSchemaVersion":"1.0","invocationId":"i","tasks":[{"taskId":"t","s3Key":"%","s3BucketArn":"arn:aws:s3:::b"}]}`, "task 0: key: "},
	{"task as a number", `{"invocationSchemaVersion":"1.0","invocationId":"i","tasks":[7]}`, "task 0: "},
}

func TestBadRecords(t *testing.T) {
	for _, test := range badRecords {
		e, err := Parse([]byte(test.body))
		if err != nil || len(e.Items) != 1 {
			t.Errorf("%s: %+v, %v", test.name, e, err)
			continue
		}
		item := e.Items[0]
		if item.Err == nil || !strings.Contains(item.Err.Error(), test.want) {
			t.Errorf("%s: error %v does not contain %q", test.name, item.Err, test.want)
		}
		if item.Change != (Change{}) || item.Ignored != "" {
			t.Errorf("%s: not only an error: %+v", test.name, item)
		}
	}
}

func TestBadRecordsDoNotHideOthers(t *testing.T) {
	good := `{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}`
	bad := `{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":""}}}`
	text, err := json.Marshal(`{"Records":[` + good + `,` + bad + `,` + good + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse([]byte(`{"Records":[
		{"eventSource":"aws:sqs","messageId":"a","body":` + string(text) + `},
		{"eventSource":"aws:sqs","messageId":"b","body":7},
		{"eventSource":"aws:sqs","messageId":"c"},
		{"eventSource":"aws:sqs","messageId":"d","body":"{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"visit\"}"},
		{"eventSource":"aws:sqs","messageId":"e","body":"{\"source\":\"aws.events\",\"detail-type\":\"Scheduled Event\",\"detail\":{\"bucket\":7}}"}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range e.Items {
		switch {
		case item.Err != nil:
			got = append(got, item.ID+" bad")
		case item.Ignored != "":
			got = append(got, item.ID+" ignored")
		default:
			got = append(got, item.ID+" "+item.Change.Key)
		}
	}
	want := []string{"a k", "a bad", "a k", "b bad", "c bad", "d ignored", "e ignored"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := e.Items[1].Err; !strings.HasPrefix(err.Error(), "record 0: body: record 1:") && !strings.HasPrefix(err.Error(), "record 0: record 1:") {
		t.Errorf("error %v does not name the record", err)
	}
}

var badBodies = []struct{ name, body, want string }{
	{"empty", "", "not JSON"},
	{"text", "hello", "not JSON"},
	{"null", "null", "not a JSON object"},
	{"number", "7", "not a JSON object"},
	{"list that does not end", "[", "not a JSON object"},
	{"two lists", "[][]", "not a JSON object"},
	{"empty object", "{}", "none of the known shapes"},
	{"truncated", `{"Records":[{"eventName":`, "EOF"},
	{"truncated before the brace", `{"Records":[]`, "EOF"},
	{"two objects", `{"Records":[]} {"Records":[]}`, "unexpected data after"},
	{"not UTF-8", "{\"Records\":[],\"x\":\"\xff\"}", "not valid UTF-8"},
	{"records null", `{"Records":null}`, "not a list"},
	{"records as an object", `{"Records":{}}`, "not a list"},
	{"records of another service", `{"invocationId":"i","records":[{"data":""}]}`, "none of the known shapes"},
	{"another event", `{"Event":"s3:OtherEvent","Bucket":"b"}`, "unknown event"},
	{"event as a number", `{"Event":7,"Bucket":"b"}`, "unmarshal"},
	{"tasks null", `{"invocationSchemaVersion":"1.0","invocationId":"i","tasks":null}`, "not a list"},
	{"tasks of schema 3", `{"invocationSchemaVersion":"3.0","invocationId":"i","tasks":[]}`, `schema "3.0"`},
	{"deep lists", `{"Records":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`, "depth"},
	{"deep objects", `{"x":` + strings.Repeat(`{"x":`, 1<<19) + `1` + strings.Repeat("}", 1<<19) + `}`, "depth"},
	{"too long", `{"Records":[],"x":"` + strings.Repeat("a", maxBody) + `"}`, "the limit is 8388608"},
	{"too many in a list", `[` + strings.Repeat("0,", maxRecords) + `0]`, "more than 50000 records"},
	{"too many", `{"Records":[` + strings.Repeat("0,", maxRecords) + `0]}`, "more than 50000 records"},
}

func TestBadBodies(t *testing.T) {
	for _, test := range badBodies {
		e, err := Parse([]byte(test.body))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v does not contain %q", test.name, err, test.want)
		}
		if !reflect.DeepEqual(e, Event{}) {
			t.Errorf("%s: error with an event of %d items", test.name, len(e.Items))
		}
	}
}

func TestRecordsAreCountedAcrossMessages(t *testing.T) {
	message := `{"eventSource":"aws:sqs","messageId":"m","body":"{\"Records\":[` + strings.Repeat("0,", 999) + `0]}"}`
	list := func(n int) []byte {
		return []byte(`{"Records":[` + strings.Repeat(message+",", n-1) + message + `]}`)
	}
	if e, err := Parse(list(49)); err != nil || len(e.Items) != 49_000 {
		t.Errorf("49 messages: %d items, %v", len(e.Items), err)
	}
	if _, err := Parse(list(50)); err == nil {
		t.Error("50 messages with 1,000 records each, 50,050 records in all, are accepted")
	}
}

func TestEnvelopesNestThreeDeep(t *testing.T) {
	body := record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"k"}`)
	for depth := 1; depth <= 5; depth++ {
		e, err := Parse([]byte(body))
		if err != nil || len(e.Items) != 1 {
			t.Fatalf("%d: %+v, %v", depth, e, err)
		}
		if within := depth <= 3; (e.Items[0].Err == nil) != within {
			t.Errorf("%d envelopes: %v", depth, e.Items[0].Err)
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		body = `{"Type":"Notification","Message":` + string(text) + `}`
	}
}

func TestTimeThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "yesterday", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"} {
		body := strings.Replace(record("aws:s3", "ObjectCreated:Put", `{"name":"b"}`, `{"key":"k","size":0}`), `"s3":`, `"eventTime":"`+text+`","s3":`, 1)
		e, err := Parse([]byte(body))
		if want := (Change{Bucket: "b", Key: "k"}); err != nil || e.Items[0].Err != nil || e.Items[0].Change != want {
			t.Errorf("%q: got %+v, %v", text, e.Items, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, name := range files {
		f.Add(golden(f, filepath.Base(name)))
	}
	for _, test := range badRecords {
		f.Add([]byte(test.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := Parse(body)
		if err != nil {
			if !reflect.DeepEqual(e, Event{}) {
				t.Fatalf("error %v with %+v", err, e)
			}
			return
		}
		if len(e.Items) == 0 || e.Shape == "" || (e.Batch != nil) != (e.Shape == ShapeBatch) {
			t.Fatalf("event %+v", e)
		}
		for _, item := range e.Items {
			c := item.Change
			switch {
			case item.Err != nil || item.Ignored != "":
				if c != (Change{}) || item.Err != nil && item.Ignored != "" {
					t.Fatalf("item %+v", item)
				}
				continue
			case c.Bucket == "" || c.Key == "" || c.Size < -1:
				t.Fatalf("change %+v", c)
			}
			again, err := Notification(c)
			if err != nil {
				t.Fatalf("no notification for %+v: %v", c, err)
			}
			c.Time, c.AltKey = c.Time.Truncate(time.Millisecond), ""
			if e, err := Parse(again); err != nil || len(e.Items) != 1 || e.Items[0].Change != c {
				t.Fatalf("notification for %+v is parsed as %+v, %v", c, e.Items, err)
			}
		}
	})
}
