package recipe

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

// hashOf returns the hash in the key that a variant has for a content.
func hashOf(t *testing.T, yaml, variant, etag string) string {
	t.Helper()
	for _, o := range parse(t, yaml).Plan("x.jpg").For(etag).Outputs {
		if o.Variant.Name != variant {
			continue
		}
		key, err := o.KeyFor(9, 9, formatNamed("jpeg"))
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile("[0-9a-f]{12}").FindString(key)
	}
	t.Fatalf("there is no variant %s", variant)
	return ""
}

// TestHash: a name changes with the content and with the settings that change the bytes, and with
// nothing else.
func TestHash(t *testing.T) {
	const target = "source: {bucket: photos-input}\ntarget: {bucket: photos-output, key: '{variant}/{key}.{hash}', set_key: '{variant}/{key}/{width}-{hash}'"
	const before = target + "}\nvariants: {a: {width: 9, format: jpeg}, p: {widths: [9, 20], format: jpeg}}\n"
	single, set := hashOf(t, before, "a", "one"), hashOf(t, before, "p.9", "one")
	if len(single) != 12 || len(set) != 12 || single == set {
		t.Fatalf("hashes %q and %q", single, set)
	}
	if hashOf(t, before, "a", "two") == single || hashOf(t, before, "p.9", "two") == set {
		t.Error("another content has the same name")
	}
	for _, same := range []string{
		target + ", cache_control: no-store, tags: {a: b}}\nvariants: {a: {width: 9, format: jpeg}, p: {widths: [9, 30, 40], format: jpeg}}\n",
		target + "}\nvariants: {p: {widths: [9], format: jpeg}, b: {width: 5}, a: {width: 9, format: jpeg, fit: inside}}\nlimits: {pixels: 3MP}\n",
	} {
		if hashOf(t, same, "a", "one") != single || hashOf(t, same, "p.9", "one") != set {
			t.Errorf("another name although the bytes are the same:\n%s", same)
		}
	}
	// In the key of a set, the width says what widths would.
	if hashOf(t, before, "p.20", "one") != set {
		t.Error("the hash of a set depends on the width that was asked for")
	}
	for _, other := range []string{"width: 10, format: jpeg", "width: 9, format: jpeg, quality: 70", "width: 9, format: jpeg, metadata: keep"} {
		if hashOf(t, target+"}\nvariants: {a: {"+other+"}}\n", "a", "one") == single {
			t.Errorf("the same name with %s", other)
		}
	}
}

func TestHashedPlan(t *testing.T) {
	r := parse(t, key("{key}.{hash}.{format}")+"variants: {a: {width: 9, format: png}}\n")
	if !r.Manifest || r.Target.KeepReplaced != 30*24*time.Hour {
		t.Errorf("manifest %v, kept for %v", r.Manifest, r.Target.KeepReplaced)
	}
	plan := r.Plan("d/x.jpg")
	if _, err := plan.Objects(); !errors.Is(err, ErrNeedsPicture) {
		t.Errorf("without the content: %v", err)
	}
	of := plan.For("one").Outputs[0]
	now, err := of.KeyFor(0, 0, of.Variant.Format)
	if err != nil {
		t.Fatal(err)
	}
	other, err := plan.For("two").Outputs[0].KeyFor(0, 0, of.Variant.Format)
	if err != nil || other == now || len(other) != len(now) {
		t.Errorf("%q and %q, %v", now, other, err)
	}
	if !of.MayBe(now) || of.WasOnce(now) || of.MayBe(other) || !of.WasOnce(other) || of.WasOnce("d/x.jpg.0123456789aZ.png") {
		t.Error("the present name and earlier ones are confused")
	}
	if prefix, named := of.Pattern(); prefix != "d/x.jpg." || !named {
		t.Errorf("the names begin with %q, %v", prefix, named)
	}
	source, ok := r.Planner().MadeFrom(other, func(s string) bool { return s == "d/x.jpg" })
	if !ok || source != "d/x.jpg" {
		t.Errorf("made from %q", source)
	}
}

func TestHashProblems(t *testing.T) {
	for _, test := range []struct{ yaml, want string }{
		{key("{hash}/{key}"), "target.key: has {hash} where earlier objects of a picture cannot be listed; put {key} or {stem} before {hash}, {width}, {height} and {format}, as in {key}.{hash}.{format}"},
		{key("{key}.{hash}") + "manifest: false\n", "manifest: false leaves nobody who could tell the names, which contain {hash}; leave it out, or take {hash} out"},
		{key("{key}.{hash}") + "variants: {a: {width: 1}, b: {width: 2}}\n", "target.key: variants a and b could get the same key; add {variant}, as in {variant}/{key}"},
		{key("{hash}"), "target.key: would be the same for many pictures; add {key} or {stem}"},
		{"source: {bucket: photos-input}\ntarget: {bucket: photos-output, keep_replaced: 5x}\n",
			`target.keep_replaced: "5x" is not a duration; write days, like 30d, hours, like 12h, or forever`},
	} {
		_, err := Parse(all, "f", []byte(test.yaml))
		if got := errText(err); !strings.HasSuffix(got, ": "+test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s\n got %s\nwant %s", test.yaml, got, test.want)
		}
	}
	if r := parse(t, "source: {bucket: photos-input}\ntarget: {bucket: photos-output, keep_replaced: forever}\n"); r.KeptLongEnough(time.Time{}) || r.Manifest {
		t.Error("what is kept for ever may go, or there are manifests without a hash")
	}
}
