package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
)

// results hands what the worker is told of a change to whoever waits for it.
type results struct {
	mu      sync.Mutex
	waiting map[string]chan told // by key
}

// told is the result of a change. That of one that comes again counts, too: here the store is our own, and a fault of it is
// to be seen.
type told struct {
	etag   string
	result mill.Result
}

func newResults() *results {
	return &results{waiting: map[string]chan told{}}
}

// wait readies a channel that gets the results of a key, until done is called. Changes of before may be among them.
func (r *results) wait(key string) (results <-chan told, done func()) {
	c := make(chan told, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[key] = c
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, key)
	}
}

func (r *results) tell(c event.Change, res mill.Result) {
	if c.Removed {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.waiting[c.Key] <- told{c.ETag, res}:
	default: // nobody waits: a nil channel
	}
}

// upload puts the pictures in, one after the other, and waits for each to come out.
func (d *dev) upload(ctx context.Context, pictures []picture) ([]row, error) {
	var rows []row
	for _, p := range pictures {
		data, err := p.read()
		if err != nil {
			return rows, err
		}
		r, err := d.put(ctx, p.key, data)
		if err != nil {
			return rows, fmt.Errorf("upload %s: %w", p.key, err)
		}
		r.Source.Bytes = int64(len(data))
		rows = append(rows, resultRows(p.key, r)...)
	}
	return rows, nil
}

// put uploads one picture and waits for what the worker is told of it.
func (d *dev) put(ctx context.Context, key string, data []byte) (mill.Result, error) {
	results, done := d.results.wait(key)
	defer done()
	etag, err := d.store.Put(ctx, d.recipe.Source.Bucket, key, data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		return mill.Result{}, err
	}
	for {
		select {
		case t := <-results:
			if t.etag == etag {
				return t.result, nil
			}
		case err := <-d.ended:
			d.ended <- err
			return mill.Result{}, fmt.Errorf("the worker stopped: %w", err)
		case <-ctx.Done():
			return mill.Result{}, ctx.Err()
		}
	}
}
