package devcloud

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/imgmill/imgmill/internal/pipeline/event"
)

var sequencerRE = regexp.MustCompile(`^[0-9A-F]{16}$`)

// awkward lists keys that are often mangled in URLs, events and file systems.
var awkward = []string{
	"plain.jpg", "夏休み/red+flower (1) 100%.JPG", "a b/c&d=e?f#g;h,i:j@k$l!m'n*o~p.png", "%2F%20+.gif", "ümlaut/é.webp",
	"meta/acl", "album/meta/1.jpg", "meta~/x", "quote\"back\\slash<>|^`{}[].jpg",
}

// copySource escapes every byte but letters and digits; a plus sign would be read as a space.
func copySource(key string) string {
	return strings.ReplaceAll(url.QueryEscape(source+"/"+key), "+", "%20")
}

func md5Hex(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }

// one checks that there is exactly one event, and everything in it but its time.
func one(t *testing.T, c *Cloud, name, key, etag string, size int64) notice {
	t.Helper()
	list := events(t, c.Queue())
	if len(list) != 1 {
		t.Fatalf("%s of %q: %d events, want one: %+v", name, key, len(list), list)
	}
	n := list[0]
	want := event.Change{
		Bucket: source, Key: key, ETag: etag, Size: size, Removed: strings.HasPrefix(name, "ObjectRemoved"),
		Sequencer: n.Sequencer, Time: n.Time, VersionID: n.VersionID,
	}
	if n.Change != want || n.name != name {
		t.Errorf("event %s %+v, want %s %+v", n.name, n.Change, name, want)
	}
	if !sequencerRE.MatchString(n.Sequencer) {
		t.Errorf("sequencer %q is not 16 upper-case hexadecimal digits", n.Sequencer)
	}
	if d := time.Since(n.Time); d < -time.Second || d > 3*waitTimeout {
		t.Errorf("event time %v, now is %v", n.Time, time.Now())
	}
	return n
}

func TestEachWriteIsOneEvent(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	last := ""
	check := func(name, key, etag string, size int64) {
		t.Helper()
		n := one(t, c, name, key, etag, size)
		if n.Sequencer <= last {
			t.Errorf("sequencer %s after %s", n.Sequencer, last)
		}
		if n.VersionID != "" {
			t.Errorf("version %q in a bucket without versions", n.VersionID)
		}
		last = n.Sequencer
	}
	src, dst := source, target
	for _, key := range awkward {
		body := "body of " + key
		etag := put(t, cl, source, key, body)
		if etag != md5Hex(body) {
			t.Errorf("etag %s, want %s", etag, md5Hex(body))
		}
		check("ObjectCreated:Put", key, etag, int64(len(body)))
		if got := get(t, cl, source, key); got != body {
			t.Errorf("%s holds %q, want %q", key, got, body)
		}

		from := copySource(key)
		to := "copies/" + key
		if _, err := cl.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &src, Key: &to, CopySource: &from}); err != nil {
			t.Fatalf("copy %s: %v", key, err)
		}
		check("ObjectCreated:Copy", to, etag, int64(len(body)))

		if _, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &src, Key: &key}); err != nil {
			t.Fatalf("delete %s: %v", key, err)
		}
		check("ObjectRemoved:Delete", key, "", -1)
	}

	etag, size := uploadParts(t, cl, source, "夏休み/big+one.tif")
	check("ObjectCreated:CompleteMultipartUpload", "夏休み/big+one.tif", etag, size)

	// There is no event for another bucket, a failed condition, an absent key, and reads.
	put(t, cl, target, "out.jpg", "x")
	no := "*"
	key := "夏休み/big+one.tif"
	_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &key, Body: strings.NewReader("y"), IfNoneMatch: &no})
	if err == nil {
		t.Error("a put with If-None-Match has replaced the object")
	}
	absent := "absent.jpg"
	if _, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &src, Key: &absent}); err != nil {
		t.Error(err)
	}
	from := copySource(key)
	if _, err := cl.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &dst, Key: &key, CopySource: &from}); err != nil {
		t.Error(err)
	}
	if list := events(t, c.Queue()); len(list) != 0 {
		t.Errorf("events although nothing has changed: %+v", list)
	}
}

// uploadParts uploads an object in two parts.
func uploadParts(t *testing.T, cl *s3.Client, bucket, key string) (etag string, size int64) {
	t.Helper()
	up, err := cl.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for i, body := range [][]byte{bytes.Repeat([]byte("p"), 5<<20), []byte("tail")} {
		n := int32(i + 1)
		out, err := cl.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: up.UploadId, PartNumber: &n, Body: bytes.NewReader(body),
		})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: &n, ChecksumCRC32: out.ChecksumCRC32})
		size += int64(len(body))
	}
	done, err := cl.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bare(*done.ETag), size
}

func TestMultiDelete(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	var ids []types.ObjectIdentifier
	for _, key := range awkward {
		put(t, cl, source, key, "x")
		ids = append(ids, types.ObjectIdentifier{Key: &key})
	}
	absent := "absent.jpg"
	ids = append(ids, types.ObjectIdentifier{Key: &absent})
	events(t, c.Queue())
	src := source
	out, err := cl.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &src, Delete: &types.Delete{Objects: ids}})
	if err != nil || len(out.Errors) != 0 {
		t.Fatalf("delete: %v, %+v", err, out)
	}
	gone := map[string]int{}
	for _, n := range events(t, c.Queue()) {
		if n.name != "ObjectRemoved:Delete" {
			t.Errorf("event %s of %s", n.name, n.Key)
		}
		gone[n.Key]++
	}
	if len(gone) != len(awkward) {
		t.Errorf("removals of %v, want %q", gone, awkward)
	}
	for _, key := range awkward {
		if gone[key] != 1 {
			t.Errorf("%d removals of %s", gone[key], key)
		}
	}
}

func TestFolderKey(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	put(t, cl, source, "folder/", "")
	one(t, c, "ObjectCreated:Put", "folder/", md5Hex(""), 0)
	put(t, cl, source, "folder/deep/x.jpg", "x")
	one(t, c, "ObjectCreated:Put", "folder/deep/x.jpg", md5Hex("x"), 1)
	src, key := source, "folder/"
	if _, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &src, Key: &key}); err != nil {
		t.Fatal(err)
	}
	one(t, c, "ObjectRemoved:Delete", "folder/", "", -1)
	if got := get(t, cl, source, "folder/deep/x.jpg"); got != "x" {
		t.Errorf("the object in the removed folder holds %q", got)
	}
}

func TestVersionedBucket(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	src, key := source, "v.jpg"
	if _, err := cl.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &src, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	put(t, cl, source, key, "one")
	first := one(t, c, "ObjectCreated:Put", key, md5Hex("one"), 3)
	put(t, cl, source, key, "two!")
	second := one(t, c, "ObjectCreated:Put", key, md5Hex("two!"), 4)
	if first.VersionID == "" || first.VersionID == second.VersionID {
		t.Errorf("versions %q and %q", first.VersionID, second.VersionID)
	}
	del, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &src, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	marker := one(t, c, "ObjectRemoved:DeleteMarkerCreated", key, "", -1)
	if marker.VersionID != *del.VersionId {
		t.Errorf("marker %q, want %q", marker.VersionID, *del.VersionId)
	}
	put(t, cl, source, key, "back")
	one(t, c, "ObjectCreated:Put", key, md5Hex("back"), 4)
	if got := get(t, cl, source, key); got != "back" {
		t.Errorf("a put over a delete marker reads as %q", got)
	}
	old, err := cl.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &src, Key: &key, VersionId: &first.VersionID})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Body.Close()
	if *old.ContentLength != 3 {
		t.Errorf("the first version has %d bytes, want 3", *old.ContentLength)
	}
}

// TestManyClients checks that no key is garbled or lost when many requests share the server's buffers.
func TestManyClients(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	const clients, each = 32, 12
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for j := range each {
				key := manyKey(i, j)
				src := source
				body := strings.NewReader(key)
				if _, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &key, Body: body}); err != nil {
					t.Errorf("put %s: %v", key, err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, n := range events(t, c.Queue()) {
		if seen[n.Key] {
			t.Errorf("%s has two events", n.Key)
		}
		seen[n.Key] = true
		if n.ETag != md5Hex(n.Key) || n.Size != int64(len(n.Key)) {
			t.Errorf("%s: etag %s size %d", n.Key, n.ETag, n.Size)
		}
	}
	for i := range clients {
		for j := range each {
			if !seen[manyKey(i, j)] {
				t.Errorf("%s has no event", manyKey(i, j))
			}
		}
	}
	if len(seen) != clients*each {
		t.Errorf("%d keys, want %d", len(seen), clients*each)
	}
}

// manyKey returns keys of different lengths, so that a reused buffer is detected.
func manyKey(i, j int) string {
	return fmt.Sprintf("client %d/夏+%s-%d.jpg", i, strings.Repeat("x", (i*7+j*3)%40), j)
}

// TestOneKeyManyWriters lets writes of one key race. In whatever order they take effect, the event with the highest sequencer
// must match the final object, and readers must never see bytes of one write with the ETag or metadata of another.
func TestOneKeyManyWriters(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	src, key := source, "contended.jpg"
	var writers, readers sync.WaitGroup
	stopReading := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stopReading:
					return
				default:
				}
				out, err := cl.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &src, Key: &key})
				if err != nil {
					continue // not yet created, or removed
				}
				var b bytes.Buffer
				if _, err := b.ReadFrom(out.Body); err != nil {
					t.Errorf("read: %v", err)
				}
				out.Body.Close()
				if bare(*out.ETag) != md5Hex(b.String()) || out.Metadata["who"] != b.String()[:2] {
					t.Errorf("body %.20q with etag %s and metadata %v", b.String(), *out.ETag, out.Metadata)
				}
			}
		})
	}
	for i := range 12 {
		writers.Go(func() {
			who := fmt.Sprintf("%02d", i)
			for j := range 8 {
				body := who + strings.Repeat("z", i*50+j)
				_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: &src, Key: &key, Body: strings.NewReader(body), Metadata: map[string]string{"who": who},
				})
				if err != nil {
					t.Errorf("put: %v", err)
				}
				if i == 0 {
					if _, err := cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &src, Key: &key}); err != nil {
						t.Errorf("delete: %v", err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(stopReading)
	readers.Wait()
	list := events(t, c.Queue())
	last := list[len(list)-1]
	if len(list) < 12*8 {
		t.Errorf("%d events, want at least %d", len(list), 12*8)
	}
	head, err := cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &src, Key: &key})
	switch {
	case err != nil && !last.Removed:
		t.Errorf("the last event has etag %s, but the object does not exist: %v", last.ETag, err)
	case err == nil && (last.Removed || last.ETag != bare(*head.ETag)):
		t.Errorf("the last event is %+v, but the object is %s", last, *head.ETag)
	}
}

// TestReplaceRemovesAttributes checks that an object has none of the attributes of the object that it replaces.
func TestReplaceRemovesAttributes(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	src, key, gzip := source, "o.jpg", "gzip"
	for _, replace := range []func(){
		func() { put(t, cl, source, key, "plain") },
		func() {
			put(t, cl, source, "other", "plain")
			from := source + "/other"
			if _, err := cl.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &src, Key: &key, CopySource: &from}); err != nil {
				t.Fatal(err)
			}
		},
		func() { uploadParts(t, cl, source, key) },
	} {
		_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &src, Key: &key, Body: strings.NewReader("marked"), ContentEncoding: &gzip, CacheControl: &gzip,
			Metadata: map[string]string{"who": "old"},
		})
		if err != nil {
			t.Fatal(err)
		}
		replace()
		head, err := cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &src, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		if len(head.Metadata) != 0 || str(head.ContentEncoding) != "" || str(head.CacheControl) != "" {
			t.Errorf("metadata %v, encoding %q, cache %q are left from the old object",
				head.Metadata, str(head.ContentEncoding), str(head.CacheControl))
		}
	}
}

// TestReplaceLongName checks that an object with the longest name can be replaced, and that nothing else is listed meanwhile.
func TestReplaceLongName(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	src, key := source, strings.Repeat("n", 251)+".jpg"
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 10 {
				body := strings.NewReader(fmt.Sprint(i, j))
				if _, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &key, Body: body}); err != nil {
					t.Errorf("put: %v", err)
				}
				list, err := cl.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &src})
				if err != nil || len(list.Contents) != 1 || *list.Contents[0].Key != key {
					t.Errorf("list: %v, %v", list, err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(events(t, c.Queue())); n != 40 {
		t.Errorf("%d events of 40 writes", n)
	}
}

func TestConditionalRace(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	src, key, none := source, "race.jpg", "*"
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := ""
	for i := range 32 {
		wg.Go(func() {
			body := fmt.Sprint("racer ", i)
			_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &src, Key: &key, Body: strings.NewReader(body), IfNoneMatch: &none,
			})
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				if won != "" {
					t.Errorf("both %s and %s succeeded", won, body)
				}
				won = body
			}
		})
	}
	wg.Wait()
	if won == "" {
		t.Fatal("no write succeeded")
	}
	one(t, c, "ObjectCreated:Put", key, md5Hex(won), int64(len(won)))
	if got := get(t, cl, source, key); got != won {
		t.Errorf("the object holds %q, but the write of %q succeeded", got, won)
	}
}
