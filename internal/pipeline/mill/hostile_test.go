package mill_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/hostiletest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// hostileRecipe makes variants in every format that can be written, and one in that of the source.
func hostileRecipe(t *testing.T) *recipe.Recipe {
	t.Helper()
	text := "source: {bucket: sources, suffixes: []}\ntarget: {bucket: outputs, key: '{variant}/{stem}{ext}'}\n" +
		"variants:\n  same: {width: 16, quality: 80}\n" // without a quality, the number of the upload's bytes counts
	for _, f := range formats.All().Writable() {
		quality := ""
		if f.Setting("quality") != nil {
			quality = ", quality: 80"
		}
		text += fmt.Sprintf("  %s: {width: 12, format: %s%s}\n", f.Name, f.Name, quality)
	}
	r, err := recipe.Parse(formats.All(), "test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNothingButPixels checks that nothing of an upload but its pixels reaches the target under
// default settings: the variants are those of the same picture without markers, unless its colours
// are converted from a profile, and neither they nor their headers hold a marker.
func TestNothingButPixels(t *testing.T) {
	r := hostileRecipe(t)
	covered := map[string]bool{}
	for _, p := range hostiletest.Pictures() {
		ext := p.Extension()
		covered[ext] = true
		if !hostiletest.Holds(p.Data) || hostiletest.Holds(p.Clean) {
			t.Errorf("%s: there is no marker in it, or in its clean twin", p.Name)
		}
		store := mem.New("sources", "outputs")
		b := &bench{t, store, mill.New(store, r)}
		b.mill.Store = relabelled{store, func(i *bucket.Info) {
			a := hostiletest.Attributes()
			i.ContentType, i.CacheControl, i.ContentDisposition, i.Metadata = a.ContentType, a.CacheControl, a.ContentDisposition, a.Metadata
		}}
		b.want(b.upload("hostile"+ext, p.Data, bucket.Attributes{}), outcome.Done, "")
		b.want(b.upload("clean"+ext, p.Clean, bucket.Attributes{}), outcome.Done, "")
		for _, o := range r.Plan("hostile" + ext).Outputs {
			name := o.Variant.Name + "/hostile" + ext
			info, got := b.get(name)
			_, clean := b.get(o.Variant.Name + "/clean" + ext)
			if !p.Profile && !bytes.Equal(got, clean) {
				t.Errorf("%s: %s differs from that of the clean picture", p.Name, name)
			}
			d, err := r.Formats.Open(bytes.NewReader(got), codec.OpenOptions{})
			if err != nil {
				t.Fatalf("%s: %s: %v", p.Name, name, err)
			}
			if h := d.Header(); hostiletest.Holds(got) || h.Layout.Space.ICC != nil || h.EXIF != nil {
				t.Errorf("%s: a marker, EXIF data or a profile reaches %s", p.Name, name)
			}
			headers := fmt.Sprint(info.ContentType, info.CacheControl, info.ContentDisposition, info.Metadata)
			if hostiletest.Holds([]byte(headers)) || info.CacheControl != "max-age=60" {
				t.Errorf("%s: a marker reaches the headers of %s: %s", p.Name, name, headers)
			}
		}
	}
	for _, f := range r.Formats.Readable() {
		if !slices.ContainsFunc(f.Extensions, func(ext string) bool { return covered[ext] }) {
			t.Errorf("no hostile picture in %s", f.Title)
		}
	}
}

// TestHostileNames checks that keys of any kind end as done, skipped or bad, never as a retry or
// outside of the keys that the recipe names.
func TestHostileNames(t *testing.T) {
	photo := sample.Photo(60, 40)
	for _, key := range hostiletest.Names() {
		for _, data := range [][]byte{photo, photo[:900]} {
			b := newBench(t, "on_bad: {prefix: failed/}\nmanifest: true\n")
			r := b.mill.Process(b.Context(), b.upload(key, data, bucket.Attributes{}))
			if r.Verdict == outcome.Retry {
				t.Errorf("%q: %s %s", key, r.Verdict, r.Reason)
			}
			for _, made := range b.outputs() {
				switch made {
				case "small/" + key, "tiny/" + key, key + ".imgmill.json", "failed/" + key, "failed/" + key + ".json":
				default:
					if !strings.HasPrefix(made, "failed/long-keys/") {
						t.Errorf("%q: %q was written", key, made)
					}
				}
			}
		}
	}
}

// TestPagesAreNotPictures checks that what a browser could run is neither a picture nor displayed if
// it is kept as a bad upload.
func TestPagesAreNotPictures(t *testing.T) {
	gifHead := []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00") // enough to be detected, and corrupt
	for name, data := range map[string][]byte{
		"page.jpg":     []byte("<!DOCTYPE html><script>alert(1)</script>"),
		"drawing.png":  []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"document.jpg": []byte("%PDF-1.7\n1 0 obj"),
		"script.gif":   []byte("GIF"),
		"polyglot.gif": append(gifHead, "/*<script>alert(1)</script>*/=1"...),
	} {
		b := newBench(t, "on_bad: {prefix: failed/}\n")
		r := b.mill.Process(b.Context(), b.upload(name, data, bucket.Attributes{ContentType: "text/html"}))
		if r.Verdict != outcome.Bad && r.Verdict != outcome.Skipped {
			t.Errorf("%s: %s %s", name, r.Verdict, r.Reason)
		}
		for _, key := range b.outputs() {
			if info, _ := b.get(key); info.ContentType == "text/html" || !strings.HasPrefix(key, "failed/") ||
				key == "failed/"+name && (info.ContentDisposition != "attachment" || info.ContentType != "application/octet-stream") {
				t.Errorf("%s: %+v", name, info)
			}
		}
	}
}
