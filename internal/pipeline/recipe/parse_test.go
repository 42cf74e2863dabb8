package recipe

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"

	"github.com/imgmill/imgmill/internal/engine/formats"
)

// all is the formats of the tests, so that a new one changes none of the texts that they expect.
var all = formats.All().Where(func(f *codec.Format) bool {
	return slices.Contains([]string{"jpeg", "png", "gif", "webp", "heic", "tiff", "bmp", "avif", "jxl"}, f.Name)
})

func formatNamed(name string) *codec.Format { return all.Named(name) }

const buckets = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"

func parse(t *testing.T, yaml string) *Recipe {
	t.Helper()
	r, err := Parse(all, "imgmill.yaml", []byte(yaml))
	if err != nil {
		t.Fatalf("%s\n%v", yaml, err)
	}
	return r
}

func TestParseEverything(t *testing.T) {
	got := parse(t, `
source:
  bucket: in-1
  prefix: uploads/
  suffixes: [.JPG, .png]
  endpoint: https://a.example:9000
  region: garage
  path_style: false
target:
  {bucket: out-1, endpoint: "http://[::1]:9001", key: "{variant}/{dir}/{stem}.{format}", url: /pics, overwrite: any, keep_replaced: 36h, cache_control: "public, max-age=60",
    tags: {team: web, a b: ""}, storage_class: STANDARD_IA, acl: public-read}
variants:
  thumb:
    width: 200
    height: 150
    fit: cover
    enlarge: true
    filter: catmull-rom
    linear_light: true
    format: jpg
    quality: 75
    subsampling: 4:4:4
    progressive: true
    max_bytes: 12.5KiB
    background: "#0180fE"
    metadata: keep
  another: {height: "10", background: black}
  a: {format: PNG, width: 5}
  flow: {subsampling: 4:2:2, width: 6}
  fitted: {max_bytes: 300 kb}
rules:
  - {match: "avatars/**", variants: [thumb, a]}
  - match: '**/*.png'
    variants: []
limits: {pixels: 1.5MP, bytes: 2MiB, frames: 7, memory: 512MiB, timeout: 1m30s}
metadata: copyright
object_metadata: [Author, content-disposition]
on_remove: keep
on_bad: {prefix: failed}
manifest: true
`)
	white := [3]uint8{255, 255, 255}
	want := &Recipe{
		Formats: all,
		Source: Source{"in-1", Store{"https://a.example:9000", "garage", false}, "uploads/",
			[]string{".jpg", ".png"}},
		Target: Target{"out-1", Store{"http://[::1]:9001", "", true}, "/pics", "{variant}/{dir}/{stem}.{format}", "{variant}/{key}/{width}.{format}", OverwriteAny,
			Attributes{CacheControl: "public, max-age=60", Tags: map[string]string{"team": "web", "a b": ""},
				StorageClass: "STANDARD_IA", ACL: "public-read"}, 36 * time.Hour},
		Variants: []render.Variant{
			{Name: "thumb", Width: 200, Height: 150, Fit: "cover", Enlarge: true, Filter: "catmull-rom", LinearLight: true,
				Format: formatNamed("jpeg"), MaxBytes: 12800, Background: [3]uint8{1, 0x80, 0xfe}, Metadata: "keep",
				Encoding: setting.Values{"quality": "75", "subsampling": "4:4:4", "progressive": "true"}},
			{Name: "another", Height: 10, Metadata: "copyright"},
			{Name: "a", Width: 5, Format: formatNamed("png"), Background: white, Metadata: "copyright"},
			{Name: "flow", Width: 6, Encoding: setting.Values{"subsampling": "4:2:2"}, Background: white, Metadata: "copyright"},
			// A bound on the bytes makes it a JPEG.
			{Name: "fitted", Format: formatNamed("jpeg"), MaxBytes: 300000, Background: white, Metadata: "copyright"},
		},
		Rules:    []Rule{{"avatars/**", []string{"thumb", "a"}}, {"**/*.png", []string{}}},
		Limits:   Limits{codec.Limits{Pixels: 1500000, Bytes: 2 << 20, Frames: 7, Memory: 512 << 20}, 90 * time.Second, true},
		OnRemove: Keep, OnBad: OnBad{true, "failed/"}, Manifest: true, Gates: Gates{Wait: 10 * time.Minute},
		ObjectMetadata: ObjectMetadata{Names: []string{"author", ContentDisposition}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	d := Default(all)
	if err := d.Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	if got := parse(t, buckets); !reflect.DeepEqual(got, d) {
		t.Errorf("a file of two buckets is %+v, the default %+v", got, d)
	}
	if empty := parse(t, buckets+"variants:\nrules:\nlimits:\n  # pixels: 1MP\non_bad:\n"); !reflect.DeepEqual(empty, d) {
		t.Errorf("empty sections make it %+v", empty)
	}
	v := d.Variants[0]
	if len(d.Variants) != 1 || v.Width != 800 || v.Height != 0 || v.Fit != "" || v.Enlarge || v.Metadata != "" {
		t.Errorf("the default makes %+v", d.Variants)
	}
	if d.Target.Key != "{key}" || d.Target.Overwrite != OverwriteOurs || d.OnRemove != Keep || d.Manifest || d.OnBad.Prefix != "" {
		t.Errorf("the default is %+v", d)
	}
	if l := d.Limits; l.Pixels != 200e6 || l.Bytes != 100e6 || l.Frames != 500 || l.Memory != 1<<30 || l.Timeout != time.Minute {
		t.Errorf("default limits %+v", l)
	}
	if !slices.Contains(d.Source.Suffixes, ".heic") {
		t.Error("an uploaded .heic would be passed over in silence")
	}
	if several := parse(t, buckets+"variants: {a: {width: 1}, b: {width: 2}}"); several.Target.Key != "{variant}/{key}" {
		t.Errorf("several variants go to %s", several.Target.Key)
	}
	Default(all).Source.Suffixes[0] = "changed"
	if Default(all).Source.Suffixes[0] != ".jpg" {
		t.Error("defaults share memory")
	}
}

func TestOrderOfVariants(t *testing.T) {
	var want []string
	yaml := buckets + "variants:\n"
	for _, c := range "qzaxmwtbk" {
		want = append(want, string(c))
		yaml += fmt.Sprintf("  %c: {width: 1}\n", c)
	}
	var got []string
	for _, v := range parse(t, yaml).Variants {
		got = append(got, v.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want the order of the file, %v", got, want)
	}
}

// TestExample parses the example as it is and with each commented setting in use, and looks for
// every setting.
func TestExample(t *testing.T) {
	text := string(Example(all))
	r, rd := read(all, "imgmill.yaml", []byte(text), false)
	if err := rd.err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Errorf("parsed, and not valid: %v", err)
	}
	shown := map[string]bool{}
	for name := range rd.lines {
		shown[anyVariant(name)] = true
	}
	for i, line := range strings.Split(text, "\n") {
		if len(line) > 125 {
			t.Errorf("line %d of the example has %d characters", i+1, len(line))
		}
		commented, ok := strings.CutPrefix(line, "    # ")
		if group, outer := strings.CutSuffix(commented, ":"); ok && outer && !strings.Contains(group, " ") { // with what is below it
			_, below, _ := strings.Cut(text, line+"\n")
			used := "    " + commented + "\n"
			for inner := range strings.Lines(below) {
				if inner, ok = strings.CutPrefix(inner, "    #   "); !ok {
					break
				}
				if name, _, isSetting := strings.Cut(inner, ": "); isSetting && !strings.Contains(name, " ") {
					shown["variants.*."+group+"."+name] = true
					used += "      " + inner
				}
			}
			if _, err := Parse(all, "imgmill.yaml", []byte(strings.Replace(text, line+"\n", used, 1))); err != nil {
				t.Errorf("with %s in use: %v\n%s", group, err, used)
			}
			shown["variants.*."+group] = true
			continue
		}
		name, _, isSetting := strings.Cut(commented, ": ")
		if !ok || !isSetting || strings.Contains(name, " ") {
			continue
		}
		used := strings.Replace(text, line, "    "+commented+"\n    height: 900", 1)
		if name == "height" {
			used = strings.Replace(text, line, "    "+commented, 1)
		}
		if _, err := Parse(all, "imgmill.yaml", []byte(used)); err != nil {
			t.Errorf("with %q in use: %v", commented, err)
		}
		shown["variants.*."+name] = true
	}
	// A variant's setting counts as shown if one variant shows it.
	for name := range rd.absent {
		if !shown[anyVariant(name)] {
			t.Errorf("the example does not show %s", name)
		}
	}
	if len(shown) < 30 {
		t.Errorf("only %d settings seen: %v", len(shown), shown)
	}
}

func anyVariant(name string) string {
	parts := strings.Split(name, ".")
	if parts[0] == "variants" && len(parts) > 1 {
		parts[1] = "*"
		if len(parts) > 4 && parts[2] == "formats" { // a setting of a format
			parts = slices.Delete(parts, 2, 4)
		}
	}
	return strings.Join(parts, ".")
}

// TestEveryFieldIsRead: no field of the recipe can be added without a setting in the file, and so
// (TestExample) without a line in the example.
func TestEveryFieldIsRead(t *testing.T) {
	r := parse(t, `
source: {bucket: in-1, prefix: a, suffixes: [.jpg], endpoint: "http://a", region: b}
target: {bucket: out-1, endpoint: "http://c", region: d, url: /, key: "{key}", cache_control: no-store, tags: {a: b}, storage_class: GLACIER_IR, acl: public-read}
object_metadata: copy
focal_tag: focal
variants: {v: {width: 1, height: 2, fit: cover, enlarge: true, filter: box, linear_light: true, embedded: never, formats: [jpeg], quality: 3, look: high, effort: high, subsampling: 4:2:0, progressive: true, max_bytes: 4KB, background: "#010203", metadata: keep, colour: p3, intent: perceptual, black_point_compensation: true, hdr: keep, position: focal, frames: first, poster: 2, watermark: {image: a, position: top, scale: 3%, opacity: 4%, margin: 5%, tile: true}}}
rules: [{match: x, variants: [v]}]
limits: {pixels: 1, bytes: 2, frames: 3, memory: 4, timeout: 5s}
on_remove: remove
on_bad: {prefix: b/}
manifest: true
notify: [{to: "https://a.example/", secret_env: HOOK}]
gates: {tag: {scan: clean}, wait: 5m, rekognition: {min_confidence: 70, labels: [Violence]}, placeholder: a.png}
`)
	var check func(name string, v reflect.Value)
	check = func(name string, v reflect.Value) {
		switch {
		case name == "Recipe.ObjectMetadata.Names", // instead of All
			name == "Recipe.Sets[0].Widths", name == "Recipe.Sets[0].Formats", name == "Recipe.Sets[0].Sizes": // TestSets
			return
		case name == "Recipe.overlayETags" || strings.HasSuffix(name, ".Overlay"), name == "Recipe.Formats" || name == "Recipe.Nameless" || strings.HasSuffix(name, ".Reserve"), strings.HasSuffix(name, ".Focal"): // no settings
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				check(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Slice, reflect.Array:
			if v.Len() == 0 {
				t.Errorf("%s is empty", name)
			}
			for i := range v.Len() {
				check(fmt.Sprintf("%s[%d]", name, i), v.Index(i))
			}
		default:
			if v.IsZero() {
				t.Errorf("%s is read from no setting", name)
			}
		}
	}
	check("Recipe", reflect.ValueOf(*r))
}

// TestParseAnywhere checks that buckets may be left out together where their names mean nothing.
func TestParseAnywhere(t *testing.T) {
	for text, nameless := range map[string]bool{
		"variants: {a: {width: 1}}": true,
		"":                          true,
		"source: {prefix: in/}\ntarget: {key: \"a/{key}\"}": true,
		buckets: false,
	} {
		r, err := ParseAnywhere(all, "imgmill.yaml", []byte(text))
		if err != nil || r.Nameless != nameless || r.Source.Bucket == "" || r.Target.Bucket == "" {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{"source: {bucket: one}", "target: {bucket: one}", "source: 1"} {
		if r, err := ParseAnywhere(all, "imgmill.yaml", []byte(text)); err == nil {
			t.Errorf("%q is accepted: %+v", text, r)
		}
	}
	if _, err := Parse(all, "imgmill.yaml", []byte("variants: {a: {width: 1}}")); err == nil {
		t.Error("Parse accepts a recipe without buckets")
	}
}
