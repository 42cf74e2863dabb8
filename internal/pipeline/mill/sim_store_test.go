package mill_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// task is a goroutine that runs from one of its store calls to the next when the scheduler lets it.
type task struct {
	name    string
	run     chan struct{} // receives the scheduler's permission for one more call
	slow    bool
	dead    bool   // its process was killed: none of its calls has an effect any more
	pending string // the call that it is about to make
}

// taskKey is the key of the task in the context of a call.
type taskKey struct{}

// stepStore is a store in which every call waits for the scheduler, and calls fail at random. Only
// one goroutine runs at any time: no lock is needed, and a seed always results in the same run.
type stepStore struct {
	bucket.Store
	rng    *rand.Rand
	faults float64 // fraction of the calls that fail
	parked chan *task
	log    func(format string, args ...any)
	// before, if set, is called with every write that will take effect.
	before func(t *task, bucketName, key string, attr bucket.Attributes)
	// touch, if set, is called with every write and deletion that will take effect.
	touch func(t *task, bucketName, key string)
}

// effect is the way in which a faulty call fails.
type effect int

const (
	none            effect = iota
	lost                   // the call was never received
	unanswered             // it took effect, but the answer was lost
	retriedByClient        // it took effect, and the client retried it on its own and met the result of the first attempt
	killed                 // it took effect, but the process was killed
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
	if s.holds(ctx, name, key, cond) {
		if s.before != nil {
			s.before(t, name, key, attr)
		}
		if s.touch != nil {
			s.touch(t, name, key)
		}
	}
	etag, err := s.Store.Put(ctx, name, key, body, attr, cond)
	s.log("    = %.6s of %.6s, if %+v: %v", etag, attr.Metadata[outcome.MetadataSourceETag], cond, kindOf(err))
	switch {
	case e == retriedByClient && err == nil && cond != (bucket.Condition{}):
		_, err := s.Store.Put(ctx, name, key, body, attr, cond)
		s.log("    again: %v", kindOf(err))
		return etag, err
	case e == unanswered || e == killed:
		return "", fault
	}
	return etag, err
}

// holds reports whether a write or deletion with cond would succeed.
func (s *stepStore) holds(ctx context.Context, name, key string, cond bucket.Condition) bool {
	there, err := s.Store.Head(ctx, name, key)
	return !(cond.IfAbsent && err == nil || cond.IfMatch != "" && there.ETag != cond.IfMatch)
}

func (s *stepStore) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	t, e, fault := s.enter(ctx, "delete", name, key)
	if e == lost {
		return fault
	}
	if s.touch != nil && s.holds(ctx, name, key, cond) {
		s.touch(t, name, key)
	}
	err := s.Store.Delete(ctx, name, key, cond)
	s.log("    if %+v: %v", cond, kindOf(err))
	switch {
	case e == retriedByClient && err == nil:
		return s.Store.Delete(ctx, name, key, cond)
	case e == unanswered || e == killed:
		return fault
	}
	return err
}

func (s *stepStore) Copy(
	ctx context.Context, from bucket.Source, name, key string, attr bucket.Attributes, cond bucket.Condition,
) error {
	t, e, fault := s.enter(ctx, "copy to", name, key)
	if e == lost {
		return fault
	}
	if there, err := s.Store.Head(ctx, from.Bucket, from.Key); err == nil && s.holds(ctx, name, key, cond) &&
		(from.IfMatch == "" || from.IfMatch == there.ETag) {
		if s.before != nil {
			s.before(t, name, key, attr)
		}
		if s.touch != nil {
			s.touch(t, name, key)
		}
	}
	err := s.Store.Copy(ctx, from, name, key, attr, cond)
	s.log("    of %.6s, if %.6s, %+v: %v", attr.Metadata[outcome.MetadataSourceETag], from.IfMatch, cond, kindOf(err))
	switch {
	case e == retriedByClient && err == nil && cond != (bucket.Condition{}):
		err := s.Store.Copy(ctx, from, name, key, attr, cond)
		s.log("    again: %v", kindOf(err))
		return err
	case e == unanswered || e == killed:
		return fault
	}
	return err
}

// List is one call: its answer is of one moment, as that of a single page is.
func (s *stepStore) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	_, e, fault := s.enter(ctx, "list", name, prefix)
	if e != none {
		return func(yield func(bucket.Info, error) bool) { yield(bucket.Info{}, fault) }
	}
	var found []bucket.Info
	for info, err := range s.Store.List(ctx, name, prefix) {
		if err != nil {
			panic(err) // it is in memory
		}
		found = append(found, info)
		s.log("    + %s", info.Key)
	}
	return func(yield func(bucket.Info, error) bool) {
		for _, info := range found {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func kindOf(err error) string {
	if err == nil {
		return "ok"
	}
	_, kind, _ := strings.Cut(err.Error(), ": ")
	return kind
}
