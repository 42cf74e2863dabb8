//go:build nohevc

package heif

import "github.com/imgmill/imgmill/internal/engine/codec"

// openHEIC is nil: this build leaves HEVC out, so HEIC is recognised and refused.
var openHEIC func(*codec.Stream, codec.OpenOptions) (codec.Decoder, error)
