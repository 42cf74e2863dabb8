package event

import (
	"testing"
)

// TestKeysOfEverySender checks that a key is decoded only if it was encoded. The records have the
// shapes of servers that were run, with keys of our own.
func TestKeysOfEverySender(t *testing.T) {
	const (
		s3Like = `,"sequencer":"0055AED6DCD90281E5"`
		zero   = `,"sequencer":"0"`
	)
	for _, test := range []struct {
		name, source, event, object string
		key, alt                    string
	}{
		{"S3", "aws:s3", "ObjectCreated:Put", `{"key":"a+b%2Bc%2520.jpg"` + s3Like + `}`, "a b+c%20.jpg", ""},
		{"S3, nothing to decode", "aws:s3", "ObjectCreated:Put", `{"key":"a-b/c.jpg"` + s3Like + `}`, "a-b/c.jpg", ""},
		{"MinIO", "minio:s3", "s3:ObjectCreated:Put", `{"key":"%E5%A4%8F%2Fa+b.jpg","sequencer":"18EC4C64F20F4781"}`, "夏/a b.jpg", ""},
		{"ministack, certainly raw", "aws:s3", "ObjectCreated:Put", `{"key":"夏/a b+c%20 (1).jpg"` + zero + `}`, "夏/a b+c%20 (1).jpg", ""},
		{"ministack, a percent sign", "aws:s3", "ObjectCreated:Put", `{"key":"100%.jpg"` + zero + `}`, "100%.jpg", ""},
		{"ministack, a truncated escape", "aws:s3", "ObjectCreated:Put", `{"key":"a%2"` + zero + `}`, "a%2", ""},
		{"ministack or moto, uncertain", "aws:s3", "ObjectCreated:Put", `{"key":"a+b.jpg"` + zero + `}`, "a b.jpg", "a+b.jpg"},
		{"moto", "aws:s3", "ObjectCreated:Put", `{"key":"a%2520b.jpg"}`, "a%20b.jpg", "a%2520b.jpg"},
		{"moto, slashes", "aws:s3", "ObjectRemoved:Delete", `{"key":"a%2Fb.jpg"}`, "a/b.jpg", "a%2Fb.jpg"},
		{"Ceph", "ceph:s3", "ObjectCreated:Put", `{"key":"a%20b.jpg","sequencer":"5A5C2E1F00000000"}`, "a%20b.jpg", "a b.jpg"},
		{"an unknown server", "rustfs:s3", "ObjectCreated:Put", `{"key":"a%20b.jpg","sequencer":"18EC4C64F20F4781"}`, "a b.jpg", "a%20b.jpg"},
		{"bytes that are not UTF-8, encoded", "aws:s3", "ObjectCreated:Put", `{"key":"a%FF.jpg"` + s3Like + `}`, "a\xff.jpg", ""},
	} {
		e, err := Parse([]byte(record(test.source, test.event, `{"name":"b"}`, test.object)))
		if err != nil || len(e.Items) != 1 || e.Items[0].Err != nil {
			t.Errorf("%s: %+v, %v", test.name, e, err)
			continue
		}
		if c := e.Items[0].Change; c.Key != test.key || c.AltKey != test.alt {
			t.Errorf("%s: read as %q or %q, want %q or %q", test.name, c.Key, c.AltKey, test.key, test.alt)
		}
	}
}

// TestOddMembers checks members that some servers write in another way than S3.
func TestOddMembers(t *testing.T) {
	for _, test := range []struct {
		name, object    string
		size            int64
		sequencer, etag string
	}{
		{"size as text (Ceph)", `{"key":"k","size":"1024","eTag":"e","sequencer":"5A5C2E1F"}`, 1024, "5A5C2E1F", "e"},
		{"constant sequencer (ministack)", `{"key":"k","size":1,"eTag":"e","sequencer":"0"}`, 1, "", "e"},
		{"sequencer that is no number", `{"key":"k","size":1,"eTag":"e","sequencer":"now"}`, 1, "", "e"},
		{"nothing but nulls", `{"key":"k","size":null,"eTag":null,"versionId":null,"sequencer":null}`, -1, "", ""},
	} {
		e, err := Parse([]byte(record("ceph:s3", "ObjectCreated:Put", `{"name":"b"}`, test.object)))
		if err != nil || len(e.Items) != 1 || e.Items[0].Err != nil {
			t.Errorf("%s: %+v, %v", test.name, e, err)
			continue
		}
		if c := e.Items[0].Change; c.Size != test.size || c.Sequencer != test.sequencer || c.ETag != test.etag {
			t.Errorf("%s: read as %+v", test.name, c)
		}
	}
}
