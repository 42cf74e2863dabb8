package recipe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Gates are what a picture must pass before variants are made of it.
type Gates struct {
	// Tags are those that the object must have, with their values. Others than imgmill set them: GuardDuty
	// Malware Protection for S3 sets GuardDutyMalwareScanStatus.
	Tags map[string]string
	// Wait is how long after its upload a picture may be without one of them.
	Wait time.Duration
}

// defaultWait is gates.wait. A scan takes seconds as a rule, and minutes in a burst.
const defaultWait = 10 * time.Minute

// Given reports whether there is a gate.
func (g Gates) Given() bool { return len(g.Tags) > 0 }

// settings are what the record of a refused picture depends on; empty without a gate.
func (g Gates) settings() string {
	if !g.Given() {
		return ""
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(g.Tags)) {
		lines = append(lines, fmt.Sprintf("tag %q %q", name, g.Tags[name]))
	}
	return strings.Join(lines, "\n")
}

// gates is the section of that name.
func (rd *reader) gates(g *Gates) value {
	return rd.object(
		field{"tag", rd.tags(&g.Tags)},
		field{"wait", rd.parsed(duration(&g.Wait))},
	)
}

// checkGates looks at the gates.
func (r *Recipe) checkGates(rep *report) {
	if rep.bad("gates") {
		return
	}
	if n := len(r.Gates.Tags); n > mostTags {
		rep.add("gates.tag", "has %d tags; an object has at most %d", n, mostTags)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Gates.Tags)) {
		value := r.Gates.Tags[key]
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256:
			rep.add("gates.tag."+key, "is too long or empty; a tag has a name of 1 to 128 letters and a value of at most 256")
		case strings.ContainsFunc(key+value, notInTags):
			rep.add("gates.tag."+key, "has a character that tags cannot hold; use letters, digits, spaces and + - = . _ : / @")
		}
	}
	_, waits := rep.lines["gates.wait"]
	if _, tags := rep.lines["gates.tag"]; waits && !tags {
		rep.add("gates.wait", "has no effect without gates.tag; leave it out")
	}
}
