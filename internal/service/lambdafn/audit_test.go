package lambdafn_test

import (
	"context"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// TestAudit: what an audit counts as a fault, and that it changes nothing.
func TestAudit(t *testing.T) {
	store := mem.New("in-bucket", "out-bucket")
	open := func(width string) *mill.Mill {
		r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\n"+
			"variants: {small: {width: "+width+"}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return mill.New(store, r)
	}
	put := func(key string, data []byte) event.Change {
		etag, err := store.Put(t.Context(), "in-bucket", key, data, bucket.Attributes{}, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		return event.Change{Bucket: "in-bucket", Key: key, ETag: etag, Size: int64(len(data))}
	}
	photo := sample.Photo(60, 40)
	made, missing, cut := put("made.jpg", photo), put("missing.jpg", photo), put("cut.jpg", photo[:900])
	put("notes.jpg", []byte("no picture"))
	b := newBench(t, nil)
	b.handler.Mill = open("20")
	want := func(ctx context.Context, level string, members map[string]any) {
		t.Helper()
		b.log.Reset()
		if answer, err := b.handler.Handle(ctx, "req-1", []byte(lambdafn.AuditRequest)); answer != nil || err != nil {
			t.Fatalf("%v, %v", answer, err)
		}
		line := b.lines()[0]
		for name, value := range members {
			if n, ok := value.(int); ok {
				value = float64(n)
			}
			if line[name] != value {
				t.Errorf("%s is %v, want %v: %v", name, line[name], value, line)
			}
		}
		if line["msg"] != lambdafn.AuditMessage || line["level"] != level {
			t.Errorf("%v, want level %s", line, level)
		}
	}
	b.handler.Mill.Process(t.Context(), made)
	b.handler.Mill.Process(t.Context(), cut) // bad: it has an alarm of its own
	want(t.Context(), "WARN", map[string]any{"faults": 1, "uploads": 4, "missing": 1, "bad": 1, "no_pictures": 1, "sample_faults": 0})
	if examples := b.lines()[0]["examples"].([]any); len(examples) != 1 || examples[0] != "missing.jpg" {
		t.Errorf("examples %v", examples)
	}
	b.handler.Mill.Process(t.Context(), missing)
	want(t.Context(), "INFO", map[string]any{"faults": 0, "wanted": 4, "no_pictures": 1, "sampled": 2})

	// Listings do not show that; and what was bad is to be tried again.
	b.handler.Mill = open("21")
	want(t.Context(), "WARN", map[string]any{"faults": 3, "missing": 1, "sampled": 2, "sample_faults": 2})

	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	want(ctx, "ERROR", map[string]any{"faults": 1})
}
