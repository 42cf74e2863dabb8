package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/service/sync"
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
			!strings.Contains(got, "created      failure queue\n") {
			t.Errorf("%q", got)
		}
	}
}

// TestOutdatedText: the number is exact, or the least that it can be, or left out.
func TestOutdatedText(t *testing.T) {
	for want, o := range map[string]outdated{
		"": {Outdated: sync.Outdated{Looked: 9, All: true}},
		"\nPictures that keep their old variants, or have none: 1,700 of 2,000 in the source bucket.\n": {
			Outdated: sync.Outdated{Uploads: 1700, Looked: 2000, All: true}},
		"\nPictures that keep their old variants, or have none: at least 1,700 in the source bucket.\n": {
			Outdated: sync.Outdated{Uploads: 1700, Looked: 2000}},
		"\nFor pictures that were uploaded before: imgmill sync photos": {Outdated: sync.Outdated{Looked: 9}},
		"\nFor pictures that": {err: errors.New("denied")},
	} {
		got := o.text("photos")
		if !strings.HasPrefix(got, want) || want == "" != (got == "") || got != "" && !strings.HasSuffix(got, ": imgmill sync photos") {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}
