package recipe

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

func TestFingerprintStays(t *testing.T) {
	// If this value has to change, every object in every bucket is made anew: change it only with what makes it.
	const known = "5234fbd7274ace24"
	d := Default()
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
	if plain := (render.Variant{Name: "resized", Width: 800, Background: d.Variants[0].Background}); d.Fingerprint(plain) != got {
		t.Error("defaults that are written out change the fingerprint")
	}
	// With a quality or a subsampling of its own, a JPEG may have more bytes than its source.
	for _, free := range []render.Variant{
		{Name: "resized", Width: 800, Background: d.Variants[0].Background, Quality: render.DefaultQuality},
		{Name: "resized", Width: 800, Background: d.Variants[0].Background, Subsampling: codec.Subsample420},
	} {
		if d.Fingerprint(free) == got {
			t.Errorf("%+v has the fingerprint of the default", free)
		}
	}
}

// TestFingerprintChanges: every field of a variant counts, those included that are yet to come.
func TestFingerprintChanges(t *testing.T) {
	r := Default()
	v := r.Variants[0]
	seen := map[string]string{r.Fingerprint(v): "nothing"}
	note := func(print, what string) {
		if same, ok := seen[print]; ok {
			t.Errorf("a change of %s gives the fingerprint of %s", what, same)
		}
		seen[print] = what
	}
	typ := reflect.TypeFor[render.Variant]()
	for i := range typ.NumField() {
		changed := v
		field := reflect.ValueOf(&changed).Elem().Field(i)
		switch field.Kind() {
		case reflect.String:
			field.SetString("changed")
		case reflect.Int, reflect.Int64:
			field.SetInt(77)
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.Array:
			field.Index(0).SetUint(77)
		default:
			t.Fatalf("field %s of kind %s", typ.Field(i).Name, field.Kind())
		}
		note(r.Fingerprint(changed), typ.Field(i).Name)
	}
	r.Target.Key = "x/{key}"
	note(r.Fingerprint(v), "target.key")
	r.Target.Bucket = "elsewhere"
	note(r.Fingerprint(v), "target.bucket")
}
