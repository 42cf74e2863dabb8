package probe

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Adapt returns a store that keeps its promises as well as one with these lacks can. What it cannot
// do is to decide and write in one step: between the look and the write, somebody else may write.
func Adapt(store bucket.Store, lacks Lacks) bucket.Store {
	if len(lacks) == 0 {
		return store
	}
	return &adapted{store, lacks}
}

type adapted struct {
	bucket.Store
	lacks Lacks
}

// Put implements bucket.Store.
func (s *adapted) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	if cond.IfAbsent && cond.IfMatch != "" {
		return s.Store.Put(ctx, name, key, body, attr, cond) // which refuses it
	}
	if cond.IfAbsent && s.lacks.Has(PutIfAbsent) || cond.IfMatch != "" && s.lacks.Has(PutIfMatch) {
		if err := s.holds(ctx, "put", name, key, cond); err != nil {
			return "", err
		}
		cond = bucket.Condition{}
	}
	etag, err := s.Store.Put(ctx, name, key, body, attr, cond)
	if !cond.IfAbsent || !errors.Is(err, bucket.ErrPrecondition) || !s.lacks.Has(PutAfterDelete) {
		return etag, err
	}
	// A delete marker, or another writer? Whoever has written in between is found now, and whoever
	// removes what he has written between the two looks leaves nothing to lose.
	for range 2 {
		if err := s.holds(ctx, "put", name, key, cond); err != nil {
			return "", err
		}
	}
	return s.Store.Put(ctx, name, key, body, attr, bucket.Condition{})
}

// Copy implements bucket.Store.
func (s *adapted) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	if cond.IfAbsent && cond.IfMatch != "" {
		return s.Store.Copy(ctx, from, toBucket, toKey, attr, cond) // which refuses it
	}
	if cond != (bucket.Condition{}) && s.lacks.Has(CopyTarget) || cond.IfAbsent && s.lacks.Has(PutAfterDelete) {
		if err := s.holds(ctx, "copy to", toBucket, toKey, cond); err != nil {
			return err
		}
		cond = bucket.Condition{}
	}
	if from.IfMatch != "" && s.lacks.Has(CopySource) {
		if err := s.holds(ctx, "copy", from.Bucket, from.Key, bucket.Condition{IfMatch: from.IfMatch}); err != nil {
			return err
		}
		from.IfMatch = ""
	}
	return s.Store.Copy(ctx, from, toBucket, toKey, attr, cond)
}

// Delete implements bucket.Store.
func (s *adapted) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	if cond.IfMatch != "" && s.lacks.Has(DeleteIfMatch) {
		if err := s.holds(ctx, "delete", name, key, cond); err != nil {
			return err
		}
		cond = bucket.Condition{}
	}
	return s.Store.Delete(ctx, name, key, cond)
}

// holds returns ErrPrecondition if a condition does not hold now.
func (s *adapted) holds(ctx context.Context, op, name, key string, cond bucket.Condition) error {
	info, err := s.Head(ctx, name, key)
	switch {
	case errors.Is(err, bucket.ErrNotFound) && cond.IfAbsent:
		return nil
	case errors.Is(err, bucket.ErrNotFound):
		return fmt.Errorf("%s %s/%s: %w: there is no object", op, name, key, bucket.ErrPrecondition)
	case err != nil:
		return err
	case cond.IfAbsent, info.ETag != cond.IfMatch:
		return fmt.Errorf("%s %s/%s: %w: the ETag is %s", op, name, key, bucket.ErrPrecondition, info.ETag)
	}
	return nil
}

// List implements bucket.Store. A listing without order is read whole before the first object is
// yielded, which takes about 200 bytes of memory for each.
func (s *adapted) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	if !s.lacks.Has(ListOrder) {
		return s.Store.List(ctx, name, prefix)
	}
	return func(yield func(bucket.Info, error) bool) {
		var all []bucket.Info
		for info, err := range s.Store.List(ctx, name, prefix) {
			if err != nil {
				yield(bucket.Info{}, err)
				return
			}
			all = append(all, info)
		}
		slices.SortFunc(all, func(a, b bucket.Info) int { return strings.Compare(a.Key, b.Key) })
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}
