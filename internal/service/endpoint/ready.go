package endpoint

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// readiness answers whether everything that the worker needs can be reached.
type readiness struct {
	checks map[string]func(context.Context) error
	log    *slog.Logger

	mu     sync.Mutex
	at     time.Time // of the answer
	answer string    // a line for each check
	failed bool
}

const (
	// An answer is good for a while, because anybody may ask and each check costs a request.
	readyFor     = 2 * time.Second
	checkTimeout = 5 * time.Second
)

func (r *readiness) serve(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) >= readyFor {
		r.check()
	}
	if r.failed {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprint(w, r.answer)
}

// check makes all checks at the same time.
func (r *readiness) check() {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	names := slices.Sorted(maps.Keys(r.checks))
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { errs[i] = r.checks[name](ctx) })
	}
	all.Wait()
	var lines strings.Builder
	r.failed = false
	for i, name := range names {
		if errs[i] != nil {
			r.failed = true
			r.log.Warn("not ready: cannot reach the "+name, outcome.AttrError, errs[i])
			fmt.Fprintf(&lines, "%s: cannot be reached; the log says why\n", name)
		} else {
			fmt.Fprintf(&lines, "%s: ok\n", name)
		}
	}
	r.at, r.answer = time.Now(), lines.String()
}
