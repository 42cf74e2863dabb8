package console

import (
	"embed"
	"encoding/json"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// files are the page, its style and scripts, and its texts in every language.
//
//go:embed page
var files embed.FS

// languages are those of the page, the first of them for whoever understands none.
var languages = []string{"en", "ja"}

// texts are those of the page, by language and name.
var texts = func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, language := range languages {
		data, err := files.ReadFile("page/" + language + ".json")
		if err != nil {
			panic(err) // it is embedded
		}
		var t map[string]string
		if err := json.Unmarshal(data, &t); err != nil {
			panic(language + ".json: " + err.Error())
		}
		all[language] = t
	}
	return all
}()

// languageOf returns the language for a browser: the first of its list that there is. Browsers put those
// that their user likes best first (RFC 9110, section 12.5.4, leaves out the order; all of them keep it).
func languageOf(accept string) string {
	for entry := range strings.SplitSeq(accept, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(entry), ";")
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		for _, language := range languages {
			if primary == language {
				return language
			}
		}
	}
	return languages[0]
}

// placeRE matches a place of the page for a text.
var placeRE = regexp.MustCompile(`\{\{([a-z0-9_]+)\}\}`)

// servePage sends the page in the language of the browser.
func (c *Console) servePage(w http.ResponseWriter, r *http.Request) {
	data, err := files.ReadFile("page/index.html")
	if err != nil {
		panic(err) // it is embedded
	}
	language := languageOf(r.Header.Get("Accept-Language"))
	rec := c.recipe()
	all, err := json.Marshal(texts[language]) // which escapes <, > and &, so that no text ends the element
	if err != nil {
		panic(err)
	}
	own := map[string]string{
		"lang": language, "texts": string(all), "source": html.EscapeString(rec.Source.Bucket), "target": html.EscapeString(rec.Target.Bucket),
	}
	page := placeRE.ReplaceAllStringFunc(string(data), func(place string) string {
		name := strings.Trim(place, "{}")
		if text, ok := own[name]; ok {
			return text
		}
		return html.EscapeString(texts[language][name])
	})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", language)
	w.Header().Set("Vary", "Accept-Language")
	_, _ = w.Write([]byte(page)) // the browser may be gone
}

// serveStatic sends a file of the page.
func (c *Console) serveStatic(w http.ResponseWriter, _ *http.Request, name string) {
	data, err := fs.ReadFile(files, "page/"+path.Base(name))
	types := map[string]string{".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
	kind := types[path.Ext(name)]
	if err != nil || kind == "" || path.Base(name) != name {
		fail(w, http.StatusNotFound, "there is no such file")
		return
	}
	w.Header().Set("Content-Type", mime.FormatMediaType(kind, map[string]string{"charset": "utf-8"}))
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(data)
}

// Page holds the files of the page. The demo site shares some of them.
var Page = func() fs.FS {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // it is embedded
	}
	return page
}()
