package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// TestWhatIsBegunFitsTheTerminal: a line that wraps could not be written over, and would be left standing each time.
func TestWhatIsBegunFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{20, 60, 120} {
		var b bytes.Buffer
		teller := &teller{err: &b, tidy: true, width: func() int { return columns }, start: time.Now()}
		for _, part := range []string{"ImageResizerLogGroup", "ImageResizerFunction", "FailureQueue", "FailuresWaitingAlarm", "OldestFailureAlarm"} {
			teller.event(stack.Event{Part: part, Status: "CREATE_IN_PROGRESS"})
		}
		teller.event(stack.Event{Part: "FailureQueue", Status: "CREATE_COMPLETE"})
		teller.end()
		for line := range strings.Lines(strings.ReplaceAll(b.String(), "\r\x1b[K", "\n")) {
			if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "...") && len(line) >= columns {
				t.Errorf("of %d columns it takes %d: %q", columns, len(line), line)
			}
		}
		if got := b.String(); !strings.HasSuffix(got, "\r\x1b[K") || !strings.Contains(got, "made         FailureQueue\n") {
			t.Errorf("%q", got)
		}
	}
}
