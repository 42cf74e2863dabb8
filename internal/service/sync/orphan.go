package sync

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// judgeOrphan decides about an object of the target that no source has asked for.
func (c *comparison) judgeOrphan(ctx context.Context, e entry) error {
	r := c.Mill.Recipe
	if strings.HasPrefix(e.key, recipe.Reserved) ||
		r.OnBad.Prefix != "" && strings.HasPrefix(e.key, r.OnBad.Prefix) {
		return nil // copies and records of bad pictures are for people
	}
	if r.Source.Bucket == r.Target.Bucket && c.planner.Plan(e.key).Excluded == "" {
		return nil // a source
	}
	verdict := isUnclaimed
	switch {
	case (c.Quick || c.Sample > 0) && c.prefix != "":
		return nil // only the marks say whether its source is under the prefix
	case !c.Quick && c.Sample == 0:
		var err error
		if verdict, err = c.orphanState(ctx, e); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch verdict {
	case isUnclaimed:
		c.report.Unclaimed++
		if !c.Quick && c.Sample == 0 {
			return c.each(Finding{Key: e.key, ETag: e.etag, Size: e.size, Unclaimed: true})
		}
	case isOrphan, isRemoved, isReplaced:
		c.report.Orphaned.Objects++
		c.report.Orphaned.Bytes += e.size
		return c.each(Finding{Key: e.key, ETag: e.etag, Size: e.size, Orphan: true, Removed: verdict == isRemoved, Replaced: verdict == isReplaced})
	}
	return nil
}

// orphanVerdict is what an object is that no source has asked for in time.
type orphanVerdict int

const (
	isWanted    orphanVerdict = iota // its source came late, or is none of those that are compared
	isNotOurs                        // imgmill did not make it
	isUnclaimed                      // an output, but of which source is unknown
	isOrphan                         // its source does not ask for it
	isRemoved                        // an orphan whose source is gone
	isReplaced                       // an orphan of an earlier {hash}, which has been kept for long enough
)

func (c *comparison) orphanState(ctx context.Context, e entry) (orphanVerdict, error) {
	notOurs := fact("not ours", c.Mill.Recipe.Target.Bucket, e.key, e.etag)
	if known, err := c.Known.Has(notOurs); err != nil || known {
		return isWanted, err
	}
	c.reads.Add(1)
	v, _, err := orphan(ctx, c.Mill, c.planner, e.key, c.prefix)
	if err == nil && v == isNotOurs {
		err = c.Known.Add(notOurs)
	}
	return v, err
}

// orphan reads the marks of an object of the target and looks for its source, if that is under
// prefix. It returns the object as it is, for the condition of a deletion.
func orphan(
	ctx context.Context, m *mill.Mill, planner *recipe.Planner, key, prefix string,
) (orphanVerdict, bucket.Info, error) {
	info, err := m.Look(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
		return isWanted, info, nil
	}
	if err != nil {
		return isWanted, info, err
	}
	if info.Metadata[outcome.MetadataSourceETag] == "" {
		return isNotOurs, info, nil
	}
	source, ok := planner.MadeFrom(key, func(source string) bool { return m.MadeFrom(source, info.Metadata) })
	if !ok {
		return isUnclaimed, info, nil
	}
	if !strings.HasPrefix(source, prefix) {
		return isWanted, info, nil
	}
	src, err := m.LookAtSource(ctx, source)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return isRemoved, info, nil
	case err != nil:
		return isWanted, info, err
	}
	src.Key = source
	plan := planner.Plan(source).For(src.ETag)
	wanted, perhaps := asksFor(plan, key)
	if perhaps != nil {
		replaced, err := hasOther(ctx, m, src, info, perhaps)
		if err != nil {
			return isWanted, info, err
		}
		wanted = !replaced
	}
	if wanted {
		return isWanted, info, nil
	}
	return orphanAs(ctx, m, src, plan, key, info)
}

// orphanAs returns what an object is that its source does not ask for. Where names contain a {hash}, pages
// may still refer to it, until it has been kept for long enough.
func orphanAs(
	ctx context.Context, m *mill.Mill, src bucket.Info, plan recipe.Plan, key string, info bucket.Info,
) (orphanVerdict, bucket.Info, error) {
	if plan.Excluded != "" || !slices.ContainsFunc(plan.Outputs, recipe.Output.Hashed) {
		return isOrphan, info, nil
	}
	mayGo, err := m.MayGo(ctx, src, plan)
	once := func(o recipe.Output) bool { return o.WasOnce(key) || o.Hashed() && o.MayBe(key) }
	switch {
	case err != nil || !mayGo:
		return isWanted, info, err
	case slices.ContainsFunc(plan.Outputs, once):
		return isReplaced, info, nil
	}
	return isOrphan, info, nil
}

// asksFor reports whether an object at a key is one that a plan asks for. If that depends on the
// picture, perhaps are the outputs that it may be.
func asksFor(p recipe.Plan, key string) (wanted bool, perhaps []recipe.Output) {
	if p.Excluded != "" || len(p.Outputs) == 0 {
		return false, nil
	}
	if p.Manifest.Key == key {
		return true, nil
	}
	for _, o := range p.Outputs {
		exact, err := o.KeyFor(0, 0, o.Variant.Format)
		switch {
		case err == nil && exact == key:
			return true, nil
		case errors.Is(err, recipe.ErrNeedsPicture) && o.MayBe(key):
			perhaps = append(perhaps, o)
		}
	}
	return len(perhaps) > 0, perhaps
}

// freshAs reports whether an object is what one of the outputs asks for.
func freshAs(m *mill.Mill, src, object bucket.Info, outputs []recipe.Output) bool {
	return slices.ContainsFunc(outputs, func(o recipe.Output) bool {
		return m.StateOf(src, object, recipe.Object{Fingerprint: o.Fingerprint}) == mill.Fresh
	})
}

// hasOther reports whether an object whose key depends on the picture is of older content or settings,
// while a fresh one of an output that it may be has another key: it had another size or format.
func hasOther(ctx context.Context, m *mill.Mill, src, object bucket.Info, outputs []recipe.Output) (bool, error) {
	if freshAs(m, src, object, outputs) {
		return false, nil
	}
	for _, o := range outputs {
		prefix, named := o.Pattern()
		if !named || m.StateOf(src, object, recipe.Object{Fingerprint: o.Fingerprint}) != mill.Stale {
			continue
		}
		for info, err := range m.Store.List(ctx, m.Recipe.Target.Bucket, prefix) {
			if err != nil {
				return false, err
			}
			if info.Key == object.Key || !o.MayBe(info.Key) {
				continue
			}
			there, err := m.Look(ctx, info.Key)
			if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrInvalid) {
				continue
			}
			if err != nil || freshAs(m, src, there, []recipe.Output{o}) {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// judgeReplaced looks for orphans among the objects that may be one of the slots of a picture whose keys
// depend on it, and are not used, where the right one is there.
func (c *comparison) judgeReplaced(ctx context.Context, t task, slots []slot, used map[string]bool) error {
	judged := map[string]bool{}
	for _, s := range slots {
		for _, e := range s.found {
			if s.want.Key != "" || s.fresh == "" || used[e.key] || judged[e.key] {
				continue
			}
			judged[e.key] = true
			state, err := c.objectState(ctx, t, s, e, false)
			if err == nil && state == isStale {
				err = c.judgeOrphan(ctx, e)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
