package mill_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// relabelled is a store that returns the sources with other attributes than they were stored with,
// as some servers do.
type relabelled struct {
	*mem.Store
	change func(*bucket.Info)
}

func (r relabelled) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	o, err := r.Store.Get(ctx, name, key, cond)
	if err == nil && name == "sources" {
		r.change(&o.Info)
	}
	return o, err
}

func (r relabelled) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	info, err := r.Store.Head(ctx, name, key)
	if err == nil && name == "sources" {
		r.change(&info)
	}
	return info, err
}

// TestAttributes checks what of the source's attributes its variants have: nothing private, unless
// the recipe asks for it, and nothing that describes the source's bytes.
func TestAttributes(t *testing.T) {
	const disposition = `inline; filename="a.heic"`
	author := map[string]string{"author": "Ada"}
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		recipe, disposition string
		user                map[string]string
	}{
		{"", "", nil},
		{"metadata: keep\n", "", nil},
		{"object_metadata: [author]\n", "", author},
		{"object_metadata: [content-disposition, other]\n", "inline; filename=a", nil},
		{"object_metadata: copy\n", "inline; filename=a", author},
	} {
		b := newBench(t, test.recipe)
		c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{
			ContentType: "image/x-wrong", CacheControl: "max-age=60", ContentDisposition: disposition, ContentLanguage: "ja",
			Expires: expires, Metadata: map[string]string{
				"author": "Ada", outcome.MetadataPrefix + "other": "old", "md5chksum": "x", "s3cmd-attrs": "uname:ada", "x-amz-iv": "x",
			},
		})
		dropped := ""
		if strings.Contains(test.recipe, "copy") {
			dropped = "metadata md5chksum: describes the source; metadata s3cmd-attrs: describes the source; metadata x-amz-iv: describes the source"
		}
		if r := b.want(c, outcome.Done, ""); strings.Join(r.Dropped, "; ") != dropped {
			t.Errorf("%q: dropped %q", test.recipe, r.Dropped)
		}
		for key, media := range map[string]string{"small/p.jpg": "image/jpeg", "tiny/p.jpg": "image/png"} {
			got, _ := b.get(key)
			disposition := test.disposition
			if disposition != "" {
				disposition += map[string]string{"image/jpeg": ".jpg", "image/png": ".png"}[media]
			}
			if got.ContentType != media || got.CacheControl != "max-age=60" || got.ContentDisposition != disposition ||
				got.ContentLanguage != "ja" || !got.Expires.Equal(expires) {
				t.Errorf("%q, %s: %+v", test.recipe, key, got)
			}
			want := map[string]string{
				outcome.MetadataSourceETag: c.ETag, outcome.MetadataSequencer: "01",
				outcome.MetadataRecipe: got.Metadata[outcome.MetadataRecipe],
				outcome.MetadataSource: got.Metadata[outcome.MetadataSource],
			}
			if len(want[outcome.MetadataRecipe]) != 16 || len(want[outcome.MetadataSource]) != 16 {
				t.Errorf("%q, %s: %v", test.recipe, key, got.Metadata)
			}
			maps.Copy(want, test.user)
			if !maps.Equal(got.Metadata, want) {
				t.Errorf("%q, %s: metadata %v, want %v", test.recipe, key, got.Metadata, want)
			}
		}
	}
}

// TestDisposition checks the file names that variants are saved under.
func TestDisposition(t *testing.T) {
	for value, want := range map[string]string{
		"inline":                                                 "inline",
		"attachment; filename=IMG_1.HEIC":                        "attachment; filename=IMG_1.jpg",
		"attachment; filename=a.JPEG":                            "attachment; filename=a.JPEG",
		"attachment; filename=photo":                             "attachment; filename=photo.jpg",
		`inline; filename="a b.tar.png"`:                         `inline; filename="a b.tar.jpg"`,
		`inline; filename="Größe.png"`:                           "inline; filename*=utf-8''Gr%C3%B6%C3%9Fe.jpg",
		"inline; filename=x.png; filename*=UTF-8''%e5%a4%8f.png": "inline; filename*=utf-8''%E5%A4%8F.jpg",
	} {
		b := newBench(t, "object_metadata: [content-disposition]\n")
		c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{})
		b.mill.Store = relabelled{b.store, func(i *bucket.Info) { i.ContentDisposition = value }}
		b.want(c, outcome.Done, "")
		if got, _ := b.get("small/p.jpg"); got.ContentDisposition != want {
			t.Errorf("%s becomes %s, want %s", value, got.ContentDisposition, want)
		}
	}
}

// TestTargetAttributes checks that variants and manifests are stored as the recipe has it, and that
// copies and records of bad uploads, which nobody should see, are not.
func TestTargetAttributes(t *testing.T) {
	b := newBench(t, "manifest: true\non_bad: {prefix: failed/}\n")
	b.mill.Recipe.Target.Attributes = recipe.Attributes{
		CacheControl: "no-store", Tags: map[string]string{"team": "web"}, StorageClass: "GLACIER_IR", ACL: "public-read",
	}
	attr := bucket.Attributes{CacheControl: "max-age=60", Expires: time.Unix(2e9, 0)}
	b.want(b.upload("p.jpg", sample.Photo(60, 40), attr), outcome.Done, "")
	b.want(b.upload("q.jpg", sample.Photo(60, 40)[:900], attr), outcome.Bad, "corrupt")
	for key, public := range map[string]bool{
		"small/p.jpg": true, "tiny/p.jpg": true, "p.jpg.imgmill.json": true, "failed/q.jpg": false, "failed/q.jpg.json": false,
	} {
		got, _ := b.get(key)
		if !got.Expires.IsZero() {
			t.Errorf("%s expires %s", key, got.Expires)
		}
		text := fmt.Sprint(got.CacheControl, got.Tags, got.StorageClass, got.ACL)
		want := "map[]"
		if public {
			want = "no-storemap[team:web]GLACIER_IRpublic-read"
		}
		if text != want {
			t.Errorf("%s is stored with %s", key, text)
		}
	}
}

// TestMetadataThatCannotBeCarried checks that a picture is not bad because of its metadata: what no
// header or no store holds is dropped, and the result and the log say so.
func TestMetadataThatCannotBeCarried(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*bucket.Info)
		dropped string
		kept    []string // names of user metadata
	}{
		{"encoded words that are not UTF-8", func(i *bucket.Info) {
			i.Metadata = map[string]string{"bad": "\xff\xfe", "good": "Größe"}
		}, "metadata bad: not text", []string{"good"}},
		{"control characters", func(i *bucket.Info) {
			i.Metadata = map[string]string{"bad": "a\r\nX-Forged: b", "c1": "a\u009b31mb", "good": "x"}
		}, "metadata bad: not text; metadata c1: not text", []string{"good"}},
		{"too much", func(i *bucket.Info) {
			i.Metadata = map[string]string{"a": "x", "long": strings.Repeat("x", 2000), "z": "x"}
		}, "metadata long: there is room for 2048 bytes in all", []string{"a", "z"}},
		{"too much once it is sent", func(i *bucket.Info) {
			i.Metadata = map[string]string{"a": "x", "spaces": strings.Repeat("x  ", 500)}
		}, "metadata spaces: there is room for 2048 bytes in all", []string{"a"}},
		{"a disposition that is none", func(i *bucket.Info) {
			i.ContentDisposition = `inline; filename="Größe`
		}, "Content-Disposition: not as RFC 6266 has it", nil},
		{"a text instead of languages", func(i *bucket.Info) {
			i.ContentLanguage = "de, written by Ada Lovelace"
		}, "Content-Language: not a list of language tags", nil},
		{"texts in Cache-Control", func(i *bucket.Info) {
			i.CacheControl = `max-age=60, Größe, community="secret", max-age=1x`
		}, "Cache-Control: not a known directive", nil},
	} {
		b := newBench(t, "object_metadata: copy\n")
		c := b.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{CacheControl: "max-age=60"})
		b.mill.Store = relabelled{b.store, test.change}
		r := b.want(c, outcome.Done, "")
		if line := r.LogLine(c); line.Dropped != test.dropped {
			t.Errorf("%s: dropped %q, want %q", test.name, line.Dropped, test.dropped)
		}
		info, _ := b.get("tiny/p.jpg")
		var kept []string
		for k := range info.Metadata {
			if !strings.HasPrefix(k, outcome.MetadataPrefix) {
				kept = append(kept, k)
			}
		}
		slices.Sort(kept)
		if !slices.Equal(kept, test.kept) || info.CacheControl != "max-age=60" || info.ContentDisposition != "" {
			t.Errorf("%s: kept %q: %+v", test.name, kept, info)
		}

		// A bad upload with such metadata has a copy and a record all the same.
		b = newBench(t, "on_bad: {prefix: failed/}\n")
		c = b.upload("p.jpg", sample.Photo(60, 40)[:900], bucket.Attributes{})
		b.mill.Store = relabelled{b.store, test.change}
		b.want(c, outcome.Bad, "corrupt")
		b.wantOutputs("failed/p.jpg", "failed/p.jpg.json")
	}
}

// TestRefusedCopyIsRecorded checks that a bad upload is recorded even if the store refuses to copy
// it, with its metadata or at all.
func TestRefusedCopyIsRecorded(t *testing.T) {
	for _, least := range []int{0, 1} { // copies with more metadata than marks are refused, or all
		b := newBench(t, "on_bad: {prefix: failed/}\n")
		c := b.upload("p.jpg", sample.Photo(60, 40)[:900], bucket.Attributes{Metadata: map[string]string{"author": "Ada"}})
		b.mill.Store = fussy{b.store, least == 0}
		r := b.want(c, outcome.Bad, "corrupt")
		_, data := b.get("failed/p.jpg.json")
		if least == 0 {
			b.wantOutputs("failed/p.jpg.json")
			if !strings.Contains(string(data), `"not_copied": "copy: refused by the store"`) {
				t.Errorf("record: %s", data)
			}
			continue
		}
		b.wantOutputs("failed/p.jpg", "failed/p.jpg.json")
		if len(r.Dropped) != 1 || !strings.Contains(r.Dropped[0], "refused by the store") || strings.Contains(string(data), "not_copied") {
			t.Errorf("dropped %q, record: %s", r.Dropped, data)
		}
	}
}

// fussy is a store that refuses copies with metadata of the user, or all copies.
type fussy struct {
	*mem.Store
	all bool
}

func (f fussy) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	if f.all || attr.Metadata["author"] != "" {
		return fmt.Errorf("copy: %w", bucket.ErrInvalid)
	}
	return f.Store.Copy(ctx, from, toBucket, toKey, attr, cond)
}

// TestOutputOfAnotherDeployment checks that a chain of deployments (the target of one is the source
// of the next) does not end silently.
func TestOutputOfAnotherDeployment(t *testing.T) {
	first := newBench(t, "")
	first.want(first.upload("p.jpg", sample.Photo(60, 40), bucket.Attributes{}), outcome.Done, "")
	info, data := first.get("small/p.jpg")
	b := newBench(t, "")
	c := b.upload("p.jpg", data, bucket.Attributes{Metadata: info.Metadata})
	r := b.want(c, outcome.Skipped, "our own output")
	if !strings.Contains(r.Reason, "from the original") || r.Level() != slog.LevelWarn {
		t.Errorf("%v: %s", r.Level(), r.Reason)
	}
	b.wantOutputs()
}

// TestDroppedBlocksAreNamed checks that the log and the manifest name metadata of a file that was to be
// kept and cannot be, and that the picture is not bad for it.
func TestDroppedBlocksAreNamed(t *testing.T) {
	photo := sample.Photo(60, 40)
	packet := "http://ns.adobe.com/xap/1.0/\x00<!DOCTYPE x><x/>"
	xmp := append([]byte{0xff, 0xe1, 0, byte(2 + len(packet))}, packet...)
	for _, policy := range []string{"strip", "copyright", "keep"} {
		b := newBench(t, "manifest: true\nmetadata: "+policy+"\n")
		c := b.upload("p.jpg", slices.Concat(photo[:2], xmp, photo[2:]), bucket.Attributes{})
		r := b.want(c, outcome.Done, "")
		_, data := b.get("p.jpg.imgmill.json")
		want := policy != "strip"
		if line := r.LogLine(c); strings.Contains(line.Dropped, "a document type") != want || len(r.Dropped) > 1 ||
			strings.Contains(string(data), `"dropped"`) != want {
			t.Errorf("%s: dropped %q, manifest %s", policy, line.Dropped, data)
		}
	}
}
