//go:build (amd64 || arm64) && !purego

package resample

import "unsafe"

// int16s returns b as 16-bit values, without a copy.
func int16s(b []byte) []int16 { return unsafe.Slice((*int16)(unsafe.Pointer(&b[0])), len(b)/2) }

// int32s returns b as 32-bit values, without a copy.
func int32s(b []byte) []int32 { return unsafe.Slice((*int32)(unsafe.Pointer(&b[0])), len(b)/4) }
