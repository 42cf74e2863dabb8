package jpeg

import "fmt"

// FormatError is damage that leaves no picture to show, or any damage at all if [Options].Strict is set.
type FormatError struct {
	Offset int64 // bytes from the start of the stream; within entropy-coded data it is exact to a few bytes
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("corrupt jpeg at byte %d: %s", e.Offset, e.Reason)
}

// UnsupportedError is a valid kind of JPEG that this package does not read.
type UnsupportedError struct {
	Offset  int64 // of the marker that says so
	Feature string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("unsupported jpeg: %s (at byte %d)", e.Feature, e.Offset)
}
