package sync_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// poll polls for 10 rounds and returns the log.
func (p *place) poll() string {
	p.t.Helper()
	var log bytes.Buffer
	synctest.Test(p.t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		poll := sync.Poll{Mill: p.mill, Log: slog.New(slog.NewTextHandler(&log, nil)), Every: time.Second}
		poll.Run(ctx)
	})
	return log.String()
}

// count returns how many objects the target has.
func (p *place) count() (n int) {
	p.t.Helper()
	for _, err := range p.mill.Store.List(p.t.Context(), "outputs", "") {
		if err != nil {
			p.t.Fatal(err)
		}
		n++
	}
	return n
}

// TestPollSparesWithoutUploads: variants of uploads that are gone are deleted, unless all uploads are.
func TestPollSparesWithoutUploads(t *testing.T) {
	p := newPlace(t, oneVariant+"on_remove: remove\n")
	p.upload("a.jpg", sample.Photo(64, 48))
	p.upload("b.jpg", sample.Photo(48, 64))
	p.poll()
	p.remove("sources", "a.jpg")
	if log := p.poll(); p.count() != 1 || !strings.Contains(log, `msg="variants whose upload is gone or has been replaced are deleted" objects=1`) {
		t.Errorf("%d variants of one upload\n%s", p.count(), log)
	}
	p.remove("sources", "b.jpg")
	if log := p.poll(); p.count() != 1 || strings.Count(log, "there is no upload at all") != 1 {
		t.Errorf("%d variants of a bucket that looks empty\n%s", p.count(), log)
	}
}

// away is a store whose listings fail for a while: both buckets are listed at the same time.
type away struct {
	bucket.Store
	fails atomic.Int32
}

func (a *away) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	if a.fails.Add(-1) >= 0 {
		return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, errors.New("no connection")) }
	}
	return a.Store.List(ctx, name, prefix)
}

// TestPollSaysThatItWorksAgain: the log tells the end of an outage like its beginning.
func TestPollSaysThatItWorksAgain(t *testing.T) {
	p := newPlace(t, oneVariant)
	store := &away{Store: p.mill.Store}
	store.fails.Store(1)
	p.mill.Store = store
	log := p.poll()
	if !strings.Contains(log, "could not be compared") || strings.Count(log, "could be compared again") != 1 {
		t.Error(log)
	}
}

// hidden is a store in which nobody may look for events.
type hidden struct{ bucket.Store }

func (h hidden) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	if prefix == recipe.UnsentPrefix {
		return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, bucket.ErrDenied) }
	}
	return h.Store.List(ctx, name, prefix)
}

// TestPollMakesPicturesWithoutEvents: who cannot look for events that are left makes pictures all the same.
func TestPollMakesPicturesWithoutEvents(t *testing.T) {
	p := newPlace(t, oneVariant)
	var err error
	p.mill.Notify, err = notify.Open(
		[]recipe.Notify{{To: "http://127.0.0.1/", SecretEnv: "HOOK", Events: []recipe.Notice{recipe.NoticeRemoved}}},
		notify.Options{Getenv: func(string) string { return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }})
	if err != nil {
		t.Fatal(err)
	}
	p.mill.Store = hidden{p.mill.Store}
	p.upload("a.jpg", sample.Photo(64, 48))
	if log := p.poll(); p.count() != 1 || !strings.Contains(log, "look for events that are still to be delivered") {
		t.Errorf("%d variants\n%s", p.count(), log)
	}
}
