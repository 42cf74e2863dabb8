package migrate

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// migrated returns the recipe of settings, and its text.
func migrated(t *testing.T, settings string) (*recipe.Recipe, string) {
	t.Helper()
	res, err := Recipe(formats.All(), []byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range res.Notes {
		if !strings.Contains(string(res.Recipe), "\n# - "+n+"\n") {
			t.Errorf("the recipe does not say: %s", n)
		}
	}
	r, err := recipe.Parse(formats.All(), "imgmill.yaml", res.Recipe)
	if err != nil {
		t.Fatalf("%s\n%v", res.Recipe, err)
	}
	return r, string(res.Recipe)
}

// keys returns the keys of the variants of a JPEG, as far as they do not depend on the picture.
func keys(t *testing.T, r *recipe.Recipe, key string) (got []string) {
	t.Helper()
	for _, o := range r.Plan(key).Outputs {
		f := o.Variant.Format
		if f == nil {
			f = formats.All().Named("jpeg")
		}
		k, err := o.KeyFor(100, 50, f)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, k)
	}
	return got
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s\nlacks: %s", text, p)
		}
	}
}

// TestLambdaImage reads a config.json with each kind of setting.
func TestLambdaImage(t *testing.T) {
	r, text := migrated(t, `{
		"bucket": "resized", "acl": "public-read", "cacheControl": "public, max-age=60", "jpegOptimizer": "jpegoptim",
		"backup": {"directory": "./original", "move": true},
		"resizes": [
			{"size": 300, "directory": "./thumbs/small", "cacheControl": null},
			{"size": "450", "directory": "./thumbs/smooth", "quality": 90, "acl": "private"},
			{"size": "600x600^", "gravity": "Center", "crop": "600x600", "directory": "./thumbs/square", "background": "white", "format": "jpg"},
			{"size": "x90>", "directory": "./thumbs/low"},
			{"size": "70x80!", "directory": "./thumbs/filled"},
			{"size": "50%", "directory": "./thumbs/half"},
			{"size": "70x80", "crop": "10x10+5+5", "directory": "./thumbs/part"},
			{"size": "70", "format": "jp2", "directory": "./thumbs/other"}
		]}`)
	wants(t, text,
		"# - resizes[5] is left out: a recipe has sizes in pixels, and none like 50%.",
		"# - resizes[6] is left out", "# - resizes[7] is left out: imgmill does not write jp2.",
		"# - resizes[1].acl is left out", "# - backup.move is left out", "# - jpegOptimizer is left out", "your-upload-bucket",
		`key: "{dir}/thumbs/{variant}/{stem}.{format}"`, `cache_control: "public, max-age=60"`, "acl: public-read",
		"small: {width: 300, enlarge: true}",
		"smooth: {width: 450, enlarge: true, quality: 90}",
		"square: {width: 600, height: 600, fit: cover, enlarge: true, format: jpeg, background: \"white\"}",
		"low: {height: 90}",
		"filled: {width: 70, height: 80, fit: fill, enlarge: true}",
	)
	want := []string{"a/thumbs/small/b.jpg", "a/thumbs/smooth/b.jpg", "a/thumbs/square/b.jpg", "a/thumbs/low/b.jpg", "a/thumbs/filled/b.jpg"}
	if got := keys(t, r, "a/b.JPG"); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if r.Target.Bucket != "resized" {
		t.Error(r.Target.Bucket)
	}
}

// TestKeys looks at which keys become one template.
func TestKeys(t *testing.T) {
	for settings, want := range map[string][]string{
		`{"bucket": "resized", "reduce": {"quality": 70, "suffix": "_web"}}`:                               {"a/b_web.jpg"},
		`{"bucket": "resized", "reduce": {"directory": "out", "keepExtension": true}}`:                     {"out/a/b.JPG"},
		`{"bucket": "resized", "resizes": [{"size": 5, "suffix": "-s"}, {"size": 6, "suffix": "-m"}]}`:     {"a/b-s.jpg", "a/b-m.jpg"},
		`{"bucket": "resized", "resizes": [{"size": 5, "prefix": "s_"}, {"size": 6, "prefix": "m_"}]}`:     {"a/s_b.jpg", "a/m_b.jpg"},
		`{"bucket": "resized", "resizes": [{"size": 5, "directory": "s"}, {"size": 6, "directory": "m"}]}`: {"s/a/b.jpg", "m/a/b.jpg"},
		// No template gives these.
		`{"bucket": "resized", "resizes": [{"size": 5, "directory": "s/x"}, {"size": 6, "directory": "./m"}]}`:     {"x/a/b.JPG", "m/a/b.JPG"},
		`{"bucket": "resized", "resizes": [{"size": 5, "directory": "s"}, {"size": 6, "directory": "s"}]}`:         {"s/a/b.JPG", "s-2/a/b.JPG"},
		`{"bucket": "resized", "resizes": [{"size": 5, "directory": "../s"}]}`:                                     {"s/a/b.JPG"},
		`{"bucket": "resized", "resizes": [{"size": 5, "template": {"pattern": "*path/c", "output": "*path/d"}}]}`: {"variant1/a/b.JPG"},
		"IMG_SIZES=20x30": {"a/b_20x30.JPG"},
		"IMG_SIZES=20x30,40x50\nRESIZED_IMAGES_PATH=/thumbs":               {"a/thumbs/b_20x30.JPG", "a/thumbs/b_40x50.JPG"},
		"IMG_SIZES=20x30,40x50\nIMAGE_TYPE=webp\nIMG_BUCKET=x.appspot.com": {"a/b_20x30.webp", "a/b_40x50.webp"},
		"IMG_SIZES=20x30\nIMAGE_TYPE=webp,jpeg":                            {"a/b_20x30.webp", "a/b_20x30.jpg"},
	} {
		r, text := migrated(t, settings)
		if got := keys(t, r, "a/b.JPG"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v\n%s", settings, got, want, text)
		}
	}
}

// TestResizeImages reads every parameter of the Firebase extension.
func TestResizeImages(t *testing.T) {
	r, text := migrated(t, `
# comment
IMG_BUCKET=project.appspot.com
IMG_SIZES=200x200,1280x720
IMAGE_TYPE=jpeg,webp,avif,false
OUTPUT_OPTIONS={"jpeg": {"quality": 5, "chromaSubsampling": "4:4:4", "mozjpeg": true}, "png": {"palette": true}}
CACHE_CONTROL_HEADER="max-age=86400"
MAKE_PUBLIC=true
IS_ANIMATED=true
INCLUDE_PATH_LIST=/users/*/pictures,/menu
EXCLUDE_PATH_LIST=/users/old
FAILED_IMAGES_PATH=failed
DELETE_ORIGINAL_FILE=on_success
DO_BACKFILL=true
SHARP_OPTIONS={"fit": "cover"}
CONTENT_FILTER_LEVEL=BLOCK_ONLY_HIGH
LOCATION=asia-northeast1
`)
	wants(t, text, "project.appspot.com;", "avif is left out", "own type is left out", "mozjpeg of jpeg is left out", "those of png are left out",
		"beside the uploads", "FAILED_IMAGES_PATH is left out", "DELETE_ORIGINAL_FILE is left out", "imgmill sync", "SHARP_OPTIONS is left out",
		"CONTENT_FILTER_LEVEL is left out", `cache_control: "max-age=86400"`, "acl: public-read", "object_metadata: copy",
		"200x200: {width: 200, height: 200, formats: {jpeg: {subsampling: 4:4:4, quality: 5}, webp: {frames: all}}}")
	for key, n := range map[string]int{
		"users/a/b/pictures/c.jpg": 4, "menu/a.png": 4, "users/old/pictures/a.jpg": 0, "other/a.jpg": 0,
	} {
		if got := len(r.Plan(key).Outputs); got != n {
			t.Errorf("%s: %d outputs, want %d\n%s", key, got, n, text)
		}
	}
}

func TestRefused(t *testing.T) {
	for settings, want := range map[string]string{
		"":                                "is empty",
		"{":                               "not valid JSON",
		`{"name": "x"}`:                   "neither resizes nor reduce",
		`{"resizes": [7]}`:                "resizes[0] is not an object",
		`{"resizes": [{"size": "1%"}]}`:   "no output that a recipe could make",
		"hello":                           "line 1 is neither JSON nor NAME=value",
		"A=b":                             "has no IMG_SIZES",
		"IMG_SIZES=2":                     `"2" is not a size`,
		"IMG_SIZES=0x2":                   `"0x2" is not a size`,
		"IMG_SIZES=99999x2":               `"99999x2" is not a size`,
		`{"bucket": "B_D", "reduce": {}}`: "target.bucket",
	} {
		if res, err := Recipe(formats.All(), []byte(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %s", settings, res, err, want)
		}
	}
}

// FuzzRecipe looks for settings that make the package panic; a recipe that it returns has been parsed.
func FuzzRecipe(f *testing.F) {
	f.Add(`{"bucket": "resized", "resizes": [{"size": "600x600^", "crop": "600x600", "directory": "./a"}, {"size": 5, "directory": "./b"}]}`)
	f.Add("IMG_SIZES=20x30,40x50\nIMAGE_TYPE=jpeg,webp\nEXCLUDE_PATH_LIST=/a/*")
	f.Fuzz(func(t *testing.T, settings string) {
		res, err := Recipe(formats.All(), []byte(settings))
		if err == nil && len(res.Recipe) == 0 {
			t.Error("neither a recipe nor an error")
		}
	})
}
