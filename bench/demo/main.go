// Command demo makes the demo site: it draws pictures, has the pipeline process them by the recipe beside it, as a worker
// would, and writes the variants and a page about them to a folder that a browser shows without a server.
//
//	go run ./bench/demo docs/demo
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"image"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/console"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./bench/demo FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run replaces what is in a folder by the site.
func run(folder string) error {
	site, err := makeSite(context.Background())
	if err != nil {
		return err
	}
	for _, old := range []string{"img", "index.html"} {
		if err := os.RemoveAll(filepath.Join(folder, old)); err != nil {
			return err
		}
	}
	for name, data := range site {
		name = filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, data, 0o666)); err != nil {
			return err
		}
	}
	return nil
}

//go:embed recipe.yaml
var recipeFile []byte

//go:embed page.html
var pageFile string

//go:embed page.css
var styleFile string

//go:embed page.js
var scriptFile string

// picture is an upload and what was made of it.
type picture struct {
	Bytes         int
	Width, Height int
	Format        string
	Variants      map[string]variant
	HTML          string // the <picture> element of its set
	Name          string
}

// variant is an output of the recipe.
type variant struct {
	URL, Format   string
	Width, Height int
	Bytes         int
}

// makeSite returns the files of the site by name.
func makeSite(ctx context.Context) (map[string][]byte, error) {
	r, err := recipe.Parse(formats.All(), "recipe.yaml", recipeFile)
	if err != nil {
		return nil, err
	}
	r.Target.URL = imageFolder // beside the page, wherever that is
	store := mem.New(r.Source.Bucket, r.Target.Bucket)
	mark, err := asPNG(logo())
	if err != nil {
		return nil, err
	}
	if _, err := store.Put(ctx, r.Target.Bucket, recipe.Reserved+"overlays/logo.png", mark, bucket.Attributes{}, bucket.Condition{}); err != nil {
		return nil, err
	}
	all, err := uploads()
	if err != nil {
		return nil, err
	}
	pictures := map[string]picture{}
	m := mill.New(store, r)
	for _, u := range all {
		if _, err := store.Put(ctx, r.Source.Bucket, u.key, u.data, bucket.Attributes{}, bucket.Condition{}); err != nil {
			return nil, err
		}
		result := m.Process(ctx, event.Change{Bucket: r.Source.Bucket, Key: u.key, Size: int64(len(u.data))})
		if result.Verdict != outcome.Done {
			return nil, fmt.Errorf("%s: %s: %s", u.key, result.Verdict, result.Reason)
		}
		p := picture{Bytes: len(u.data), Width: result.Source.Width, Height: result.Source.Height, Format: result.Source.Format, Variants: map[string]variant{}}
		for _, v := range result.Variants {
			name := v.Name
			if v.Set != "" {
				name = fmt.Sprintf("%s-%d-%s", v.Set, v.Width, v.Format)
			}
			p.Variants[name] = variant{manifest.URL(r.Target.URL, v.Key), v.Format, v.Width, v.Height, v.Bytes}
		}
		data, err := read(ctx, store, r.Target.Bucket, r.Plan(u.key).Manifest.Key)
		if err != nil {
			return nil, err
		}
		list, err := manifest.Parse(data)
		if err != nil {
			return nil, err
		}
		if len(list.Sets) > 0 {
			if p.HTML, err = list.HTML("", "Hills under a low sun"); err != nil {
				return nil, err
			}
		}
		p.Name = strings.TrimSuffix(path.Base(u.key), path.Ext(u.key))
		pictures[p.Name] = p
	}
	site := map[string][]byte{}
	for info, err := range store.List(ctx, r.Target.Bucket, "") {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(info.Key, recipe.Reserved) || strings.HasSuffix(info.Key, ".json") {
			continue
		}
		if site[imageFolder+"/"+info.Key], err = read(ctx, store, r.Target.Bucket, info.Key); err != nil {
			return nil, err
		}
	}
	site["index.html"], err = page(pictures)
	return site, err
}

// imageFolder holds the variants.
const imageFolder = "img"

func read(ctx context.Context, store bucket.Store, name, key string) ([]byte, error) {
	o, err := store.Get(ctx, name, key, bucket.Condition{})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}

// page returns the page, with its style and script in it: browsers load no modules from files.
func page(pictures map[string]picture) ([]byte, error) {
	shared := map[string]string{}
	for _, name := range []string{"theme.css", "slider.css", "slider.js"} {
		data, err := fs.ReadFile(console.Page, name)
		if err != nil {
			return nil, err
		}
		shared[name] = string(data)
	}
	var b bytes.Buffer
	t, err := template.New("page").Funcs(template.FuncMap{"bytes": sizeOf, "saved": saved, "upper": formatName, "compare": compare}).Parse(pageFile)
	if err != nil {
		return nil, err
	}
	err = t.Execute(&b, map[string]any{
		"Pictures": pictures, "Picture": template.HTML(pictures["hills"].HTML),
		"Widths": []int{320, 640, 960}, "Formats": []string{"webp", "jpeg"}, "Looks": []string{"good", "high", "visually-lossless"},
		"Scenes": []string{"portrait", "balloon", "boat", "flower", "dog", "moon"},
		"Recipe": string(recipeFile), "Style": template.CSS(shared["theme.css"] + shared["slider.css"] + styleFile),
		"Script": template.JS(strings.ReplaceAll(shared["slider.js"], "export function", "function") + scriptFile),
	})
	return b.Bytes(), err
}

// comparison is a variant over which lies another one, up to a slider.
type comparison struct {
	Name          string
	Before, After variant
	Left, Right   string // what they are
	Alt           string
}

func compare(name string, p picture, before, after, left, right, alt string) (comparison, error) {
	b, ok := p.Variants[before]
	a, also := p.Variants[after]
	if !ok || !also || image.Pt(a.Width, a.Height) != image.Pt(b.Width, b.Height) {
		return comparison{}, fmt.Errorf("%s and %s cannot be compared", before, after)
	}
	return comparison{name, b, a, left, right, alt}, nil
}

// sizeOf returns a number of bytes in decimal units.
func sizeOf(n int) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// saved returns how many hundredths smaller something became.
func saved(before, after int) string {
	percent := 100 * (1 - float64(after)/float64(before))
	if percent > 99 {
		return fmt.Sprintf("%.1f %%", percent)
	}
	return fmt.Sprintf("%.0f %%", percent)
}

func formatName(name string) string {
	return cmp.Or(map[string]string{"webp": "WebP"}[name], strings.ToUpper(name))
}
