package sync

import (
	"context"
	"errors"
	"fmt"
	"math"
	stdsync "sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Work does what a Todo lists, in this process. Mill is required.
type Work struct {
	Mill  *mill.Mill
	Known *Known // what is made is noted in it; it may be nil
	// Jobs is how many pictures are processed at the same time. The default is 1.
	Jobs int
	// Rate bounds the pictures a second; 0 is no bound.
	Rate float64
	// Remake makes the named variants of a picture; nil means all of them. The default is that of Mill.
	Remake func(ctx context.Context, c event.Change, variants []string) mill.Result
	// OnResult, if set, is called with each result, by one goroutine at a time.
	OnResult func(Item, mill.Result)
	// Backoff is the time before a picture is tried again. The default is 1 s; it is doubled with
	// each of the attempts.
	Backoff time.Duration
}

const (
	attempts = 4
	// grace is how long pictures in work may take after the context has ended.
	grace = 25 * time.Second
)

// Make makes the pictures of a list. Once ctx has ended, it finishes those in work, begins no other,
// and returns the context's error.
func (w *Work) Make(ctx context.Context, todo *Todo) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cut)
		context.AfterFunc(work, func() { timer.Stop() })
	})()
	m, err := w.Mill.WithOverlays(ctx)
	if err != nil {
		return err
	}
	planner := m.Recipe.Planner()
	var mu stdsync.Mutex
	var group errgroup.Group
	group.SetLimit(max(1, w.Jobs))
	failed := make(chan struct{}) // closed once the checkpoint cannot be written
	var once stdsync.Once
	err = todo.EachPicture(ctx, w.Rate, func(i Item) error {
		select {
		case <-failed:
			return errStopped
		default:
		}
		group.Go(func() error {
			r := w.remake(ctx, work, i)
			err := w.note(planner, i, r)
			if err != nil {
				once.Do(func() { close(failed) })
			}
			mu.Lock()
			defer mu.Unlock()
			if w.OnResult != nil {
				w.OnResult(i, r)
			}
			return err
		})
		return nil
	})
	if worked := group.Wait(); worked != nil {
		return worked
	}
	return err
}

// remake makes the variants of one picture. It tries again what is worth another try, unless ctx has
// ended. An event that could not be delivered is kept, and waits for Deliver;
// a picture that waits for a tag is found again by the next comparison.
func (w *Work) remake(ctx, work context.Context, i Item) (r mill.Result) {
	c := event.Change{Bucket: w.Mill.Recipe.Source.Bucket, Key: i.Key, ETag: i.ETag, Size: i.Size}
	remake, delay := w.Remake, w.Backoff
	if remake == nil {
		remake = w.Mill.Remake
	}
	if delay == 0 {
		delay = time.Second
	}
	for attempt := 1; ; attempt++ {
		r = remake(work, c, i.Variants)
		if r.Verdict != outcome.Retry || r.Undelivered || r.Wait > 0 || attempt == attempts {
			return r
		}
		select {
		case <-ctx.Done():
			return r
		case <-time.After(delay):
			delay *= 2
		}
	}
}

// note adds what a result shows to what is known.
func (w *Work) note(planner *recipe.Planner, i Item, r mill.Result) error {
	if r.Source.ETag != i.ETag {
		return nil // of another version
	}
	rec := w.Mill.Recipe
	if err := w.Known.NoteSkipped(planner, i.Key, r); err != nil {
		return err
	}
	for _, o := range r.Objects {
		if err := w.Known.Add(freshFact(rec, i.Key, i.ETag, o.Object, o.ETag)); err != nil {
			return err
		}
	}
	var facts []string
	switch {
	case r.Verdict == outcome.Done && i.Unsure:
		facts = []string{"settled"}
	case r.Verdict == outcome.Bad && (r.Taken || rec.BadRecords() != ""):
	case r.Verdict == outcome.Bad && len(r.Variants) > 0:
		for _, f := range r.Failed {
			facts = append(facts, badFact(rec, i.Modified, f.Name))
		}
	case r.Verdict == outcome.Bad:
		facts = []string{badFact(rec, i.Modified, "")}
	}
	plan := planner.Plan(i.Key)
	for _, what := range facts {
		if err := w.Known.Add(planFact(rec, what, i.Key, i.ETag, plan)); err != nil {
			return err
		}
	}
	return nil
}

// NoteSkipped adds to what is known that an upload is no picture, if that is what a result says of it: no comparison
// takes it for one without variants from then on.
func (k *Known) NoteSkipped(planner *recipe.Planner, key string, r mill.Result) error {
	if r.Verdict != outcome.Skipped || r.Overtaken() || r.OfTarget || r.Source.ETag == "" {
		return nil
	}
	return k.Add(planFact(planner.Recipe, "skipped", key, r.Source.ETag, planner.Plan(key)))
}

// Deliver sends the events that are still to be delivered (mill.Unsent). Where no more than a note is left, of a process
// that has crashed, the picture is made again. It returns how many were delivered, and how many are left.
func (w *Work) Deliver(ctx context.Context) (delivered, left int64, err error) {
	if w.Mill.Notify == nil {
		return 0, 0, nil
	}
	remake := w.Remake
	if remake == nil {
		remake = w.Mill.Remake
	}
	for u, err := range w.Mill.Unsent(ctx) {
		if errors.Is(err, bucket.ErrNoBucket) {
			return delivered, left, nil // there is no target bucket yet
		}
		if err != nil {
			return delivered, left, fmt.Errorf("look for events that are still to be delivered: %w", err)
		}
		r := remake(ctx, event.Change{Bucket: w.Mill.Recipe.Source.Bucket, Key: u.Key, Size: -1}, nil)
		if r.Verdict == outcome.Retry {
			left++
		} else {
			delivered++
		}
		if w.OnResult != nil {
			w.OnResult(Item{Key: u.Key, ETag: r.Source.ETag, Size: r.Source.Bytes}, r)
		}
	}
	return delivered, left, nil
}

// Delete deletes the orphans of a list, each if it is still one. It returns how many it deleted.
func (w *Work) Delete(ctx context.Context, todo *Todo) (deleted int, err error) {
	m, err := w.Mill.WithOverlays(ctx)
	if err != nil {
		return 0, err
	}
	planner := m.Recipe.Planner()
	target := w.Mill.Recipe.Target.Bucket
	pace := newPace(w.Rate)
	err = todo.orphans.each(func(i Item) error {
		if err := pace.wait(ctx); err != nil {
			return err
		}
		// The source is looked at after the object, on which the deletion is conditional: whoever
		// uploads other content from now on also replaces the object, and lookAgain sees to the same.
		verdict, info, err := orphan(ctx, w.Mill, planner, i.Key, "")
		orphaned := verdict == isRemoved || verdict == isOrphan || verdict == isReplaced
		if err != nil || !orphaned || !todo.Only.deletes(verdict == isRemoved, verdict == isReplaced) {
			return err
		}
		err = w.Mill.Store.Delete(ctx, target, i.Key, bucket.Condition{IfMatch: info.ETag})
		switch {
		case err == nil:
			deleted++
			return w.lookAgain(ctx, planner, i.Key, info)
		case errors.Is(err, bucket.ErrPrecondition), errors.Is(err, bucket.ErrNotFound):
			err = nil // it has changed; the next run sees to it
		default:
			err = fmt.Errorf("delete %s: %w", i.Key, err)
		}
		return err
	})
	return deleted, err
}

// lookAgain makes an object again that was deleted while its source came back: if that has the content
// that it had before, so has the object, and the condition of the deletion holds.
func (w *Work) lookAgain(ctx context.Context, planner *recipe.Planner, key string, info bucket.Info) error {
	ctx = context.WithoutCancel(ctx)
	source, ok := planner.MadeFrom(key, func(source string) bool { return w.Mill.MadeFrom(source, info.Metadata) })
	if !ok {
		return nil
	}
	src, err := w.Mill.Store.Head(ctx, w.Mill.Recipe.Source.Bucket, source)
	src.Key = source
	wanted, perhaps := asksFor(planner.Plan(source).For(src.ETag), key)
	if !wanted || perhaps != nil && err == nil && !freshAs(w.Mill, src, info, perhaps) { // it is wanted if it is of what the source is now
		return nil
	}
	r := w.Mill.Remake(ctx, event.Change{Bucket: w.Mill.Recipe.Source.Bucket, Key: source, Size: -1}, nil)
	if r.Verdict == outcome.Retry {
		return fmt.Errorf("make %s again: %s", source, r.Reason)
	}
	return nil
}

// EachPicture calls f with every picture of a list, at most rate a second unless that is 0, until f
// returns an error or ctx ends.
func (t *Todo) EachPicture(ctx context.Context, rate float64, f func(Item) error) error {
	pace := newPace(rate)
	return t.pictures.each(func(i Item) error {
		if err := pace.wait(ctx); err != nil {
			return err
		}
		return f(i)
	})
}

// pace spreads work over time.
type pace struct {
	every time.Duration // 0: no bound
	next  time.Time
}

func newPace(rate float64) *pace {
	if rate <= 0 {
		return &pace{}
	}
	return &pace{every: time.Duration(min(float64(time.Second)/rate, float64(math.MaxInt64/2)))}
}

// wait waits until it is time for the next.
func (p *pace) wait(ctx context.Context) error {
	if p.every > 0 {
		now := time.Now()
		if p.next.Before(now) {
			p.next = now
		}
		t := time.NewTimer(p.next.Sub(now))
		defer t.Stop()
		p.next = p.next.Add(p.every)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}
