package recipe

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const page = "variants:\n  thumb: {width: 10}\n  page: {widths: [640, 320], formats: [webp, jpeg], quality: 70, sizes: 50vw}\n"

func TestSets(t *testing.T) {
	r := parse(t, buckets+page+"rules: [{match: 'a/*', variants: [page]}]\n")
	var names []string
	for _, v := range r.Variants {
		names = append(names, v.Name)
	}
	want := []string{"thumb", "page.320.webp", "page.640.webp", "page.320.jpeg", "page.640.jpeg"}
	if !slices.Equal(names, want) {
		t.Errorf("variants %q, want %q", names, want)
	}
	if s := r.Sets; len(s) != 1 || s[0].Name != "page" || !slices.Equal(s[0].Widths, []int{320, 640}) || len(s[0].Formats) != 2 ||
		r.SizesOfSets()["page"] != "50vw" {
		t.Errorf("sets %+v", s)
	}
	plan := r.Plan("a/x.jpg")
	if len(plan.Outputs) != 4 || plan.Outputs[0].Variant.Set != "page" {
		t.Errorf("a rule that names the set gives %d outputs", len(plan.Outputs))
	}
	o := plan.Outputs[1]
	if _, err := o.KeyFor(0, 0, o.Variant.Format); !errors.Is(err, ErrNeedsPicture) {
		t.Errorf("the key without the picture: %v", err)
	}
	if key, err := o.KeyFor(500, 300, o.Variant.Format); key != "page/a/x.jpg/500.webp" || err != nil {
		t.Errorf("key %q, %v", key, err)
	}
	for key, want := range map[string]bool{
		"page/a/x.jpg/500.webp": true, "page/a/x.jpg/640.webp": true, "page/a/x.jpg/641.webp": false,
		"page/a/x.jpg/500.jpg": false, "page/a/x.jpg/99999999999999999999.webp": false, "page/a/x.jpg/webp": false,
	} {
		if got := o.MayBe(key); got != want {
			t.Errorf("MayBe(%q) = %v", key, got)
		}
	}
	if got, _ := r.Plan("b.jpg").Outputs[0].KeyFor(0, 0, nil); got != "thumb/b.jpg" {
		t.Errorf("a set changes the key of another variant to %q", got)
	}
	source, ok := r.Planner().MadeFrom("page/a/x.jpg/500.webp", func(s string) bool { return s == "a/x.jpg" })
	if source != "a/x.jpg" || !ok {
		t.Errorf("made from %q, %v", source, ok)
	}
}

// TestSetSettings: a format takes of the shared settings those that it has, and its own before them.
func TestSetSettings(t *testing.T) {
	r := parse(t, buckets+"variants: {p: {widths: [9], subsampling: 4:4:4, quality: 50, "+
		"formats: {webp: {}, jpeg: {quality: 60, max_bytes: 9KB}, png: {metadata: keep}}}}\n")
	want := map[string]map[string]string{
		"p.9.webp": {"quality": "50"},
		"p.9.jpeg": {"quality": "60", "subsampling": "4:4:4"},
		"p.9.png":  {},
	}
	for _, v := range r.Variants {
		if len(v.Encoding) != len(want[v.Name]) {
			t.Errorf("%s has %v", v.Name, v.Encoding)
		}
		for name, text := range want[v.Name] {
			if v.Encoding[name] != text {
				t.Errorf("%s has %s %q, want %q", v.Name, name, v.Encoding[name], text)
			}
		}
		if (v.MaxBytes > 0) != (v.Format.Name == "jpeg") || (v.Metadata == "keep") != (v.Format.Name == "png") {
			t.Errorf("%s: max_bytes %d, metadata %q", v.Name, v.MaxBytes, v.Metadata)
		}
	}
	// A set of one width in one format asks for what a variant of that size and key asks for.
	single := parse(t, "source: {bucket: photos-input}\ntarget: {bucket: photos-output, key: '{variant}/{key}/{width}.{format}'}\n"+
		"variants: {p: {width: 9, format: png, metadata: keep}}\n")
	if a, b := r.Fingerprint(r.Variants[2]), single.Fingerprint(single.Variants[0]); a != b {
		t.Errorf("fingerprints %s and %s", a, b)
	}
	for i, v := range r.Variants[1:] {
		if r.Fingerprint(v) == r.Fingerprint(r.Variants[i]) {
			t.Errorf("%s has the fingerprint of the one before", v.Name)
		}
	}
}

func TestSetProblems(t *testing.T) {
	for _, test := range []struct{ entry, want string }{
		{"widths: []", "variants.p.widths: lists no width; list at least one, or leave it out"},
		{"widths: 5", "variants.p.widths: is a single value; write a list, like [a, b]"},
		{"widths: [5, x]", `variants.p.widths[1]: "x" is not a whole number; write digits only, like 800`},
		{"widths: [5, 5]", "variants.p.widths[1]: 5 is listed twice; remove one"},
		{"widths: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "variants.p.widths: lists 17 widths; a set has at most 16"},
		{"widths: [5], width: 3", "variants.p.width: stands beside widths; leave out one of the two"},
		{"widths: [5], height: 3", "variants.p.height: stands beside widths; leave it out, so that it follows from each width"},
		{"width: 5, formats: [jpg, jpeg]", "variants.p.formats[1]: jpeg is listed twice; remove one"},
		{"width: 5, formats: [bmp]", "variants.p.formats[0]: bmp can be read but not written yet; use jpeg, png, gif or webp"},
		{"width: 5, formats: [png], format: png", "variants.p.format: stands beside formats; leave out one of the two"},
		{"width: 5, formats: [png], quality: 5", "variants.p.quality: none of the formats has such a setting; leave it out"},
		{"width: 5, formats: {png: {quality: 5}}", "variants.p.formats.png.quality: png has no such setting; leave it out or use format jpeg or webp"},
		{"width: 5, formats: {jpeg: {qualty: 5}}", "variants.p.formats.jpeg.qualty: unknown setting; did you mean quality?"},
		{"width: 5, formats: {jpeg: {quality: 0}}", "variants.p.formats.jpeg.quality: 0 is out of range; write a number from 1 to 100"},
		{"width: 5, sizes: 50vw", "variants.p.sizes: has no effect without widths; leave it out"},
		{"widths: [5, 6], fit: cover", "variants.p.fit: cover needs both width and height"},
		{"formats: [webp, png], max_bytes: 9KB, width: 5", "variants.p.max_bytes: png is lossless, so its files cannot be made to fit; use format jpeg or webp"},
	} {
		_, err := Parse(all, "f", []byte(buckets+"variants: {p: {"+test.entry+"}}\n"))
		if err == nil || err.Error() != "f:3: "+test.want {
			t.Errorf("%s\n got %v\nwant %s", test.entry, err, test.want)
		}
	}
	set := func(key, variants string) string {
		return "source: {bucket: photos-input}\ntarget: {bucket: photos-output, set_key: '" + key + "'}\nvariants: {" + variants + "}\n"
	}
	const two, formats = "p: {widths: [5, 6], format: png}", "p: {width: 5, formats: [png, gif]}"
	const write = "; write {width} and {format}, and no digit behind the width, as in {variant}/{key}/{width}.{format}"
	for _, test := range []struct{ key, variants, want string }{
		{"{key}", two, "target.set_key: variants p.5 and p.6 could get the same key" + write},
		{"{key}-{width}{height}", two, "target.set_key: variants p.5 and p.6 could get the same key" + write},
		{"{key}-{width}", two, ""},
		{"{width}/{key}", two, ""},
		{"{key}-{width}", formats, "target.set_key: variants p.png and p.gif could get the same key" + write},
		{"{key}.{format}", formats, ""},
		{"{key}-{width}", two + ", q: {widths: [7], format: png}",
			"target.set_key: variants p.5 and q.7 could get the same key; add {variant}, as in {variant}/{key}"},
		{"{key}", "p: {width: 5, formats: [png]}, q: {width: 6}", ""},
		{"q/{key}", "p: {width: 5, formats: [png]}, q: {width: 6}",
			"target.key: variants p.png and q could get the same key; put {variant} between slashes, as in {variant}/{key}"},
		{"latest/{width}", two, "target.set_key: would be the same for many pictures; add {key} or {stem}"},
		{".imgmill/{key}/{width}", two, "target.set_key: begins with .imgmill/, where imgmill keeps records of its own; choose another folder"},
	} {
		_, err := Parse(all, "f", []byte(set(test.key, test.variants)))
		if got := strings.TrimPrefix(errText(err), "f:2: "); got != test.want {
			t.Errorf("%s of %s\n got %s\nwant %s", test.key, test.variants, got, test.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
