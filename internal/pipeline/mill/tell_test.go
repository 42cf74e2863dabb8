package mill_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// receiver is a webhook, which may be down.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	down   bool
	events []notify.Event
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		w.WriteHeader(http.StatusForbidden) // an answer that is not waited for to change
		return
	}
	var e notify.Event
	if err := json.NewDecoder(req.Body).Decode(&e); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.events = append(r.events, e)
}

func (r *receiver) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// told returns the events since the last call.
func (r *receiver) told() []notify.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// tellers returns a mill whose recipe tells receivers.
func (b *bench) tell(to ...*receiver) {
	b.Helper()
	var list []recipe.Notify
	for _, r := range to {
		list = append(list, recipe.Notify{To: r.URL, SecretEnv: "HOOK",
			Events: []recipe.Notice{recipe.NoticeDone, recipe.NoticeFailed, recipe.NoticeRemoved}})
	}
	var err error
	b.mill.Notify, err = notify.Open(list, notify.Options{Getenv: func(string) string { return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }})
	if err != nil {
		b.Fatal(err)
	}
}

// counting is a store that counts what is read of sources.
type counting struct {
	bucket.Store
	read int
}

func (s *counting) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if name == "sources" && cond.IfMatch != "no-such-etag" {
		s.read++
	}
	return s.Store.Get(ctx, name, key, cond)
}

// kept returns the keys of what is kept for later.
func (b *bench) kept() (keys []string) {
	for info, err := range b.store.List(b.Context(), "outputs", recipe.UnsentPrefix) {
		if err != nil {
			b.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func TestTellsDoneFailedAndRemoved(t *testing.T) {
	b, r := newBench(t, "on_remove: remove\nmanifest: true\n"), newReceiver(t)
	b.tell(r)
	c := b.upload("a b.jpg", sample.Photo(60, 40), bucket.Attributes{})
	made := b.want(c, outcome.Done, "")
	events := r.told()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Type != "com.github.imgmill.done" || e.Source != "s3://sources" || e.Subject != "a b.jpg" || e.Data.Source.ETag != c.ETag ||
		e.Data.Source.Width != 60 || e.Data.Source.Format != "jpeg" || e.Data.Source.Sequencer != "01" || e.Data.Bucket != "outputs" ||
		e.Data.Manifest == nil || e.Data.Manifest.Key != "a b.jpg.imgmill.json" || e.Data.Reason != "" {
		t.Errorf("%+v", e)
	}
	if len(e.Data.Variants) != 2 || e.Data.Variants[0].Width != 20 || e.Data.Variants[0].Type != "image/jpeg" ||
		e.Data.Variants[0].URL != "/small/a%20b.jpg" || e.Data.Variants[0].Bytes != made.Variants[0].Bytes {
		t.Errorf("%+v", e.Data.Variants)
	}
	b.want(c, outcome.Done, "") // the same change once more
	if again := r.told(); len(again) != 1 || again[0].ID != e.ID || len(again[0].Data.Variants) != 2 {
		t.Errorf("a second delivery is told as %+v", again)
	}
	c.ETag, c.Sequencer, c.Removed = "", "02", true
	if err := b.store.Delete(t.Context(), "sources", c.Key, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	b.want(c, outcome.Done, "")
	if gone := r.told(); len(gone) != 1 || gone[0].Type != "com.github.imgmill.removed" || gone[0].Data.Source.Key != "a b.jpg" ||
		gone[0].Data.Source.Sequencer != "02" {
		t.Errorf("the removal is told as %+v", gone)
	}
	bad := b.want(b.upload("bad.jpg", sample.Photo(60, 40)[:700], bucket.Attributes{}), outcome.Bad, "corrupt")
	if failed := r.told(); len(failed) != 1 || failed[0].Type != "com.github.imgmill.failed" || failed[0].Data.Reason != bad.Reason {
		t.Errorf("the failure is told as %+v", failed)
	}
	b.want(b.upload("text.jpg", []byte("no picture"), bucket.Attributes{}), outcome.Skipped, "not a picture")
	if none := r.told(); none != nil {
		t.Errorf("what is no picture is told as %+v", none)
	}
	if kept := b.kept(); kept != nil {
		t.Errorf("%v is kept", kept)
	}
}

// TestUndelivered: what could not be delivered is kept, and the next delivery of the change sends it without a look
// into the picture, to those that do not have it yet.
func TestUndelivered(t *testing.T) {
	b, up, down := newBench(t, ""), newReceiver(t), newReceiver(t)
	b.tell(up, down)
	store := &counting{Store: b.store}
	b.mill.Store = store
	down.setDown(true)
	good := b.upload("good.jpg", sample.Photo(60, 40), bucket.Attributes{})
	bad := b.upload("bad.jpg", sample.Photo(60, 40)[:700], bucket.Attributes{})
	r := b.want(good, outcome.Retry, "notification not delivered: "+down.URL+": it answers 403")
	if len(r.Variants) != 2 || !r.Undelivered {
		t.Errorf("%+v", r)
	}
	b.want(bad, outcome.Retry, "(it is bad: ")
	if got := up.told(); len(got) != 2 || len(b.kept()) != 2 || store.read != 2 {
		t.Fatalf("%d events, %v kept, %d reads", len(got), b.kept(), store.read)
	}
	b.want(good, outcome.Retry, "it answers 403")
	down.setDown(false)
	b.want(good, outcome.Done, "")
	b.want(bad, outcome.Bad, "corrupt")
	got := down.told()
	if len(got) != 2 || len(up.told()) != 0 || store.read != 2 || b.kept() != nil {
		t.Fatalf("%d events, %d twice, %d reads, %v kept", len(got), len(up.told()), store.read, b.kept())
	}
	if got[0].Type != "com.github.imgmill.done" || len(got[0].Data.Variants) != 2 || got[1].Type != "com.github.imgmill.failed" {
		t.Errorf("%+v", got)
	}
}

// TestKeptIsOfAnother: what is kept of another content, of another recipe, or of outputs that have gone, is not sent.
func TestKeptIsOfAnother(t *testing.T) {
	for what, change := range map[string]func(b *bench, c *mill.Mill) []byte{
		"content": func(*bench, *mill.Mill) []byte { return sample.Photo(70, 40) },
		"output": func(b *bench, _ *mill.Mill) []byte {
			if err := b.store.Delete(b.Context(), "outputs", "tiny/a.jpg", bucket.Condition{}); err != nil {
				b.Fatal(err)
			}
			return sample.Photo(60, 40)
		},
		"recipe": func(_ *bench, m *mill.Mill) []byte {
			m.Recipe.Variants[0].Width = 30
			return sample.Photo(60, 40)
		},
	} {
		b, r := newBench(t, ""), newReceiver(t)
		b.tell(r)
		store := &counting{Store: b.store}
		b.mill.Store = store
		r.setDown(true)
		b.want(b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Retry, "not delivered")
		r.setDown(false)
		c := b.upload("a.jpg", change(b, b.mill), bucket.Attributes{})
		c.Sequencer = "02"
		b.want(c, outcome.Done, "")
		if got := r.told(); len(got) != 1 || got[0].Data.Source.ETag != c.ETag || store.read != 2 || b.kept() != nil {
			t.Errorf("%s: told %+v after %d reads; %v kept", what, got, store.read, b.kept())
		}
	}
}

// crashing is a store that fails all calls from a write to a key on.
type crashing struct {
	bucket.Store
	at      string
	crashed bool
}

var errCrash = errors.New("crash")

func (s *crashing) Put(ctx context.Context, name, key string, data []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	if s.crashed = s.crashed || strings.HasPrefix(key, s.at); s.crashed {
		return "", errCrash
	}
	return s.Store.Put(ctx, name, key, data, attr, cond)
}

func (s *crashing) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	if s.crashed {
		return errCrash
	}
	return s.Store.Delete(ctx, name, key, cond)
}

// TestNotes: a change that no message brings leaves a note before it writes, from which the event is sent after a crash.
func TestNotes(t *testing.T) {
	b, r := newBench(t, ""), newReceiver(t)
	b.tell(r)
	c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
	c.Sequencer = ""
	b.mill.Store = &crashing{Store: b.store, at: "tiny/"}
	if res := b.mill.Remake(t.Context(), c, []string{"tiny"}); res.Verdict != outcome.Retry {
		t.Fatalf("%+v", res)
	}
	b.mill.Store = b.store
	var notes []mill.Unsent
	for u, err := range b.mill.Unsent(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, u)
	}
	if len(notes) != 1 || notes[0].Key != "a.jpg" || notes[0].Event != nil || time.Since(notes[0].At) > time.Minute || r.told() != nil {
		t.Fatalf("%+v", notes)
	}
	c.ETag, c.Size = "", -1
	if res := b.mill.Remake(t.Context(), c, nil); res.Verdict != outcome.Done {
		t.Fatalf("%+v", res)
	}
	if got := r.told(); len(got) != 1 || len(got[0].Data.Variants) != 2 || b.kept() != nil {
		t.Errorf("told %+v, kept %v", got, b.kept())
	}
}

// TestKeptOfGone: of an upload that has gone meanwhile, the event is sent as long as its variants stay.
func TestKeptOfGone(t *testing.T) {
	for _, test := range []struct {
		recipe  string
		verdict outcome.Verdict
		told    int
	}{{"", outcome.Done, 1}, {"on_remove: remove\n", outcome.Skipped, 0}} {
		b, r := newBench(t, test.recipe), newReceiver(t)
		b.tell(r)
		c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
		r.setDown(true)
		b.want(c, outcome.Retry, "not delivered")
		if err := b.store.Delete(t.Context(), "sources", "a.jpg", bucket.Condition{}); err != nil || len(b.kept()) != 1 {
			t.Fatal(err, b.kept())
		}
		r.setDown(false)
		c.ETag, c.Sequencer, c.Size = "", "", -1
		res := b.mill.Remake(t.Context(), c, nil)
		if got := r.told(); res.Verdict != test.verdict || len(got) != test.told || b.kept() != nil {
			t.Errorf("%q: %+v, told %+v, kept %v", test.recipe, res, got, b.kept())
		}
	}
}

// TestKeptRemoval: the event of a removal that could not be delivered is sent by whoever looks for such ones, or with the
// next delivery of the removal, and is then no longer kept. A removal that is late leaves what is kept of a newer upload.
func TestKeptRemoval(t *testing.T) {
	for _, again := range []string{"sync", "delivery", "late"} {
		b, r := newBench(t, "on_remove: remove\n"), newReceiver(t)
		b.tell(r)
		c := b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{})
		b.want(c, outcome.Done, "")
		r.told()
		if err := b.store.Delete(t.Context(), "sources", "a.jpg", bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		removal := c
		removal.ETag, removal.Size, removal.Sequencer, removal.Removed = "", -1, "02", true
		r.setDown(true)
		b.want(removal, outcome.Retry, "not delivered")
		if again == "late" {
			newer := b.upload("a.jpg", sample.Photo(70, 40), bucket.Attributes{})
			newer.Sequencer = "03"
			b.want(newer, outcome.Retry, "not delivered")
			b.want(removal, outcome.Skipped, "stale: ")
			if r.setDown(false); len(b.kept()) != 1 {
				t.Fatalf("kept %v", b.kept())
			}
			b.want(newer, outcome.Done, "")
			continue
		}
		r.setDown(false)
		if again == "delivery" {
			b.want(removal, outcome.Done, "")
		} else if res := b.mill.Remake(t.Context(), event.Change{Bucket: "sources", Key: "a.jpg", Size: -1}, nil); res.Verdict != outcome.Done {
			t.Fatalf("%+v", res)
		}
		if got := r.told(); len(got) != 1 || got[0].Type != "com.github.imgmill.removed" || b.kept() != nil {
			t.Errorf("%s: told %+v, kept %v", again, got, b.kept())
		}
	}
}

// TestNoCallsWithoutNotify: a recipe that tells nobody costs no request more.
func TestNoCallsWithoutNotify(t *testing.T) {
	b := newBench(t, "")
	calls := &recording{Store: b.store}
	b.mill.Store = calls
	b.want(b.upload("a.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Done, "")
	if slices.ContainsFunc(calls.keys, func(k string) bool { return strings.HasPrefix(k, recipe.Reserved) }) {
		t.Errorf("%v", calls.keys)
	}
}

type recording struct {
	bucket.Store
	keys []string
}

func (s *recording) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	s.keys = append(s.keys, key)
	return s.Store.Get(ctx, name, key, cond)
}

func (s *recording) Put(ctx context.Context, name, key string, data []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	s.keys = append(s.keys, key)
	return s.Store.Put(ctx, name, key, data, attr, cond)
}
