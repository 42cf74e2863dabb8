//go:build (amd64 || arm64) && !purego

package resample

import "unsafe"

// words is b as 16-bit values, without a copy.
func words(b []byte) []int16 { return unsafe.Slice((*int16)(unsafe.Pointer(&b[0])), len(b)/2) }

// longs is b as 32-bit values, without a copy.
func longs(b []byte) []int32 { return unsafe.Slice((*int32)(unsafe.Pointer(&b[0])), len(b)/4) }
