package mill_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/manifest/manifesttest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const baseRecipe = "source: {bucket: sources}\ntarget: {bucket: outputs, key: '{variant}/{key}'}\n" +
	"variants:\n  small: {width: 20, format: jpeg}\n  tiny: {width: 8, format: png}\n"

// bench is a mill over a store in memory.
type bench struct {
	*testing.T
	store *mem.Store
	mill  *mill.Mill
}

// stages notes what an observer is told.
type stages []string

func (s *stages) Reached(c event.Change, stage mill.Stage, p mill.Picture) {
	*s = append(*s, fmt.Sprintf("%s %s: %s %d×%d of %d bytes", c.Key, stage, p.Format, p.Width, p.Height, p.Bytes))
}

func (s *stages) Ended(c event.Change, r mill.Result) {
	*s = append(*s, fmt.Sprintf("%s %s", c.Key, r.Verdict))
}

func TestObserver(t *testing.T) {
	b := newBench(t, "")
	var seen stages
	b.mill.Observer = mill.Observers{&seen}
	photo := sample.Photo(60, 40)
	b.want(b.upload("a.jpg", photo, bucket.Attributes{}), outcome.Done, "")
	b.want(b.upload("cut.jpg", photo[:len(photo)/2], bucket.Attributes{}), outcome.Bad, "corrupt")
	b.want(b.upload("text.jpg", []byte("Dear reader"), bucket.Attributes{}), outcome.Skipped, "not a picture")
	b.mill.Remake(t.Context(), event.Change{Bucket: "sources", Key: "a.jpg", Size: -1}, []string{"tiny"})
	size := func(n int) string { return fmt.Sprintf("jpeg 60×40 of %d bytes", n) }
	want := stages{
		"a.jpg read: " + size(len(photo)), "a.jpg decoded: " + size(len(photo)), "a.jpg resized: " + size(len(photo)), "a.jpg done",
		"cut.jpg read: " + size(len(photo)/2), "cut.jpg bad",
		"text.jpg skipped",
		"a.jpg read: " + size(len(photo)), "a.jpg decoded: " + size(len(photo)), "a.jpg resized: " + size(len(photo)), "a.jpg done",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen:\n%s\nwant:\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}

func newBench(t *testing.T, more string) *bench {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte(baseRecipe+more))
	if err != nil {
		t.Fatal(err)
	}
	s := mem.New("sources", "outputs", "elsewhere")
	return &bench{t, s, mill.New(s, r)}
}

// upload stores a source and returns the change that S3 would report.
func (b *bench) upload(key string, data []byte, attr bucket.Attributes) event.Change {
	b.Helper()
	etag, err := b.store.Put(b.Context(), "sources", key, data, attr, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	return event.Change{Bucket: "sources", Key: key, ETag: etag, Size: int64(len(data)), Sequencer: "01"}
}

// want processes c and checks the verdict and a part of the reason, and that the reason is recorded if
// the source could be opened and is bad.
func (b *bench) want(c event.Change, verdict outcome.Verdict, reason string) mill.Result {
	b.Helper()
	r := b.mill.Process(b.Context(), c)
	if r.Verdict != verdict || !strings.Contains(r.Reason, reason) || (r.Reason == "") != (reason == "") {
		b.Errorf("%q: %s %q, want %s %q", c.Key, r.Verdict, r.Reason, verdict, reason)
	}
	record := b.mill.Recipe.Plan(c.Key).BadRecord
	if r.Verdict == outcome.Bad && r.Source.ETag != "" && record != "" && !strings.Contains(r.Reason, "not recorded") {
		info, data := b.get(record)
		var got struct{ Bucket, Key, ETag, Reason string }
		if err := json.Unmarshal(data, &got); err != nil || got.Bucket != c.Bucket || got.Key != c.Key ||
			got.Reason != r.Reason || got.ETag != info.Metadata[outcome.MetadataSourceETag] {
			b.Errorf("%q: recorded as %s, %v; the reason is %q", c.Key, data, err, r.Reason)
		}
	}
	return r
}

// outputs returns the keys of the target bucket, without those of records.
func (b *bench) outputs() []string {
	b.Helper()
	var keys []string
	for info, err := range b.store.List(b.Context(), "outputs", "") {
		if err != nil {
			b.Fatal(err)
		}
		if !strings.HasPrefix(info.Key, recipe.Reserved) {
			keys = append(keys, info.Key)
		}
	}
	return keys
}

func (b *bench) wantOutputs(keys ...string) {
	b.Helper()
	if got := b.outputs(); strings.Join(got, " ") != strings.Join(keys, " ") {
		b.Errorf("outputs %q, want %q", got, keys)
	}
}

// get reads an output.
func (b *bench) get(key string) (bucket.Info, []byte) {
	b.Helper()
	o, err := b.store.Get(b.Context(), b.mill.Recipe.Target.Bucket, key, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	data, err := io.ReadAll(o.Body)
	if err != nil {
		b.Fatal(err)
	}
	return o.Info, data
}

// hugePNG returns a PNG that claims side×side pixels and has none.
func hugePNG(side uint32) []byte {
	chunk := func(name string, data []byte) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		out = append(append(out, name...), data...)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
	}
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(ihdr, 8, 2, 0, 0, 0))...)
	return append(append(out, chunk("IDAT", nil)...), chunk("IEND", nil)...)
}

func animation(t *testing.T, frames int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for range frames {
		m := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestVerdicts(t *testing.T) {
	photo := sample.Photo(60, 40)
	for _, c := range []struct {
		name, key, recipe string
		data              []byte
		verdict           outcome.Verdict
		reason            string
	}{
		{"photo", "a/b.jpg", "", photo, outcome.Done, ""},
		{"upper-case suffix", "b.JPG", "", photo, outcome.Done, ""},
		{"a PNG named jpg", "b.jpg", "", dot(t, 30, 1, 0), outcome.Done, ""},
		{"text", "t.jpg", "", []byte("not a picture at all"), outcome.Skipped, "not a picture"},
		{"empty", "e.jpg", "", nil, outcome.Skipped, "the object is empty"},
		{"folder", "dir/", "", photo, outcome.Skipped, "folder key"},
		{"suffix", "notes.txt", "", photo, outcome.Skipped, "source.suffixes"},
		{"no variant by the rules", "raw/x.jpg", "rules: [{match: 'raw/**', variants: []}]\n", photo, outcome.Skipped, "no variant"},
		{"cut off", "c.jpg", "", photo[:len(photo)/2], outcome.Bad, "corrupt"},
		{"cut off in the header", "c.jpg", "", photo[:40], outcome.Bad, "corrupt"},
		{"huge", "h.png", "", hugePNG(100000), outcome.Bad, "100000×100000"},
		{"detected, not decoded", "x.avif", "", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1padding."), outcome.Bad, "unsupported"},
		{"too many bytes", "b.jpg", "limits: {bytes: 1KB}\n", photo, outcome.Bad, "the limit is 1000"},
		{"frames that are not decoded", "f.gif", "limits: {frames: 2}\n", animation(t, 3), outcome.Done, ""},
		{"too many pixels", "b.jpg", "limits: {pixels: 0.002MP}\n", photo, outcome.Bad, "60×40"},
		{"a key that is too long", strings.Repeat("k", 1016) + ".jpg", "", photo, outcome.Bad, "the limit is 1024"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.recipe)
			r := b.want(b.upload(c.key, c.data, bucket.Attributes{}), c.verdict, c.reason)
			if c.verdict == outcome.Done {
				b.wantOutputs("small/"+c.key, "tiny/"+c.key)
				if len(r.Variants) != 2 || r.Variants[1].Key != "tiny/"+c.key || r.Variants[1].Width > 8 {
					t.Errorf("variants %+v", r.Variants)
				}
				if r.Source.Bytes != int64(len(c.data)) {
					t.Errorf("source %+v", r.Source)
				}
			} else {
				b.wantOutputs()
			}
		})
	}
}

func TestSkippedChanges(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})

	elsewhere := c
	elsewhere.Bucket = "elsewhere"
	b.want(elsewhere, outcome.Skipped, "not the recipe's source")

	stale := c
	stale.ETag = "0123"
	b.want(stale, outcome.Skipped, "stale")

	gone := c
	gone.Key = "never.jpg"
	b.want(gone, outcome.Skipped, "gone")

	removed := c
	removed.Removed = true
	b.want(removed, outcome.Skipped, "keeps variants")

	ours := b.upload("ours.jpg", sample.Photo(60, 40), bucket.Attributes{Metadata: map[string]string{outcome.MetadataSourceETag: "x"}})
	b.want(ours, outcome.Skipped, "our own output")
	b.wantOutputs()
}

// TestGuardNeedsNoStore checks that a change is skipped without a call to the store if its plan
// decides.
func TestGuardNeedsNoStore(t *testing.T) {
	b := newBench(t, "rules: [{match: 'raw/**', variants: []}]\n")
	b.mill.Store = nil
	for name, level := range map[string]slog.Level{"elsewhere": slog.LevelInfo, "outputs": slog.LevelDebug} {
		r := b.want(event.Change{Bucket: name, Key: "p.jpg"}, outcome.Skipped, "not the recipe's source")
		if r.Level() != level || r.OfTarget != (name == "outputs") {
			t.Errorf("%s: level %s, of the target: %t", name, r.Level(), r.OfTarget)
		}
	}
	b.want(event.Change{Bucket: "sources", Key: "notes.txt"}, outcome.Skipped, "source.suffixes")
	b.want(event.Change{Bucket: "sources", Key: "raw/p.jpg"}, outcome.Skipped, "no variant")
	b.want(event.Change{Bucket: "sources", Key: "p.jpg", Removed: true}, outcome.Skipped, "keeps variants")
	for _, key := range []string{"notes.txt", "raw/p.jpg"} {
		if fresh, err := b.mill.Fresh(t.Context(), bucket.Info{Key: key}); err != nil || !fresh {
			t.Errorf("%s: fresh %t, %v", key, fresh, err)
		}
	}
}

func TestSecondDelivery(t *testing.T) {
	b := newBench(t, "manifest: true\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.want(c, outcome.Done, "")
	first, _ := b.get("tiny/p.jpg")
	b.want(c, outcome.Done, "")
	if again, _ := b.get("tiny/p.jpg"); again.Modified != first.Modified {
		t.Error("a second delivery wrote again")
	}
	older := c
	older.Sequencer = "00" // an earlier upload of the same bytes, or a server whose sequencers began anew
	b.want(older, outcome.Done, "")
	if again, _ := b.get("tiny/p.jpg"); again.Modified != first.Modified {
		t.Error("an earlier delivery wrote again")
	}
}

// TestPreviewIsNamed checks that the log and the manifest say that a variant was made from the
// preview in a camera raw file. This one has a directory of two tags, and the preview behind it.
func TestPreviewIsNamed(t *testing.T) {
	b := newBench(t, "manifest: true\n")
	file := []byte("IIRO\x08\x00\x00\x00\x02\x00")
	for _, tag := range [][4]uint16{{256, 3, 1, 4000}, {257, 3, 1, 3000}} { // width and height, one short each
		for _, v := range []uint16{tag[0], tag[1], tag[2], 0, tag[3], 0} {
			file = binary.LittleEndian.AppendUint16(file, v)
		}
	}
	file = append(append(file, 0, 0, 0, 0), sample.Photo(1200, 80)...)
	c := b.upload("d/p.dng", file, bucket.Attributes{})
	r := b.want(c, outcome.Done, "")
	if line := r.LogLine(c); !strings.Contains(line.Preview, "1200×80") {
		t.Errorf("%+v", line)
	}
	if _, data := b.get("d/p.dng.imgmill.json"); !strings.Contains(string(data), `"preview": "JPEG preview of 1200×80`) {
		t.Errorf("%s", data)
	}
}

func TestManifest(t *testing.T) {
	b := newBench(t, "manifest: true\n")
	c := b.upload("d/p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	r := b.want(c, outcome.Done, "")
	info, data := b.get("d/p.jpg.imgmill.json")
	var got struct {
		Source struct {
			Bucket, Key, ETag, Format string
			Width, Height             int
			Bytes                     int64
		}
		Variants []mill.Variant
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	s := got.Source
	if s.Bucket != "sources" || s.Key != "d/p.jpg" || s.ETag != c.ETag || s.Format != "jpeg" || s.Width != 60 || s.Height != 40 || s.Bytes != c.Size {
		t.Errorf("source %+v", s)
	}
	if fmt.Sprint(got.Variants) != fmt.Sprint(r.Variants) || len(got.Variants) != 2 || got.Variants[0].Width != 20 {
		t.Errorf("variants %+v, result %+v", got.Variants, r.Variants)
	}
	if wrong := manifesttest.Validate(t, data); wrong != nil {
		t.Error(wrong)
	}
	if info.ContentType != "application/json" || info.Metadata[outcome.MetadataSourceETag] != c.ETag {
		t.Errorf("%+v", info)
	}
	small, _ := b.get("small/d/p.jpg")
	if int64(got.Variants[0].Bytes) != small.Size {
		t.Errorf("the manifest lists %d bytes, the variant has %d", got.Variants[0].Bytes, small.Size)
	}
}

// TestManifestForPages: what a web page needs is there, and of the upright picture.
func TestManifestForPages(t *testing.T) {
	b := newSetBench(t, mem.New("sources", "outputs"), "page: {widths: [8, 16, 64], formats: [webp, jpeg], sizes: 50vw}, tiny: {width: 4}",
		"manifest: true\n")
	b.mill.Recipe.Target.URL = "https://i.example/"
	turned := sample.Photo(60, 40)
	segment, err := hex.DecodeString("ffe10022457869660000" + "4d4d002a00000008" + "0001" + "011200030000000100060000" + "00000000")
	if err != nil {
		t.Fatal(err)
	}
	turned = slices.Concat(turned[:2], segment, turned[2:])
	c := b.upload("d/é p.jpg", turned, bucket.Attributes{Metadata: map[string]string{"alt": " Eine Rose, »rot« "}})
	b.want(c, outcome.Done, "")
	_, data := b.get("d/é p.jpg.imgmill.json")
	if err := manifesttest.Validate(t, data); err != nil {
		t.Errorf("%v\n%s", err, data)
	}
	m, err := manifest.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if m.Source.Width != 40 || m.Source.Height != 60 || m.Alt != "Eine Rose, »rot«" || m.Placeholder == nil || len(m.Variants) != 7 {
		t.Errorf("%s", data)
	}
	if hash, err := base64.StdEncoding.DecodeString(m.Placeholder.ThumbHash); err != nil || hash[4]>>7 != 0 {
		t.Errorf("the placeholder is not upright: %x, %v", hash, err)
	}
	const srcset = "https://i.example/page/d/%C3%A9%20p.jpg/8.webp 8w, https://i.example/page/d/%C3%A9%20p.jpg/16.webp 16w, " +
		"https://i.example/page/d/%C3%A9%20p.jpg/40.webp 40w"
	if len(m.Sets) != 1 || m.Sets[0].Sizes != "50vw" || m.Sets[0].Sources[0].SrcSet != srcset {
		t.Errorf("%+v", m.Sets)
	}
}

func TestFresh(t *testing.T) {
	b := newBench(t, "manifest: true\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	src := bucket.Info{Key: "p.jpg", ETag: c.ETag}
	fresh := func(want bool, when string) {
		t.Helper()
		if got, err := b.mill.Fresh(t.Context(), src); err != nil || got != want {
			t.Errorf("%s: fresh %t, %v", when, got, err)
		}
	}
	fresh(false, "before")
	b.want(c, outcome.Done, "")
	fresh(true, "after")
	for _, key := range []string{"tiny/p.jpg", "p.jpg.imgmill.json"} {
		if err := b.store.Delete(t.Context(), "outputs", key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		fresh(false, "without "+key)
		b.want(c, outcome.Done, "")
		fresh(true, "with "+key)
	}
	src.ETag = "other"
	fresh(false, "of another version")
	src.ETag = c.ETag
	b.mill.Recipe.Variants[0].Width++
	fresh(false, "of another recipe")
	b.want(c, outcome.Done, "")
	fresh(true, "processed with the new recipe")

	bad := b.upload("b.jpg", sample.Photo(60, 40)[:900], bucket.Attributes{})
	src = bucket.Info{Key: "b.jpg", ETag: bad.ETag}
	fresh(false, "bad, and never tried")
	b.want(bad, outcome.Bad, "corrupt")
	fresh(true, "recorded as bad")
	b.mill.Recipe.Limits.Pixels++
	fresh(false, "recorded as bad within other limits")
	b.want(bad, outcome.Bad, "corrupt")
	fresh(true, "recorded as bad again")
	src.ETag = "other"
	fresh(false, "another version was bad")
	src.ETag = bad.ETag
	b.mill.Recipe.OnBad.Record = false
	fresh(false, "bad, without records")
}

func TestOnRemove(t *testing.T) {
	b := newBench(t, "on_remove: remove\nmanifest: true\n")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	b.want(c, outcome.Done, "")
	removed := event.Change{Bucket: "sources", Key: "p.jpg", Sequencer: "02", Removed: true}
	b.want(removed, outcome.Skipped, "stale") // an old version was removed, or the object has been uploaded again
	b.wantOutputs("p.jpg.imgmill.json", "small/p.jpg", "tiny/p.jpg")

	// An object of somebody else at one of our keys is not ours to delete.
	if _, err := b.store.Put(t.Context(), "outputs", "tiny/p.jpg", []byte("mine"), bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Delete(t.Context(), "sources", "p.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	b.want(removed, outcome.Done, "")
	b.wantOutputs("tiny/p.jpg")
	b.want(removed, outcome.Done, "")
	b.want(c, outcome.Skipped, "gone") // delivered late
	b.wantOutputs("tiny/p.jpg")
}

func TestCancelled(t *testing.T) {
	b := newBench(t, "")
	c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := b.mill.Process(ctx, c); r.Verdict != outcome.Retry || !strings.Contains(r.Reason, "canceled") {
		t.Errorf("%s %q", r.Verdict, r.Reason)
	}
	b.wantOutputs()
}

func TestTwoSourcesWithOneOutput(t *testing.T) {
	b := newBench(t, "")
	b.mill.Recipe.Target.Key = "{variant}/{stem}"
	photo := sample.Photo(60, 40)
	first, second := b.upload("p.jpg", photo, bucket.Attributes{}), b.upload("p.jpeg", photo, bucket.Attributes{})
	b.want(first, outcome.Done, "")
	b.want(second, outcome.Bad, "of another picture")
	b.want(first, outcome.Done, "")
	b.wantOutputs("small/p", "tiny/p")
}
