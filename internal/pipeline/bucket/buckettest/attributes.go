package buckettest

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// wantMetadata compares metadata. An empty value equals a missing one, because some servers drop
// empty headers.
func (s *suite) wantMetadata(info bucket.Info, want map[string]string) {
	s.Helper()
	for k, v := range want {
		if got := info.Metadata[k]; got != v {
			s.Errorf("metadata %s of %q is %q, want %q", k, info.Key, got, v)
		}
	}
	for k, v := range info.Metadata {
		if _, ok := want[k]; !ok && v != "" {
			s.Errorf("unexpected metadata %s=%q of %q", k, v, info.Key)
		}
	}
}

// metadata checks that all UTF-8 text is preserved, although a header can hold printable ASCII
// only.
func (s *suite) metadata() {
	want := map[string]string{
		"plain":    "0055AED6DCD90281E5",
		"symbols":  `~!@#$%^&*()_+-={}[]|\:";'<>?,./`,
		"japanese": "夏休みの写真 " + strings.Repeat("長い", 40),
		"latin":    "café, Größe",
		"spaces":   "  both ends  and  between  ",
		"breaks":   "line\r\nX-Amz-Meta-Evil: 1\n\ttab",
		"encoded":  "=?utf-8?q?not_decoded?=",
		"empty":    "",
	}
	given := map[string]string{"Upper-Case": "key"}
	for k, v := range want {
		given[k] = v
	}
	s.put("x", "x", bucket.Attributes{Metadata: given})
	want["upper-case"] = "key"
	_, info := s.get("x")
	s.wantMetadata(info, want)
	head, err := s.store.Head(s.ctx, s.bucket, "x")
	if err != nil {
		s.Fatal(err)
	}
	s.wantMetadata(head, want)
	if err := s.store.Copy(s.ctx, s.from("x"), s.bucket, "y", bucket.Attributes{Metadata: head.Metadata}, bucket.Condition{}); err != nil {
		s.Fatal(err)
	}
	_, info = s.get("y")
	s.wantMetadata(info, want)
}

// tags checks that tags are read as they were written, and that an upload without tags has none of those of
// what it replaces.
func (s *suite) tags() {
	want := map[string]string{"scan": "NO_THREATS_FOUND", "a b": "c+d=e @:/"}
	s.put("tagged.jpg", "1", bucket.Attributes{Tags: want})
	info, err := s.store.Head(s.ctx, s.bucket, "tagged.jpg")
	if err != nil {
		s.Fatal(err)
	}
	for _, version := range []string{"", info.VersionID} {
		if got, err := s.store.Tags(s.ctx, s.bucket, "tagged.jpg", version); err != nil || !maps.Equal(got, want) {
			s.Errorf("version %q: %v, %v, want %v", version, got, err, want)
		}
	}
	s.put("tagged.jpg", "2", bucket.Attributes{})
	if got, err := s.store.Tags(s.ctx, s.bucket, "tagged.jpg", ""); err != nil || len(got) != 0 {
		s.Errorf("a new upload has the tags %v: %v", got, err)
	}
	_, err = s.store.Tags(s.ctx, s.bucket, "missing.jpg", "")
	s.want(err, bucket.ErrNotFound, "tags of a missing object")
}

// metadataRefused checks that attributes which no header can hold are rejected.
func (s *suite) metadataRefused() {
	s.put("there", "there", bucket.Attributes{})
	for name, attr := range map[string]bucket.Attributes{
		"key with a space":         {Metadata: map[string]string{"a b": "v"}},
		"key with a line break":    {Metadata: map[string]string{"a\nb": "v"}},
		"key outside ASCII":        {Metadata: map[string]string{"ключ": "v"}},
		"empty key":                {Metadata: map[string]string{"": "v"}},
		"keys that differ in case": {Metadata: map[string]string{"a": "v", "A": "w"}},
		"value not UTF-8":          {Metadata: map[string]string{"k": "\xff\xfe"}},
		"type outside ASCII":       {ContentType: "image/é"},
		"disposition with break":   {ContentDisposition: "inline\r\nX: y"},
		"cache outside ASCII":      {CacheControl: "夏"},
	} {
		_, err := s.store.Put(s.ctx, s.bucket, "x", []byte("x"), attr, bucket.Condition{})
		s.want(err, bucket.ErrInvalid, "put, %s", name)
		s.want(s.store.Copy(s.ctx, s.from("there"), s.bucket, "x", attr, bucket.Condition{}), bucket.ErrInvalid, "copy, %s", name)
	}
	_, err := s.store.Head(s.ctx, s.bucket, "x")
	s.want(err, bucket.ErrNotFound, "head of the rejected object")
}

// metadataTooLarge checks that metadata over S3's limit of 2 KB is rejected, or stored by a store
// that allows more.
func (s *suite) metadataTooLarge() {
	want := map[string]string{"k": strings.Repeat("v", 3000)}
	_, err := s.store.Put(s.ctx, s.bucket, "x", []byte("x"), bucket.Attributes{Metadata: want}, bucket.Condition{})
	if err == nil {
		_, info := s.get("x")
		s.wantMetadata(info, want)
		return
	}
	s.want(err, bucket.ErrInvalid, "put with 3000 bytes of metadata")
}

// cancelled checks that a call does nothing if its context has ended, and reports it.
func (s *suite) cancelled() {
	etag := s.put("x", "x", bucket.Attributes{})
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.store.Get(ctx, s.bucket, "x", bucket.Condition{})
	s.want(err, context.Canceled, "get")
	_, err = s.store.Head(ctx, s.bucket, "x")
	s.want(err, context.Canceled, "head")
	_, err = s.store.Put(ctx, s.bucket, "x", []byte("y"), bucket.Attributes{}, bucket.Condition{})
	s.want(err, context.Canceled, "put")
	if errors.Is(err, bucket.ErrTransient) {
		s.Errorf("a cancelled put is reported as a fault of the store: %v", err)
	}
	s.want(s.store.Copy(ctx, s.from("x"), s.bucket, "y", bucket.Attributes{}, bucket.Condition{}), context.Canceled, "copy")
	s.want(s.store.Delete(ctx, s.bucket, "x", bucket.Condition{}), context.Canceled, "delete")
	n := 0
	for _, err := range s.store.List(ctx, s.bucket, "") {
		s.want(err, context.Canceled, "list")
		n++
	}
	if n != 1 {
		s.Errorf("a cancelled list yields %d times, want its error once", n)
	}
	expired, cancel := context.WithTimeout(s.ctx, 0)
	defer cancel()
	_, err = s.store.Head(expired, s.bucket, "x")
	s.want(err, context.DeadlineExceeded, "head after the deadline")
	if body, info := s.get("x"); body != "x" || info.ETag != etag {
		s.Errorf("after cancelled calls: %q, %+v", body, info)
	}
}
