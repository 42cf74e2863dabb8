package devcloud

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgmill/imgmill/internal/pipeline/queue/file"
)

// queueMark is what is known about the queue at some time, in a file beside it. A queue cannot tell
// by itself that its file was removed, or replaced by an older one.
type queueMark struct {
	// Last is the number of the last event.
	Last uint64 `json:"last"`
	// Waiting is how many events were waiting when the cloud was stopped; -1 while it runs.
	Waiting int `json:"waiting"`
}

// openQueue opens the queue, and compares it with what an earlier process has noted. It logs a loss of
// events, with what to do about it.
func (c *Cloud) openQueue() error {
	if err := c.removeOldQueue(); err != nil {
		return err
	}
	mark, err := readMark(c.folder.mark)
	if err != nil {
		c.cfg.Log.Warn("what was known about the queue cannot be read", "file", c.folder.mark, "error", err)
	}
	c.queue, err = file.Open(c.folder.queue, c.cfg.Lease)
	if _, system := errors.AsType[*fs.PathError](err); system {
		return explain(c.folder.queue, err)
	}
	if err != nil {
		return err
	}
	last, waiting, err := c.queue.State()
	if err != nil {
		return err
	}
	if c.queue.Damaged() || mark != nil && (last < mark.Last || waiting < mark.Waiting) {
		c.cfg.Log.Error("the queue has lost events, because its file was damaged or removed; "+
			"uploads without variants are queued again now, but variants of pictures that were removed may be "+
			"left over: remove them yourself, or upload and remove those pictures again", "file", c.folder.queue)
	}
	return c.markQueue(false)
}

// removeOldQueue removes the queue of an earlier version, which is known by its mark.
func (c *Cloud) removeOldQueue() error {
	if mark, err := readMark(c.folder.oldMark); mark == nil || err != nil {
		return nil // what there may be is somebody else's
	}
	for _, path := range []string{c.folder.oldQueue, c.folder.oldMark} {
		if err := os.RemoveAll(path); err != nil {
			return explain(path, err)
		}
	}
	c.cfg.Log.Warn("the queue of an earlier version was removed; uploads without variants are queued again now",
		"folder", c.folder.oldQueue)
	return removeEmpty(filepath.Dir(c.folder.oldQueue))
}

// markQueue notes the state of the queue.
func (c *Cloud) markQueue(stopped bool) error {
	last, waiting, err := c.queue.State()
	if err != nil {
		return err
	}
	if !stopped {
		waiting = -1
	}
	mark := queueMark{Last: last, Waiting: waiting}
	if mark == c.marked {
		return nil
	}
	data, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	if err := replaceFile(c.folder.mark, data); err != nil {
		return explain(c.folder.mark, err)
	}
	c.marked = mark
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
