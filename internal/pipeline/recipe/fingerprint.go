package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// Fingerprint returns 16 hexadecimal digits that change whenever something in the recipe changes
// the bytes, the key or the attributes of a variant's outputs. It hashes the settings that differ from their
// defaults, by name, so that a setting or a format that is added to the program leaves every
// fingerprint as it was. It does not depend on the order of the file.
//
// Quality and subsampling have no default that could be written out: a JPEG without them may not
// have more bytes than its source.
func (r *Recipe) Fingerprint(v render.Variant) string {
	_, key := r.keyOf(v)
	lines := []string{
		fmt.Sprintf("name=%q", v.Label()),
		fmt.Sprintf("target.bucket=%q", r.Target.Bucket),
		fmt.Sprintf("target.key=%q", key),
	}
	lines = append(lines, r.attributeLines()...)
	return hashLines(append(lines, r.settingLines(v)...))
}

// look returns a hash over the settings of a variant that change the bytes of its outputs. Of an output
// whose key names its width, the width that was asked for says nothing more.
func (r *Recipe) look(v render.Variant, key template) string {
	if key.uses(width) && v.Height == 0 {
		v.Width = 0
	}
	return hashLines(r.settingLines(v))
}

// settingLines are the settings of a variant that differ from their defaults.
func (r *Recipe) settingLines(v render.Variant) (lines []string) {
	for _, s := range render.NewSchema(r.Formats).Settings {
		if s.Given(&v) {
			lines = append(lines, fmt.Sprintf("%s=%q", s.Name, s.Text(&v)))
		}
	}
	if r.FocalTag != "" && v.Position.Focal() {
		lines = append(lines, fmt.Sprintf("focal_tag=%q", r.FocalTag))
	}
	if etag := r.overlayETags[v.Watermark.Image]; etag != "" {
		lines = append(lines, fmt.Sprintf("watermark.etag=%q", etag))
	}
	return lines
}

// hashLines returns 16 hexadecimal digits that do not depend on the order of lines.
func hashLines(lines []string) string {
	slices.Sort(lines)
	sum := sha256.New()
	for _, line := range lines {
		fmt.Fprintln(sum, line)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
