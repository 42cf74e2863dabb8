package mill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// refused returns the verdict of a picture that a gate does not let through.
func (j *job) refused(format string, args ...any) error {
	j.result.Refused = true
	return bad("refused: " + fmt.Sprintf(format, args...))
}

// passTags checks the tags that the recipe asks for. A picture without one of them is worth a retry until gates.wait is
// over, and then refused; one with another value is refused at once.
//
// Tags have no ETag. Those of a version in a bucket with versions are of that. Otherwise the source is looked at after
// them: if it is still what was read, its tags were those, because a new upload takes them away.
func (j *job) passTags(ctx context.Context, src *source) error {
	wanted := j.Recipe.Gates.Tags
	if len(wanted) == 0 {
		return nil
	}
	tags, err := j.Store.Tags(ctx, src.change.Bucket, src.change.Key, src.info.VersionID)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return skip(goneReason)
	case err != nil:
		return fmt.Errorf("read the tags of the picture: %w", err)
	}
	if src.info.VersionID == "" {
		if _, err := j.confirm(ctx, src); err != nil {
			return err
		}
	}
	missing := ""
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		switch value, tagged := tags[name]; {
		case !tagged && missing == "":
			missing = name
		case tagged && value != wanted[name]:
			return j.refused("its tag %s is %s, not %s", name, value, wanted[name])
		}
	}
	if missing == "" {
		return nil
	}
	wait := j.Recipe.Gates.Wait
	left := min(wait-time.Since(src.info.Modified), wait) // the clock of the store may be ahead
	switch {
	case left <= 0:
		return j.refused("it has no tag %s %s after its upload; look at what sets the tag, or raise gates.wait", missing, wait)
	case j.TagEvents:
		return skip("it has no tag %s yet, whose event brings it here again", missing)
	}
	j.result.Wait = left
	return verdictError{outcome.Retry, fmt.Sprintf("it has no tag %s yet; it waits for at most %s more", missing, left.Round(time.Second))}
}

// passRekognition asks what a picture shows. The answer is not kept: a picture that is made again is asked for again.
func (j *job) passRekognition(ctx context.Context, small render.Output) error {
	gate := j.Recipe.Gates.Rekognition
	switch {
	case j.Moderation == nil:
		return errors.New("the recipe has gates.rekognition, and nobody here can ask it")
	case small.Data == nil:
		return j.refused("it cannot be made small enough to ask Rekognition")
	}
	labels, err := j.Moderation.Of(ctx, small.Data, gate.MinConfidence)
	if errors.Is(err, moderate.ErrRefused) {
		return j.refused("%v", err)
	}
	if err != nil {
		return err
	}
	for _, l := range labels {
		if len(gate.Labels) == 0 || slices.Contains(gate.Labels, l.Name) {
			return j.refused("Rekognition is %.0f %% sure that it shows %s", l.Sure, l.Name)
		}
	}
	return nil
}

// madeBefore reports whether a change of tags has nothing to do, because the picture has passed before.
func (j *job) madeBefore(ctx context.Context, src *source) (bool, error) {
	if !src.change.Tagged || j.Notify != nil { // the event of it may still be due
		return false, nil
	}
	info := src.info
	info.Key = src.change.Key
	return j.fresh(ctx, info, nil)
}

// withdraw removes the outputs that were made of the very content that is now refused. What was made of an earlier
// content stays, as it does for any bad picture.
func (j *job) withdraw(ctx context.Context, src *source) error {
	keys, err := j.existing(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		existing, err := j.Look(ctx, key)
		switch {
		case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrInvalid):
			continue
		case err != nil:
			return err
		case j.keeper(src.change, existing) != ourselves, existing.Metadata[outcome.MetadataSourceETag] != src.info.ETag:
			continue
		}
		err = j.Store.Delete(ctx, j.Recipe.Target.Bucket, key, bucket.Condition{IfMatch: existing.ETag})
		if err != nil && !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("remove %s: %w", key, err)
		}
	}
	return nil
}
