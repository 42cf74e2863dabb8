package devcloud

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/queue/jetstream"
)

// openQueue starts the queue's server on a folder and opens the queue. Whatever it returns is the
// caller's to close, also with an error.
//
// The server keeps the messages and the state of their deliveries in separate files. If the latter
// is damaged, it is dropped: nothing is lost, but messages that were in work are delivered again,
// and their deliveries are counted anew.
func openQueue(
	ctx context.Context, f *folder, lease time.Duration, log *slog.Logger,
) (*natsServer, *jetstream.Queue, error) {
	cfg := jetstream.Config{Name: queueName, Lease: lease}
	n, err := startNATS(ctx, f.queue, log)
	if err != nil {
		return nil, nil, err
	}
	q, err := jetstream.Open(ctx, n.nc, cfg)
	if !errors.Is(err, jetstream.ErrDeliveries) {
		return n, q, err
	}
	n.close()
	if err := os.RemoveAll(deliveriesDir(f)); err != nil {
		return nil, nil, explain(f.queue, err)
	}
	log.Warn("the state of the queue's deliveries was damaged and has been dropped; no event is lost, "+
		"and those that were in work are delivered again", "error", err)
	if n, err = startNATS(ctx, f.queue, log); err != nil {
		return nil, nil, err
	}
	q, err = jetstream.Open(ctx, n.nc, cfg)
	return n, q, err
}

// deliveriesDir is where the server keeps the state of deliveries.
func deliveriesDir(f *folder) string {
	return filepath.Join(f.queue, "jetstream", "$G", "streams", queueName, "obs")
}

// queueMark is what is known about the queue at some time, in a file beside it. The server forgets
// events without a word if its files were truncated, and keeps leases by the clock of the wall.
type queueMark struct {
	// Last is the number of events that were ever stored.
	Last uint64 `json:"last"`
	// Waiting is how many were waiting when the cloud was stopped; -1 while it runs.
	Waiting int       `json:"waiting"`
	At      time.Time `json:"at"`
}

// clockTolerance is by how much a clock may go back unnoticed.
const clockTolerance = time.Second

// checkQueue compares the queue with what an earlier process has noted. It logs a loss of events,
// with what to do about it. If the clock was set back, it ends all leases, because a lease would
// last until the clock has caught up.
func (c *Cloud) checkQueue(ctx context.Context) error {
	mark, err := readMark(c.folder.mark)
	if err != nil {
		c.cfg.Log.Warn("what was known about the queue cannot be read", "file", c.folder.mark, "error", err)
	}
	if mark != nil {
		last, waiting, err := c.queue.State(ctx)
		if err != nil {
			return err
		}
		if last < mark.Last || waiting < mark.Waiting {
			c.cfg.Log.Error("the queue has lost events, because its files were truncated or removed; "+
				"uploads without variants are queued again now, but variants of pictures that were removed may be "+
				"left over: remove them yourself, or upload and remove those pictures again",
				"folder", c.folder.queue, "count", max(int64(mark.Last)-int64(last), int64(mark.Waiting-waiting)))
		}
		if mark.At.Sub(time.Now().Round(0)) > clockTolerance {
			c.cfg.Log.Warn("the clock was set back; events that were in work are delivered again", "was", mark.At)
			if err := c.queue.EndLeases(ctx); err != nil {
				return err
			}
		}
	}
	return c.markQueue(ctx, false)
}

// markQueue notes the state of the queue.
func (c *Cloud) markQueue(ctx context.Context, stopped bool) error {
	last, waiting, err := c.queue.State(ctx)
	if err != nil {
		return err
	}
	if !stopped {
		waiting = -1
	}
	data, err := json.Marshal(queueMark{Last: last, Waiting: waiting, At: time.Now()})
	if err != nil {
		return err
	}
	if err := replaceFile(c.folder.mark, data); err != nil {
		return explain(c.folder.mark, err)
	}
	return nil
}

// readMark returns nil if there is no mark.
func readMark(path string) (*queueMark, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mark := &queueMark{}
	if err := json.Unmarshal(data, mark); err != nil {
		return nil, err
	}
	return mark, nil
}
