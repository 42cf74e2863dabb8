package mill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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
// Tags have no ETag. Those of a version in a bucket with versions are of that. Otherwise, and for the version null, which
// uploads replace while versions are suspended, the source is looked at after them: if it is still what was read, its tags
// were those, because a new upload takes them away.
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
	if v := src.info.VersionID; v == "" || v == "null" {
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
		listed := func(label string) bool { return strings.EqualFold(label, l.Name) }
		if len(gate.Labels) == 0 || slices.ContainsFunc(gate.Labels, listed) {
			return j.refused("Rekognition is %.0f %% sure that it shows %s", l.Sure, l.Name)
		}
	}
	return nil
}

// madeBefore reports whether a change of tags has nothing to do, because the picture has passed before.
func (j *job) madeBefore(ctx context.Context, src *source) (bool, error) {
	aimed := j.Recipe.FocalTag != "" && slices.ContainsFunc(j.plan.Variants(), func(v render.Variant) bool { return v.Position.Focal() })
	if !src.change.Tagged || aimed || j.Notify != nil { // the tags may move a crop; the event of it may still be due
		return false, nil
	}
	info := src.info
	info.Key = src.change.Key
	return j.fresh(ctx, info, nil)
}

// standsIn follows the fingerprint of an output that shows the placeholder, before a hash of that: it is stale once the
// picture passes.
const standsIn = "-refused-"

// standIn makes the outputs of a refused picture of the recipe's placeholder, if there is one. What they say of their
// source is said of the refused picture. It returns a supplement to the reason if the placeholder cannot be used.
func (j *job) standIn(ctx context.Context, src *source) (why string, err error) {
	key := j.Recipe.Gates.Placeholder
	if key == "" {
		return "", nil
	}
	unusable := func(err error) (string, error) {
		if v, reason := Classify(err); v != outcome.Retry {
			return fmt.Sprintf("; the placeholder %s cannot be used: %s", key, reason), nil
		}
		return "", fmt.Errorf("placeholder %s: %w", key, err)
	}
	o, err := j.Store.Get(ctx, j.Recipe.Source.Bucket, key, bucket.Condition{})
	if errors.Is(err, bucket.ErrNotFound) {
		return fmt.Sprintf("; there is no placeholder %s", key), nil
	}
	if err != nil {
		return unusable(err)
	}
	defer o.Body.Close()
	limits := j.Recipe.Limits
	if limits.Bytes > 0 && o.Size > limits.Bytes {
		return fmt.Sprintf("; the placeholder %s has %d bytes, the limit is %d", key, o.Size, limits.Bytes), nil
	}
	memory, err := j.Memory.await(ctx, o.Size)
	if err != nil {
		return "", err
	}
	defer memory.release()
	limits.Reserve = memory.reserve
	header, outputs, err := Make(ctx, j.Engine, &body{ctx: ctx, r: o.Body, size: o.Size}, limits, j.plan.Variants())
	if _, partial := errors.AsType[*render.PartialError](err); err != nil && !partial {
		return unusable(err)
	}
	j.result.Source.SetHeader(header)
	sum := sha256.Sum256([]byte(o.ETag))
	mark := standsIn + hex.EncodeToString(sum[:4])
	planned := slices.Clone(j.plan.Outputs)
	for i := range planned {
		planned[i].Fingerprint += mark
	}
	j.plan.Outputs, j.plan.Manifest.Fingerprint = planned, j.plan.Manifest.Fingerprint+mark
	return "", ignoreBad(j.write(ctx, src, outputs))
}

// ignoreBad returns nil for the verdict that a part of the outputs cannot be made.
func ignoreBad(err error) error {
	if v, _ := Classify(err); v == outcome.Bad {
		return nil
	}
	return err
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
		case j.keeper(src.change, existing) != ourselves, existing.Metadata[outcome.MetadataSourceETag] != src.info.ETag,
			j.Recipe.Gates.Placeholder != "" && strings.Contains(existing.Metadata[outcome.MetadataRecipe], standsIn):
			continue
		}
		err = j.Store.Delete(ctx, j.Recipe.Target.Bucket, key, bucket.Condition{IfMatch: existing.ETag})
		if err != nil && !errors.Is(err, bucket.ErrNotFound) && !errors.Is(err, bucket.ErrPrecondition) {
			return fmt.Errorf("remove %s: %w", key, err)
		}
	}
	return nil
}
