package event

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestNotificationBytes compares the complete JSON, with members in the same order as S3's.
func TestNotificationBytes(t *testing.T) {
	got, err := NamedNotification("ObjectCreated:Copy", Change{
		Bucket: "photos-input", Key: "red flower/(café) 1+1*~.jpg", VersionID: "v1", ETag: `"` + etag + `"`, Size: 0,
		Sequencer: "0055AED6DCD90281E5", Time: time.Date(2026, 3, 1, 10, 30, 0, 120_999_999, time.FixedZone("", 3600)),
	})
	want := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1",` +
		`"eventTime":"2026-03-01T09:30:00.120Z","eventName":"ObjectCreated:Copy","userIdentity":{"principalId":"imgmill"},` +
		`"requestParameters":{"sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-id-2":"","x-amz-request-id":""},` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"imgmill","bucket":{"name":"photos-input",` +
		`"ownerIdentity":{"principalId":"imgmill"},"arn":"arn:aws:s3:::photos-input"},` +
		`"object":{"key":"red+flower/%28caf%C3%A9%29+1%2B1*%7E.jpg","size":0,"eTag":"` + etag + `","versionId":"v1","sequencer":"0055AED6DCD90281E5"}}}]}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestNotificationOmitsUnknownMembers(t *testing.T) {
	got, err := Notification(Change{Bucket: "b", Key: "k", Size: -1, Removed: true, Time: when})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), `"eventName":"ObjectRemoved:Delete"`) || !strings.Contains(string(got), `"object":{"key":"k"}`) {
		t.Errorf("got %s", got)
	}
	if got, err := Notification(); err != nil || string(got) != `{"Records":[]}` {
		t.Errorf("no changes: got %s, %v", got, err)
	}
}

func TestNotificationRefuses(t *testing.T) {
	created := Change{Bucket: "b", Key: "k"}
	removed := Change{Bucket: "b", Key: "k", Removed: true}
	tests := []struct {
		what, name string
		change     Change
	}{
		{"no bucket", "ObjectCreated:Put", Change{Key: "k"}},
		{"no key", "ObjectCreated:Put", Change{Bucket: "b"}},
		{"bucket that is not UTF-8", "ObjectCreated:Put", Change{Bucket: "\xff", Key: "k"}},
		{"version that is not UTF-8", "ObjectCreated:Put", Change{Bucket: "b", Key: "k", VersionID: "\xff"}},
		{"no name", "", created},
		{"removal with the name of a creation", "ObjectCreated:Put", removed},
		{"creation with the name of a removal", "ObjectRemoved:Delete", created},
		{"name of another event", "ObjectTagging:Put", created},
		{"name with the prefix that S3 leaves out", "s3:ObjectCreated:Put", created},
	}
	for _, test := range tests {
		if got, err := NamedNotification(test.name, test.change); err == nil {
			t.Errorf("%s: got %s", test.what, got)
		}
	}
	for _, name := range []string{"ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"} {
		if _, err := NamedNotification(name, removed); err != nil {
			t.Error(err)
		}
	}
}

func TestEncodeKey(t *testing.T) {
	for c := range 256 {
		key := string([]byte{byte(c)})
		want := url.QueryEscape(key) // differs from S3's encoding in three characters
		switch key {
		case "/", "*":
			want = key
		case "~":
			want = "%7E"
		}
		if got := encodeKey(key); got != want {
			t.Errorf("%q becomes %q, want %q", key, got, want)
		}
	}
}

// TestRoundTrip checks that Parse reverses Notification for random changes and keys.
func TestRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(letters string, longest int) string {
		b := make([]byte, random.IntN(longest+1))
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	for range 2000 {
		changes := make([]Change, 1+random.IntN(4))
		for i := range changes {
			key := make([]byte, 1+random.IntN(40))
			for j := range key {
				key[j] = byte(random.Uint32())
				if random.IntN(3) == 0 {
					key[j] = "%+ /2Bf&=;?#"[random.IntN(12)]
				}
			}
			changes[i] = Change{
				Bucket: "b" + text("abc.-", 20), Key: string(key), VersionID: text("aZ09._<>&\"\\", 12), ETag: text("0123456789abcdef-", 34),
				Size: random.Int64N(1<<50) - 1, Sequencer: "1" + text("0123456789ABCDEF", 20), Removed: random.IntN(2) == 0,
				Time: time.UnixMilli(random.Int64N(4e12)).UTC(),
			}
		}
		body, err := Notification(changes...)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse(body)
		if err != nil || e.Shape != ShapeS3 {
			t.Fatalf("%s: %v", body, err)
		}
		var got []Change
		for _, item := range e.Items {
			if item.Err != nil || item.Ignored != "" {
				t.Fatalf("%s: %+v", body, item)
			}
			got = append(got, item.Change)
		}
		if !reflect.DeepEqual(got, changes) {
			t.Fatalf("got %+v\nwant %+v", got, changes)
		}
	}
}

func TestResponses(t *testing.T) {
	batch := Batch{SchemaVersion: "2.0", InvocationID: "inv", JobID: "job"}
	tests := []struct {
		response any
		want     string
	}{
		{FailMessages(), `{"batchItemFailures":[]}`},
		{FailMessages("b", "a", "b"), `{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"}]}`},
		{batch.Response(), `{"invocationSchemaVersion":"2.0","treatMissingKeysAs":"PermanentFailure","invocationId":"inv","results":[]}`},
		{
			batch.Response(BatchResult{"t1", Succeeded, "done"}, BatchResult{"t2", TemporaryFailure, "slow down"}, BatchResult{"t3", PermanentFailure, ""}),
			`{"invocationSchemaVersion":"2.0","treatMissingKeysAs":"PermanentFailure","invocationId":"inv","results":[` +
				`{"taskId":"t1","resultCode":"Succeeded","resultString":"done"},` +
				`{"taskId":"t2","resultCode":"TemporaryFailure","resultString":"slow down"},` +
				`{"taskId":"t3","resultCode":"PermanentFailure","resultString":""}]}`,
		},
	}
	for _, test := range tests {
		if got, err := json.Marshal(test.response); err != nil || string(got) != test.want {
			t.Errorf("got %s, %v\nwant %s", got, err, test.want)
		}
	}
}
