package recipe

import (
	"strings"
	"testing"
	"time"
)

func TestGates(t *testing.T) {
	r := parse(t, buckets+"gates: {tag: {GuardDutyMalwareScanStatus: NO_THREATS_FOUND, b: c}, wait: 90s}\n")
	if g := r.Gates; !g.Given() || len(g.Tags) != 2 || g.Tags["b"] != "c" || g.Wait != 90*time.Second {
		t.Errorf("%+v", g)
	}
	without := parse(t, buckets)
	if g := without.Gates; g.Given() || g.Wait != 10*time.Minute {
		t.Errorf("%+v", g)
	}
	if r.Fingerprint(r.Variants[0]) != without.Fingerprint(without.Variants[0]) {
		t.Error("a gate makes variants stale")
	}
	if r.Plan("a.jpg").BadFingerprint == without.Plan("a.jpg").BadFingerprint {
		t.Error("a record holds for another gate")
	}
	m := parse(t, buckets+"gates: {rekognition: {labels: [Explicit, Violence]}}\n")
	if g := m.Gates; !g.Given() || g.Rekognition.MinConfidence != 80 || len(g.Rekognition.Labels) != 2 ||
		m.Plan("a.jpg").BadFingerprint == without.Plan("a.jpg").BadFingerprint {
		t.Errorf("%+v", g)
	}
	if g := parse(t, buckets+"gates: {rekognition: {min_confidence: 66.5}}\n").Gates; g.Rekognition.MinConfidence != 66.5 {
		t.Errorf("%+v", g)
	}
	for text, want := range map[string]string{
		"{rekognition: {labels: []}}":          "is empty",
		"{rekognition: {labels: [a, a]}}":      "listed twice",
		"{rekognition: {min_confidence: 0.5}}": "is no percentage",
		"{placeholder: a.png}":                 "gates.placeholder: has no effect without a gate",
		"{tag: {a: b}, placeholder: /a.png}":   "is no key of the source bucket",
		"{rekognition: true}":                  "is a single value",
		"{wait: 1m}":                           "gates.wait: has no effect without gates.tag",
		"{tag: {a: 'b*'}}":                     "gates.tag.a: has a character",
		"{tag: {a: b}, wait: 0s}":              "gates.wait: 0s is too short",
		"{tag: {'': b}}":                       "is too long or empty",
		"{tag: [a]}":                           "gates.tag: is a list",
		"{tags: {a: b}}":                       "did you mean tag?",
	} {
		if _, err := Parse(all, "imgmill.yaml", []byte(buckets+"gates: "+text+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
