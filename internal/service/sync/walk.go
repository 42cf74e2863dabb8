package sync

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// slot is the place of one object that a source asks for, and what the listings have there.
type slot struct {
	name string        // of the variant, or Manifest
	want recipe.Object // without a key if that depends on the picture
	// found are the listed objects at that key or, if it depends on the picture, at any of those that
	// it may be.
	found []entry
	// passed means that there may be more, which fell out of a stream's window.
	passed bool
	fresh  string         // the key of the one that is right
	output *recipe.Output // nil for a manifest
	hidden bool           // the key begins with a part that depends on the picture: no listing helps
	err    error          // why there can be no such object
}

// walk lists the sources and sends each with its objects to the lanes.
func (c *comparison) walk(ctx context.Context) error {
	r, store := c.Mill.Recipe, c.Mill.Store
	prefixes := r.ListPrefixes(c.prefix)
	for _, p := range prefixes {
		owns := func(key string) bool {
			c.listed.Add(1)
			return longest(prefixes, key) == p
		}
		s := &stream{pages: listPages(ctx, store, r.Target.Bucket, p, owns), window: cmp.Or(c.window, defaultWindow), whole: c.whole}
		s.forgotten = func(e entry) { c.forget(ctx, e) }
		if c.whole {
			if err := s.all(); err != nil {
				return err
			}
		}
		c.streams[p] = s
	}
	everySource := func(string) bool { c.listed.Add(1); return true }
	err := eachEntry(listPages(ctx, store, r.Source.Bucket, c.prefix, everySource), func(src entry) error {
		return c.visit(ctx, src)
	})
	if err != nil {
		return err
	}
	for _, s := range c.streams {
		if err := s.finish(); err != nil {
			return err
		}
	}
	if err := c.walkRest(ctx, prefixes); err != nil {
		return err
	}
	c.send(ctx, true)
	return ctx.Err()
}

// walkRest looks for orphans where the recipe writes nothing any more.
func (c *comparison) walkRest(ctx context.Context, prefixes []string) error {
	if !c.Orphans || slices.Contains(prefixes, "") {
		return nil
	}
	rest := func(key string) bool {
		c.listed.Add(1)
		for _, p := range prefixes {
			if strings.HasPrefix(key, p) {
				return false
			}
		}
		return true
	}
	return eachEntry(listPages(ctx, c.Mill.Store, c.Mill.Recipe.Target.Bucket, "", rest), func(e entry) error {
		c.forget(ctx, e)
		return nil
	})
}

// longest returns the longest of the sorted prefixes that a key begins with.
func longest(prefixes []string, key string) string {
	for i := len(prefixes) - 1; i >= 0; i-- {
		if strings.HasPrefix(key, prefixes[i]) {
			return prefixes[i]
		}
	}
	return ""
}

// visit finds the objects of one source.
func (c *comparison) visit(ctx context.Context, src entry) error {
	t := task{entry: src, plan: c.planner.Plan(src.key).For(src.etag), marks: map[string]bucket.Info{}}
	if t.plan.Excluded != "" || len(t.plan.Outputs) == 0 || src.size == 0 {
		c.mu.Lock()
		c.report.Ignored++
		c.mu.Unlock()
		return nil
	}
	t.slots = make([]slot, 0, len(t.plan.Outputs)+1)
	for i := range t.plan.Outputs {
		o := &t.plan.Outputs[i]
		s := slot{name: o.Variant.Name, want: recipe.Object{Fingerprint: o.Fingerprint}, output: o}
		s.want.Key, s.err = o.KeyFor(0, 0, o.Variant.Format)
		t.slots = append(t.slots, s)
	}
	if t.plan.Manifest.Key != "" {
		t.slots = append(t.slots, slot{name: Manifest, want: t.plan.Manifest, err: t.plan.CheckManifest()})
	}
	for i := range t.slots {
		if err := c.locate(&t.slots[i]); err != nil {
			return err
		}
	}
	if t.plan.BadRecord != "" {
		t.record = &slot{want: recipe.Object{Key: t.plan.BadRecord}}
		if err := c.locate(t.record); err != nil {
			return err
		}
	}
	c.pending = append(c.pending, t)
	c.send(ctx, false)
	return nil
}

// locate finds what the listings have for a slot.
func (c *comparison) locate(s *slot) error {
	switch {
	case errors.Is(s.err, recipe.ErrNeedsPicture):
		s.err = nil
		prefix, named := s.output.Pattern()
		st := c.streamOf(prefix)
		if s.hidden = !named || st == nil; s.hidden {
			return nil
		}
		var err error
		s.found, s.passed, err = st.match(prefix, s.output.MayBe)
		return err
	case s.err != nil:
		return nil
	}
	st := c.streamOf(s.want.Key)
	if st == nil {
		s.passed = true
		return nil
	}
	found, passed, err := st.find(s.want.Key)
	if found != nil {
		s.found = []entry{*found}
	}
	s.passed = passed
	return err
}

// streamOf returns the stream that lists a key, or nil.
func (c *comparison) streamOf(key string) *stream {
	var best *stream
	most := -1
	for p, s := range c.streams {
		if len(p) > most && strings.HasPrefix(key, p) {
			best, most = s, len(p)
		}
	}
	return best
}

// forget sends an object that no source has asked for to the lanes.
func (c *comparison) forget(ctx context.Context, e entry) {
	if c.Orphans {
		c.pending = append(c.pending, task{entry: e})
		c.send(ctx, false)
	}
}

// send hands the pending tasks to the lanes, once they are enough or if all is set.
func (c *comparison) send(ctx context.Context, all bool) {
	if len(c.pending) == 0 || len(c.pending) < batch && !all {
		return
	}
	select {
	case c.tasks <- c.pending:
	case <-ctx.Done():
	}
	c.pending = make([]task, 0, batch)
}
