package sync

import (
	"context"
	"log/slog"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Poll keeps a target up to date without notifications: it compares the buckets again and again, and
// makes what is missing or stale. If the recipe removes variants with their source, it also deletes
// those whose source is gone, and where keys contain a {hash}, what target.keep_replaced no longer keeps;
// but nothing while there is no source at all, because that is how a disk looks that is not mounted. Mill
// and Log are required.
type Poll struct {
	Mill  *mill.Mill
	Known *Known // as in Comparison; without it, the marks of every object are read each time
	Log   *slog.Logger
	// Every is the time from the end of one round to the beginning of the next.
	Every time.Duration
	// Jobs is how many pictures are processed at the same time. The default is 1.
	Jobs int
	// Remake is as in Work.
	Remake func(ctx context.Context, c event.Change, variants []string) mill.Result

	spared int64 // variants that were not deleted in the last round
}

// Run works until ctx ends, and finishes the pictures in work. A round that fails is logged, and
// followed by the next.
func (p *Poll) Run(ctx context.Context) {
	failed := false
	for ctx.Err() == nil {
		switch err := p.round(ctx); {
		case ctx.Err() != nil:
		case err != nil:
			p.Log.Warn("the buckets could not be compared; the next round tries again", outcome.AttrError, err)
			failed = true
		case failed:
			p.Log.Info("the buckets could be compared again")
			failed = false
		}
		select {
		case <-ctx.Done():
		case <-time.After(p.Every):
		}
	}
}

// round compares the buckets once, and does what that shows.
func (p *Poll) round(ctx context.Context) error {
	removes := p.Mill.Recipe.OnRemove == recipe.Remove
	hashed := p.Mill.Recipe.Hashed()
	p.deliver(ctx)
	todo := &Todo{Only: Only{Missing: true, Stale: true, Removed: removes, Replaced: hashed}}
	defer todo.Close()
	comparison := Comparison{
		Mill: p.Mill, Known: p.Known, Trust: true, Orphans: removes || hashed, Each: todo.Add, Restart: todo.Reset,
	}
	report, err := comparison.Run(ctx)
	if err != nil {
		return err
	}
	if n := todo.Pictures.Pictures; n > 0 {
		p.Log.Info("pictures without their variants", "pictures", n, "uploads", report.Sources)
	}
	w := Work{Mill: p.Mill, Known: p.Known, Jobs: p.Jobs, Remake: p.Remake, OnResult: p.result}
	if err := w.Make(ctx, todo); err != nil {
		return err
	}
	n := todo.Orphans.Objects
	switch {
	case n == 0:
		p.spared = 0
		return nil
	case report.Sources == 0:
		if n != p.spared {
			p.Log.Warn("there is no upload at all, so no variant is deleted: is the disk of the source bucket there, and is "+
				"this the right bucket? If they are to go, 'imgmill sync --delete-orphans' deletes them",
				"bucket", p.Mill.Recipe.Source.Bucket, "objects", n)
			p.spared = n
		}
		return nil
	}
	p.spared = 0
	p.Log.Info("variants whose upload is gone or has been replaced are deleted", "objects", n)
	_, err = w.Delete(ctx, todo)
	return err
}

// deliver sends the events that are left from an earlier round, or from before a crash. If it cannot look for them, pictures
// are made all the same.
func (p *Poll) deliver(ctx context.Context) {
	w := Work{Mill: p.Mill, Remake: p.Remake, OnResult: p.result}
	_, left, err := w.Deliver(ctx)
	if left > 0 {
		p.Log.Warn("events are not delivered yet; the next round tries again", "events", left)
	}
	if err != nil && ctx.Err() == nil {
		p.Log.Warn("the next round tries again", "error", err)
	}
}

// result logs what became of a picture.
func (p *Poll) result(i Item, r mill.Result) {
	c := event.Change{Bucket: p.Mill.Recipe.Source.Bucket, Key: i.Key, ETag: i.ETag, Size: i.Size}
	p.Log.LogAttrs(context.Background(), r.Level(), outcome.ChangeMessage, r.LogLine(c).Attrs()...)
}
