package cli

import (
	"fmt"
	"io"
	"strconv"
	stdsync "sync"
)

// status is a last line on a terminal that is overwritten. It is silent elsewhere. It is safe for
// concurrent use.
type status struct {
	w     io.Writer
	width func() int
	mu    stdsync.Mutex
	shown bool
}

func newStatus(w io.Writer) *status {
	if !isTerminal(w) {
		return &status{}
	}
	return &status{w: w, width: widthOf(w)}
}

func (s *status) show(format string, args ...any) {
	if s.w == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text := []rune(fmt.Sprintf(format, args...))
	if most := s.width() - 1; len(text) > most { // a line that wraps cannot be overwritten
		text = append(text[:max(0, most-3)], []rune("...")...)
	}
	s.erase()
	fmt.Fprint(s.w, string(text))
	s.shown = true
}

func (s *status) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// erase removes the line. The caller holds the lock.
func (s *status) erase() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// grouped returns a number with commas between thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// groupedCount is count with commas between thousands.
func groupedCount(n int64, noun string) string {
	if n == 1 {
		return count(1, noun)
	}
	return grouped(n) + " " + noun + "s"
}
