package mill_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// task is a goroutine that runs only between two of its store calls, when the scheduler lets it.
type task struct {
	name    string
	run     chan struct{} // the scheduler's leave for one more call
	slow    bool
	dead    bool   // its process was killed: no further call of it does anything
	pending string // the call that it waits to make
}

// taskKey finds the task in a call's context.
type taskKey struct{}

// stepStore is a store at whose every call the calling task waits for the scheduler, and where calls fail by chance.
// Only one goroutine runs at any time, so it needs no lock and one seed gives one run.
type stepStore struct {
	*mem.Store
	rng    *rand.Rand
	faults float64 // share of the calls that fail
	parked chan *task
	log    func(format string, args ...any)
	// before, if set, sees every write that will take effect.
	before func(t *task, bucketName, key string, attr bucket.Attributes)
}

// effect is how a faulty call goes wrong.
type effect int

const (
	none        effect = iota
	lost               // the call never arrived
	unanswered         // it took effect, and the answer was lost
	retriedByMe        // it took effect, and the client's own second attempt met the first one's outcome
	killed             // it took effect, and the process died of something else
)

func (s *stepStore) enter(ctx context.Context, op, bucketName, key string) (*task, effect, error) {
	t := ctx.Value(taskKey{}).(*task)
	if t.dead {
		return t, lost, fmt.Errorf("%s %s: %w: the process is dead", op, key, bucket.ErrTransient)
	}
	t.pending = op + " " + bucketName + "/" + key
	s.parked <- t
	<-t.run
	if s.rng.Float64() >= s.faults {
		return t, none, nil
	}
	e := effect(1 + s.rng.IntN(4))
	s.log("    fault %d", e)
	if e == killed {
		t.dead = true
	}
	return t, e, fmt.Errorf("%s %s: %w: injected", op, key, bucket.ErrTransient)
}

func (s *stepStore) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	_, e, fault := s.enter(ctx, "get", name, key)
	if e != none {
		return nil, fault
	}
	o, err := s.Store.Get(ctx, name, key, cond)
	if err == nil {
		s.log("    = %.6s", o.ETag)
	}
	return o, err
}

func (s *stepStore) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	_, e, fault := s.enter(ctx, "head", name, key)
	if e != none {
		return bucket.Info{}, fault
	}
	i, err := s.Store.Head(ctx, name, key)
	s.log("    = %.6s of %.6s seq %s, %v", i.ETag, i.Metadata[outcome.MetadataSourceETag], i.Metadata[outcome.MetadataSequencer], kindOf(err))
	return i, err
}

func (s *stepStore) Put(ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition) (string, error) {
	t, e, fault := s.enter(ctx, "put", name, key)
	if e == lost {
		return "", fault
	}
	if s.before != nil && s.holds(ctx, name, key, cond) {
		s.before(t, name, key, attr)
	}
	etag, err := s.Store.Put(ctx, name, key, body, attr, cond)
	s.log("    = %.6s of %.6s, if %+v: %v", etag, attr.Metadata[outcome.MetadataSourceETag], cond, kindOf(err))
	switch {
	case e == retriedByMe && err == nil && cond != (bucket.Condition{}):
		_, err := s.Store.Put(ctx, name, key, body, attr, cond)
		s.log("    again: %v", kindOf(err))
		return etag, err
	case e == unanswered || e == killed:
		return "", fault
	}
	return etag, err
}

// holds reports whether a write under cond would go through.
func (s *stepStore) holds(ctx context.Context, name, key string, cond bucket.Condition) bool {
	there, err := s.Store.Head(ctx, name, key)
	return !(cond.IfAbsent && err == nil || cond.IfMatch != "" && there.ETag != cond.IfMatch)
}

func (s *stepStore) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	_, e, fault := s.enter(ctx, "delete", name, key)
	if e == lost {
		return fault
	}
	err := s.Store.Delete(ctx, name, key, cond)
	s.log("    if %+v: %v", cond, kindOf(err))
	switch {
	case e == retriedByMe && err == nil:
		return s.Store.Delete(ctx, name, key, cond)
	case e == unanswered || e == killed:
		return fault
	}
	return err
}

func (s *stepStore) Copy(context.Context, string, string, string, string, bucket.Attributes) error {
	panic("a good picture is copied as a bad one")
}

func (s *stepStore) List(context.Context, string, string) iter.Seq2[bucket.Info, error] {
	panic("nothing here lists")
}

func kindOf(err error) string {
	if err == nil {
		return "ok"
	}
	_, kind, _ := strings.Cut(err.Error(), ": ")
	return kind
}
