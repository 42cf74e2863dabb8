package mill

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// write stores the rendered variants, which are in the order of the plan, and the manifest. What cannot
// be stored under its key does not withhold the rest.
func (j *job) write(ctx context.Context, src *source, outputs []render.Output) error {
	for i, o := range outputs {
		if o.Data == nil {
			continue // it is the same as another, or render has noted the reason
		}
		if err := j.orFail(o.Variant.Name, j.writeVariant(ctx, src, j.plan.Outputs[i], o, j.alike(outputs, o))); err != nil {
			return err
		}
	}
	if len(j.result.Variants) > 0 {
		if err := j.orFail(Manifest, j.writeManifest(ctx, src)); err != nil {
			return err
		}
	}
	return j.failure()
}

// alike returns the outputs of which an output takes the place.
func (j *job) alike(outputs []render.Output, as render.Output) (planned []recipe.Output) {
	for i, o := range outputs {
		if o.SameAs == as.Variant.Name {
			planned = append(planned, j.plan.Outputs[i])
		}
	}
	return planned
}

// writeVariant stores one variant, which takes the place of others.
func (j *job) writeVariant(
	ctx context.Context, src *source, planned recipe.Output, o render.Output, others []recipe.Output,
) error {
	key, err := planned.KeyFor(o.Width, o.Height, o.Format)
	if err != nil {
		return bad(err.Error())
	}
	attr, dropped := j.attributes(src, o.Format.MediaType, planned.Fingerprint)
	if planned.Hashed() && j.Recipe.Target.Attributes.CacheControl == "" {
		immutable(&attr)
	}
	if focal := planned.Variant.Focal; focal != nil {
		attr.Metadata[outcome.MetadataFocal] = focal.String()
	}
	var also []string
	for _, other := range others {
		also = append(also, other.Fingerprint)
	}
	if len(also) > 0 {
		attr.Metadata[outcome.MetadataAlso] = strings.Join(also, ",")
	}
	dropped = append(dropped, j.personal(src, o.Format, &attr)...)
	j.result.Drop(append(dropped, o.Dropped...)...)
	etag, err := j.put(ctx, src, key, o.Data, attr)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	for _, fingerprint := range append(also, planned.Fingerprint) {
		j.result.Objects = append(j.result.Objects, Object{recipe.Object{Key: key, Fingerprint: fingerprint}, etag})
	}
	for _, other := range others {
		j.result.Same = append(j.result.Same, other.Variant.Name)
	}
	j.result.Variants = append(j.result.Variants,
		Variant{planned.Variant.Name, planned.Variant.Set, key, o.Format.Name, o.Width, o.Height, len(o.Data)})
	return nil
}

// orFail notes an error that is the verdict Bad as the failure of a variant or of the manifest, and
// returns any other.
func (j *job) orFail(name string, err error) error {
	v, reason := Classify(err)
	if v != outcome.Bad {
		return err
	}
	j.fail(name, reason)
	return nil
}

func (j *job) fail(name, reason string) {
	j.result.Failed = append(j.result.Failed, Failure{name, reason})
}

// failure returns the verdict on a picture of which a part cannot be made, or nil.
func (j *job) failure() error {
	if len(j.result.Failed) == 0 {
		return nil
	}
	var reasons []string
	for _, f := range j.result.Failed {
		reasons = append(reasons, f.Reason)
	}
	if len(j.result.Variants) > 0 {
		reasons = append(reasons, "the other variants are there")
	}
	return bad(strings.Join(reasons, "; "))
}

// put stores an output unless the store holds one of a later change, or an object that is not to be
// replaced. It returns the ETag of the object that the store then holds. The write is conditional on
// the object that was found before it. If somebody else writes in between, put compares again.
//
// Most outputs of an upload are new, so its first write is on the condition that there is no object. A
// change without a sequencer is mostly a repetition, by sync for example. Then there probably is an object,
// and a look costs less than a write that fails.
func (j *job) put(ctx context.Context, src *source, key string, data []byte, attr bucket.Attributes) (etag string, err error) {
	target := j.Recipe.Target.Bucket
	absent := true // in every round
	for round := range maxRaces {
		cond := bucket.Condition{IfAbsent: true}
		existing, err := bucket.Info{}, bucket.ErrNotFound
		if round > 0 || src.change.Sequencer == "" {
			existing, err = j.Look(ctx, key)
		}
		switch {
		case err == nil:
			absent = false
			if key == j.plan.Manifest.Key {
				j.former = existing
			}
			cond = bucket.Condition{IfMatch: existing.ETag}
			current, err := j.compare(ctx, src, existing, attr)
			if err != nil || current {
				return existing.ETag, err
			}
		case !errors.Is(err, bucket.ErrNotFound):
			return "", err
		}
		etag, err = j.Store.Put(ctx, target, key, data, attr, cond)
		if !errors.Is(err, bucket.ErrPrecondition) {
			return etag, adviseLongPart(err, key)
		}
	}
	if absent {
		return "", fmt.Errorf("%w: the store says that %s does not exist, and %d times that it does; is there a delete "+
			"marker that the store takes for an object? Remove it, or turn off the versions of bucket %s",
			bucket.ErrTransient, key, maxRaces, target)
	}
	return "", errTooManyWriters
}

var errTooManyWriters = fmt.Errorf("%w: other writers changed the object %d times",
	bucket.ErrTransient, maxRaces)

// compare decides whether an existing output is to be replaced by one of src with the attributes
// attr. It reports true if the existing one stays because it is as good, or of a later change. It
// skips the change if the source is no longer what src was read from.
func (j *job) compare(
	ctx context.Context, src *source, existing bucket.Info, attr bucket.Attributes,
) (current bool, err error) {
	c, old, ours := src.change, existing.Metadata, attr.Metadata
	switch j.keeper(c, existing) {
	case nobody:
		return false, nil
	case stranger:
		j.result.Taken = true
		return false, bad(existing.Key + " already exists in the target bucket, and imgmill did not make it, " +
			"so it stays; move it away, change target.key, or set target.overwrite: any")
	case otherSource:
		j.result.Taken = true
		return false, bad(existing.Key +
			" is an output of another picture; put {key} into target.key, or {ext} beside {stem}")
	}
	same := old[outcome.MetadataSourceETag] == src.info.ETag &&
		old[outcome.MetadataRecipe] == ours[outcome.MetadataRecipe] &&
		old[outcome.MetadataAlso] == ours[outcome.MetadataAlso] &&
		old[outcome.MetadataFocal] == ours[outcome.MetadataFocal]
	if c.Sequencer != "" && old[outcome.MetadataSequencer] != "" {
		order := event.CompareSequencers(old[outcome.MetadataSequencer], c.Sequencer)
		switch {
		case order < 0:
			return false, nil
		case order == 0 && same:
			return true, nil
		case order > 0 && old[outcome.MetadataSourceETag] == src.info.ETag:
			// It stays. But the other outputs may be missing: the change that claims to be later may be
			// an earlier one, of a server whose sequencers begin anew, that did not make them.
			return true, nil
		}
		// Sequencers are not always to be trusted: some servers send equal ones, or begin anew with
		// each start. An output that claims to be later must at least not be of another content than
		// the source has now.
	} else if c.Sequencer == "" && same {
		return true, nil
	}
	// The source decides. It is read after the existing output, on which the write is conditional:
	// whoever replaces the source from now on also replaces what is written.
	_, err = j.confirm(ctx, src)
	return false, err
}

// keeper is what an existing object of the target is protected for.
type keeper int

const (
	ourselves   keeper = iota // it is an output of the same source
	nobody                    // imgmill did not make it, and the recipe allows to replace such objects
	stranger                  // imgmill did not make it
	otherSource               // it was made from another source
)

// keeper reports whether an existing object may be replaced by what is made from the object of c.
func (j *job) keeper(c event.Change, existing bucket.Info) keeper {
	switch {
	case !isOutput(existing.Metadata) && j.Recipe.Target.Overwrite == recipe.OverwriteAny:
		return nobody
	case !isOutput(existing.Metadata):
		return stranger
	case ofOtherSource(c, existing.Metadata):
		return otherSource
	}
	return ourselves
}

// Look returns the description of an object of the target. A store that keeps objects as files
// refuses a key with a long part, and its answer to a HEAD has no body to say so: what looks like a
// missing permission would be retried for ever. A GET then finds out the reason.
func (m *Mill) Look(ctx context.Context, key string) (bucket.Info, error) {
	target := m.Recipe.Target.Bucket
	info, err := m.Store.Head(ctx, target, key)
	if recipe.LongPart(key) == 0 || !errors.Is(err, bucket.ErrDenied) {
		return info, err
	}
	o, err := m.Store.Get(ctx, target, key, bucket.Condition{})
	if err != nil {
		return bucket.Info{}, adviseLongPart(err, key)
	}
	o.Body.Close()
	return o.Info, nil
}

// adviseLongPart adds the probable reason to the error of a store that refuses a key with a long
// part.
func adviseLongPart(err error, key string) error {
	n := recipe.LongPart(key)
	if n == 0 || !errors.Is(err, bucket.ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: the key has a part of %d bytes between slashes, and stores that keep objects as files "+
		"hold at most 255; use shorter names, or another target.key", err, n)
}
