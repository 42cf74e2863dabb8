package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// results passes the worker's results to whoever waits for them.
type results struct {
	mu      sync.Mutex
	waiting map[string]chan changeResult // by key
}

// changeResult is the result of processing one change of a key. The verdict retry is a result, too:
// here the store is our own, and its faults should be seen at once.
type changeResult struct {
	etag   string
	result mill.Result
}

func newResults() *results {
	return &results{waiting: map[string]chan changeResult{}}
}

// wait returns a channel that receives the results of a key until done is called. Earlier changes
// of the key may be among them.
func (r *results) wait(key string) (results <-chan changeResult, done func()) {
	c := make(chan changeResult, 64)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[key] = c
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, key)
	}
}

// Reached implements mill.Observer.
func (r *results) Reached(event.Change, mill.Stage, mill.Picture) {}

// Ended implements mill.Observer.
func (r *results) Ended(c event.Change, res mill.Result) {
	if c.Removed {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.waiting[c.Key] <- changeResult{c.ETag, res}:
	default: // nobody is waiting for this key, which makes the channel nil
	}
}

// upload uploads the pictures one after the other, and waits for the result of each. It counts those that cannot be
// uploaded, which do not keep the others from it.
func (d *dev) upload(ctx context.Context, pictures []picture) (rows []row, unsent int, err error) {
	for i, p := range pictures {
		data, err := p.read()
		var r mill.Result
		if err == nil {
			r, err = d.put(ctx, p.key, data)
		}
		switch {
		case ctx.Err() != nil:
			return rows, unsent, explainUpload(ctx, i, len(pictures))
		case err != nil:
			d.log.Error("a file is not uploaded", "file", p.name, outcome.AttrError, err)
			unsent++
			continue
		}
		r.Source.Bytes = int64(len(data))
		rows = append(rows, resultRows(p.key, r)...)
	}
	return rows, unsent, nil
}

// explainUpload says how far the uploads were when ctx ended.
func explainUpload(ctx context.Context, done, all int) error {
	return explainInterrupt(ctx.Err(), fmt.Sprintf("%d of %s done. What is uploaded is kept", done, count(all, "file")))
}

// put uploads one picture and waits for its result.
func (d *dev) put(ctx context.Context, key string, data []byte) (mill.Result, error) {
	results, done := d.results.wait(key)
	defer done()
	etag, err := d.store.Put(ctx, d.mill.get().Recipe.Source.Bucket, key, data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		return mill.Result{}, err
	}
	for {
		select {
		case r := <-results:
			if r.etag == etag {
				return r.result, nil
			}
		case <-ctx.Done():
			return mill.Result{}, ctx.Err()
		}
	}
}
