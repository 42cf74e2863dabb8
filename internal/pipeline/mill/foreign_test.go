package mill_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// put stores an object in a bucket as somebody else would.
func (b *bench) put(name, key string, data []byte, meta map[string]string) string {
	b.Helper()
	etag, err := b.store.Put(b.Context(), name, key, data, bucket.Attributes{Metadata: meta}, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	return etag
}

// TestForeignObjectStays checks that an object in the target that imgmill did not make is replaced
// only if the recipe says so, whether it was there before or comes in between.
func TestForeignObjectStays(t *testing.T) {
	const reason = "imgmill did not make it"
	page := []byte("<html>made by hand</html>")
	for _, key := range []string{"small/index.jpg", "tiny/index.jpg", "index.jpg.imgmill.json"} {
		b := newBench(t, "manifest: true\n")
		b.put("outputs", key, page, map[string]string{"author": "Ada"})
		c := b.upload("index.jpg", sample.Photo(60, 40), bucket.Attributes{})
		b.want(c, outcome.Bad, reason)
		b.want(at(c, "02"), outcome.Bad, reason)
		if _, got := b.get(key); !bytes.Equal(got, page) {
			t.Errorf("%s was replaced", key)
		}

		b, slow, _ := racing(t, "manifest: true\n")
		slow.at, slow.meet = "put outputs/"+key, func() { b.put("outputs", key, page, nil) }
		b.want(b.upload("index.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Bad, reason)
		if _, got := b.get(key); !bytes.Equal(got, page) {
			t.Errorf("%s was replaced although it came in between", key)
		}
	}
	r, err := recipe.Parse(formats.All(), "test", []byte(strings.Replace(baseRecipe, "target: {", "target: {overwrite: any, ", 1)))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, "")
	b.mill = mill.New(b.store, r)
	b.put("outputs", "small/index.jpg", page, nil)
	b.want(b.upload("index.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Done, "")
	if _, got := b.get("small/index.jpg"); bytes.Equal(got, page) {
		t.Error("overwrite: any has replaced nothing")
	}
	// An output of another picture stays even then.
	b.mill.Recipe.Target.Key = "{variant}/same{ext}"
	b.want(b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Done, "")
	b.want(b.upload("b.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Bad, "of another picture")
}

// TestDeploymentsThatFeedEachOther: the target of each is the source of the other, and marks are lost
// on the way. The originals stay.
func TestDeploymentsThatFeedEachOther(t *testing.T) {
	store := mem.New("sources", "outputs")
	deploy := func(from, to string) *mill.Mill {
		r, err := recipe.Parse(formats.All(), "test", fmt.Appendf(nil, "source: {bucket: %s}\ntarget: {bucket: %s}\nvariants: {v: {width: 20}}\n", from, to))
		if err != nil {
			t.Fatal(err)
		}
		return mill.New(store, r)
	}
	there, back := deploy("sources", "outputs"), deploy("outputs", "sources")
	photo := sample.Photo(60, 40)
	b := &bench{t, store, there}
	c := b.upload("p.jpg", photo, bucket.Attributes{})
	b.want(c, outcome.Done, "")
	_, small := b.get("p.jpg")
	c.ETag, c.Bucket = b.put("outputs", "p.jpg", small, nil), "outputs"
	b.mill = back
	b.want(c, outcome.Bad, "imgmill did not make it")
	o, err := store.Get(t.Context(), "sources", "p.jpg", bucket.Condition{IfMatch: etagOf(t, photo)})
	if err != nil {
		t.Fatalf("the original was replaced: %v", err)
	}
	o.Body.Close()
}

func etagOf(t *testing.T, data []byte) string {
	t.Helper()
	etag, err := mem.New("b").Put(t.Context(), "b", "k", data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	return etag
}

// TestBadCopyReplacesNothingElse checks that the copy and the record of a bad upload replace neither
// an output of another source nor an object that imgmill did not make, and that the log names what
// is missing.
func TestBadCopyReplacesNothingElse(t *testing.T) {
	mine := []byte("mine")
	other := map[string]string{outcome.MetadataSourceETag: "e", outcome.MetadataSource: "0123456789abcdef"}
	for _, meta := range []map[string]string{nil, other} {
		for _, key := range []string{"failed/p.jpg", "failed/p.jpg.json"} {
			b := newBench(t, "on_bad: {prefix: failed/}\n")
			b.put("outputs", key, mine, meta)
			c := b.upload("p.jpg", sample.Photo(60, 40)[:900], bucket.Attributes{})
			r := b.want(c, outcome.Bad, "corrupt")
			if _, got := b.get(key); !bytes.Equal(got, mine) {
				t.Errorf("%s was replaced", key)
			}
			b.wantOutputs("failed/p.jpg", "failed/p.jpg.json")
			if _, record := b.get("failed/p.jpg.json"); key == "failed/p.jpg" {
				if !strings.Contains(string(record), `"not_copied": "there is an object`) {
					t.Errorf("record: %s", record)
				}
			} else if !strings.Contains(r.Reason, "not recorded at failed/p.jpg.json: there is an object") {
				t.Errorf("reason: %s", r.Reason)
			}
		}
	}
	// The record of one key has the name of the copy of another. Neither replaces the other.
	b := newBench(t, "on_bad: {prefix: failed/}\n")
	b.mill.Recipe.Source.Suffixes = nil
	first := b.upload("a.json", sample.Photo(60, 40)[:900], bucket.Attributes{})
	b.want(first, outcome.Bad, "corrupt")
	b.want(b.upload("a", sample.Photo(60, 40)[:800], bucket.Attributes{}), outcome.Bad, "not recorded at failed/a.json")
	if info, _ := b.get("failed/a.json"); info.Size != 900 {
		t.Errorf("the copy of a.json was replaced: %+v", info)
	}
	// A newer version of the same upload replaces both.
	b.want(at(b.upload("a.json", sample.Photo(60, 40)[:700], bucket.Attributes{}), "02"), outcome.Bad, "corrupt")
	if info, _ := b.get("failed/a.json"); info.Size != 700 {
		t.Errorf("the copy of a.json is that of an old version: %+v", info)
	}
}

// files is a store that keeps objects as files: no part of a key may be longer than the name of a
// file. As its answer to a HEAD has no body, the reason is unknown there (see bucket/s3).
type files struct{ *mem.Store }

func (f files) refuse(op, key string) error {
	if recipe.LongPart(key) == 0 {
		return nil
	}
	if op == "head" {
		return fmt.Errorf("head %s: %w: BadRequest", key, bucket.ErrDenied)
	}
	return fmt.Errorf("%s %s: %w: KeyTooLongError", op, key, bucket.ErrInvalid)
}

func (f files) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if err := f.refuse("get", key); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, name, key, cond)
}

func (f files) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	if err := f.refuse("head", key); err != nil {
		return bucket.Info{}, err
	}
	return f.Store.Head(ctx, name, key)
}

func (f files) Put(ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	if err := f.refuse("put", key); err != nil {
		return "", err
	}
	return f.Store.Put(ctx, name, key, body, attr, cond)
}

// TestLongParts checks that names that leave no room for the suffix of a manifest or a record end as
// bad with the reason, and with a record, not as a retry for lack of a permission.
func TestLongParts(t *testing.T) {
	for _, n := range []int{242, 244, 250, 251, 255} {
		key := "d/" + strings.Repeat("k", n-4) + ".jpg"
		b := newBench(t, "manifest: true\non_remove: remove\non_bad: {prefix: failed/}\n")
		c := b.upload(key, sample.Photo(60, 40), bucket.Attributes{})
		b.mill.Store = files{b.store}
		if n == 242 {
			b.want(c, outcome.Done, "")
			continue
		}
		b.want(c, outcome.Bad, "the key has a part of "+fmt.Sprint(n+13)+" bytes")
		record := b.mill.Recipe.Plan(key).BadRecord
		if _, data := b.get(record); !strings.Contains(string(data), key) || strings.Contains(string(data), "not_copied") {
			t.Errorf("%d bytes: record: %s", n, data)
		}
		if fresh, err := b.mill.Fresh(t.Context(), bucket.Info{Key: key, ETag: c.ETag}); err != nil || !fresh {
			t.Errorf("%d bytes: a recorded picture: fresh %t, %v", n, fresh, err)
		}
		b.unlink("sources", key)
		b.want(event.Change{Bucket: "sources", Key: key, Removed: true}, outcome.Done, "")
	}
}

// TestLongKeysAreRecorded checks the same for keys near the limit of S3.
func TestLongKeysAreRecorded(t *testing.T) {
	for _, n := range []int{1000, 1012, 1018, 1024} {
		key := strings.Repeat("d/", (n-10)/2) + "photoo.jpg"
		b := newBench(t, "manifest: true\non_bad: {prefix: failed/}\n")
		c := b.upload(key, sample.Photo(60, 40), bucket.Attributes{})
		if n == 1000 {
			b.want(c, outcome.Done, "")
			continue
		}
		b.want(c, outcome.Bad, "the limit is 1024")
		if _, data := b.get(b.mill.Recipe.Plan(key).BadRecord); !strings.Contains(string(data), key) {
			t.Errorf("%d bytes: record: %s", n, data)
		}
	}
}

// TestTakenIsNotFresh checks that a picture whose output's place is taken is recorded, and tried again by a
// sweep, because the object there may be moved away.
func TestTakenIsNotFresh(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
	output := b.mill.Recipe.Plan("a.jpg").Outputs[0]
	name, err := output.KeyFor(0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Put(t.Context(), "outputs", name, []byte("x"), bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	b.want(c, outcome.Bad, "already exists in the target bucket")
	if fresh, err := b.mill.Fresh(t.Context(), bucket.Info{Key: "a.jpg", ETag: c.ETag}); err != nil || fresh {
		t.Errorf("fresh %t, %v", fresh, err)
	}
}
