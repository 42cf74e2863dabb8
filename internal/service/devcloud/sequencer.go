package devcloud

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sequencerBlock is how many numbers the file reserves at a time. Writing the file waits for the
// disk and blocks all writers, so it happens about once in this time; a restart skips at most this
// much.
const sequencerBlock = 10 * time.Minute

// sequencer generates the numbers that order events: nanoseconds since 1970, or one more than the
// last number if the clock has not advanced. It never goes back: the file holds a number above all
// that were generated.
type sequencer struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	last int64
	high int64 // the number in the file
}

func openSequencer(path string, now func() time.Time) (*sequencer, error) {
	s := &sequencer{path: path, now: now}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("sequencer: %w", err)
	default:
		n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 16, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s is damaged (%q): delete it to continue from the current time", path, data)
		}
		s.last = n
	}
	if err := s.reserve(max(s.last, now().UnixNano())); err != nil {
		return nil, err
	}
	return s, nil
}

// reserve writes a number one block above n to the file. The caller holds mu, or is the only user.
func (s *sequencer) reserve(n int64) error {
	high := n + int64(sequencerBlock)
	if err := replaceFile(s.path, fmt.Appendf(nil, "%016X\n", high)); err != nil {
		return explain(s.path, err)
	}
	s.high = high
	return nil
}

// next returns 16 upper-case hexadecimal digits that compare greater than all earlier ones.
func (s *sequencer) next() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := max(s.now().UnixNano(), s.last+1)
	if n >= s.high {
		if err := s.reserve(n); err != nil {
			return "", err
		}
	}
	s.last = n
	return fmt.Sprintf("%016X", n), nil
}
