package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/imgmill/imgmill/internal/codec"
	"github.com/imgmill/imgmill/internal/render"
)

// Fingerprint is 16 hexadecimal digits that change whenever something in the recipe changes a variant's bytes or its place.
// It is the same in every run, however the file is ordered, and for a default that is written out.
func (r *Recipe) Fingerprint(v render.Variant) string {
	if v.Fit == "" {
		v.Fit = render.Inside
	}
	if v.Quality == 0 {
		v.Quality = render.DefaultQuality
	}
	if v.Effort == "" {
		v.Effort = codec.NormalEffort
	}
	if v.Metadata == "" {
		v.Metadata = render.Strip
	}
	// The leading number changes when this list does.
	sum := sha256.Sum256(fmt.Appendf(nil, "1 %q %q %q %d %d %q %t %q %d %q %d %x %q", r.Target.Bucket, r.Target.Key, v.Name,
		v.Width, v.Height, v.Fit, v.Enlarge, v.Format, v.Quality, v.Effort, v.MaxBytes, v.Background, v.Metadata))
	return hex.EncodeToString(sum[:8])
}
