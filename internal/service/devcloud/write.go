package devcloud

import (
	"io/fs"
	"os"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// write is one write of an object, from the lock on its key until its event is stored.
type write struct {
	g       *gateway
	entry   *entry
	before  fs.FileInfo
	release func()
	ended   bool
}

// change describes a write for its event.
type change struct {
	name      string // of the event, as S3 writes it
	removed   bool
	etag      string
	versionID string
}

// begin records the object as it is before the write in the journal. The caller holds the object's
// lock; the write calls release, which unlocks it.
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
	g.attrs.record(o)
	return w, nil
}

// end finishes a write that the backend has done, or that failed with an error. c is nil if the
// write changed nothing.
func (w *write) end(c *change, failure error) error {
	w.ended = true
	after, seq, err := w.settle(c, failure)
	w.release()
	g, o := w.g, w.entry.object
	switch {
	case err != nil:
		g.log.Warn("the event of a write is pending", "bucket", o.Bucket, "key", o.Key, "error", err)
		g.leave(w.entry)
		if failure == nil {
			return errUnannounced
		}
	case seq == "":
		g.forget(w.entry)
	default:
		return w.announce(c, after, seq)
	}
	return g.s3Error(failure)
}

// settle makes the object's attributes consistent while the lock is held, and generates a sequencer
// if there is an event to publish. An error means that the entry must be kept for later.
func (w *write) settle(c *change, failure error) (after fs.FileInfo, seq string, err error) {
	g, o := w.g, w.entry.object
	g.changes.Add(1)
	changes := g.attrs.recorded(o)
	if after, err = o.stat(g.root); err != nil {
		return nil, "", err
	}
	unchanged := sameFile(w.before, after)
	switch {
	case failure != nil && unchanged && changes.touched:
		return after, "", g.restoreAttributes(w.entry)
	case failure != nil && unchanged:
		return after, "", nil
	case failure != nil:
		return after, "", failure // it took effect nevertheless; the state of the object is announced later
	}
	if !unchanged && w.entry.Before != nil && after != nil {
		if err := g.attrs.removeOld(o, w.entry.Before.Attributes, changes.stored); err != nil {
			return after, "", err
		}
	}
	w.entry.Settled = true
	if c != nil && g.watch[o.Bucket] {
		seq, err = g.seq.next()
	}
	return after, seq, err
}

// abandon unlocks the object if the backend has panicked.
func (w *write) abandon() {
	if w != nil && !w.ended {
		w.g.attrs.recorded(w.entry.object)
		w.release()
		w.g.leave(w.entry)
	}
}

// announce stores the event of the write in the queue, then removes the journal's entry.
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
		g.log.Warn("cannot store an event; will try again", "bucket", o.Bucket, "key", o.Key, "error", err)
		g.leave(w.entry)
		return errUnannounced
	}
	g.forget(w.entry)
	return nil
}

// sameFile reports whether the object's bytes have not been replaced.
func sameFile(before, after fs.FileInfo) bool {
	if before == nil || after == nil {
		return before == nil && after == nil
	}
	return before.IsDir() && after.IsDir() || os.SameFile(before, after)
}
