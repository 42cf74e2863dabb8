package mill_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// newNamesBench returns a mill whose names contain a hash.
func newNamesBench(t *testing.T, target string) *bench {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: sources}\ntarget: {bucket: outputs, "+
		"key: '{variant}/{key}.{hash}', set_key: '{variant}/{key}/{width}-{hash}.{format}'"+target+"}\n"+
		"variants: {small: {width: 20, format: jpeg}, page: {widths: [8, 16], formats: [webp]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := mem.New("sources", "outputs")
	return &bench{t, s, mill.New(s, r)}
}

// made returns the variants of a content.
func (b *bench) made(etag string) (keys []string) {
	b.Helper()
	for _, key := range b.outputs() {
		info, _ := b.get(key)
		if info.Metadata[outcome.MetadataSourceETag] == etag && !strings.HasSuffix(key, ".json") {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestReplaced: an object goes once the manifest has not named it for long enough, and no sooner.
func TestReplaced(t *testing.T) {
	for keep, want := range map[string][3]int{
		"0s":      {0, 0, 3}, // the second content goes when the third is delivered again
		"30d":     {3, 3, 3},
		"forever": {3, 3, 3},
	} {
		b := newNamesBench(t, ", keep_replaced: "+keep)
		var etags [3]string
		for i := range etags {
			c := b.upload("p.jpg", sample.Photo(60+i, 40), bucket.Attributes{})
			etags[i] = c.ETag
			c.Sequencer = string(rune('1' + i))
			b.want(c, outcome.Done, "")
			b.want(c, outcome.Done, "") // delivered again
		}
		for i, etag := range etags {
			if got := b.made(etag); len(got) != want[i] {
				t.Errorf("keep_replaced: %s: of content %d, there are %q", keep, i+1, got)
			}
		}
	}
}

// TestPutBack: a content that comes back has its objects, whether they were still there or not.
func TestPutBack(t *testing.T) {
	b := newNamesBench(t, ", keep_replaced: 0s")
	var first []string
	for i, width := range []int{60, 61, 60, 62, 63, 60} {
		c := b.upload("p.jpg", sample.Photo(width, 40), bucket.Attributes{})
		c.Sequencer = string(rune('1' + i))
		r := b.want(c, outcome.Done, "")
		now := b.made(c.ETag)
		if first == nil {
			first = now
		}
		if len(now) != 3 || len(r.Variants) != 3 || width == 60 && !slices.Equal(now, first) {
			t.Errorf("change %d: %q, first %q", i, now, first)
		}
	}
}

// TestImmutable: variants can be kept by caches, and manifests are asked for again.
func TestImmutable(t *testing.T) {
	const immutable = "public, max-age=31536000, immutable"
	for _, test := range []struct{ target, source, variant string }{
		{"", "", immutable},
		{"", "max-age=60", immutable},
		{"", "Private, max-age=60", "private, max-age=60"},
		{"", "no-store", "no-store"},
		{", cache_control: max-age=5", "max-age=60", "max-age=5"},
	} {
		b := newNamesBench(t, test.target)
		b.want(b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{CacheControl: test.source}), outcome.Done, "")
		for _, key := range b.outputs() {
			want := test.variant
			if key == "p.jpg.imgmill.json" {
				want = "no-cache"
			}
			if info, _ := b.get(key); !strings.EqualFold(info.CacheControl, want) {
				t.Errorf("%v: %s has %q, want %q", test, key, info.CacheControl, want)
			}
		}
	}
}
