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
	// sweepAge is how old an object is before a sweep looks at it: a younger one has its own event under way.
	sweepAge = 10 * time.Second
	// leftInterval is how often a write whose event could not be stored is announced again.
	leftInterval = 15 * time.Second
)

// Missing says whether a watched object lacks variants of its present content. It answers false for an object of which the
// pipeline has recorded that it is bad; otherwise each start would try it again. Info holds Key, Size, ETag and Modified.
type Missing func(ctx context.Context, bucketName string, info bucket.Info) (bool, error)

// sweeper remembers what it has queued: one content of one object at most once while the process lives, so that a pipeline
// that is slow, or that never succeeds, does not fill the queue.
type sweeper struct {
	mu     sync.Mutex
	queued map[string]bool
}

// Sweep announces writes that could not be announced when they were made, then publishes a created event for each watched
// object that missing answers true for, unless it is younger than a few seconds or was queued by an earlier sweep of this
// Cloud. It returns how many events it published.
//
// Such an event has a sequencer of its own, taken while no write of the key can take effect, together with the ETag that
// the object has at this moment: a consumer that reads with that ETag as a condition gets just this content or none.
//
// Removals need no sweep: the journal tells of those that a crash interrupted. Those that a loss of power hid are found by
// comparing both buckets.
func (c *Cloud) Sweep(ctx context.Context, missing Missing) (int, error) {
	c.sweeper.mu.Lock()
	defer c.sweeper.mu.Unlock()
	n, err := c.gw.announceLeft(ctx)
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

// SweepEvery sweeps now and then in steps of interval until Stop. Failures go to the log. Call it after Start, once the
// pipeline can answer missing.
func (c *Cloud) SweepEvery(interval time.Duration, missing Missing) {
	c.background.Go(func() {
		c.repeat(interval, func(ctx context.Context) {
			if n, err := c.Sweep(ctx, missing); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn("the sweep for missed events failed; it is tried again", "error", err)
			} else if n > 0 {
				c.cfg.Log.Info("queued objects whose variants are missing", "count", n)
			}
		})
	})
}

// repeat calls f now and after each interval until Stop.
func (c *Cloud) repeat(interval time.Duration, f func(ctx context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		f(c.ctx)
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
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

// sweepObject is whether it published an event. The caller holds the sweeper's lock.
func (c *Cloud) sweepObject(ctx context.Context, name string, info bucket.Info, missing Missing) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	// A time ahead of the clock is that of a clock that was set back, not of a young object.
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
	sent, err := c.gw.announcePresent(ctx, stored(name, info.Key), false)
	if sent {
		c.sweeper.queued[id] = true
	}
	return sent, err
}

// announcePresent publishes what the object is now: created if it is there, removed if it is not and removed says to.
func (g *gateway) announcePresent(ctx context.Context, o object, removed bool) (bool, error) {
	name, ch, err := g.present(ctx, o)
	if err != nil || ch.Removed && !removed {
		return false, err
	}
	return true, g.send(name, ch)
}

// present describes the object as it is now, with a sequencer above those of all writes that made it so.
func (g *gateway) present(ctx context.Context, o object) (string, event.Change, error) {
	defer g.locks.rlock(o)()
	ch := event.Change{Bucket: o.Bucket, Key: o.Key, Size: -1, Time: time.Now()}
	name := "ObjectCreated:Put"
	head, err := g.Posix.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	if known, ok := errors.AsType[s3err.S3Error](err); ok &&
		(known.StatusCode() == http.StatusNotFound || known.StatusCode() == http.StatusMethodNotAllowed) {
		name, ch.Removed = "ObjectRemoved:Delete", true // 405 is a delete marker
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

// announceLeft sets right and announces the writes that the journal holds and that nobody is at.
func (g *gateway) announceLeft(ctx context.Context) (n int, err error) {
	for _, e := range g.journal.leftover() {
		if err := g.undoLeft(e); err != nil {
			return n, fmt.Errorf("set right %s in bucket %s: %w", e.Key, e.Bucket, err)
		}
		if g.watch[e.Bucket] {
			sent, err := g.announcePresent(ctx, e.object, e.Before != nil)
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

// undoLeft is undo for an entry that is not settled.
func (g *gateway) undoLeft(e *entry) error {
	if e.Settled {
		return nil
	}
	defer g.locks.lock(e.object)()
	if err := g.undo(e); err != nil {
		return err
	}
	e.Settled = true
	return nil
}

// undo sets an object's attributes right after a write that ended in the middle: those from before if the bytes are those
// from before, else those of the write alone. The caller holds the object's lock.
func (g *gateway) undo(e *entry) error {
	now, err := e.stat(g.root)
	if err != nil {
		return err
	}
	if now == nil {
		// A folder in the place of a file has the same name, and attributes of its own.
		if _, err := os.Stat(filepath.Join(g.root, e.Bucket, filepath.FromSlash(e.Key))); !gone(err) {
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
	return g.attrs.keep(e.object, e.Before.Attributes, stored)
}

// leave keeps the entry of a write whose event is not stored.
func (g *gateway) leave(e *entry) {
	if err := g.journal.leave(e); err != nil {
		g.log.Warn("the journal could not be written", "bucket", e.Bucket, "key", e.Key, "error", err)
	}
}

// forget removes an entry. Its file staying behind costs one more event at the next start.
func (g *gateway) forget(e *entry) {
	if err := g.journal.done(e); err != nil {
		g.log.Warn("the journal could not be cleared", "bucket", e.Bucket, "key", e.Key, "error", err)
	}
}
