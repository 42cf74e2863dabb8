package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// judgement is what is known about one slot.
type judgement int

const (
	isFresh judgement = iota
	isMissing
	isStale
	isForeign
	isUnsure
	isImpossible // no store could have the key
)

// judge compares what a picture asks for with what is there. It returns the number of fresh objects
// beside the finding. If quick is set, no mark is read where a listing has an answer.
func (c *comparison) judge(ctx context.Context, t task, quick bool) (f Finding, fresh int, err error) {
	f, fresh, err = c.judgeSlots(ctx, t, nil, quick)
	if err != nil || fresh == len(t.slots) {
		return f, fresh, err
	}
	record, err := c.bad(ctx, t)
	if err == nil && record == nil && fresh == 0 {
		record, err = c.look(ctx, t)
	}
	if err != nil || record == nil {
		return f, fresh, err
	}
	return c.judgeSlots(ctx, t, record, quick)
}

// judgeSlots is judge for a picture with a record, which excuses what cannot be made. It may be nil.
func (c *comparison) judgeSlots(ctx context.Context, t task, record *mill.Record, quick bool) (f Finding, fresh int, err error) {
	f = Finding{Key: t.key, ETag: t.etag, Size: t.size, modified: t.modified, NotPicture: record == notPicture}
	slots := slices.Clone(t.slots)
	states := make([]judgement, len(slots))
	used := map[string]bool{} // the keys of the objects that are fresh
	for i := range slots {
		s := &slots[i]
		if s.name == Manifest {
			s.want = record.Manifest(s.want)
		}
		if states[i], err = c.slotState(ctx, t, s, quick); err != nil {
			return f, 0, err
		}
		used[s.fresh] = true
	}
	if record == nil && c.Orphans && !quick {
		if err := c.judgeReplaced(ctx, t, slots, used); err != nil {
			return f, 0, err
		}
	}
	vouched := false // by a fresh manifest, for the variants that it lists
	for i := len(slots) - 1; i >= 0; i-- {
		s, state := slots[i], states[i]
		unused := func(e entry) bool { return !used[e.key] }
		if state == isStale && s.want.Key == "" && !slices.ContainsFunc(s.found, unused) {
			state = isMissing // what is there is another of its set
		}
		excused := record.Excuses(s.name)
		switch {
		case state == isFresh || state == isUnsure && vouched && !excused:
			fresh++
			vouched = vouched || s.name == Manifest
		case state == isImpossible:
			f.Failed, f.Bad = append(f.Failed, s.name), s.err.Error()
		case excused:
			f.Failed, f.Bad = append(f.Failed, s.name), record.Reason
		case state == isMissing:
			f.Missing = append(f.Missing, s.name)
		case state == isStale:
			f.Stale = append(f.Stale, s.name)
		case state == isForeign:
			f.Foreign = append(f.Foreign, s.want.Key)
		default:
			f.Unsure = append(f.Unsure, s.name)
		}
	}
	for _, names := range [][]string{f.Missing, f.Stale, f.Foreign, f.Unsure, f.Failed} {
		slices.Reverse(names) // the manifest came first
	}
	return f, fresh, nil
}

// slotState judges one object, and notes which one is fresh, and which it may be.
func (c *comparison) slotState(ctx context.Context, t task, s *slot, quick bool) (judgement, error) {
	switch {
	case s.err != nil:
		return isImpossible, nil
	case s.hidden:
		settled, err := c.Known.Has(planFact(c.Mill.Recipe, "settled", t.key, t.etag, t.plan))
		if settled && c.Trust {
			return isFresh, err
		}
		return isUnsure, err
	case s.want.Key == "" && s.passed:
		found, err := c.listCandidates(ctx, *s)
		if err != nil {
			return 0, err
		}
		s.found = found
	case len(s.found) == 0 && !s.passed:
		return isMissing, nil
	case len(s.found) == 0:
		s.found = []entry{{key: s.want.Key}} // it may be there; only a request can say
	}
	if s.want.Key == "" {
		// The one of the greatest width first: of a set, that is most probably the right one.
		s.found = slices.SortedFunc(slices.Values(s.found), func(a, b entry) int {
			return cmp.Or(cmp.Compare(len(b.key), len(a.key)), cmp.Compare(b.key, a.key))
		})
	}
	best := isMissing
	for _, e := range s.found {
		state, err := c.objectState(ctx, t, *s, e, quick)
		if err != nil || state == isFresh {
			s.fresh = e.key
			return state, err
		}
		// Another source's object at a key that only may be ours says nothing.
		if best == isMissing && (state != isForeign || s.want.Key != "") {
			best = state
		}
	}
	return best, nil
}

// listCandidates lists the objects that may be an output whose key depends on the picture.
func (c *comparison) listCandidates(ctx context.Context, s slot) (found []entry, err error) {
	prefix, _ := s.output.Pattern()
	for info, err := range c.Mill.Store.List(ctx, c.Mill.Recipe.Target.Bucket, prefix) {
		if err != nil {
			return nil, err
		}
		if s.output.MayBe(info.Key) {
			found = append(found, newEntry(info))
		}
	}
	return found, nil
}

// objectState judges an object that may be the one that is wanted. An entry that is not from a listing
// has no ETag.
func (c *comparison) objectState(ctx context.Context, t task, s slot, e entry, quick bool) (judgement, error) {
	if quick && e.etag != "" {
		if e.size == 0 || e.modified < t.modified {
			return isStale, nil
		}
		return isFresh, nil
	}
	r := c.Mill.Recipe
	want := recipe.Object{Key: e.key, Fingerprint: s.want.Fingerprint}
	if c.Trust && e.etag != "" {
		if known, err := c.Known.Has(freshFact(r, t.key, t.etag, want, e.etag)); err != nil || known {
			return isFresh, err
		}
	}
	info, known := t.marks[e.key]
	var err error
	if !known {
		info, err = c.read(ctx, e.key)
	}
	switch {
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrInvalid):
		return isMissing, nil
	case err != nil:
		return 0, err
	}
	t.marks[e.key] = info
	switch c.Mill.StateOf(bucket.Info{Key: t.key, ETag: t.etag}, info, want) {
	case mill.Stale:
		return isStale, nil
	case mill.Foreign, mill.OtherSource:
		return isForeign, nil
	}
	return isFresh, c.Known.Add(freshFact(r, t.key, t.etag, want, info.ETag))
}

// read reads the marks of an object of the target.
func (c *comparison) read(ctx context.Context, key string) (bucket.Info, error) {
	c.reads.Add(1)
	return c.Mill.Look(ctx, key)
}

// notPicture takes the place of a record, of which there is none.
var notPicture = &mill.Record{Reason: "it is no picture"}

// look returns notPicture if an upload neither begins as a picture does nor is compressed. What cannot be read may be
// one.
func (c *comparison) look(ctx context.Context, t task) (*mill.Record, error) {
	if c.looks.Add(1) > int64(c.Looks) {
		return nil, nil
	}
	r := c.Mill.Recipe
	o, err := c.Mill.Store.Get(ctx, r.Source.Bucket, t.key, bucket.Condition{IfMatch: t.etag})
	if err != nil {
		return nil, ctx.Err()
	}
	defer o.Body.Close()
	head := make([]byte, min(o.Size, codec.HeadLength))
	if _, err := io.ReadFull(o.Body, head); err != nil {
		return nil, ctx.Err()
	}
	if o.ContentEncoding != "" || r.Formats.Detect(head) != nil {
		return nil, nil
	}
	return notPicture, nil
}

// bad returns the record of a picture that lacks objects, or what an earlier run found about one
// without a record. It is nil if nothing is known against the picture.
func (c *comparison) bad(ctx context.Context, t task) (*mill.Record, error) {
	r := c.Mill.Recipe
	if t.record != nil && (len(t.record.found) > 0 || t.record.passed) {
		c.reads.Add(1)
		record, err := c.Mill.Record(ctx, bucket.Info{Key: t.key, ETag: t.etag, Modified: t.time()}, t.plan)
		if record != nil || err != nil {
			return record, err
		}
	}
	if yes, err := c.Known.Has(planFact(r, "skipped", t.key, t.etag, t.plan)); err != nil || yes {
		return notPicture, err
	}
	unrecorded := &mill.Record{Reason: "an earlier run could not process it, and no record says why (on_bad.record)"}
	if yes, err := c.Known.Has(planFact(r, badFact(r, t.modified, ""), t.key, t.etag, t.plan)); err != nil || yes {
		return unrecorded, err
	}
	for _, s := range t.slots {
		yes, err := c.Known.Has(planFact(r, badFact(r, t.modified, s.name), t.key, t.etag, t.plan))
		if err != nil {
			return nil, err
		}
		if yes {
			unrecorded.Failed = append(unrecorded.Failed, s.name)
		}
	}
	if len(unrecorded.Failed) == 0 {
		return nil, nil
	}
	return unrecorded, nil
}

// The facts that Known holds. Each names the content of the source, so that a replaced picture is
// unknown again.

// freshFact: the object with this ETag is what is wanted.
func freshFact(r *recipe.Recipe, key, etag string, want recipe.Object, stored string) uint64 {
	return fact("fresh", r.Source.Bucket, key, etag, r.Target.Bucket, want.Key, want.Fingerprint, stored)
}

// planFact returns a fact about a source, all settings for it and the limits: "skipped" if it is no
// picture, "settled" if all of its objects were made, or a badFact.
func planFact(r *recipe.Recipe, what, key, etag string, p recipe.Plan) uint64 {
	parts := []string{what, r.Source.Bucket, key, etag, p.BadFingerprint}
	for _, o := range p.Outputs {
		parts = append(parts, o.Fingerprint)
	}
	return fact(parts...)
}

// badFact says that an upload, which another one of the same bytes is not, cannot be processed, and that
// the recipe keeps no record of that; or that a named variant, or the manifest, cannot be made of it
// while others can. Where there is more memory, it may be possible.
func badFact(r *recipe.Recipe, modified int64, variant string) string {
	return fmt.Sprintf("bad %d %d %s", r.Limits.Memory, modified, variant)
}
