package console

import (
	"context"
	"errors"
	"net/http"
	stdsync "sync"

	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// maxRetry is how many pictures one request asks to try again.
const maxRetry = MaxRows

// jobs is how many pictures are made again at the same time.
const jobs = 2

// serveRetry processes pictures again, in the background: their rows show how that ends.
func (c *Console) serveRetry(w http.ResponseWriter, r *http.Request) {
	var keys []string
	if !read(w, r, &keys) {
		return
	}
	if len(keys) > maxRetry {
		fail(w, http.StatusBadRequest, "at most %d pictures at a time", maxRetry)
		return
	}
	next := make(chan string)
	for range min(jobs, len(keys)) {
		c.background.Go(func() {
			for key := range next {
				c.Process(c.work, c.change(key))
			}
		})
	}
	c.background.Go(func() {
		defer close(next)
		for _, key := range keys {
			select {
			case next <- key:
			case <-c.work.Done():
				return
			}
		}
	})
	w.WriteHeader(http.StatusAccepted)
}

// progress is how far a comparison of the buckets is, and the work that follows.
type progress struct {
	Runs  bool   `json:"runs"`
	Ended bool   `json:"ended"`
	Seen  int64  `json:"seen"` // uploads that were compared
	Todo  int64  `json:"todo"` // pictures of which something is missing or stale
	Done  int64  `json:"done"` // of these, those that have been processed
	Error string `json:"error,omitempty"`
}

// again is the only comparison that runs at a time.
type again struct {
	mu stdsync.Mutex
	progress
}

func (a *again) now() progress {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.progress
}

func (a *again) set(change func(*progress)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.progress)
}

// serveSync makes what is missing or stale, in the background.
func (c *Console) serveSync(w http.ResponseWriter, _ *http.Request) {
	begun := false
	c.again.set(func(p *progress) {
		if begun = !p.Runs; begun {
			*p = progress{Runs: true}
		}
	})
	if begun {
		c.background.Go(func() {
			err := c.sync(c.work)
			c.again.set(func(p *progress) {
				p.Runs, p.Ended = false, true
				if err != nil {
					p.Error = err.Error()
				}
			})
		})
	}
	w.WriteHeader(http.StatusAccepted)
}

// sync compares both buckets and makes what is missing or stale.
func (c *Console) sync(ctx context.Context) (err error) {
	m := c.Mill()
	todo := &sync.Todo{Only: sync.Only{Missing: true, Stale: true}}
	defer func() { err = errors.Join(err, todo.Close()) }()
	comparison := sync.Comparison{
		Mill: m, Known: c.Known, Each: todo.Add, Restart: todo.Reset,
		Progress: func(r sync.Report) { c.again.set(func(p *progress) { p.Seen = r.Sources }) },
	}
	report, err := comparison.Run(ctx)
	if err != nil {
		return err
	}
	c.again.set(func(p *progress) { p.Seen, p.Todo = report.Sources, todo.Pictures.Pictures })
	w := sync.Work{
		Mill: m, Known: c.Known, Remake: c.Remake, Jobs: jobs,
		OnResult: func(_ sync.Item, r mill.Result) {
			c.again.set(func(p *progress) {
				if r.Verdict == outcome.Skipped {
					p.Todo-- // there was nothing to make, as of a text that is named like a picture
				} else {
					p.Done++
				}
			})
		},
	}
	return w.Make(ctx, todo)
}
