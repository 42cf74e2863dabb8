package devcloud

import (
	"io/fs"
	"os"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// write is one write of an object, from the lock on its key to its event.
type write struct {
	g       *gateway
	entry   *entry
	before  fs.FileInfo
	release func()
	ended   bool
}

// change is what a write announces.
type change struct {
	name      string // of the event, as S3 writes it
	removed   bool
	etag      string
	versionID string
}

// begin notes in the journal what is there before the write. The caller holds the object's lock and hands over its release.
func (g *gateway) begin(o object, release func()) (w *write, err error) {
	defer func() {
		if err != nil {
			release()
		}
	}()
	w = &write{g: g, entry: &entry{object: o}, release: release}
	if w.before, err = o.stat(g.root); err != nil {
		return nil, err
	}
	if w.before != nil {
		old, err := g.attrs.all(o)
		if err != nil {
			return nil, err
		}
		w.entry.Before = &snapshot{Size: w.before.Size(), Modified: w.before.ModTime().UnixNano(), Attributes: old}
	}
	if err := g.journal.add(w.entry); err != nil {
		return nil, err
	}
	g.attrs.note(o)
	return w, nil
}

// end finishes a write that the backend has done, or failed to do. A nil c is for a write that turned out to change nothing.
func (w *write) end(c *change, failure error) error {
	w.ended = true
	after, seq, err := w.settle(c, failure)
	w.release()
	g, o := w.g, w.entry.object
	switch {
	case err != nil:
		g.log.Warn("a write is left to be announced later", "bucket", o.Bucket, "key", o.Key, "error", err)
		g.leave(w.entry)
		if failure == nil {
			return errUnannounced
		}
	case seq == "":
		g.forget(w.entry)
	default:
		return w.announce(c, after, seq)
	}
	return g.clean(failure)
}

// settle sets the object's attributes right while the lock is held, and takes a sequencer if there is something to
// announce. An error leaves the entry for later.
func (w *write) settle(c *change, failure error) (after fs.FileInfo, seq string, err error) {
	g, o := w.g, w.entry.object
	note := g.attrs.noteEnd(o)
	if after, err = o.stat(g.root); err != nil {
		return nil, "", err
	}
	same := sameFile(w.before, after)
	switch {
	case failure != nil && same && note.touched:
		return after, "", g.undo(w.entry)
	case failure != nil && same:
		return after, "", nil
	case failure != nil:
		return after, "", failure // it took effect all the same; what is there now is announced later
	}
	if !same && w.entry.Before != nil && after != nil {
		if err := g.attrs.keep(o, w.entry.Before.Attributes, note.stored); err != nil {
			return after, "", err
		}
	}
	w.entry.Settled = true
	if c != nil && g.watch[o.Bucket] {
		seq, err = g.seq.next()
	}
	return after, seq, err
}

// abandon releases what a panic in the backend would keep for ever.
func (w *write) abandon() {
	if w != nil && !w.ended {
		w.g.attrs.noteEnd(w.entry.object)
		w.release()
		w.g.leave(w.entry)
	}
}

// announce stores the event of a write, then forgets the entry.
func (w *write) announce(c *change, after fs.FileInfo, seq string) error {
	g, o := w.g, w.entry.object
	ch := event.Change{
		Bucket: o.Bucket, Key: o.Key, VersionID: versionID(c.versionID), ETag: bare(c.etag), Size: -1,
		Sequencer: seq, Removed: c.removed, Time: time.Now(),
	}
	if after != nil && !c.removed {
		ch.Size = after.Size()
		if o.folder() {
			ch.Size = 0
		}
	}
	if err := g.send(c.name, ch); err != nil {
		g.log.Warn("an event could not be stored; it is tried again", "bucket", o.Bucket, "key", o.Key, "error", err)
		g.leave(w.entry)
		return errUnannounced
	}
	g.forget(w.entry)
	return nil
}

// sameFile is whether the object's bytes are those from before.
func sameFile(before, after fs.FileInfo) bool {
	if before == nil || after == nil {
		return before == nil && after == nil
	}
	return before.IsDir() && after.IsDir() || os.SameFile(before, after)
}
