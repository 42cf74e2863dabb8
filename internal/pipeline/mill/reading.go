package mill

import (
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
)

// bothReadings processes a change whose key may be meant in two ways. The likelier one is processed
// first. If it turns out that there is no such object, or that an object was removed, so is the
// other: each reading ends in the state that its own object asks for, so that neither does harm.
// The result is that of the reading for which there was something to do.
func bothReadings(c event.Change, process func(event.Change) Result) Result {
	first := process(c)
	gone := first.Verdict == outcome.Skipped && first.Reason == goneReason
	if c.AltKey == "" || !c.Removed && !gone || first.Verdict == outcome.Retry {
		return first
	}
	other := c
	other.Key, other.AltKey = c.AltKey, ""
	second := process(other)
	if second.Verdict == outcome.Skipped {
		second = first
	} else {
		second.Key = other.Key
	}
	second.Elapsed = first.Elapsed + second.Elapsed
	return second
}
