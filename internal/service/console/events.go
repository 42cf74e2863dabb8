package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pace is the time between two messages of a stream. What changes in between is sent together.
const pace = 100 * time.Millisecond

// maxBatch is how many rows one message has at most.
const maxBatch = 500

// serveEvents streams what changes (HTML Standard, section 9.2, "Server-sent events"). Each message has
// all that the page needs of a row, so that it does not matter if a row comes twice. The ID of a message is
// the instance of the rows and their version: a browser that connects again names the last one, and gets what
// has changed since. If the server has been restarted meanwhile, the event "reset" comes first: the page
// forgets its rows, and gets all that there are.
func (c *Console) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	s := stream{w: w, flush: http.NewResponseController(w).Flush, instance: c.rows.instance}
	version := int64(0)
	if instance, last, ok := strings.Cut(r.Header.Get("Last-Event-ID"), "-"); ok && instance == c.rows.instance {
		version, _ = strconv.ParseInt(last, 10, 64) // what is no number is the beginning
	} else {
		s.send("reset", 0, map[string]any{"max": MaxRows})
	}
	var sent string // the last totals
	heartbeat := time.NewTicker(15 * time.Second)
	defer heartbeat.Stop()
	look := time.NewTicker(time.Second) // at the queue, whose length no row tells
	defer look.Stop()
	for s.err == nil {
		changed, next, more := c.rows.since(version, maxBatch)
		if len(changed) > 0 {
			s.send("rows", next, changed)
			version = next
		}
		if len(changed) == maxBatch {
			continue
		}
		status, err := json.Marshal(c.status(r.Context()))
		if err == nil && string(status) != sent {
			sent = string(status)
			s.send("status", version, json.RawMessage(status))
		}
		s.flushed()
		select {
		case <-r.Context().Done():
			return
		case <-heartbeat.C:
			s.comment()
		case <-look.C:
		case <-more:
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pace):
			}
		}
	}
}

// status is what the page shows beside its rows.
type status struct {
	totals
	Waiting int      `json:"waiting"` // events in the queue
	Sync    progress `json:"sync"`
	Recipe  string   `json:"recipe"` // changes with the recipe
}

func (c *Console) status(ctx context.Context) status {
	s := status{totals: c.rows.total(), Sync: c.again.now(), Recipe: c.recipeSum()}
	if c.Waiting != nil {
		if n, err := c.Waiting(ctx); err == nil { // the worker reports a queue that fails
			s.Waiting = n
		}
	}
	return s
}

// stream writes events. Once one could not be written, nothing is.
type stream struct {
	w        http.ResponseWriter
	flush    func() error
	instance string
	err      error
}

func (s *stream) send(event string, version int64, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		s.err = err
	}
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, "id: %s-%d\nevent: %s\ndata: %s\n\n", s.instance, version, event, text)
	}
}

// comment tells both sides that the connection still is there.
func (s *stream) comment() {
	if s.err == nil {
		_, s.err = fmt.Fprint(s.w, ": still here\n\n")
	}
}

func (s *stream) flushed() {
	if s.err == nil {
		s.err = s.flush()
	}
}
