package manifest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const pages = "source: {bucket: sources}\n" +
	"target: {bucket: outputs, url: /pictures, set_key: '{variant}/{key}/{width}-{hash}.{format}'}\n" +
	"variants: {page: {widths: [320, 640, 1280, 2560], formats: [webp, jpeg]}}\n"

// TestBrowser shows pages in chromium at three widths, and compares the file that it fetches with the one
// that fits. The pages are the snippet and the web component of the examples; the loaders of the examples
// are called as their libraries call them.
func TestBrowser(t *testing.T) {
	if os.Getenv("IMGMILL_BROWSER") == "" {
		t.Skip("IMGMILL_BROWSER is not set; make browser sets it")
	}
	site := newSite(t)
	snippet, err := site.manifest.HTML("", "")
	if err != nil {
		t.Fatal(err)
	}
	if widths := site.widths("image/webp"); !slices.Equal(widths, []int{320, 640, 1280, 2000}) {
		t.Fatalf("the set has widths %d", widths)
	}
	for name, body := range map[string]string{
		"snippet": snippet,
		"component": `<script type="module" src="/examples/imgmill-picture.js"></script>` +
			`<imgmill-picture base="/pictures" picture="a rose, ü.jpg"></imgmill-picture>`,
	} {
		for _, width := range []int{500, 1000, 1800} {
			var got struct {
				Width      int
				Shown, Alt string
				Ratio      float64
			}
			site.open(t, body+`<script>
addEventListener('load', async () => {
  const img = await (async () => { for (;;) { const i = document.querySelector('img'); if (i?.complete && i.naturalWidth) return i; await new Promise(r => setTimeout(r, 20)) } })()
  report({ width: innerWidth, shown: decodeURIComponent(new URL(img.currentSrc).pathname), alt: img.alt, ratio: devicePixelRatio })
})</script>`, width, &got)
			want := site.fitting("image/webp", got.Width)
			if got.Ratio != 1 || got.Width < width-50 || got.Width > width || got.Shown != "/pictures/"+want.Key || got.Alt != "A rose" {
				t.Errorf("%s in a window of %d pixels: %+v, want %d pixels", name, width, got, want.Width)
			}
			if fetched := site.fetched(); !slices.Equal(fetched, []string{want.Key}) {
				t.Errorf("%s at %d pixels fetches %q, want %q alone", name, got.Width, fetched, want.Key)
			}
		}
	}
	var urls map[string][]string
	site.open(t, `<script type="module">
import { loadManifest } from '/examples/manifest.js'
import { loader } from '/examples/next-loader.js'
import { getImage } from '/examples/nuxt-provider.js'
import { transformer } from '/examples/unpic.js'
const key = 'a rose, ü.jpg', manifest = await loadManifest('/pictures/', key)
const widths = [1, 320, 321, 640, 1000, 2000, 3840], next = loader(manifest, { type: 'image/webp' }), unpic = transformer(manifest)
report({
  next: widths.map(width => next({ src: key, width, quality: 75 })),
  nuxt: widths.map(width => getImage(key, { modifiers: { width, format: 'webp' }, manifests: { [key]: manifest } }).url),
  unpic: widths.map(width => unpic(key, { width, height: width / 2, format: 'webp' })),
  jpeg: [getImage('/' + key, { manifests: { [key]: manifest } }).url, unpic(key, {}), loader(manifest)({ width: 9999 })],
})</script>`, 1000, &urls)
	var want []string
	for _, width := range []int{1, 320, 321, 640, 1000, 2000, 3840} {
		want = append(want, site.fitting("image/webp", width).URL)
	}
	widest := site.fitting("image/jpeg", 9999).URL
	for name, got := range urls {
		if name == "jpeg" && !slices.Equal(got, []string{widest, widest, widest}) || name != "jpeg" && !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q or %q", name, got, want, widest)
		}
	}
	if len(urls) != 4 {
		t.Errorf("results of %v", slices.Sorted(maps.Keys(urls)))
	}
}

// site serves the target bucket, the examples and one page at a time.
type site struct {
	manifest *manifest.Manifest
	store    *mem.Store
	server   *httptest.Server

	mu       sync.Mutex
	page     string
	pictures []string // keys that were fetched
	reports  chan []byte
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{store: mem.New("sources", "outputs"), reports: make(chan []byte, 1)}
	r, err := recipe.Parse(formats.All(), "pages", []byte(pages))
	if err != nil {
		t.Fatal(err)
	}
	const key = "a rose, ü.jpg"
	meta := bucket.Attributes{Metadata: map[string]string{"alt": "A rose"}}
	if _, err := s.store.Put(t.Context(), "sources", key, sample.Photo(2000, 1500), meta, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if r := mill.New(s.store, r).Process(t.Context(), event.Change{Bucket: "sources", Key: key, Size: -1}); r.Verdict != outcome.Done {
		t.Fatalf("%+v", r)
	}
	o, err := s.store.Get(t.Context(), "outputs", key+".imgmill.json", bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s.manifest, err = manifest.Parse(data); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /examples/", http.StripPrefix("/examples/", http.FileServer(http.Dir("../../../examples/web"))))
	mux.HandleFunc("GET /pictures/", s.object)
	mux.HandleFunc("GET /favicon.ico", http.NotFound)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(w, `<!doctype html><meta charset="utf-8"><style>body { margin: 0 } img { max-width: 100%%; height: auto }</style>
<script>const report = what => fetch('/report', { method: 'POST', body: JSON.stringify(what) })
addEventListener('unhandledrejection', e => report(String(e.reason)))
addEventListener('error', e => report(e.message))</script>
%s`, s.page)
	})
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err == nil {
			s.reports <- data
		}
	})
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// object serves an object of the target with the headers that it was stored with.
func (s *site) object(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/pictures/")
	o, err := s.store.Get(r.Context(), "outputs", key, bucket.Condition{})
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(o.ContentType, "image/") {
		s.mu.Lock()
		s.pictures = append(s.pictures, key)
		s.mu.Unlock()
	}
	w.Header().Set("Content-Type", o.ContentType)
	w.Header().Set("Cache-Control", o.CacheControl)
	_, _ = io.Copy(w, o.Body)
}

// fetched returns the pictures since the last call.
func (s *site) fetched() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.pictures
	s.pictures = nil
	return all
}

// open shows a page in a new browser until it reports.
func (s *site) open(t *testing.T, body string, width int, report any) {
	t.Helper()
	s.mu.Lock()
	s.page = body
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1",
		fmt.Sprintf("--window-size=%d,1400", width), "--user-data-dir="+t.TempDir(), s.server.URL+"/page")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its children first
	cmd.WaitDelay = 10 * time.Second
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	select {
	case data := <-s.reports:
		cancel()
		<-ended
		if err := json.Unmarshal(data, report); err != nil {
			t.Fatalf("the page reports %s", data)
		}
	case err := <-ended:
		t.Fatalf("chromium ended before the page was shown: %v", err)
	}
}

func (s *site) widths(mediaType string) (widths []int) {
	for _, v := range s.manifest.Variants {
		if v.Type == mediaType {
			widths = append(widths, v.Width)
		}
	}
	return widths
}

// fitting returns the narrowest variant of a type that has so many pixels, or the widest.
func (s *site) fitting(mediaType string, width int) (best manifest.Variant) {
	for _, v := range s.manifest.Variants {
		if v.Type == mediaType && best.Width < width {
			best = v
		}
	}
	return best
}
