package devcloud

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
)

// interrupted stops the cloud and opens its files, for a test that leaves them as a killed process
// would.
type interrupted struct {
	t     *testing.T
	c     *Cloud
	attrs *attributes
	j     *journal
}

func interrupt(t *testing.T, c *Cloud) *interrupted {
	t.Helper()
	stop(t, c)
	attrs, err := openAttributes(c.folder.meta)
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(c.folder.journal)
	if err != nil {
		t.Fatal(err)
	}
	return &interrupted{t, c, attrs, j}
}

func (i *interrupted) file(key string) string { return filepath.Join(i.c.folder.data, source, key) }

// begin writes a journal entry for a write of key.
func (i *interrupted) begin(key string) *entry {
	i.t.Helper()
	g := &gateway{root: i.c.folder.data, attrs: i.attrs, journal: i.j}
	w, err := g.begin(stored(source, key), func() {})
	if err != nil {
		i.t.Fatal(err)
	}
	return w.entry
}

func (i *interrupted) set(key, attribute, value string) {
	i.t.Helper()
	if err := i.attrs.StoreAttribute(nil, source, key, attribute, []byte(value)); err != nil {
		i.t.Fatal(err)
	}
}

func (i *interrupted) do(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

// putMarked puts an object whose metadata is its body.
func putMarked(t *testing.T, cl *s3.Client, key, body string) {
	t.Helper()
	src := source
	_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &src, Key: &key, Body: strings.NewReader(body), Metadata: map[string]string{"mark": body},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantObject(t *testing.T, cl *s3.Client, key, etag, mark string) {
	t.Helper()
	src := source
	head, err := cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &src, Key: &key})
	if err != nil {
		t.Fatalf("head %s: %v", key, err)
	}
	if bare(*head.ETag) != etag || head.Metadata["mark"] != mark {
		t.Errorf("%s has etag %s and metadata %v, want %s and mark %q", key, *head.ETag, head.Metadata, etag, mark)
	}
}

func TestInterruptedReplacement(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	putMarked(t, client(c), "meta/x.jpg", "old")
	events(t, c.Queue())
	i := interrupt(t, c)
	i.begin("meta/x.jpg")
	i.set("meta/x.jpg", "etag", `"ffffffffffffffffffffffffffffffff"`)
	i.set("meta/x.jpg", "metadata", `{"mark":"new"}`)
	i.set("meta/x.jpg", "cache-control", "no-store")

	c = start(t, testConfig(dir))
	wantObject(t, client(c), "meta/x.jpg", md5Hex("old"), "old")
	one(t, c, "ObjectCreated:Put", "meta/x.jpg", md5Hex("old"), 3)
	if attrs, err := c.gw.attrs.all(stored(source, "meta/x.jpg")); err != nil || attrs["cache-control"] != nil {
		t.Errorf("attributes %q (%v)", attrs, err)
	}
}

// TestInterruptedCleaning stops after the bytes were replaced, but before the attributes of the old
// object are removed.
func TestInterruptedCleaning(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	putMarked(t, client(c), "x.jpg", "old")
	events(t, c.Queue())
	i := interrupt(t, c)
	then := time.Now().Add(-time.Hour)
	for _, a := range []string{"metadata", "etag", "checksums"} {
		i.do(os.Chtimes(filepath.Join(c.folder.meta, source, "x.jpg", "meta", a), then, then))
	}
	i.begin("x.jpg")
	i.set("x.jpg", "etag", `"`+md5Hex("newer")+`"`)
	i.do(os.WriteFile(i.file("tmp"), []byte("newer"), 0o600))
	i.do(os.Rename(i.file("tmp"), i.file("x.jpg")))

	c = start(t, testConfig(dir))
	wantObject(t, client(c), "x.jpg", md5Hex("newer"), "")
	one(t, c, "ObjectCreated:Put", "x.jpg", md5Hex("newer"), 5)
}

func TestInterruptedCreation(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	put(t, client(c), source, "other.jpg", "makes the folder of staged uploads")
	events(t, c.Queue())
	i := interrupt(t, c)
	i.begin("x.jpg")
	i.set("x.jpg", "etag", `"`+md5Hex("never")+`"`)
	staged := filepath.Join(i.c.folder.data, source, ".sgwtmp", "0123.456")
	i.do(os.WriteFile(staged, []byte("nev"), 0o600))
	i.do(os.WriteFile(filepath.Join(i.c.folder.journal, "truncated.json"), []byte(`{"bucket":"pho`), 0o600))
	i.do(os.WriteFile(filepath.Join(i.c.folder.journal, ".replacement-1"), nil, 0o600))

	c = start(t, testConfig(dir))
	if list := events(t, c.Queue()); len(list) != 0 {
		t.Errorf("events of an object that never existed: %+v", list)
	}
	src, key, none := source, "x.jpg", "*"
	if _, err := client(c).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &src, Key: &key, Body: strings.NewReader("now"), IfNoneMatch: &none,
	}); err != nil {
		t.Errorf("the key is stuck: %v", err)
	}
	if _, err := os.Stat(staged); !os.IsNotExist(err) {
		t.Errorf("the staged file is still there (%v)", err)
	}
	if files, err := os.ReadDir(c.folder.journal); err != nil || len(files) != 0 {
		t.Errorf("the journal holds %v (%v)", files, err)
	}
}

func TestInterruptedRemoval(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	put(t, client(c), source, "x.jpg", "x")
	put(t, client(c), source, "y.jpg", "y")
	events(t, c.Queue())
	i := interrupt(t, c)
	i.begin("x.jpg")
	i.do(os.Remove(i.file("x.jpg")))
	settled := i.begin("y.jpg")
	settled.Settled = true
	i.do(os.Remove(i.file("y.jpg")))
	i.do(i.attrs.DeleteAttributes(source, "y.jpg"))
	data, err := json.Marshal(settled)
	i.do(err)
	i.do(replaceFile(settled.path, data))

	c = start(t, testConfig(dir))
	list := events(t, c.Queue())
	if len(list) != 2 || list[0].Key != "x.jpg" || list[1].Key != "y.jpg" || !list[0].Removed || !list[1].Removed {
		t.Errorf("events %+v, want the removals of x.jpg and y.jpg", list)
	}
	if attrs, err := c.gw.attrs.all(stored(source, "x.jpg")); err != nil || len(attrs) != 0 {
		t.Errorf("attributes %q of a removed object (%v)", attrs, err)
	}
}

// TestInterruptedBucket checks that the next start completes the creation of a bucket.
func TestInterruptedBucket(t *testing.T) {
	dir := t.TempDir()
	i := interrupt(t, start(t, testConfig(dir)))
	i.do(os.Mkdir(filepath.Join(i.c.folder.data, "half-made"), 0o700))
	cfg := testConfig(dir)
	cfg.Buckets = append(cfg.Buckets, "half-made")
	c := start(t, cfg)
	put(t, client(c), "half-made", "x", "x")
}

// TestMultipartAcrossRestart checks that a multipart upload can be continued after a restart, and
// leaves nothing behind.
func TestMultipartAcrossRestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, testConfig(dir))
	uploadParts(t, client(c), source, "done.tif")
	events(t, c.Queue())
	src, key, number := source, "half.tif", int32(1)
	up, err := client(c).CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &src, Key: &key, Metadata: map[string]string{"mark": "kept"},
	})
	if err != nil {
		t.Fatal(err)
	}
	part, err := client(c).UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: &src, Key: &key, UploadId: up.UploadId, PartNumber: &number, Body: strings.NewReader("part"),
	})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, c)

	c = start(t, testConfig(dir))
	left, err := filepath.Glob(filepath.Join(c.folder.meta, source, ".sgwtmp", "multipart", "*", "*"))
	if err != nil || len(left) != 2 { // those of the upload, and those that all uploads of its key share
		t.Errorf("attributes of uploads: %q (%v)", left, err)
	}
	done, err := client(c).CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &src, Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{
			Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: &number, ChecksumCRC32: part.ChecksumCRC32}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantObject(t, client(c), key, bare(*done.ETag), "kept")
	one(t, c, "ObjectCreated:CompleteMultipartUpload", key, bare(*done.ETag), 4)
}

// TestLateFailure checks that a write that fails after it took effect, even with a panic, returns
// an error to its client, and that its object is then repaired and announced.
func TestLateFailure(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	for key, end := range map[string]func(w *write) error{
		"fails.jpg":  func(w *write) error { return w.end(&change{name: "ObjectCreated:Put"}, errors.New("late")) },
		"panics.jpg": func(w *write) error { w.abandon(); return s3err.GetAPIError(s3err.ErrInternalError) },
	} {
		putMarked(t, client(c), key, "old")
		events(t, c.Queue())
		time.Sleep(50 * time.Millisecond) // the times of files have a limited resolution
		o := stored(source, key)
		w, err := c.gw.begin(o, c.gw.locks.lock(o))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(c.folder.data, source, key)
		for _, err := range []error{
			c.gw.attrs.StoreAttribute(nil, source, key, "etag", []byte(`"`+md5Hex("newer")+`"`)),
			os.WriteFile(file+".tmp", []byte("newer"), 0o600),
			os.Rename(file+".tmp", file),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if known, ok := errors.AsType[s3err.S3Error](end(w)); !ok || known.StatusCode() != http.StatusInternalServerError {
			t.Errorf("%s: error %v", key, known)
		}
		if n, err := c.Sweep(t.Context(), nil); err != nil || n != 1 {
			t.Errorf("the sweep announced %d (%v), want 1", n, err)
		}
		one(t, c, "ObjectCreated:Put", key, md5Hex("newer"), 5)
		wantObject(t, client(c), key, md5Hex("newer"), "")
	}
}

// TestFailureWithoutEffect checks that a write that fails while it stores attributes leaves the
// object unchanged.
func TestFailureWithoutEffect(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	putMarked(t, client(c), "x.jpg", "old")
	events(t, c.Queue())
	o := stored(source, "x.jpg")
	w, err := c.gw.begin(o, c.gw.locks.lock(o))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.gw.attrs.StoreAttribute(nil, source, "x.jpg", "metadata", []byte(`{"mark":"new"}`)); err != nil {
		t.Fatal(err)
	}
	if known, ok := errors.AsType[s3err.S3Error](w.end(nil, syscall.ENOSPC)); !ok || known.BaseError().Code != "InsufficientStorage" {
		t.Errorf("error %v for a full disk", known)
	}
	wantObject(t, client(c), "x.jpg", md5Hex("old"), "old")
	if list := events(t, c.Queue()); len(list) != 0 || len(c.gw.journal.pending()) != 0 {
		t.Errorf("events %+v, journal %v", list, c.gw.journal.pending())
	}
}
