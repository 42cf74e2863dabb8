package mill

import (
	"context"
	"encoding/json"
	"fmt"
)

// manifest lists the variants of a source for programs.
type manifest struct {
	Source   manifestSource `json:"source"`
	Variants []Variant      `json:"variants"`
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
}

// writeManifest stores the list of the variants that were written, if the recipe makes manifests.
func (j *job) writeManifest(ctx context.Context, src *source) error {
	planned, picture := j.plan.Manifest, j.result.Source
	if planned.Key == "" {
		return nil
	}
	data, err := json.MarshalIndent(manifest{manifestSource{
		src.change.Bucket, src.change.Key, src.info.ETag, src.info.VersionID,
		picture.Format, picture.Width, picture.Height, picture.Bytes,
	}, j.result.Variants}, "", "  ")
	if err != nil {
		return err
	}
	attr, _ := src.attributes("application/json", planned.Fingerprint, false)
	if err := j.put(ctx, src, planned.Key, append(data, '\n'), attr); err != nil {
		return fmt.Errorf("write %s: %w", planned.Key, err)
	}
	return nil
}
