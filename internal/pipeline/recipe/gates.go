package recipe

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/imgmill/imgmill/internal/engine/render"
)

// Gates are what a picture must pass before variants are made of it.
type Gates struct {
	// Tags are those that the object must have, with their values. Others than imgmill set them: GuardDuty
	// Malware Protection for S3 sets GuardDutyMalwareScanStatus.
	Tags map[string]string
	// Wait is how long after its upload a picture may be without one of them.
	Wait time.Duration
	// Rekognition is asked what the picture shows; nil if it is not.
	Rekognition *Moderation
	// Placeholder is the key of a picture in the source bucket that takes the place of one that is refused. It is empty if
	// a refused picture has no variants.
	Placeholder string
}

// Moderation says which pictures are refused for what Rekognition finds in them.
type Moderation struct {
	MinConfidence float64 // in percent, below which a label is ignored
	// Labels are those that refuse a picture, of any level; with none, every one does.
	Labels []string
}

const defaultConfidence = 80

// defaultWait is gates.wait. A scan takes seconds as a rule, and minutes in a burst.
const defaultWait = 10 * time.Minute

// Given reports whether there is a gate.
func (g Gates) Given() bool { return len(g.Tags) > 0 || g.Rekognition != nil }

// settings are what the record of a refused picture depends on; empty without a gate.
func (g Gates) settings() string {
	if !g.Given() {
		return ""
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(g.Tags)) {
		lines = append(lines, fmt.Sprintf("tag %q %q", name, g.Tags[name]))
	}
	if m := g.Rekognition; m != nil {
		lines = append(lines, fmt.Sprintf("rekognition %v %q", m.MinConfidence, slices.Sorted(slices.Values(m.Labels))))
	}
	if g.Placeholder != "" {
		lines = append(lines, fmt.Sprintf("placeholder %q", g.Placeholder))
	}
	return strings.Join(lines, "\n")
}

// gates is the section of that name.
func (rd *reader) gates(g *Gates) value {
	return rd.object(
		field{"tag", rd.tags(&g.Tags)},
		field{"wait", rd.parsed(duration(&g.Wait))},
		field{"rekognition", rd.moderation(&g.Rekognition)},
		field{"placeholder", rd.text(&g.Placeholder)},
	)
}

// moderation is a mapping, which may be empty, or false.
func (rd *reader) moderation(into **Moderation) value {
	entry := func(m *Moderation) value {
		return rd.object(
			field{"min_confidence", rd.parsed(percent(&m.MinConfidence))},
			field{"labels", rd.texts(&m.Labels)},
		)
	}
	read := func(name string, n ast.Node) {
		if b, ok := n.(*ast.BoolNode); ok && !b.Value {
			return
		}
		*into = &Moderation{MinConfidence: defaultConfidence}
		entry(*into).read(name, n)
	}
	return value{read, anyOf(entry(&Moderation{}).schema, jsonSchema{"const": false})}
}

func percent(into *float64) single {
	return single{func(s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 1 && f <= 100) {
			return fmt.Errorf("%q is no percentage; write a number from 1 to 100, like 80", s)
		}
		*into = f
		return nil
	}, jsonSchema{"type": "number", "minimum": 1, "maximum": 100}}
}

// checkFocalTag looks at the name of a tag that crops are made by.
func (r *Recipe) checkFocalTag(rep *report) {
	aimed := func(v render.Variant) bool { return v.Position.Focal() }
	switch {
	case r.FocalTag == "" || rep.bad("focal_tag") || unsettled(rep):
	case utf8.RuneCountInString(r.FocalTag) > 128 || strings.ContainsFunc(r.FocalTag, notInTags):
		rep.add("focal_tag", "is no name of a tag; use at most 128 letters, digits, spaces and + - = . _ : / @")
	case !slices.ContainsFunc(r.Variants, aimed):
		rep.add("focal_tag", "has no effect without a variant of position: focal or attention; leave it out")
	}
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
	if m := r.Gates.Rekognition; m != nil {
		for i, label := range m.Labels {
			name := fmt.Sprintf("gates.rekognition.labels[%d]", i)
			if label == "" || utf8.RuneCountInString(label) > 100 {
				rep.add(name, "is no label; write one of the top or a lower level, like Explicit or Violence")
			} else if slices.Contains(m.Labels[:i], label) {
				rep.add(name, "%q is listed twice; remove one", label)
			}
		}
		if m.Labels != nil && len(m.Labels) == 0 {
			rep.add("gates.rekognition.labels", "is empty; list labels, or leave it out, and every label refuses a picture")
		}
	}
	switch p := r.Gates.Placeholder; {
	case p != "" && !r.Gates.Given():
		rep.add("gates.placeholder", "has no effect without a gate; leave it out")
	case strings.HasPrefix(p, "/"), len(p) > maxKey:
		rep.add("gates.placeholder", "is no key of the source bucket; write one like placeholders/refused.png")
	}
	_, waits := rep.lines["gates.wait"]
	if _, tags := rep.lines["gates.tag"]; waits && !tags {
		rep.add("gates.wait", "has no effect without gates.tag; leave it out")
	}
}
