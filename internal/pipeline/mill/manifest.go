package mill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// writeManifest stores the list of the variants that were written, if the recipe makes manifests.
func (j *job) writeManifest(ctx context.Context, src *source) error {
	if j.plan.Manifest.Key == "" {
		return nil
	}
	planned, picture := manifestWithout(j.plan.Manifest, names(j.result.Failed)), j.result.Source
	if err := j.confirmSize(ctx, src); err != nil {
		return err
	}
	m := manifest.Manifest{
		Source: manifest.Source{
			Bucket: src.change.Bucket, Key: src.change.Key, ETag: src.info.ETag, Version: src.info.VersionID,
			Format: picture.Format, Width: picture.Width, Height: picture.Height, Bytes: picture.Bytes, Preview: picture.Preview,
		},
		Alt: alternateText(src.info.Metadata), Placeholder: j.shown, Dropped: j.result.Dropped,
	}
	m.Variants = j.described()
	for _, f := range j.result.Failed {
		m.Failed = append(m.Failed, manifest.Failure(f))
	}
	data, err := m.Encode(j.Recipe.SizesOfSets())
	if err != nil {
		return err
	}
	attr, _ := j.attributes(src, "application/json", planned.Fingerprint)
	if slices.ContainsFunc(j.plan.Outputs, recipe.Output.Hashed) {
		attr.CacheControl, attr.Expires = "no-cache", time.Time{} // it is where new names are found
	}
	for _, v := range j.plan.Variants() {
		if v.Focal != nil {
			attr.Metadata[outcome.MetadataFocal] = v.Focal.String() // it has the lengths of these files
		}
	}
	etag, err := j.put(ctx, src, planned.Key, data, attr)
	if err != nil {
		return fmt.Errorf("write %s: %w", planned.Key, err)
	}
	j.result.Objects = append(j.result.Objects, Object{planned, etag})
	return nil
}

// described returns the variants that were written, as manifests and events list them.
func (j *job) described() (list []manifest.Variant) {
	for _, v := range j.result.Variants {
		list = append(list, manifest.Variant{
			Name: v.Name, Set: v.Set, Key: v.Key, URL: manifest.URL(j.Recipe.Target.URL, v.Key), Format: v.Format,
			Type: j.Recipe.Formats.Named(v.Format).MediaType, Width: v.Width, Height: v.Height, Bytes: v.Bytes,
		})
	}
	return list
}

// altMetadata is the name of the user metadata of an object that says what the picture shows.
const altMetadata = "alt"

// alternateText returns that text, or nothing if it is no text.
func alternateText(meta map[string]string) string {
	text := strings.TrimSpace(meta[altMetadata])
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return ""
	}
	return text
}

// manifestWithout returns what is planned for a manifest that lacks variants: its fingerprint is another
// one, because it is stale once they can be made.
func manifestWithout(planned recipe.Object, failed []string) recipe.Object {
	if len(failed) > 0 {
		sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(slices.Values(failed)), " ")))
		planned.Fingerprint += "-" + hex.EncodeToString(sum[:8])
	}
	return planned
}

// confirmSize checks the size of a source, unless the event names the same. The length of an answer
// may be wrong, and a decoder that has what it needs does not notice.
func (j *job) confirmSize(ctx context.Context, src *source) error {
	c, info := src.change, src.info
	if c.Size == info.Size && c.ETag == info.ETag {
		return nil
	}
	now, err := j.confirm(ctx, src)
	if err == nil && now.Size != info.Size {
		return partial(info.Size, now.Size)
	}
	return err
}

// partial is the error for a source of which another number of bytes was sent than it has.
func partial(sent, has int64) error {
	return fmt.Errorf("%w: the store sent %d bytes of the object, and it has %d", bucket.ErrTransient, sent, has)
}
