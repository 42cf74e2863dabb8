package lambdafn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// slowStore is a store in which one picture takes as long as it is given.
type slowStore struct{ *mem.Store }

func (s slowStore) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := s.Store.Get(ctx, name, key, cond)
	if err == nil && key == "slow.jpg" {
		o.Body = io.NopCloser(&slowBody{o.Body, ctx})
	}
	return o, err
}

// slowBody ends, with all its bytes, when its context does: what then remains of the picture's work
// is never done.
type slowBody struct {
	r   io.Reader
	ctx context.Context
}

func (s *slowBody) Read(p []byte) (int, error) {
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		<-s.ctx.Done()
		err = nil
	}
	return n, err
}

// TestSlowPictureAndItsMates runs a picture that needs more time than the function has through the
// pipeline: with others, which are done, it is retried; alone, it is bad, and recorded.
func TestSlowPictureAndItsMates(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "test", []byte(
		"source: {bucket: in-1}\ntarget: {bucket: out-1, key: 'small/{key}'}\nvariants: {small: {width: 8}}\non_bad: {prefix: bad/}\n"))
	if err != nil {
		t.Fatal(err)
	}
	store := mem.New("in-1", "out-1")
	for _, key := range []string{"slow.jpg", "a.jpg", "b.jpg"} {
		if _, err := store.Put(t.Context(), "in-1", key, sample.Photo(60, 40), bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	h := &lambdafn.Handler{
		Process: mill.New(slowStore{store}, r).ProcessWithin, Log: slog.New(slog.DiscardHandler),
	}
	handle := func(bodies ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for i := range bodies {
			bodies[i] = string(bytes.ReplaceAll([]byte(notice(t, bodies[i])), []byte(`"in"`), []byte(`"in-1"`)))
		}
		response, err := h.Handle(ctx, "r", sqs(t, bodies...))
		if err != nil || ctx.Err() != nil {
			t.Errorf("%v; before the deadline: %t", err, ctx.Err() == nil)
		}
		data, err := json.Marshal(response)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	holds := func(key string) bool {
		_, err := store.Head(t.Context(), "out-1", key)
		return err == nil
	}
	if got := handle("a.jpg", "slow.jpg", "b.jpg"); got != `{"batchItemFailures":[{"itemIdentifier":"m2"}]}` {
		t.Errorf("with mates: %s", got)
	}
	if !holds("small/a.jpg") || !holds("small/b.jpg") || holds("bad/slow.jpg.json") {
		t.Error("with mates: they are not done, or the slow picture is recorded as bad")
	}
	if got := handle("slow.jpg"); got != `{"batchItemFailures":[]}` {
		t.Errorf("alone: %s", got)
	}
	if !holds("bad/slow.jpg") || !holds("bad/slow.jpg.json") {
		t.Error("alone: it is not recorded as bad")
	}
}
