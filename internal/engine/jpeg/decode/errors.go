package decode

import "fmt"

// FormatError reports damage that leaves no picture to show, or any damage if Strict of
// [Options] is set.
type FormatError struct {
	// Offset is the position in bytes from the start of the stream. Within entropy-coded data it is
	// accurate to a few bytes.
	Offset int64
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("corrupt jpeg at byte %d: %s", e.Offset, e.Reason)
}

// UnsupportedError reports a valid kind of JPEG that this package does not read.
type UnsupportedError struct {
	Offset  int64 // position of the marker that declares the feature
	Feature string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("unsupported jpeg: %s (at byte %d)", e.Feature, e.Offset)
}
