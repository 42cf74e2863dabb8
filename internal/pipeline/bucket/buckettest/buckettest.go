// Package buckettest is the test suite that every implementation of package bucket passes.
//
// It requires nothing that Amazon S3 does not guarantee, and uses only the interface of a store.
// Where the contract allows several results, it accepts each of them and no other.
package buckettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
)

// What a store may lack beside what package probe finds out, as stores were seen to.
const (
	// ObjectTags: objects have no tags.
	ObjectTags probe.Lack = "tags"
	// FoldedKeys: a//b, ./a, a/../b and /a are other names of a/b, a, b and a.
	FoldedKeys probe.Lack = "keys with empty parts and dots"
	// Backslashes: a backslash in a key becomes a slash.
	Backslashes probe.Lack = "keys with backslashes"
	// KeyBesideFolder: a and a/x cannot both be keys.
	KeyBesideFolder probe.Lack = "a key that is the folder of another"
	// ControlKeys: a key cannot hold control characters.
	ControlKeys probe.Lack = "keys with control characters"
	// DeleteOfNothing: a delete with the condition IfMatch succeeds if there is no object.
	DeleteOfNothing probe.Lack = "an error for the conditional deletion of nothing"
	// MissingBuckets: a write into a bucket that does not exist creates it.
	MissingBuckets probe.Lack = "an error for a missing bucket"
)

// Run runs the suite. Each of its tests calls open for a store and the name of an empty bucket in
// it; open is responsible for cleaning up (t.Cleanup). With -short, no test stores more than a few
// dozen objects. Tests of what the store lacks are skipped, by name.
func Run(
	t *testing.T, open func(t *testing.T) (store bucket.Store, bucketName string), lacks ...probe.Lack,
) {
	const everyStore = probe.Lack("")
	for _, test := range []struct {
		name  string
		needs probe.Lack
		run   func(*suite)
	}{
		{"RoundTrip", everyStore, (*suite).roundTrip},
		{"CloseEarly", everyStore, (*suite).closeEarly},
		{"ReadAt", everyStore, (*suite).readAt},
		{"Keys", everyStore, (*suite).keys},
		{"KeysFolded", FoldedKeys, (*suite).keysFolded},
		{"KeysWithBackslash", Backslashes, (*suite).keysWithBackslash},
		{"KeysBesideFolder", KeyBesideFolder, (*suite).keysBesideFolder},
		{"KeysWithControls", ControlKeys, (*suite).keysWithControls},
		{"KeyTooLong", everyStore, (*suite).keyTooLong},
		{"Empty", everyStore, (*suite).empty},
		{"Missing", everyStore, (*suite).missing},
		{"MissingBucket", MissingBuckets, (*suite).missingBucket},
		{"Replace", everyStore, (*suite).replace},
		{"OwnBytes", everyStore, (*suite).ownBytes},
		{"Metadata", everyStore, (*suite).metadata},
		{"Tags", ObjectTags, (*suite).tags},
		{"MetadataRefused", everyStore, (*suite).metadataRefused},
		{"MetadataTooLarge", everyStore, (*suite).metadataTooLarge},
		{"GetIfMatch", everyStore, (*suite).getIfMatch},
		{"PutIfAbsent", everyStore, (*suite).putIfAbsent},
		{"PutAfterDelete", everyStore, (*suite).putAfterDelete},
		{"PutIfMatch", everyStore, (*suite).putIfMatch},
		{"DeleteIfMatch", everyStore, (*suite).deleteIfMatch},
		{"DeleteIfMatchAbsent", DeleteOfNothing, (*suite).deleteIfMatchAbsent},
		{"ImpossibleConditions", everyStore, (*suite).impossibleConditions},
		{"RaceIfAbsent", probe.PutIfAbsent, (*suite).raceIfAbsent},
		{"RaceIfMatch", probe.PutIfMatch, (*suite).raceIfMatch},
		{"RaceAfterDelete", probe.PutAfterDelete, (*suite).raceAfterDelete},
		{"RaceDelete", probe.DeleteIfMatch, (*suite).raceDelete},
		{"Copy", everyStore, (*suite).copy},
		{"CopyOntoItself", everyStore, (*suite).copyOntoItself},
		{"CopySource", everyStore, (*suite).copySource},
		{"CopyTarget", everyStore, (*suite).copyTarget},
		{"List", everyStore, (*suite).list},
		{"ListPages", everyStore, (*suite).listPages},
		{"ListStops", everyStore, (*suite).listStops},
		{"ListAfterWrite", everyStore, (*suite).listAfterWrite},
		{"AtomicOverwrite", everyStore, (*suite).atomicOverwrite},
		{"Cancelled", everyStore, (*suite).cancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.needs != everyStore && slices.Contains(lacks, test.needs) {
				t.Skipf("the store lacks %s", test.needs)
			}
			store, name := open(t)
			test.run(&suite{t, t.Context(), store, name, lacks})
		})
	}
}

type suite struct {
	*testing.T
	ctx    context.Context
	store  bucket.Store
	bucket string
	lacks  probe.Lacks
}

// awkwardKeys have broken S3 clients and servers before.
var awkwardKeys = []string{
	"夏休み/red+flower (1) 100%.JPG",
	"a b/c.jpeg",
	"plus+plus.jpg",
	"percent%2Fnot a slash%20.png",
	"query?a=b&c=d#fragment.gif",
	`quotes'"<>&;,:@=$!*~^|{}[]` + "`.jpg",
	"e\u0301 combining and \u00e9 composed.jpg",
	"emoji 🌻.webp",
	".hidden",
	"trailing space .jpg",
	" leading space.jpg",
	"deep/er/and/deep/er/still/x.jpg",
}

// longKey returns a key of 1024 bytes, the limit of S3, whose parts a file system can hold too.
func longKey() string { return strings.Repeat(strings.Repeat("k", 127)+"/", 8)[:1023] + "z" }

func (s *suite) put(key, body string, attr bucket.Attributes) (etag string) {
	s.Helper()
	etag, err := s.store.Put(s.ctx, s.bucket, key, []byte(body), attr, bucket.Condition{})
	if err != nil {
		s.Fatalf("put %q: %v", key, err)
	}
	return etag
}

// get reads an object and checks that its description fits its content.
func (s *suite) get(key string) (string, bucket.Info) {
	s.Helper()
	o, err := s.store.Get(s.ctx, s.bucket, key, bucket.Condition{})
	if err != nil {
		s.Fatalf("get %q: %v", key, err)
	}
	body, err := io.ReadAll(o.Body)
	if err != nil {
		s.Fatalf("read %q: %v", key, err)
	}
	if err := o.Body.Close(); err != nil {
		s.Errorf("close %q: %v", key, err)
	}
	if o.Key != key || o.Size != int64(len(body)) || o.Modified.IsZero() || o.ETag == "" || strings.Contains(o.ETag, `"`) {
		s.Errorf("get %q: %d bytes, described as %+v", key, len(body), o.Info)
	}
	return string(body), o.Info
}

// from returns an object of the suite's bucket as the source of a copy.
func (s *suite) from(key string) bucket.Source { return bucket.Source{Bucket: s.bucket, Key: key} }

func (s *suite) wantBody(key, want string) {
	s.Helper()
	if got, _ := s.get(key); got != want {
		s.Errorf("%q holds %q, want %q", key, got, want)
	}
}

func (s *suite) want(err, kind error, doing string, args ...any) {
	s.Helper()
	if !errors.Is(err, kind) {
		s.Errorf("%s: error %v, want %q", fmt.Sprintf(doing, args...), err, kind)
	}
}

// sameInfo compares the descriptions of an object by Get and Head.
func (s *suite) sameInfo(a, b bucket.Info) {
	s.Helper()
	if !maps.Equal(a.Metadata, b.Metadata) {
		s.Errorf("metadata is %v in get, %v in head", a.Metadata, b.Metadata)
	}
	if !a.Modified.Equal(b.Modified) {
		s.Errorf("modified is %v in get, %v in head", a.Modified, b.Modified)
	}
	a.Metadata, a.Modified = nil, b.Modified
	b.Metadata = nil
	if !reflect.DeepEqual(a, b) {
		s.Errorf("get returns %+v, head %+v", a, b)
	}
}

func (s *suite) roundTrip() {
	body := make([]byte, 300<<10+7)
	for i := range body {
		body[i] = byte(i * i >> 3)
	}
	attr := bucket.Attributes{
		ContentType: "image/jpeg", ContentEncoding: "gzip", ContentLanguage: "ja, de-CH",
		ContentDisposition: `inline; filename="x y.jpg"`, CacheControl: "public, max-age=31536000",
		Expires:  time.Date(2037, 12, 31, 23, 59, 58, 0, time.UTC),
		Metadata: map[string]string{"made-from": "abc-1", "sequence-number": "0055AED6DCD90281E5"},
	}
	etag := s.put("dir/x.jpg", string(body), attr)
	got, info := s.get("dir/x.jpg")
	if !bytes.Equal([]byte(got), body) {
		s.Errorf("read %d bytes that differ from the %d written", len(got), len(body))
	}
	if info.ETag != etag {
		s.Errorf("put returned the ETag %q, get %q", etag, info.ETag)
	}
	s.wantMetadata(info, attr.Metadata)
	if got := info.Attributes; !got.Expires.Equal(attr.Expires) || !slices.Equal(headers(got), headers(attr)) {
		s.Errorf("the attributes are %+v, want %+v", got, attr)
	}
	head, err := s.store.Head(s.ctx, s.bucket, "dir/x.jpg")
	if err != nil {
		s.Fatal(err)
	}
	s.sameInfo(info, head)
}

// headers lists the headers of attributes.
func headers(attr bucket.Attributes) (all []string) {
	for name, value := range attr.Headers() {
		all = append(all, name+": "+value)
	}
	return all
}

// closeEarly checks that an object may be closed before its end.
func (s *suite) closeEarly() {
	for _, size := range []int{1, 100 << 10, 2 << 20} {
		body := strings.Repeat("x", size)
		s.put("x.jpg", body, bucket.Attributes{})
		for _, read := range []int{0, 1, size / 2, size} {
			o, err := s.store.Get(s.ctx, s.bucket, "x.jpg", bucket.Condition{})
			if err != nil {
				s.Fatal(err)
			}
			if _, err := io.ReadFull(o.Body, make([]byte, read)); err != nil {
				s.Errorf("read %d of %d bytes: %v", read, size, err)
			}
			if err := o.Body.Close(); err != nil {
				s.Errorf("close after %d of %d bytes: %v", read, size, err)
			}
		}
		s.wantBody("x.jpg", body)
	}
}

// readAt reads parts of an object, and of one that has been replaced.
func (s *suite) readAt() {
	body := strings.Repeat("0123456789", 30_000)
	etag := s.put("x.tif", body, bucket.Attributes{})
	for _, part := range [][2]int{{0, 1}, {0, len(body)}, {123_456, 100_000}, {len(body) - 10, 10}} {
		p := make([]byte, part[1])
		if err := s.store.ReadAt(s.ctx, s.bucket, "x.tif", etag, p, int64(part[0])); err != nil {
			s.Errorf("read %d bytes from %d on: %v", part[1], part[0], err)
		} else if string(p) != body[part[0]:][:part[1]] {
			s.Errorf("read %d bytes from %d on: other bytes", part[1], part[0])
		}
	}
	for _, offset := range []int{len(body) - 9, len(body) + 1} {
		if err := s.store.ReadAt(s.ctx, s.bucket, "x.tif", etag, make([]byte, 10), int64(offset)); err == nil {
			s.Errorf("10 bytes from %d on, of %d, were read", offset, len(body))
		}
	}
	err := s.store.ReadAt(s.ctx, s.bucket, "none", etag, make([]byte, 10), 0)
	s.want(err, bucket.ErrNotFound, "read of a missing object")
	s.put("x.tif", body+".", bucket.Attributes{})
	err = s.store.ReadAt(s.ctx, s.bucket, "x.tif", etag, make([]byte, 10), 5)
	s.want(err, bucket.ErrPrecondition, "read of a changed object")
}

func (s *suite) keys() {
	keys := append([]string{longKey()}, awkwardKeys...)
	for i, key := range keys {
		s.put(key, fmt.Sprintf("body %d", i), bucket.Attributes{})
	}
	for i, key := range keys {
		s.wantBody(key, fmt.Sprintf("body %d", i))
		if info, err := s.store.Head(s.ctx, s.bucket, key); err != nil || info.Key != key {
			s.Errorf("head %q: %q, %v", key, info.Key, err)
		}
	}
	for i, key := range keys {
		to := "copies/" + key
		if len(to) > 1024 {
			to = "copies/long"
		}
		if err := s.store.Copy(s.ctx, s.from(key), s.bucket, to, bucket.Attributes{}, bucket.Condition{}); err != nil {
			s.Errorf("copy %q: %v", key, err)
			continue
		}
		s.wantBody(to, fmt.Sprintf("body %d", i))
	}
	listed := map[string]bool{}
	for _, info := range s.listAll("") {
		listed[info.Key] = true
	}
	for _, key := range keys {
		if !listed[key] {
			s.Errorf("%q is not listed", key)
		}
		if err := s.store.Delete(s.ctx, s.bucket, key, bucket.Condition{}); err != nil {
			s.Errorf("delete %q: %v", key, err)
		}
		_, err := s.store.Head(s.ctx, s.bucket, key)
		s.want(err, bucket.ErrNotFound, "head of deleted %q", key)
	}
}

// keyTooLong checks that a key one byte over S3's limit is rejected, or stored by a store without
// such a limit.
func (s *suite) keyTooLong() {
	key := longKey() + "z"
	_, err := s.store.Put(s.ctx, s.bucket, key, []byte("x"), bucket.Attributes{}, bucket.Condition{})
	if err == nil {
		s.wantBody(key, "x")
		return
	}
	s.want(err, bucket.ErrInvalid, "put of a key of %d bytes", len(key))
}

func (s *suite) empty() {
	etag := s.put("empty", "", bucket.Attributes{})
	got, info := s.get("empty")
	if got != "" || info.Size != 0 || info.ETag != etag {
		s.Errorf("the empty object is %q, %+v", got, info)
	}
	_, err := s.store.Put(s.ctx, s.bucket, "", []byte("x"), bucket.Attributes{}, bucket.Condition{})
	s.want(err, bucket.ErrInvalid, "put of an empty key")
	_, err = s.store.Get(s.ctx, s.bucket, "", bucket.Condition{})
	s.want(err, bucket.ErrInvalid, "get of an empty key")
	_, err = s.store.Head(s.ctx, s.bucket, "")
	s.want(err, bucket.ErrInvalid, "head of an empty key")
	s.want(s.store.Delete(s.ctx, s.bucket, "", bucket.Condition{}), bucket.ErrInvalid, "delete of an empty key")
	s.want(s.store.Copy(s.ctx, s.from(""), s.bucket, "x", bucket.Attributes{}, bucket.Condition{}), bucket.ErrInvalid, "copy from an empty key")
	s.want(s.store.Copy(s.ctx, s.from("empty"), s.bucket, "", bucket.Attributes{}, bucket.Condition{}), bucket.ErrInvalid, "copy to an empty key")
}

func (s *suite) missing() {
	_, err := s.store.Get(s.ctx, s.bucket, "no/such", bucket.Condition{})
	s.want(err, bucket.ErrNotFound, "get")
	_, err = s.store.Get(s.ctx, s.bucket, "no/such", bucket.Condition{IfMatch: "abc"})
	s.want(err, bucket.ErrNotFound, "get with a condition")
	_, err = s.store.Head(s.ctx, s.bucket, "no/such")
	s.want(err, bucket.ErrNotFound, "head")
	s.want(s.store.Copy(s.ctx, s.from("no/such"), s.bucket, "x", bucket.Attributes{}, bucket.Condition{}), bucket.ErrNotFound, "copy")
	if err := s.store.Delete(s.ctx, s.bucket, "no/such", bucket.Condition{}); err != nil {
		s.Errorf("delete of a missing object: %v", err)
	}
}

func (s *suite) missingBucket() {
	const none = "imgmill-no-such-bucket"
	s.put("x", "x", bucket.Attributes{})
	_, err := s.store.Get(s.ctx, none, "x", bucket.Condition{})
	s.want(err, bucket.ErrNoBucket, "get")
	_, err = s.store.Head(s.ctx, none, "x")
	if !errors.Is(err, bucket.ErrNotFound) { // its answer has no body to tell
		s.want(err, bucket.ErrNoBucket, "head")
	}
	_, err = s.store.Put(s.ctx, none, "x", []byte("x"), bucket.Attributes{}, bucket.Condition{})
	s.want(err, bucket.ErrNoBucket, "put")
	s.want(s.store.Copy(s.ctx, s.from("x"), none, "x", bucket.Attributes{}, bucket.Condition{}), bucket.ErrNoBucket, "copy to the bucket")
	s.want(s.store.Copy(s.ctx, bucket.Source{Bucket: none, Key: "x"}, s.bucket, "y", bucket.Attributes{}, bucket.Condition{}), bucket.ErrNoBucket, "copy from the bucket")
	s.want(s.store.Delete(s.ctx, none, "x", bucket.Condition{}), bucket.ErrNoBucket, "delete")
	n := 0
	for _, err := range s.store.List(s.ctx, none, "") {
		s.want(err, bucket.ErrNoBucket, "list")
		n++
	}
	if n != 1 {
		s.Errorf("list of a missing bucket yields %d times, want its error once", n)
	}
}

func (s *suite) replace() {
	first := s.put("x", "one", bucket.Attributes{ContentType: "image/png", Metadata: map[string]string{"a": "1"}})
	second := s.put("x", "three", bucket.Attributes{ContentType: "image/gif", Metadata: map[string]string{"b": "2"}})
	if first == second {
		s.Errorf("two contents have the ETag %q", first)
	}
	body, info := s.get("x")
	if body != "three" || info.ETag != second || info.ContentType != "image/gif" {
		s.Errorf("after a second put: %q, %+v", body, info)
	}
	s.wantMetadata(info, map[string]string{"b": "2"})
	if again := s.put("x", "three", bucket.Attributes{}); again == "" {
		s.Error("no ETag")
	}
	if _, info := s.get("x"); len(info.Metadata) != 0 {
		s.Errorf("the metadata of the old object is left: %v", info.Metadata)
	}
}

// ownBytes checks that a store shares no memory with its callers.
func (s *suite) ownBytes() {
	body, meta := []byte("abc"), map[string]string{"k": "v"}
	if _, err := s.store.Put(s.ctx, s.bucket, "x", body, bucket.Attributes{Metadata: meta}, bucket.Condition{}); err != nil {
		s.Fatal(err)
	}
	body[0], meta["k"] = 'z', "changed"
	_, info := s.get("x")
	info.Metadata["k"] = "changed as well"
	s.wantBody("x", "abc")
	_, info = s.get("x")
	s.wantMetadata(info, map[string]string{"k": "v"})
}
