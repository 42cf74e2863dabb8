package devcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3err"

	"github.com/imgmill/imgmill/internal/pipeline/event"
)

const (
	// sweepAge is the age below which a sweep ignores an object, because the object's own event may
	// be on its way.
	sweepAge = 10 * time.Second
	// pendingInterval is how often the cloud tries again to store events that it could not store.
	pendingInterval = 15 * time.Second
	// shareOfSweeps is how many times as long as a search the cloud waits before the next one.
	shareOfSweeps = 20
)

// Search finds the objects of the watched buckets that lack variants of their present content, and calls
// found with each. It must leave out what the pipeline has recorded as bad, which each start would
// otherwise try again.
type Search func(ctx context.Context, found func(bucketName, key string) error) error

// sweeper remembers what it has queued: the same content of an object at most once in the life of
// the process, so that the queue does not fill up if the pipeline is slow or keeps failing.
type sweeper struct {
	again  atomic.Bool // the next sweep of SweepEvery must search
	mu     sync.Mutex
	queued map[string]bool
	young  bool // the last search found an object that was too young
}

// forget lets the next sweep queue again what was queued before.
func (s *sweeper) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.queued)
	s.again.Store(true)
}

func (s *sweeper) foundYoung() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.young
}

// Sweep first publishes the events that could not be stored when their writes were made. It then
// publishes a created event for each object that search finds, unless the object is younger than a few
// seconds or was queued by an earlier sweep of this Cloud. It returns the number of published events.
//
// Such an event has a new sequencer, generated while no write of the key can take effect, and the
// ETag that the object has at that moment: a consumer that reads with the condition If-Match gets
// exactly this content, or none.
//
// Removals need no sweep, because the journal names those that a crash interrupted. Removals lost
// with the power can only be found by comparing both buckets.
func (c *Cloud) Sweep(ctx context.Context, search Search) (int, error) {
	c.sweeper.mu.Lock()
	defer c.sweeper.mu.Unlock()
	n, err := c.gw.announcePending(ctx)
	if err != nil || search == nil {
		return n, err
	}
	c.sweeper.young = false
	err = search(ctx, func(name, key string) error {
		sent, err := c.sweepObject(ctx, stored(name, key))
		if sent {
			n++
		}
		return err
	})
	if err != nil {
		return n, fmt.Errorf("sweep: %w", err)
	}
	return n, nil
}

// SweepEvery sweeps now and after each interval until Stop, in the background. It logs failures. It
// searches only if an object was written or removed since the last search began, or if that failed or
// found an object too young, and then takes at most a twentieth of the time. Call it once the pipeline is
// ready.
func (c *Cloud) SweepEvery(interval time.Duration, search Search) {
	searched := int64(-1) // the count of changes when the last search began
	var rest time.Time    // when the next one may begin
	c.background.Go(func() {
		c.repeat(interval, c.sweepNow, func(ctx context.Context) {
			if c.sweeper.again.Swap(false) {
				searched, rest = -1, time.Time{}
			}
			began, changes := time.Now(), c.gw.changes.Load()
			if changes == searched || began.Before(rest) {
				return
			}
			n, err := c.Sweep(ctx, search)
			rest = time.Now().Add(shareOfSweeps * time.Since(began))
			if err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("the search for lost events failed; it will be repeated", "error", err)
			}
			if n > 0 {
				c.cfg.Log.Info("queued objects whose variants are missing", "count", n)
			}
			if err == nil && !c.sweeper.foundYoung() {
				searched = changes
			}
		})
	})
}

// SweepAgain makes the sweeps of SweepEvery begin at once, and queue again what was queued before.
// Call it if the search has other answers than before.
func (c *Cloud) SweepAgain() {
	c.sweeper.forget()
	select {
	case c.sweepNow <- struct{}{}:
	default: // it is asked for already
	}
}

// repeat calls f now, after each interval and when now receives, until Stop.
func (c *Cloud) repeat(interval time.Duration, now <-chan struct{}, f func(ctx context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		f(c.ctx)
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		case <-now:
		}
	}
}

// sweepObject publishes an event for an object that lacks variants, and reports whether it did. The
// caller holds the sweeper's lock.
func (c *Cloud) sweepObject(ctx context.Context, o object) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	name, ch, modified, err := c.gw.state(ctx, o)
	// A time in the future means that the clock was set back, not that the object is young.
	age := time.Since(modified)
	young := age >= 0 && age < sweepAge
	c.sweeper.young = c.sweeper.young || young
	if err != nil || ch.Removed || young {
		return false, err
	}
	id := o.Bucket + "\x00" + o.Key + "\x00" + ch.ETag
	if c.sweeper.queued[id] {
		return false, nil
	}
	if err := c.gw.send(name, ch); err != nil {
		return false, err
	}
	c.sweeper.queued[id] = true
	return true, nil
}

// announceState publishes the state of the object: created if it exists. If it does not exist, it
// publishes a removal if removed is set, else nothing. It reports whether it published an event.
func (g *gateway) announceState(ctx context.Context, o object, removed bool) (bool, error) {
	name, ch, _, err := g.state(ctx, o)
	if err != nil || ch.Removed && !removed {
		return false, err
	}
	return true, g.send(name, ch)
}

// state describes the object as it is now, with a sequencer above those of all writes so far and the time
// of its last write, if it exists.
func (g *gateway) state(ctx context.Context, o object) (name string, ch event.Change, modified time.Time, err error) {
	defer g.locks.rlock(o)()
	ch = event.Change{Bucket: o.Bucket, Key: o.Key, Size: -1, Time: time.Now()}
	name = "ObjectCreated:Put"
	head, err := g.Posix.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	if isAbsent(err) {
		name, ch.Removed = "ObjectRemoved:Delete", true
	} else if err != nil {
		return "", ch, modified, err
	} else {
		modified = *head.LastModified
		ch.ETag, ch.VersionID = bare(str(head.ETag)), versionID(str(head.VersionId))
		if head.ContentLength != nil {
			ch.Size = *head.ContentLength
		}
	}
	ch.Sequencer, err = g.seq.next()
	return name, ch, modified, err
}

// isAbsent reports whether an error of the backend means that there is no object.
func isAbsent(err error) bool {
	known, ok := errors.AsType[s3err.S3Error](err)
	return ok && (known.StatusCode() == http.StatusNotFound ||
		known.StatusCode() == http.StatusMethodNotAllowed) // which stands for a delete marker
}

// announcePending repairs and announces the unfinished writes in the journal that are no longer in
// progress. It returns the number of published events.
func (g *gateway) announcePending(ctx context.Context) (n int, err error) {
	for _, e := range g.journal.pending() {
		if err := g.repair(e); err != nil {
			return n, fmt.Errorf("repair %s in bucket %s: %w", e.Key, e.Bucket, err)
		}
		if g.watch[e.Bucket] {
			sent, err := g.announceState(ctx, e.object, e.Before != nil)
			if err != nil {
				return n, fmt.Errorf("announce %s in bucket %s: %w", e.Key, e.Bucket, err)
			}
			if sent {
				n++
			}
		}
		g.forget(e)
	}
	return n, nil
}

// repair restores the attributes of an entry's object, unless the entry is settled.
func (g *gateway) repair(e *entry) error {
	if e.Settled {
		return nil
	}
	defer g.locks.lock(e.object)()
	if err := g.restoreAttributes(e); err != nil {
		return err
	}
	e.Settled = true
	return nil
}

// restoreAttributes makes an object's attributes match its bytes after an unfinished write: if the
// bytes are still those from before the write, it restores the attributes from before; otherwise it
// keeps only those that the write has stored. The caller holds the object's lock.
func (g *gateway) restoreAttributes(e *entry) error {
	now, err := e.stat(g.root)
	if err != nil {
		return err
	}
	if now == nil {
		// A folder in the place of the file would have the same name, and its own attributes.
		if _, err := os.Stat(filepath.Join(g.root, e.Bucket, filepath.FromSlash(e.Key))); !notExist(err) {
			return err
		}
		return g.attrs.DeleteAttributes(e.Bucket, e.Key)
	}
	if e.Before == nil {
		return nil
	}
	if e.folder() || now.Size() == e.Before.Size && now.ModTime().UnixNano() == e.Before.Modified {
		return g.attrs.reset(e.object, e.Before.Attributes)
	}
	stored, err := g.attrs.storedSince(e.object, e.at)
	if err != nil {
		return err
	}
	return g.attrs.removeOld(e.object, e.Before.Attributes, stored)
}

// leave keeps the journal's entry of a write whose event is not stored.
func (g *gateway) leave(e *entry) {
	if err := g.journal.leave(e); err != nil {
		g.log.Warn("cannot write the journal", "bucket", e.Bucket, "key", e.Key, "error", err)
	}
}

// forget removes an entry from the journal. A file that it cannot remove costs one needless event
// at the next start.
func (g *gateway) forget(e *entry) {
	if err := g.journal.done(e); err != nil {
		g.log.Warn("cannot remove an entry of the journal", "bucket", e.Bucket, "key", e.Key, "error", err)
	}
}
