package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/resample"
)

// Fingerprint is 16 hexadecimal digits that change whenever something in the recipe changes a variant's bytes or its place.
// It is the same in every run, however the file is ordered, and for a default that is written out, but for quality and
// subsampling: a JPEG without them may not have more bytes than its source.
func (r *Recipe) Fingerprint(v render.Variant) string {
	if v.Fit == "" {
		v.Fit = render.Inside
	}
	if v.Filter == "" {
		v.Filter = resample.Lanczos3
	}
	if v.Effort == "" {
		v.Effort = codec.NormalEffort
	}
	if v.Metadata == "" {
		v.Metadata = render.Strip
	}
	// The leading number changes when this list does.
	sum := sha256.Sum256(fmt.Appendf(nil, "2 %q %q %q %d %d %q %t %q %t %q %d %q %q %t %d %x %q", r.Target.Bucket, r.Target.Key, v.Name,
		v.Width, v.Height, v.Fit, v.Enlarge, v.Filter, v.LinearLight, v.Format, v.Quality, v.Effort, v.Subsampling, v.Progressive,
		v.MaxBytes, v.Background, v.Metadata))
	return hex.EncodeToString(sum[:8])
}
