package manifest_test

import (
	"bytes"
	"hash/fnv"
	"image"
	_ "image/jpeg"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/webp"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/manifest/manifesttest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestMixedPictures makes the set of a web page of 200 files of every kind: each object has the name, type
// and headers that it should have, as another decoder reads it, and each manifest is valid by its schema. A
// name changes with the picture and with settings that change the bytes, and only then.
func TestMixedPictures(t *testing.T) {
	corpus := os.Getenv("IMGMILL_CORPUS")
	if corpus == "" || os.Getenv("IMGMILL_PAGES") == "" {
		t.Skip("IMGMILL_CORPUS or IMGMILL_PAGES is not set; make browser sets the latter")
	}
	corpus, err := filepath.EvalSymlinks(corpus) // WalkDir follows none
	if err != nil {
		t.Fatal(err)
	}
	const other = "variants: {page: {widths: [320, 500, 640, 1280, 2560], formats: [webp, jpeg]}}\nlimits: {timeout: 50s}\n"
	store := mem.New("sources", "outputs", "more")
	recipes := map[string]string{
		"as it is":         pages,
		"another quality":  strings.Replace(pages, "[webp, jpeg]", "[webp, jpeg], quality: 60", 1),
		"what is no style": strings.Replace(pages[:strings.Index(pages, "variants")], "url: /pictures", "url: /x, tags: {a: b}, keep_replaced: 1d", 1) + other,
	}
	made, skipped := 0, 0
	seen := map[string]string{} // the hash of each name of a content
	for _, file := range mixed(t, corpus) {
		if made == 200 {
			break
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		key := strings.TrimPrefix(file, corpus+"/")
		etag, err := store.Put(t.Context(), "sources", key, data, bucket.Attributes{}, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		var names map[string]bool
		for _, what := range []string{"as it is", "another quality", "what is no style"} {
			r, err := recipe.Parse(formats.All(), "pages", []byte(recipes[what]))
			if err != nil {
				t.Fatal(err)
			}
			result := mill.New(store, r).Process(t.Context(), event.Change{Bucket: "sources", Key: key, Size: -1})
			if result.Verdict != outcome.Done {
				if skipped++; what != "as it is" {
					t.Errorf("%s: %s %s", key, result.Verdict, result.Reason)
				}
				break
			}
			now := checkPage(t, store, key, r)
			switch what {
			case "as it is":
				made++
				names = now
				for name := range now {
					if before, ok := seen[hashIn.FindString(name)]; ok && before != etag {
						t.Errorf("%s has the hash of another picture", name)
					}
					seen[hashIn.FindString(name)] = etag
				}
			case "another quality":
				for name := range now {
					if names[name] {
						t.Errorf("%s is the name of two qualities", name)
					}
				}
			default:
				for name := range names {
					if !now[name] {
						t.Errorf("%s has another name although its bytes are the same", name)
					}
				}
			}
		}
		if testing.Verbose() && made%50 == 0 && made > 0 {
			t.Logf("%d pictures", made)
		}
	}
	t.Logf("%d pictures, %d files that are none or bad", made, skipped)
	if made < 200 {
		t.Error("too few pictures to prove anything")
	}
}

var hashIn = regexp.MustCompile("-[0-9a-f]{12}")

// checkPage checks all objects of an upload, and returns the keys of its variants.
func checkPage(t *testing.T, store *mem.Store, key string, r *recipe.Recipe) map[string]bool {
	t.Helper()
	get := func(key string) (bucket.Info, []byte) {
		o, err := store.Get(t.Context(), "outputs", key, bucket.Condition{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(o.Body)
		if err != nil {
			t.Fatal(err)
		}
		return o.Info, data
	}
	info, data := get(key + ".imgmill.json")
	if err := manifesttest.Validate(t, data); err != nil || info.CacheControl != "no-cache" || info.ContentType != "application/json" {
		t.Errorf("%s: %v %+v\n%s", key, err, info, data)
	}
	m, err := manifest.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var want []int
	for _, w := range r.Sets[0].Widths {
		if w = min(w, m.Source.Width); !slices.Contains(want, w) {
			want = append(want, w)
		}
	}
	names := map[string]bool{}
	for _, format := range []struct{ name, media, ext string }{{"webp", "image/webp", "webp"}, {"jpeg", "image/jpeg", "jpg"}} {
		var widths []int
		for _, v := range m.Variants {
			if v.Format != format.name {
				continue
			}
			widths = append(widths, v.Width)
			names[v.Key] = true
			info, data := get(v.Key)
			name := regexp.MustCompile("^page/" + regexp.QuoteMeta(key) + "/([0-9]+)-[0-9a-f]{12}\\." + format.ext + "$")
			if !name.MatchString(v.Key) || v.Type != format.media || info.ContentType != format.media || len(data) != v.Bytes ||
				info.CacheControl != "public, max-age=31536000, immutable" {
				t.Errorf("%s: %+v, %+v", key, v, info)
			}
			var size image.Config
			if format.name == "webp" {
				size, err = webp.DecodeConfig(bytes.NewReader(data))
			} else {
				size, _, err = image.DecodeConfig(bytes.NewReader(data))
			}
			if err != nil || size.Width != v.Width || size.Height != v.Height {
				t.Errorf("%s is %d×%d, %v; the manifest says %d×%d", v.Key, size.Width, size.Height, err, v.Width, v.Height)
			}
		}
		// A picture that is very long is narrower than it was asked for.
		if !slices.Equal(widths, want) && m.Source.Height < 16*m.Source.Width {
			t.Errorf("%s, %d pixels wide, has widths %d, want %d", key, m.Source.Width, widths, want)
		}
	}
	if len(m.Sets) != 1 || len(m.Sets[0].Sources) != 2 || m.Placeholder == nil || len(m.Failed) > 0 {
		t.Errorf("%s: %s", key, data)
	}
	return names
}

// mixed returns the pictures of a corpus in an order that mixes its folders, without very large ones.
func mixed(t *testing.T, corpus string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(corpus, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		known := slices.ContainsFunc(formats.All().Suffixes(), func(s string) bool { return strings.HasSuffix(strings.ToLower(name), s) })
		if known && info.Size() < 6<<20 {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	order := func(name string) uint64 {
		h := fnv.New64a()
		_, _ = io.WriteString(h, strings.TrimPrefix(name, corpus))
		return h.Sum64()
	}
	slices.SortFunc(files, func(a, b string) int {
		if order(a) < order(b) {
			return -1
		}
		return 1
	})
	return files
}
