package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/aws/stack"
)

// TestStatusLineFitsTheTerminal: a line that wraps cannot be overwritten, so it would stay on the
// screen each time.
func TestStatusLineFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{20, 60, 120} {
		var b bytes.Buffer
		o := &deployOutput{err: &b, terminal: true, start: time.Now(),
			status: &status{w: &b, width: func() int { return columns }}}
		for _, part := range []string{"ImageResizerLogGroup", "ImageResizerFunction",
			"FailureQueue", "FailuresWaitingAlarm", "OldestFailureAlarm"} {
			o.event(stack.Event{Part: part, Status: "CREATE_IN_PROGRESS"})
		}
		o.event(stack.Event{Part: "FailureQueue", Status: "CREATE_COMPLETE"})
		o.end()
		for line := range strings.Lines(strings.ReplaceAll(b.String(), "\r\x1b[K", "\n")) {
			if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "...") &&
				len(line) >= columns {
				t.Errorf("it takes %d of %d columns: %q", len(line), columns, line)
			}
		}
		if got := b.String(); !strings.HasSuffix(got, "\r\x1b[K") ||
			!strings.Contains(got, "created      FailureQueue\n") {
			t.Errorf("%q", got)
		}
	}
}
