package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	stdsync "sync"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/queue"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// devOutput shows what dev does: a row for each variant as soon as it is made and, on a terminal, a last
// line that counts while pictures wait.
type devOutput struct {
	mu     stdsync.Mutex
	table  *table
	status *status
	done   summary
}

// countInterval is how often the pictures that wait are counted.
const countInterval = 250 * time.Millisecond

func newDevOutput(stdout, stderr io.Writer, r *recipe.Recipe) *devOutput {
	return &devOutput{table: newTable(stdout, r), status: newStatus(stderr)}
}

// Reached implements mill.Observer.
func (o *devOutput) Reached(event.Change, mill.Stage, mill.Picture) {}

// Ended implements mill.Observer: it shows the result of a change.
func (o *devOutput) Ended(c event.Change, r mill.Result) {
	rows := resultRows(c.Key, r)
	if c.Removed || len(rows) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done.add(r)
	o.status.clear()
	_ = o.table.print(rows) // whoever has closed standard output does not want to see it
}

// count shows how many pictures wait, until ctx ends.
func (o *devOutput) count(ctx context.Context, q queue.Queue) {
	tick := time.NewTicker(countInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			o.clear()
			return
		case <-tick.C:
		}
		waiting, err := q.Waiting(ctx)
		if err != nil || waiting == 0 { // the worker reports a queue that fails
			o.clear()
			continue
		}
		o.mu.Lock()
		text := fmt.Sprintf("%s waiting", grouped(int64(waiting)))
		for _, v := range []outcome.Verdict{outcome.Done, outcome.Bad, outcome.Skipped} {
			if n := o.done.counts[string(v)]; n > 0 {
				text += fmt.Sprintf(", %s %s", grouped(int64(n)), v)
			}
		}
		o.status.show("%s", text)
		o.mu.Unlock()
	}
}

func (o *devOutput) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status.clear()
}

// noteHandler writes log records as sentences for people. Results of changes are left out, because the table
// has them, and so is how the store was probed, which is dev's own.
type noteHandler struct {
	output *devOutput
	w      io.Writer
	least  slog.Level
	attrs  []slog.Attr
}

func (h *noteHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.least }

func (h *noteHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == outcome.ChangeMessage || r.Level == slog.LevelInfo && strings.HasPrefix(r.Message, probe.Message) {
		return nil
	}
	var b strings.Builder
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("Error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("Warning: ")
	}
	b.WriteString(oneLine(r.Message))
	before := " ("
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, "%s%s: %s", before, a.Key, oneLine(a.Value.String()))
		before = ", "
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	if before != " (" {
		b.WriteString(")")
	}
	b.WriteString(".")
	h.output.mu.Lock()
	defer h.output.mu.Unlock()
	h.output.status.clear()
	return note(h.w, "%s", b.String())
}

func (h *noteHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &noteHandler{h.output, h.w, h.least, append(append([]slog.Attr{}, h.attrs...), attrs...)}
}

// WithGroup leaves the names of groups out: nothing that dev logs has any.
func (h *noteHandler) WithGroup(string) slog.Handler { return h }
