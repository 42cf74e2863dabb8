//go:build !nohevc

package heif

import "github.com/imgmill/imgmill/internal/engine/codec"

// openHEIC reads pictures that are coded with HEVC. It is nil in builds with the tag nohevc.
var openHEIC func(*codec.Stream, codec.OpenOptions) (codec.Decoder, error) = open
