package devcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3err"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

const (
	// sweepAge is the age below which a sweep ignores an object, because the object's own event may
	// be on its way.
	sweepAge = 10 * time.Second
	// pendingInterval is how often the cloud tries again to store events that it could not store.
	pendingInterval = 15 * time.Second
)

// Missing reports whether a watched object lacks variants of its current content. It must return
// false for an object that the pipeline has recorded as bad, which each start would otherwise try
// again. Info holds Key, Size, ETag and Modified.
type Missing func(ctx context.Context, bucketName string, info bucket.Info) (bool, error)

// sweeper remembers what it has queued: the same content of an object at most once in the life of
// the process, so that the queue does not fill up if the pipeline is slow or keeps failing.
type sweeper struct {
	mu     sync.Mutex
	queued map[string]bool
}

// forget lets the next sweep queue again what was queued before.
func (s *sweeper) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.queued)
}

// Sweep first publishes the events that could not be stored when their writes were made. It then
// publishes a created event for each watched object for which missing returns true, unless the
// object is younger than a few seconds or was queued by an earlier sweep of this Cloud. It returns
// the number of published events.
//
// Such an event has a new sequencer, generated while no write of the key can take effect, and the
// ETag that the object has at that moment: a consumer that reads with the condition If-Match gets
// exactly this content, or none.
//
// Removals need no sweep, because the journal names those that a crash interrupted. Removals lost
// with the power can only be found by comparing both buckets.
func (c *Cloud) Sweep(ctx context.Context, missing Missing) (int, error) {
	c.sweeper.mu.Lock()
	defer c.sweeper.mu.Unlock()
	n, err := c.gw.announcePending(ctx)
	if err != nil || missing == nil {
		return n, err
	}
	for _, b := range c.cfg.Watch {
		m, err := c.sweepBucket(ctx, b, missing)
		n += m
		if err != nil {
			return n, fmt.Errorf("sweep of bucket %s: %w", b, err)
		}
	}
	return n, nil
}

// SweepEvery sweeps now and after each interval until Stop, in the background. It logs failures.
// Call it once the pipeline is ready to answer missing.
func (c *Cloud) SweepEvery(interval time.Duration, missing Missing) {
	c.background.Go(func() {
		c.repeat(interval, c.sweepNow, func(ctx context.Context) {
			if n, err := c.Sweep(ctx, missing); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("the search for lost events failed; it will be repeated", "error", err)
			} else if n > 0 {
				c.cfg.Log.Info("queued objects whose variants are missing", "count", n)
			}
		})
	})
}

// SweepAgain makes the sweeps of SweepEvery begin at once, and queue again what was queued before.
// Call it if missing has other answers than before.
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

func (c *Cloud) sweepBucket(ctx context.Context, name string, missing Missing) (n int, err error) {
	var after string
	for {
		page, err := c.gw.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket: &name, StartAfter: new(string), ContinuationToken: &after, MaxKeys: new(int32(1000)),
		})
		if err != nil {
			return n, err
		}
		for _, item := range page.Contents {
			info := bucket.Info{Key: str(item.Key), ETag: bare(str(item.ETag))}
			if item.Size != nil {
				info.Size = *item.Size
			}
			if item.LastModified != nil {
				info.Modified = *item.LastModified
			}
			ok, err := c.sweepObject(ctx, name, info, missing)
			if err != nil {
				return n, fmt.Errorf("%s: %w", info.Key, err)
			}
			if ok {
				n++
			}
		}
		if page.IsTruncated == nil || !*page.IsTruncated {
			return n, nil
		}
		after = str(page.NextContinuationToken)
	}
}

// sweepObject publishes an event for the object if it lacks variants, and reports whether it did.
// The caller holds the sweeper's lock.
func (c *Cloud) sweepObject(ctx context.Context, name string, info bucket.Info, missing Missing) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	// A time in the future means that the clock was set back, not that the object is young.
	if age := time.Since(info.Modified); strings.HasSuffix(info.Key, "/") || age >= 0 && age < sweepAge {
		return false, nil
	}
	id := name + "\x00" + info.Key + "\x00" + info.ETag
	if c.sweeper.queued[id] {
		return false, nil
	}
	if yes, err := missing(ctx, name, info); err != nil || !yes {
		return false, err
	}
	sent, err := c.gw.announceState(ctx, stored(name, info.Key), false)
	if sent {
		c.sweeper.queued[id] = true
	}
	return sent, err
}

// announceState publishes the state of the object: created if it exists. If it does not exist, it
// publishes a removal if removed is set, else nothing. It reports whether it published an event.
func (g *gateway) announceState(ctx context.Context, o object, removed bool) (bool, error) {
	name, ch, err := g.state(ctx, o)
	if err != nil || ch.Removed && !removed {
		return false, err
	}
	return true, g.send(name, ch)
}

// state describes the object as it is now, with a sequencer above those of all writes so far.
func (g *gateway) state(ctx context.Context, o object) (string, event.Change, error) {
	defer g.locks.rlock(o)()
	ch := event.Change{Bucket: o.Bucket, Key: o.Key, Size: -1, Time: time.Now()}
	name := "ObjectCreated:Put"
	head, err := g.Posix.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	if isAbsent(err) {
		name, ch.Removed = "ObjectRemoved:Delete", true
	} else if err != nil {
		return "", ch, err
	} else {
		ch.ETag, ch.VersionID = bare(str(head.ETag)), versionID(str(head.VersionId))
		if head.ContentLength != nil {
			ch.Size = *head.ContentLength
		}
	}
	ch.Sequencer, err = g.seq.next()
	return name, ch, err
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
