package cli_test

import (
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestDevReload edits the recipe of a running dev: first into one that is invalid, then into one with
// another width, and last into one with another bucket.
func TestDevReload(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "small.yaml")
	edit := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const buckets = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"
	edit(buckets + "variants:\n  small: {width: 120}\n")
	p := run(t, "dev", "--dir", filepath.Join(dir, "cloud"), "--port", "0", "--config", config)
	store, err := s3.Open(p.ready(t))
	if err != nil {
		t.Fatal(err)
	}
	upload := func(key string) {
		t.Helper()
		_, err := store.Put(t.Context(), "photos-input", key, sample.Photo(400, 300), bucket.Attributes{}, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		if verdict, rest := p.verdict(t, key); verdict != "done" {
			t.Fatalf("%s: %s %s", key, verdict, rest)
		}
	}
	width := func(key string) int {
		t.Helper()
		o, err := store.Get(t.Context(), "photos-output", key, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		c, err := jpeg.DecodeConfig(o.Body)
		if err != nil {
			t.Fatal(err)
		}
		return c.Width
	}
	upload("before.jpg")
	if got := width("before.jpg"); got != 120 {
		t.Fatalf("before.jpg is %d pixels wide", got)
	}
	// A sweep leaves alone what was uploaded just now.
	past := time.Now().Add(-time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "cloud", "s3", "data", "photos-input", "before.jpg"), past, past); err != nil {
		t.Fatal(err)
	}

	edit(buckets + "variants:\n  small: {widht: 200}\n  large: {quality: 900}\n")
	p.find(t, 0, regexp.MustCompile(`the recipe is invalid.*problem=".*small\.yaml:4: .*widht.*" further=1`))
	edit(buckets + "variants:\n  small: {width: 200}\n")
	p.find(t, 0, regexp.MustCompile(`the recipe was edited`))
	for end := time.Now().Add(waitTimeout); width("before.jpg") != 200; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the variant of the older recipe is still there")
		}
	}
	upload("after.jpg")
	if got := width("after.jpg"); got != 200 {
		t.Errorf("after.jpg is %d pixels wide", got)
	}
	edit("source: {bucket: elsewhere}\ntarget: {bucket: photos-output}\n")
	p.find(t, 0, regexp.MustCompile(`the recipe names other buckets; restart dev`))
	p.interrupt(t)
}
