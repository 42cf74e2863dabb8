package recipe

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

func TestFingerprintIsStable(t *testing.T) {
	// If this value changes, every object in every bucket becomes stale: change it only with the
	// outputs themselves.
	const known = "a95f4b32f30a61f6"
	d := Default(all)
	got := d.Fingerprint(d.Variants[0])
	if got != known {
		t.Errorf("the default's fingerprint is %s, was %s", got, known)
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(got) {
		t.Errorf("fingerprint %q", got)
	}
	a := parse(t, buckets+"variants: {a: {width: 100, quality: 75, fit: inside, filter: lanczos3, effort: normal}, b: {height: 5}}\nmetadata: strip\n")
	b := parse(t, "variants:\n  b: {height: 5}\n  a:\n    metadata: strip\n    width: 100\n    quality: 75\n    background: white\ntarget: {key: '{variant}/{key}', bucket: photos-output}\n"+
		"limits: {timeout: 5s}\nmanifest: true\nsource: {bucket: elsewhere, prefix: x/}\n")
	for _, x := range a.Variants {
		for _, y := range b.Variants {
			if (a.Fingerprint(x) == b.Fingerprint(y)) != (x.Name == y.Name) {
				t.Errorf("%s %s, %s %s", x.Name, a.Fingerprint(x), y.Name, b.Fingerprint(y))
			}
		}
	}
	explicit := parse(t, "source: {bucket: photos-input}\ntarget: {bucket: photos-output, tags: {}, storage_class: STANDARD, acl: private}\nobject_metadata: none\n")
	if explicit.Fingerprint(d.Variants[0]) != got {
		t.Error("attributes that are as without a setting change the fingerprint")
	}
	plain := render.NewVariant("resized")
	plain.Width = 800
	if d.Fingerprint(plain) != got {
		t.Error("defaults that are written out change the fingerprint")
	}
	// With a quality or a subsampling of its own, a JPEG may have more bytes than its source.
	for _, free := range []setting.Values{{"quality": "80"}, {"subsampling": "4:2:0"}} {
		v := plain
		v.Encoding = free
		if d.Fingerprint(v) == got {
			t.Errorf("%v has the fingerprint of the default", free)
		}
	}
}

// TestFingerprintChanges gives every setting another value, and the key and the bucket.
func TestFingerprintChanges(t *testing.T) {
	r := Default(all)
	v := r.Variants[0]
	seen := map[string]string{r.Fingerprint(v): "nothing"}
	note := func(print, what string) {
		if same, ok := seen[print]; ok {
			t.Errorf("a change of %s gives the fingerprint of %s", what, same)
		}
		seen[print] = what
	}
	for _, s := range render.NewSchema(all).Settings {
		changed := v
		value := map[setting.Type]string{setting.Int: "77", setting.Bool: "true", setting.Bytes: "77000", setting.Colour: "#777777", setting.Position: "77% 7%", setting.Percent: "7%", setting.Name: "a.png"}[s.Type]
		if s.Type == setting.Choice {
			value = s.Choices[len(s.Choices)-1]
		}
		s.Set(&changed, value)
		note(r.Fingerprint(changed), s.Name)
	}
	if len(seen) < 15 {
		t.Errorf("only %d settings were changed", len(seen)-1)
	}
	renamed := v
	renamed.Name = "other"
	note(r.Fingerprint(renamed), "the name")
	for i, change := range []func(){
		func() { r.Target.Attributes.CacheControl = "no-store" },
		func() { r.Target.Attributes.Tags = map[string]string{"a": "b"} },
		func() { r.Target.Attributes.Tags = map[string]string{"a": "b", "c": ""} },
		func() { r.Target.Attributes.StorageClass = "GLACIER_IR" },
		func() { r.Target.Attributes.ACL = "public-read" },
		func() { r.ObjectMetadata.All = true },
		func() { r.ObjectMetadata = ObjectMetadata{Names: []string{"a"}} },
		func() { r.ObjectMetadata = ObjectMetadata{Names: []string{"a", "b"}} },
	} {
		change()
		note(r.Fingerprint(v), fmt.Sprintf("attribute %d", i))
	}
	r.Target.Key = "x/{key}"
	note(r.Fingerprint(v), "target.key")
	r.Target.Bucket = "elsewhere"
	note(r.Fingerprint(v), "target.bucket")
}

// TestNewSettingsLeaveFingerprints adds a setting to a format, and a format to the set: nothing
// becomes stale.
func TestNewSettingsLeaveFingerprints(t *testing.T) {
	r := Default(all)
	v := r.Variants[0]
	v.Encoding = setting.Values{"quality": "70"}
	before := r.Fingerprint(v)

	jpeg := *formatNamed("jpeg")
	jpeg.Settings = append(slices.Clone(jpeg.Settings), &setting.Setting{Name: "shimmer", Type: setting.Bool, Default: "false", Help: "shimmers"})
	toy := &codec.Format{
		Name: "toy", Title: "Toy", Extensions: []string{".toy"}, MediaType: "image/x-toy",
		Settings: []*setting.Setting{{Name: "depth", Type: setting.Int, Min: 1, Default: "3", Help: "deepens"}},
		Encoder:  func(setting.Values) codec.Encoder { return nil },
	}
	r.Formats = append(codec.Set{&jpeg, toy}, all[1:]...)
	if after := r.Fingerprint(v); after != before {
		t.Errorf("a new setting and a new format turn %s into %s", before, after)
	}
	for name, value := range map[string]string{"shimmer": "true", "depth": "4"} {
		changed := v
		render.NewSchema(r.Formats).Setting(name).Set(&changed, value)
		if r.Fingerprint(changed) == before {
			t.Errorf("%s does not count", name)
		}
	}
}
