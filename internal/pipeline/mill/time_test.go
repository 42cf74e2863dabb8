package mill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// TestAllowance checks what becomes of a picture for which a place has too little time: it is bad,
// and recorded, only if it took the time itself and no other attempt would have more.
func TestAllowance(t *testing.T) {
	slowPicture := func(ctx context.Context, r io.Reader) io.Reader { return slow{r, ctx} }
	slowNetwork := func(ctx context.Context, r io.Reader) io.Reader {
		return io.MultiReader(io.LimitReader(r, 500), stuck{ctx})
	}
	const most = 300 * time.Millisecond
	for _, test := range []struct {
		name      string
		recipe    string
		body      func(context.Context, io.Reader) io.Reader
		allowance mill.Allowance
		verdict   outcome.Verdict
		reason    string
		outOfTime bool
	}{
		{"alone", "", slowPicture, mill.Allowance{Time: most, Full: true}, outcome.Bad, "longer than the 300ms", false},
		{"not alone", "", slowPicture, mill.Allowance{Time: most}, outcome.Retry, "the 300ms that were left", true},
		{"alone on a slow network", "", slowNetwork, mill.Allowance{Time: most, Full: true}, outcome.Retry, "the 300ms that were left", true},
		{"the recipe allows less", "limits: {timeout: 300ms}\n", slowPicture, mill.Allowance{Time: time.Hour}, outcome.Bad, "it takes longer than 300ms", false},
		{"the recipe allows more", "limits: {timeout: 1h}\n", slowPicture, mill.Allowance{Time: most}, outcome.Retry, "the 300ms that were left", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "on_bad: {prefix: failed/}\n"+test.recipe)
			c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
			b.mill.Store = &faulty{Store: b.store, body: test.body}
			start := time.Now()
			r := b.mill.ProcessWithin(t.Context(), c, test.allowance)
			if r.Verdict != test.verdict || !strings.Contains(r.Reason, test.reason) || r.OutOfTime != test.outOfTime {
				t.Errorf("%s %q, out of time: %t", r.Verdict, r.Reason, r.OutOfTime)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("it took %s", d)
			}
			if test.verdict == outcome.Bad {
				b.wantOutputs("failed/p.jpg", "failed/p.jpg.json")
			} else {
				b.wantOutputs()
			}
		})
	}
}

// TestMake checks that pictures outside of a bucket are held to the recipe's timeout as well.
func TestMake(t *testing.T) {
	b := newBench(t, "")
	limits, variants := b.mill.Recipe.Limits, b.mill.Recipe.Variants
	photo := sample.Photo(60, 40)
	header, outputs, err := mill.Make(t.Context(), b.mill.Engine, bytes.NewReader(photo), limits, variants)
	if err != nil || len(outputs) != 2 || header.Width != 60 {
		t.Errorf("%+v, %d outputs, %v", header, len(outputs), err)
	}
	// A reader that answers late is not a slow picture, unless it does so after its last byte.
	limits.Timeout = 200 * time.Millisecond
	late := &lateReader{r: bytes.NewReader(photo), delay: 300 * time.Millisecond}
	if _, _, err := mill.Make(t.Context(), b.mill.Engine, late, limits, variants); !errors.Is(err, context.DeadlineExceeded) || codec.Permanent(err) {
		t.Errorf("a late reader: %v", err)
	}
	limits.Memory = 100
	_, _, err = mill.Make(t.Context(), b.mill.Engine, bytes.NewReader(dot(t, 200, 1, 0)), limits, variants)
	if !errors.Is(err, codec.ErrLimit) || !strings.Contains(err.Error(), "memory") {
		t.Errorf("with too little memory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := mill.Make(ctx, b.mill.Engine, bytes.NewReader(photo), limits, variants); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// lateReader is a stream that waits before each read.
type lateReader struct {
	r     io.Reader
	delay time.Duration
}

func (l *lateReader) Read(p []byte) (int, error) {
	time.Sleep(l.delay)
	return l.r.Read(p)
}

// TestMemoryLimit checks that a picture that would take too much memory is bad, with its size, before
// its pixels are decoded.
func TestMemoryLimit(t *testing.T) {
	b := newBench(t, "limits: {memory: 1KB}\n")
	r := b.want(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Bad, "of memory, the limit is")
	if !strings.Contains(r.Reason, "60×40") {
		t.Errorf("the reason does not name the size: %s", r.Reason)
	}
}

// TestPlacesOfDifferentMemory: what is bad is bad in every place that shares the recipe; what needs too much
// memory in one place may be made in one that has more, and in no other.
func TestPlacesOfDifferentMemory(t *testing.T) {
	b := newBench(t, "")
	whole := b.mill.Recipe
	in := func(memory int64) *mill.Mill { return mill.New(b.store, whole.WithMemory(memory)) }
	photo := sample.Photo(60, 40)
	corrupt, large := b.upload("corrupt.jpg", photo[:100], bucket.Attributes{}), b.upload("large.jpg", photo, bucket.Attributes{})
	b.mill = in(1000)
	b.want(corrupt, outcome.Bad, "corrupt")
	b.want(large, outcome.Bad, "of memory, the limit is 1000")
	for _, test := range []struct {
		memory         int64
		corrupt, large bool
	}{{1000, true, true}, {900, true, true}, {1001, true, false}, {1 << 30, true, false}} {
		b.mill = in(test.memory)
		b.wantFresh(corrupt, test.corrupt)
		b.wantFresh(large, test.large)
	}
	b.want(event.Change{Bucket: "sources", Key: "large.jpg", ETag: large.ETag, Size: -1}, outcome.Done, "")
	b.mill = in(900)
	b.wantFresh(large, true) // its variants are there
}
