package webp

import (
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// corruptAt returns an error of damage at an offset of the file.
func corruptAt(f *codec.Format, offset int64, format string, args ...any) error {
	return &codec.CorruptError{Format: f, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}
