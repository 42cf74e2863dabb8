package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/service/sync"
)

// TestCausesAlign: the columns of the table are below one another, whatever the causes.
func TestCausesAlign(t *testing.T) {
	n := sync.Tally{Pictures: 1, Objects: 2, Bytes: 3}
	var b bytes.Buffer
	if err := printCauses(&b, sync.Report{Missing: n, Stale: n, Orphaned: n, Unsure: n, Foreign: n, Bad: n, NoPictures: n}, &examples{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 9 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) != len(lines[0]) || len(line) > 80 {
			t.Errorf("%d and not %d columns: %q", len(line), len(lines[0]), line)
		}
	}
}

// TestExamplesCount: the first of a cause are named, and the others counted.
func TestExamplesCount(t *testing.T) {
	e := &examples{}
	for i := range 1003 {
		e.add(sync.Finding{Key: fmt.Sprint(i), Missing: []string{"small"}})
	}
	e.add(sync.Finding{Key: "bad", Bad: "reason"})
	e.add(sync.Finding{Key: "theirs", Unclaimed: true})
	var b bytes.Buffer
	if err := e.print(&b); err != nil {
		t.Fatal(err)
	}
	want := "\nmissing\n  0: small\n  1: small\n  2: small\n  ... and 1,000 more\n\nbad\n  bad: reason\n\nunclaimed\n  theirs\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
}

// TestAdvice: each cause has its own, and none that would change nothing.
func TestAdvice(t *testing.T) {
	n := sync.Tally{Pictures: 1, Objects: 1}
	for want, r := range map[string]sync.Report{
		" 'imgmill sync photos' makes what is missing or stale.":       {Missing: n},
		" 'imgmill sync photos --delete-orphans' deletes the orphans.": {Orphaned: n},
		" " + takenAdvice: {Foreign: n},
		" Bad uploads stay bad until they are replaced, or the recipe or its limits change; " +
			"'imgmill sync photos --only bad' tries them again.": {Bad: n},
		" What is no picture needs another suffix than those of source.suffixes, or a rule without variants.": {NoPictures: n},
		"": {},
	} {
		if got := advice(r, " photos"); got != want {
			t.Errorf("%+v: %q", r, got)
		}
	}
}
