package sync

import (
	"context"
	"errors"
	"fmt"
	"strings"
	stdsync "sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Comparison compares the buckets of a recipe. Mill is required.
type Comparison struct {
	Mill *mill.Mill
	// Prefix limits the sources to those whose keys start with it.
	Prefix string
	// Quick uses the listings alone: an object is fresh if it is not older than its source. Without
	// it, the marks of every object are read that Known does not vouch for. Where a smaller variant of a
	// set is there, a larger one passes as there, because the picture may be no wider.
	Quick bool
	// Known is what is known from earlier runs. It may be nil.
	Known *Known
	// Trust lets Known vouch for objects. Otherwise it only says which sources are not pictures, or
	// bad ones.
	Trust bool
	// Orphans looks for objects that no source asks for.
	Orphans bool
	// Sample, if positive, is the number of pictures, chosen at random, of which the marks are read.
	Sample int
	// Looks is how many uploads of which nothing is fresh are opened, for their first bytes. One that does not begin as a
	// picture does is counted among NoPictures. Without it, Known alone tells.
	Looks int
	// Lanes is how many requests are made at the same time, beside the listings. The default is 32.
	Lanes int
	// Each, if set, is called with everything that is not as it should be, by one goroutine at a time.
	// If the comparison begins again, because a listing was not in order, Restart is called before.
	Each    func(Finding) error
	Restart func() error
	// Progress, if set, is called about every thousand sources.
	Progress func(Report)

	whole  bool // hold listings whole, because they are not in order
	window int  // of the streams; 0 for the default
}

// Finding is a picture, or an object of the target, that is not as it should be.
type Finding struct {
	Key     string   `json:"key"` // of the source; of the object itself if it is an orphan
	ETag    string   `json:"etag,omitempty"`
	Size    int64    `json:"bytes"`
	Missing []string `json:"missing,omitempty"` // variants, or the manifest
	Stale   []string `json:"stale,omitempty"`   // likewise
	Foreign []string `json:"foreign,omitempty"` // keys of the target at which there is somebody else's object
	Unsure  []string `json:"unsure,omitempty"`  // variants whose key depends on the picture, and that nothing vouches for
	Failed  []string `json:"failed,omitempty"`  // variants, or the manifest, that cannot be made
	Bad     string   `json:"bad,omitempty"`     // why they cannot
	Orphan  bool     `json:"orphan,omitempty"`
	Removed bool     `json:"removed,omitempty"` // an orphan whose source is gone, and not only the setting
	// Replaced is an orphan under an earlier {hash}, which target.keep_replaced no longer keeps.
	Replaced bool `json:"replaced,omitempty"`
	// Unclaimed is an output of which it is unknown whether it belongs here. Listings alone name none.
	Unclaimed bool `json:"unclaimed,omitempty"`

	// NotPicture says that the upload is a file of another kind, whatever its name says.
	NotPicture bool `json:"no_picture,omitempty"`

	modified int64 // in nanoseconds since 1970
}

// Manifest takes the place of a variant's name in a Finding.
const Manifest = mill.Manifest

// Tally counts the pictures that a cause concerns, and their objects.
type Tally struct {
	Pictures int64 `json:"pictures,omitempty"`
	Objects  int64 `json:"objects"`
	Bytes    int64 `json:"bytes,omitempty"` // of these pictures; of the orphans themselves
}

func (t *Tally) add(objects int, bytes int64) {
	if objects > 0 {
		t.Pictures++
		t.Objects += int64(objects)
		t.Bytes += bytes
	}
}

// Report is the result of a comparison.
type Report struct {
	Sources int64 `json:"sources"` // pictures of which the recipe makes something
	Ignored int64 `json:"ignored"` // other objects of the source bucket
	Wanted  int64 `json:"wanted"`  // objects that the recipe asks for
	Fresh   int64 `json:"fresh"`   // those of them that are there and right
	Missing Tally `json:"missing"`
	Stale   Tally `json:"stale"`
	Foreign Tally `json:"foreign"`
	Unsure  Tally `json:"unsure"`
	Bad     Tally `json:"bad"` // what cannot be made
	// NoPictures are uploads that are no pictures, as Known or a look at them says.
	NoPictures Tally `json:"no_pictures"`
	// Orphaned are objects that imgmill has made from a source of this bucket, and that nothing asks
	// for any more.
	Orphaned Tally `json:"orphaned"`
	// Unclaimed are objects where variants are kept of which it is unknown whether they belong here.
	Unclaimed int64 `json:"unclaimed"`
	Reads     int64 `json:"reads"`  // requests for marks
	Listed    int64 `json:"listed"` // objects in the listings
	// Sampled is the number of pictures whose marks were read, and SampleFaults how many of them were
	// not as the listings said. They are set if a sample was asked for.
	Sampled      int `json:"sampled,omitempty"`
	SampleFaults int `json:"sample_faults,omitempty"`
}

// Complete reports whether every object that the recipe asks for is there and fresh, and none is
// there that should not.
func (r Report) Complete() bool {
	return r.Fresh == r.Wanted && r.Orphaned.Objects == 0 && r.Bad.Pictures == 0 && r.SampleFaults == 0
}

const (
	defaultLanes = 32
	batch        = 64 // tasks that are handed on at a time
)

// Run compares the buckets.
func (c *Comparison) Run(ctx context.Context) (Report, error) {
	r, err := c.run(ctx)
	if !errors.Is(err, errDisorder) {
		return r, err
	}
	if c.Restart != nil {
		if err := c.Restart(); err != nil {
			return r, err
		}
	}
	again := *c
	again.whole = true
	return again.run(ctx)
}

// comparison is one run.
type comparison struct {
	*Comparison
	planner *recipe.Planner
	prefix  string // of the sources
	streams map[string]*stream
	tasks   chan []task
	pending []task // not yet in the channel
	sample  *reservoir

	reads, listed atomic.Int64
	looks         atomic.Int64
	mu            stdsync.Mutex // for report, and calls of Each
	report        Report
}

// task is a picture or, without slots, an object of the target that no source has asked for.
type task struct {
	entry
	plan   recipe.Plan
	slots  []slot
	record *slot                  // of a bad picture; nil if the recipe keeps none
	marks  map[string]bucket.Info // that were read, by key
}

func (c *Comparison) run(outer context.Context) (Report, error) {
	m, err := c.Mill.WithOverlays(outer)
	if err != nil {
		return Report{}, err
	}
	marked := *c
	marked.Mill = m
	c = &marked
	r := c.Mill.Recipe
	run := &comparison{Comparison: c, planner: r.Planner(), streams: map[string]*stream{}, tasks: make(chan []task, 4)}
	switch run.prefix = r.Source.Prefix; {
	case strings.HasPrefix(c.Prefix, r.Source.Prefix):
		run.prefix = c.Prefix
	case !strings.HasPrefix(r.Source.Prefix, c.Prefix):
		return Report{}, fmt.Errorf("prefix %q is not under the recipe's source.prefix %q", c.Prefix, r.Source.Prefix)
	}
	if c.Sample > 0 {
		run.sample = &reservoir{size: c.Sample}
	}
	lanes := c.Lanes
	if lanes == 0 {
		lanes = defaultLanes
	}
	group, ctx := errgroup.WithContext(outer)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends listings
	group.Go(func() error {
		defer close(run.tasks)
		return run.walk(ctx)
	})
	for range lanes {
		group.Go(func() error { return run.lane(ctx) })
	}
	err = group.Wait()
	if err == nil && c.Sample > 0 {
		err = run.readSample(outer, lanes)
	}
	if outer.Err() != nil {
		err = outer.Err()
	}
	return run.now(), err
}

// now returns the report as it stands.
func (c *comparison) now() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.report
	r.Reads, r.Listed = c.reads.Load(), c.listed.Load()
	return r
}

// lane judges tasks until there are no more.
func (c *comparison) lane(ctx context.Context) error {
	for list := range c.tasks {
		for _, t := range list {
			if err := c.handle(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *comparison) handle(ctx context.Context, t task) error {
	if t.slots == nil {
		return c.judgeOrphan(ctx, t.entry)
	}
	f, fresh, err := c.judge(ctx, t, c.Quick || c.Sample > 0)
	if err != nil {
		return fmt.Errorf("%s: %w", t.key, err)
	}
	if c.sample != nil && fresh == len(t.slots) {
		c.sample.offer(t)
	}
	return c.count(f, fresh, len(t.slots))
}

// count adds a picture to the report.
func (c *comparison) count(f Finding, fresh, wanted int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.report
	r.Sources++
	r.Wanted += int64(wanted)
	r.Fresh += int64(fresh)
	if c.Progress != nil && r.Sources%1000 == 0 {
		p := *r
		p.Reads, p.Listed = c.reads.Load(), c.listed.Load()
		c.Progress(p)
	}
	if fresh == wanted {
		return nil
	}
	r.Missing.add(len(f.Missing), f.Size)
	r.Stale.add(len(f.Stale), f.Size)
	r.Unsure.add(len(f.Unsure), f.Size)
	r.Foreign.add(len(f.Foreign), f.Size)
	if f.NotPicture {
		r.NoPictures.add(len(f.Failed), f.Size)
	} else {
		r.Bad.add(len(f.Failed), f.Size)
	}
	return c.each(f)
}

func (c *comparison) each(f Finding) error {
	if c.Each == nil {
		return nil
	}
	return c.Each(f)
}
