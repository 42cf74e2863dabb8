package pair_test

import (
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/pair"
)

// TestTwoStores writes, reads, lists, copies and deletes in both stores, neither of which has the other's
// bucket.
func TestTwoStores(t *testing.T) {
	ctx := t.Context()
	s := &pair.Store{Source: mem.New("in"), Target: mem.New("out"), TargetBucket: "out"}
	for _, name := range []string{"in", "out"} {
		_, err := s.Put(ctx, name, name+".txt", []byte(name), bucket.Attributes{}, bucket.Condition{IfAbsent: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := s.Head(ctx, "in", "in.txt")
	if err != nil {
		t.Fatal(err)
	}
	attr := bucket.Attributes{ContentType: "text/plain"}
	from := bucket.Source{Bucket: "in", Key: "in.txt", IfMatch: "wrong"}
	if err := s.Copy(ctx, from, "out", "copy.txt", attr, bucket.Condition{}); err == nil {
		t.Error("a copy of another version was made")
	}
	from.IfMatch = in.ETag
	if err := s.Copy(ctx, from, "out", "copy.txt", attr, bucket.Condition{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy(ctx, from, "in", "same.txt", attr, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, "out", "out.txt", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"in": {"in.txt", "same.txt"}, "out": {"copy.txt"}} {
		var keys []string
		for info, err := range s.List(ctx, name, "") {
			if err != nil || info.ETag != in.ETag {
				t.Fatalf("%+v, %v", info, err)
			}
			keys = append(keys, info.Key)
		}
		if len(keys) != len(want) || keys[0] != want[0] {
			t.Errorf("%s: %v, want %v", name, keys, want)
		}
	}
	o, err := s.Get(ctx, "out", "copy.txt", bucket.Condition{})
	if err != nil || o.ContentType != "text/plain" {
		t.Fatalf("%+v, %v", o, err)
	}
	o.Body.Close()
	for _, name := range []string{"in", "out"} {
		key := map[string]string{"in": "in.txt", "out": "copy.txt"}[name]
		p := make([]byte, 1)
		if err := s.ReadAt(ctx, name, key, in.ETag, p, 1); err != nil || p[0] != 'n' {
			t.Errorf("%s: %q, %v", name, p, err)
		}
	}
}
