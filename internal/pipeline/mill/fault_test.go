package mill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// faulty is a store in which one call fails, or whose bodies are replaced.
type faulty struct {
	*mem.Store
	op    string // get, head, put, copy or delete, a space, and the start of bucket/key
	err   error
	body  func(context.Context, io.Reader) io.Reader // if set, replaces the body of every Get
	then  func()                                     // if set, called after a Get
	calls map[string]int                             // if set, counts them, by op and bucket/key
	at    string                                     // before the first call with this op and bucket/key,
	meet  func()                                     // this is called
}

func (f *faulty) fail(op, name, key string) error {
	if f.calls != nil {
		f.calls[op+" "+name+"/"+key]++
	}
	if meet := f.meet; meet != nil && op+" "+name+"/"+key == f.at {
		f.meet = nil
		meet()
	}
	if f.err != nil && strings.HasPrefix(op+" "+name+"/"+key, f.op) {
		return fmt.Errorf("%s: %w", op, f.err)
	}
	return nil
}

func (f *faulty) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if err := f.fail("get", name, key); err != nil {
		return nil, err
	}
	o, err := f.Store.Get(ctx, name, key, cond)
	if err == nil && f.body != nil {
		o.Body = io.NopCloser(f.body(ctx, o.Body))
	}
	if f.then != nil {
		f.then()
	}
	return o, err
}

func (f *faulty) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	if err := f.fail("head", name, key); err != nil {
		return bucket.Info{}, err
	}
	return f.Store.Head(ctx, name, key)
}

func (f *faulty) Put(ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	if err := f.fail("put", name, key); err != nil {
		return "", err
	}
	return f.Store.Put(ctx, name, key, body, attr, cond)
}

func (f *faulty) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	if err := f.fail("copy", toBucket, toKey); err != nil {
		return err
	}
	return f.Store.Copy(ctx, from, toBucket, toKey, attr, cond)
}

func (f *faulty) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	if err := f.fail("delete", name, key); err != nil {
		return err
	}
	return f.Store.Delete(ctx, name, key, cond)
}

// TestRequests counts the requests for a new picture, which cost money: one to read it, one to write each
// output, and one to look again.
func TestRequests(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	f := &faulty{Store: b.store, calls: map[string]int{}}
	b.mill.Store = f
	b.want(c, outcome.Done, "")
	want := map[string]int{"get sources/p.jpg": 1, "put outputs/small/p.jpg": 1, "put outputs/tiny/p.jpg": 1, "head sources/p.jpg": 1}
	if !maps.Equal(f.calls, want) {
		t.Errorf("requests %v, want %v", f.calls, want)
	}
}

// TestStoreFaults checks that a fault of the store ends as retry, and that the next attempt makes
// all variants.
func TestStoreFaults(t *testing.T) {
	for _, op := range []string{
		"get sources", "head outputs/small", "put outputs/small", "put outputs/tiny", "put outputs/p.jpg.imgmill", "head sources",
	} {
		for _, fault := range []error{bucket.ErrTransient, bucket.ErrDenied, errors.New("something else"), context.DeadlineExceeded} {
			b := newBench(t, "manifest: true\non_bad: {prefix: failed/}\n")
			if strings.HasPrefix(op, "head outputs") { // which needs an object that is in the way
				b.want(b.upload("p.jpg", sample.Photo(40, 60), bucket.Attributes{}), outcome.Done, "")
			}
			c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
			f := &faulty{Store: b.store, op: op, err: fault}
			b.mill.Store = f
			b.want(c, outcome.Retry, fault.Error())
			f.err = nil
			b.want(c, outcome.Done, "")
			b.wantOutputs("p.jpg.imgmill.json", "small/p.jpg", "tiny/p.jpg")
		}
	}
}

func TestRefusedWriteIsBad(t *testing.T) {
	b := newBench(t, "on_bad: {prefix: failed/}\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.mill.Store = &faulty{Store: b.store, op: "put outputs/small", err: bucket.ErrInvalid}
	b.want(c, outcome.Bad, "refused by the store; the other variants are there")
	b.wantOutputs("failed/p.jpg", "failed/p.jpg.json", "tiny/p.jpg")
}

// TestUnreadableIsBad: a store that refuses to read an object, such as an archived one, does so again.
func TestUnreadableIsBad(t *testing.T) {
	b := newBench(t, "on_bad: {prefix: failed/}\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.mill.Store = &faulty{Store: b.store, op: "get sources", err: bucket.ErrInvalid}
	b.want(c, outcome.Bad, "refused by the store")
}

func TestRemovalFaults(t *testing.T) {
	for _, op := range []string{"head outputs/small", "get sources", "delete outputs/tiny"} {
		b := newBench(t, "on_remove: remove\n")
		b.want(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Done, "")
		if err := b.store.Delete(t.Context(), "sources", "p.jpg", bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		f := &faulty{Store: b.store, op: op, err: bucket.ErrTransient}
		b.mill.Store = f
		removed := event.Change{Bucket: "sources", Key: "p.jpg", Removed: true}
		b.want(removed, outcome.Retry, "store unavailable")
		f.err = nil
		b.want(removed, outcome.Done, "")
		b.wantOutputs()
	}
}

// unknown is a store to which the source bucket or the credentials are unknown: the answer to a HEAD, which
// has no body, looks like that about a missing object.
type unknown struct {
	*mem.Store
	err error
}

func (u unknown) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	if name == "sources" {
		return bucket.Info{}, fmt.Errorf("head: %w", bucket.ErrNotFound)
	}
	return u.Store.Head(ctx, name, key)
}

func (u unknown) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if name == "sources" {
		return nil, fmt.Errorf("get: %w", u.err)
	}
	return u.Store.Get(ctx, name, key, cond)
}

// TestUnknownIsNotGone: only an answer about the object says that it is gone.
func TestUnknownIsNotGone(t *testing.T) {
	for _, err := range []error{bucket.ErrNoBucket, bucket.ErrDenied, bucket.ErrTransient} {
		b := newBench(t, "on_remove: remove\n")
		c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
		b.want(c, outcome.Done, "")
		b.mill.Store = unknown{b.store, err}
		b.want(c, outcome.Retry, err.Error())
		b.want(event.Change{Bucket: "sources", Key: "p.jpg", Removed: true}, outcome.Retry, err.Error())
		b.wantOutputs("small/p.jpg", "tiny/p.jpg")
		if _, got := b.mill.LookAtSource(t.Context(), "p.jpg"); !errors.Is(got, err) {
			t.Errorf("a look at the source: %v, want %v", got, err)
		}
	}
}

// TestRequestsOfRemoval counts the requests for a removal: for each output one to look at it, one to look
// for the source and one to delete, and one to look for the source again.
func TestRequestsOfRemoval(t *testing.T) {
	b := newBench(t, "on_remove: remove\n")
	b.want(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Done, "")
	if err := b.store.Delete(t.Context(), "sources", "p.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	f := &faulty{Store: b.store, calls: map[string]int{}}
	b.mill.Store = f
	b.want(event.Change{Bucket: "sources", Key: "p.jpg", Removed: true}, outcome.Done, "")
	want := map[string]int{
		"head outputs/small/p.jpg": 1, "delete outputs/small/p.jpg": 1,
		"head outputs/tiny/p.jpg": 1, "delete outputs/tiny/p.jpg": 1, "get sources/p.jpg": 3,
	}
	if !maps.Equal(f.calls, want) {
		t.Errorf("requests %v, want %v", f.calls, want)
	}
}

func TestOnBad(t *testing.T) {
	b := newBench(t, "on_bad: {prefix: failed/}\n")
	photo := sample.Photo(60, 40)
	c := b.upload("d/p.jpg", photo[:len(photo)/2], bucket.Attributes{ContentType: "image/jpeg", Metadata: map[string]string{"author": "Ada"}})
	r := b.want(c, outcome.Bad, "corrupt")
	check := func() {
		t.Helper()
		b.wantOutputs("failed/d/p.jpg", "failed/d/p.jpg.json")
		info, data := b.get("failed/d/p.jpg")
		if !bytes.Equal(data, photo[:len(photo)/2]) || info.ContentType != "application/octet-stream" || info.ContentDisposition != "attachment" || info.Metadata["author"] != "Ada" {
			t.Errorf("copy: %+v", info)
		}
		var got struct {
			Bucket, Key, ETag, Reason string
			Bytes                     int64
		}
		_, data = b.get("failed/d/p.jpg.json")
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if got.Bucket != "sources" || got.Key != "d/p.jpg" || got.ETag != c.ETag || got.Bytes != c.Size || got.Reason != r.Reason {
			t.Errorf("record: %+v", got)
		}
	}
	check()
	b.want(c, outcome.Bad, "corrupt")
	check()

	for _, op := range []string{"copy outputs", "put outputs/failed", "head outputs/failed", "head sources"} {
		b.mill.Store = &faulty{Store: b.store, op: op, err: bucket.ErrTransient}
		b.want(c, outcome.Retry, "store unavailable")
	}
}

// TestBadAndReplaced checks that a picture that has replaced a bad one is not recorded as bad, even
// if the event names no ETag.
func TestBadAndReplaced(t *testing.T) {
	for _, named := range []bool{true, false} {
		b := newBench(t, "on_bad: {prefix: failed/}\n")
		photo := sample.Photo(60, 40)
		c := b.upload("p.jpg", photo[:len(photo)/2], bucket.Attributes{})
		if !named {
			c.ETag = ""
		}
		f := &faulty{Store: b.store}
		f.then = func() { b.upload("p.jpg", photo, bucket.Attributes{}) }
		b.mill.Store = f
		b.want(c, outcome.Skipped, "stale")
		b.wantOutputs()

		f.then = func() {
			if err := b.store.Delete(t.Context(), "sources", "p.jpg", bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		c = b.upload("p.jpg", photo[:len(photo)/2], bucket.Attributes{})
		b.want(c, outcome.Skipped, "gone")
		b.wantOutputs()
	}
}

// TestBrokenStream checks that a connection that breaks is never blamed on the picture, whatever
// its format.
func TestBrokenStream(t *testing.T) {
	m := sample.Landscape(200, 150)
	encoded := func(encode func(io.Writer) error) []byte {
		t.Helper()
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	pictures := map[string][]byte{
		"p.jpg":  sample.Photo(200, 150),
		"p.png":  dot(t, 100, 1, 1),
		"p.bmp":  encoded(func(w io.Writer) error { return bmp.Encode(w, m) }),
		"p.tiff": encoded(func(w io.Writer) error { return tiff.Encode(w, m, nil) }),
		"p.gif":  animation(t, 40),
	}
	reset := errors.New("connection reset by peer")
	for key, data := range pictures {
		for _, end := range []error{reset, io.ErrUnexpectedEOF, io.EOF} {
			for _, n := range []int{0, 10, len(data) / 3, len(data) - 100} {
				b := newBench(t, "")
				c := b.upload(key, data, bucket.Attributes{})
				b.mill.Store = &faulty{Store: b.store, body: func(_ context.Context, r io.Reader) io.Reader {
					return io.MultiReader(io.LimitReader(r, int64(n)), ending{end})
				}}
				want := "the connection ended"
				if end == reset {
					want = reset.Error()
				}
				if key == "p.gif" && n > 100 { // only its first frame is read
					b.mill.Process(t.Context(), c)
					continue
				}
				b.want(c, outcome.Retry, want)
			}
		}
	}
}

// ending is a stream that ends at once with an error.
type ending struct{ err error }

func (e ending) Read([]byte) (int, error) { return 0, e.err }

// stuck is a stream that blocks until its context ends.
type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// slow is a stream that blocks at its end until its context ends.
type slow struct {
	r   io.Reader
	ctx context.Context
}

func (s slow) Read(p []byte) (int, error) {
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		<-s.ctx.Done()
		return n, nil
	}
	return n, err
}

func TestTimeout(t *testing.T) {
	photo := sample.Photo(60, 40)
	for _, c := range []struct {
		name    string
		body    func(context.Context, io.Reader) io.Reader
		verdict outcome.Verdict
		reason  string
	}{
		{"the network hangs at once", func(ctx context.Context, r io.Reader) io.Reader { return stuck{ctx} }, outcome.Retry, "deadline"},
		{"the network hangs midway", func(ctx context.Context, r io.Reader) io.Reader {
			return io.MultiReader(io.LimitReader(r, 500), stuck{ctx})
		}, outcome.Retry, "deadline"},
		{"the picture is slow", func(ctx context.Context, r io.Reader) io.Reader { return slow{r, ctx} }, outcome.Bad, "longer than 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "limits: {timeout: 1s}\n")
			change := b.upload("p.jpg", photo, bucket.Attributes{})
			b.mill.Store = &faulty{Store: b.store, body: c.body}
			start := time.Now()
			b.want(change, c.verdict, c.reason)
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("Process took %s", d)
			}
			b.wantOutputs()
		})
	}
	t.Run("the caller ends first", func(t *testing.T) {
		b := newBench(t, "")
		c := b.upload("p.jpg", photo, bucket.Attributes{})
		b.mill.Store = &faulty{Store: b.store, body: func(ctx context.Context, r io.Reader) io.Reader { return slow{r, ctx} }}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if r := b.mill.Process(ctx, c); r.Verdict != outcome.Retry {
			t.Errorf("%s %q", r.Verdict, r.Reason)
		}
	})
}

// TestHostile checks that fuzzed JPEGs end as done, or as bad with a reason, and never as a retry
// that would be repeated forever.
func TestHostile(t *testing.T) {
	corpus := os.Getenv("IMGMILL_CORPUS")
	if corpus == "" {
		t.Skip("IMGMILL_CORPUS is not set")
	}
	dir := os.DirFS(corpus + "/corpus/jpeg-hostile")
	names, err := fs.Glob(dir, "*")
	if err != nil || len(names) == 0 {
		t.Skipf("no files: %v", err)
	}
	count := map[outcome.Verdict]int{}
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, "limits: {pixels: 20MP}\n")
		r := b.mill.Process(t.Context(), b.upload("p.jpg", data, bucket.Attributes{}))
		count[r.Verdict]++
		if r.Verdict == outcome.Retry || r.Verdict != outcome.Done && r.Reason == "" {
			t.Errorf("%s: %s %q", name, r.Verdict, r.Reason)
		}
	}
	if count[outcome.Bad] == 0 {
		t.Error("none is bad")
	}
	t.Logf("%d files: %v", len(names), count)
}
