package buckettest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
)

// Weaken returns a store that behaves like one that lacks something, on top of one that does not.
func Weaken(store bucket.Store, lacks ...probe.Lack) bucket.Store {
	return &weak{Store: store, lacks: lacks, marked: map[string]bool{}}
}

type weak struct {
	bucket.Store
	lacks probe.Lacks

	mu     sync.Mutex
	marked map[string]bool // objects with a delete marker
}

func (w *weak) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	if cond.IfAbsent && cond.IfMatch == "" {
		if w.lacks.Has(probe.PutAfterDelete) && w.isMarked(name, key) {
			return "", fmt.Errorf("put %s/%s: %w: there is a delete marker", name, key, bucket.ErrPrecondition)
		}
		cond.IfAbsent = !w.lacks.Has(probe.PutIfAbsent)
	} else if cond.IfMatch != "" && !cond.IfAbsent && w.lacks.Has(probe.PutIfMatch) {
		cond.IfMatch = ""
	}
	etag, err := w.Store.Put(ctx, name, key, body, attr, cond)
	if err == nil {
		w.mark(name, key, false)
	}
	return etag, err
}

func (w *weak) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	if w.lacks.Has(probe.CopySource) {
		from.IfMatch = ""
	}
	switch {
	case cond.IfAbsent && cond.IfMatch != "": // which the store refuses
	case w.lacks.Has(probe.CopyTarget):
		cond = bucket.Condition{}
	case cond.IfAbsent && w.lacks.Has(probe.PutAfterDelete) && w.isMarked(toBucket, toKey):
		return fmt.Errorf("copy to %s/%s: %w: there is a delete marker", toBucket, toKey, bucket.ErrPrecondition)
	}
	err := w.Store.Copy(ctx, from, toBucket, toKey, attr, cond)
	if err == nil {
		w.mark(toBucket, toKey, false)
	}
	return err
}

func (w *weak) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	if w.lacks.Has(probe.DeleteIfMatch) {
		cond.IfMatch = ""
	}
	err := w.Store.Delete(ctx, name, key, cond)
	if err == nil {
		w.mark(name, key, true)
	}
	return err
}

func (w *weak) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	if !w.lacks.Has(probe.ListOrder) {
		return w.Store.List(ctx, name, prefix)
	}
	return func(yield func(bucket.Info, error) bool) {
		var all []bucket.Info
		for info, err := range w.Store.List(ctx, name, prefix) {
			if err != nil {
				yield(info, err)
				return
			}
			all = append(all, info)
		}
		slices.SortFunc(all, func(a, b bucket.Info) int {
			return strings.Compare(strings.ToUpper(b.Key), strings.ToUpper(a.Key))
		})
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (w *weak) isMarked(name, key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.marked[name+"/"+key]
}

func (w *weak) mark(name, key string, marked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if marked {
		w.marked[name+"/"+key] = true
	} else {
		delete(w.marked, name+"/"+key)
	}
}
