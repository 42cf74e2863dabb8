package mill_test

import (
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestPanicIsAVerdict: a picture that triggers a panic would do so again with every delivery.
func TestPanicIsAVerdict(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.mill.Store = &faulty{Store: b.store, then: func() { panic("boom") }}
	b.want(c, outcome.Bad, "boom")
}
