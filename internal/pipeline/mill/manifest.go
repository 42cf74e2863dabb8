package mill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// manifest lists the variants of a source for programs.
type manifest struct {
	Source   manifestSource `json:"source"`
	Variants []Variant      `json:"variants"`
	Failed   []Failure      `json:"failed,omitempty"`  // variants that cannot be made
	Dropped  []string       `json:"dropped,omitempty"` // metadata that no output has although the recipe keeps it
}

type manifestSource struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	ETag    string `json:"etag"`
	Version string `json:"version,omitempty"`
	Format  string `json:"format"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Bytes   int64  `json:"bytes"`
	Preview string `json:"preview,omitempty"`
}

// writeManifest stores the list of the variants that were written, if the recipe makes manifests.
func (j *job) writeManifest(ctx context.Context, src *source) error {
	if j.plan.Manifest.Key == "" {
		return nil
	}
	planned, picture := manifestWithout(j.plan.Manifest, names(j.result.Failed)), j.result.Source
	if err := j.confirmSize(ctx, src); err != nil {
		return err
	}
	data, err := json.MarshalIndent(manifest{manifestSource{
		src.change.Bucket, src.change.Key, src.info.ETag, src.info.VersionID,
		picture.Format, picture.Width, picture.Height, picture.Bytes, picture.Preview,
	}, j.result.Variants, j.result.Failed, j.result.Dropped}, "", "  ")
	if err != nil {
		return err
	}
	attr, _ := j.attributes(src, "application/json", planned.Fingerprint)
	if slices.ContainsFunc(j.plan.Outputs, recipe.Output.Hashed) {
		attr.CacheControl, attr.Expires = "no-cache", time.Time{} // it is where new names are found
	}
	etag, err := j.put(ctx, src, planned.Key, append(data, '\n'), attr)
	if err != nil {
		return fmt.Errorf("write %s: %w", planned.Key, err)
	}
	j.result.Objects = append(j.result.Objects, Object{planned, etag})
	return nil
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
