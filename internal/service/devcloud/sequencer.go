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

// sequencerBlock is how far ahead of the numbers in use the file promises. Writing it waits for the disk and holds up all
// writers, so it is done about once in this time; a start skips at most this much.
const sequencerBlock = 10 * time.Minute

// sequencer makes the numbers that order events: nanoseconds since 1970, or one more than the last where the clock does not
// move on. It never goes back: the file holds a number above all that were given out.
type sequencer struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	last int64
	high int64 // what the file promises
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
			return nil, fmt.Errorf("%s is damaged (%q): delete it to go on from the clock's time", path, data)
		}
		s.last = n
	}
	if err := s.reserve(max(s.last, now().UnixNano())); err != nil {
		return nil, err
	}
	return s, nil
}

// reserve promises a block above n on disk. The caller holds mu or is alone.
func (s *sequencer) reserve(n int64) error {
	high := n + int64(sequencerBlock)
	if err := replaceFile(s.path, fmt.Appendf(nil, "%016X\n", high)); err != nil {
		return explain(s.path, err)
	}
	s.high = high
	return nil
}

// next answers with 16 upper-case hexadecimal digits that compare above all earlier ones.
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
