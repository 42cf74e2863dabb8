package mill_test

import (
	"context"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestPanicIsAVerdict: a picture that triggers a panic would do so again with every delivery.
func TestPanicIsAVerdict(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.mill.Store = &faulty{Store: b.store, then: func() { panic("boom") }}
	b.want(c, outcome.Bad, "boom")
}

// TestUnprintableHeaders: a picture is not bad because of a file name that no header can hold.
func TestUnprintableHeaders(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{CacheControl: "max-age=60"})
	b.mill.Store = renamed{b.store}
	b.want(c, outcome.Done, "")
	if info, _ := b.get("tiny/p.jpg"); info.ContentDisposition != "" || info.CacheControl != "max-age=60" {
		t.Errorf("%+v", info)
	}
}

// renamed is a store whose objects have a file name with letters outside ASCII, as some S3 servers
// return it.
type renamed struct{ *mem.Store }

func (r renamed) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := r.Store.Get(ctx, name, key, cond)
	if err == nil {
		o.ContentDisposition = `inline; filename="Größe.jpg"`
	}
	return o, err
}
