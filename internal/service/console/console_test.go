package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/jpeg"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const text = "source: {bucket: sources}\ntarget: {bucket: outputs, key: '{variant}/{key}'}\n" +
	"variants:\n  small: {width: 40, format: jpeg}\n  square: {width: 20, height: 20, fit: cover, format: png}\n"

// bench is a console over a store in memory. Uploads are processed as they come.
type bench struct {
	*testing.T
	*Console
	store *mem.Store
	file  *fakeFile
}

type fakeFile struct{ text []byte }

func (f *fakeFile) Read() (string, []byte, error) { return "imgmill.yaml", f.text, nil }
func (f *fakeFile) Write(text []byte) error       { f.text = text; return nil }

func newBench(t *testing.T) *bench {
	t.Helper()
	r, err := recipe.ParseAnywhere(formats.All(), "", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, Console: New("", slog.New(slog.DiscardHandler)), store: mem.New("sources", "outputs"), file: &fakeFile{[]byte(text)}}
	m := mill.New(b.store, r)
	m.Observer = b.Console
	b.Mill = func() *mill.Mill { return m }
	b.Process, b.Remake, b.Recipe = m.Process, m.Remake, b.file
	t.Cleanup(b.background.Wait)
	return b
}

// upload stores an object and processes its event.
func (b *bench) upload(key string, data []byte) event.Change {
	b.Helper()
	etag, err := b.store.Put(b.Context(), "sources", key, data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	c := event.Change{Bucket: "sources", Key: key, ETag: etag, Size: int64(len(data)), Sequencer: "01", Time: time.Now()}
	b.Process(b.Context(), c)
	return c
}

// ask sends a request as the page does, unless change makes it another.
func (b *bench) ask(method, target, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:9001"
	if method != "GET" {
		r.Header.Set("Origin", "http://127.0.0.1:9001")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	return w
}

// get decodes an answer, which must have the status 200.
func (b *bench) get(method, target, body string, into any) {
	b.Helper()
	w := b.ask(method, target, body, nil)
	if w.Code != 200 {
		b.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			b.Fatalf("%s %s: %v: %s", method, target, err, w.Body)
		}
	}
}

func TestGuard(t *testing.T) {
	b := newBench(t)
	for _, r := range []struct {
		method, host, origin, site string
		want                       int
	}{
		{"GET", "127.0.0.1:9001", "", "", 200},
		{"GET", "localhost:9001", "", "none", 200},
		{"GET", "[::1]:9001", "", "", 200},
		{"GET", "LOCALHOST", "", "", 200},
		{"GET", "evil.example:9001", "", "", 421}, // a name that was made to point to this machine
		{"GET", "127.0.0.1.evil.example", "", "", 421},
		{"GET", "", "", "", 421},
		{"GET", "127.0.0.1:9001", "https://evil.example", "", 403},
		{"GET", "127.0.0.1:9001", "null", "", 403},
		{"GET", "127.0.0.1:9001", "", "cross-site", 403},
		{"POST", "127.0.0.1:9001", "http://127.0.0.1:9001", "", 200},
		{"POST", "127.0.0.1:9001", "", "", 403},
		{"POST", "127.0.0.1:9001", "http://127.0.0.1:9002", "", 403}, // another server of this machine
		{"POST", "localhost:9001", "http://127.0.0.1:9001", "", 403},
		{"POST", "127.0.0.1:9001", "https://evil.example", "", 403},
		{"POST", "127.0.0.1:9001", "null", "", 403},
	} {
		target, body := "/api/recipe", ""
		if r.method == "POST" {
			target, body = "/api/recipe/check", `{"text": ""}`
		}
		w := b.ask(r.method, target, body, func(q *http.Request) {
			q.Host = r.host
			q.Header.Del("Origin")
			if r.origin != "" {
				q.Header.Set("Origin", r.origin)
			}
			if r.site != "" {
				q.Header.Set("Sec-Fetch-Site", r.site)
			}
		})
		if w.Code != r.want {
			t.Errorf("%+v: %d %s", r, w.Code, w.Body)
		}
	}
	// A link of another site may lead to the page, but not to anything else.
	follow := func(q *http.Request) {
		q.Header.Set("Sec-Fetch-Site", "cross-site")
		q.Header.Set("Sec-Fetch-Mode", "navigate")
	}
	if w := b.ask("GET", "/", "", follow); w.Code != 200 {
		t.Errorf("a link to the page: %d", w.Code)
	}
	if w := b.ask("GET", "/source/a.jpg", "", follow); w.Code != 403 {
		t.Errorf("a link to an object: %d", w.Code)
	}
}

func TestToken(t *testing.T) {
	b := newBench(t)
	b.Token = "s3cret&more"
	if w := b.ask("GET", "/", "", nil); w.Code != 401 {
		t.Errorf("without the token: %d", w.Code)
	}
	if w := b.ask("GET", "/?token=guess", "", nil); w.Code != 401 || len(w.Result().Cookies()) > 0 {
		t.Errorf("with another token: %d", w.Code)
	}
	if w := b.ask("GET", "/api/recipe?token="+url.QueryEscape(b.Token), "", nil); w.Code != 401 {
		t.Errorf("the token in the address of something else than the page: %d", w.Code)
	}
	w := b.ask("GET", "/?token="+url.QueryEscape(b.Token), "", nil)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" || len(cookies) != 1 || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteStrictMode || strings.Contains(cookies[0].Value, b.Token) {
		t.Fatalf("%d, cookies %v", w.Code, cookies)
	}
	// With a token, the console may have any name, as behind a proxy. A page of another site stays out.
	named := func(origin string) func(*http.Request) {
		return func(q *http.Request) {
			q.Host = "console.example"
			q.AddCookie(cookies[0])
			q.Header.Set("Origin", origin)
		}
	}
	if w := b.ask("POST", "/api/recipe/check", "{}", named("https://console.example")); w.Code != 200 {
		t.Errorf("with the cookie: %d %s", w.Code, w.Body)
	}
	if w := b.ask("POST", "/api/recipe/check", "{}", named("https://evil.example")); w.Code != 403 {
		t.Errorf("with the cookie, from another site: %d", w.Code)
	}
	bearer := func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+b.Token) }
	if w := b.ask("GET", "/api/recipe", "", bearer); w.Code != 200 {
		t.Errorf("with a bearer token: %d", w.Code)
	}
	b.Token = ""
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := b.Console.Run(t.Context(), l); err != ErrToken {
		t.Errorf("on all addresses without a token: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	b := newBench(t)
	b.PresignOrigin = "http://127.0.0.1:9000"
	for _, target := range []string{"/", "/static/app.js", "/api/recipe", "/nothing"} {
		h := b.ask("GET", target, "", nil).Header()
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") ||
			!strings.Contains(policy, "connect-src 'self' http://127.0.0.1:9000;") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", target, h)
		}
	}
	// The policy allows neither scripts nor styles in the page, nor handlers.
	page := b.ask("GET", "/", "", nil).Body.String()
	for _, wrong := range []string{`<script>`, `<style`, ` style=`, ` onclick=`, `javascript:`, `{{`, `http://`, `https://`} {
		if strings.Contains(page, wrong) {
			t.Errorf("the page has %s", wrong)
		}
	}
	for _, target := range []string{"/static/../guard.go", "/static/nothing.js", "/static/en.json", "/static/"} {
		if w := b.ask("GET", target, "", nil); w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// hostile is a key that ends an attribute of HTML.
const hostile = `"><img src=x onerror=alert(1)>.jpg`

func TestObjects(t *testing.T) {
	b := newBench(t)
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	photo := string(sample.Photo(60, 40))
	for _, o := range []struct{ key, stored, data, want string }{
		{"a b/ü.jpg", "image/jpeg", photo, "image/jpeg"},
		{hostile, "text/html", photo, "image/jpeg"},
		{"a.svg", "image/svg+xml", svg, ""},
		{"a.html", "text/html", "<!doctype html><script>alert(1)</script>", ""},
		{"a.jpg", "image/jpeg", "<html><script>alert(1)</script>", ""},
		{"script.gif", "image/gif", "<script>alert(1)</script>", ""},
		{"empty.jpg", "image/jpeg", "", ""},
		{"a.pdf", "application/pdf", "%PDF-1.7", ""},
	} {
		for bucketName, prefix := range map[string]string{"sources": sourcePath, "outputs": targetPath} {
			if _, err := b.store.Put(t.Context(), bucketName, o.key, []byte(o.data), bucket.Attributes{ContentType: o.stored}, bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
			w := b.ask("GET", pathOf(prefix, o.key), "", nil)
			h := w.Header()
			kind, saved := h.Get("Content-Type"), strings.HasPrefix(h.Get("Content-Disposition"), "attachment;")
			if w.Code != 200 || w.Body.String() != o.data || h.Get("X-Content-Type-Options") != "nosniff" ||
				!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%s: %d, %d bytes, %v", o.key, w.Code, w.Body.Len(), h)
			}
			if o.want != "" && (kind != o.want || saved) || o.want == "" && (kind != "application/octet-stream" || !saved) {
				t.Errorf("%s: type %q, disposition %q", o.key, kind, h.Get("Content-Disposition"))
			}
			if strings.ContainsAny(h.Get("Content-Disposition"), `<>"`) {
				t.Errorf("%s: disposition %q", o.key, h.Get("Content-Disposition"))
			}
			again := b.ask("GET", pathOf(prefix, o.key), "", func(r *http.Request) { r.Header.Set("If-None-Match", h.Get("ETag")) })
			if again.Code != http.StatusNotModified {
				t.Errorf("%s again: %d", o.key, again.Code)
			}
		}
	}
	if w := b.ask("GET", "/source/none.jpg", "", nil); w.Code != 404 {
		t.Errorf("a missing object: %d", w.Code)
	}
}

// message is one of a stream.
type message struct{ id, event, data string }

// listen opens the stream after a message. next returns the messages one after the other.
func (b *bench) listen(after string) (next func(event string) message) {
	b.Helper()
	s := httptest.NewServer(b.Handler())
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(func() { cancel(); s.Close() })
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/events", nil)
	if err != nil {
		b.Fatal(err)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func(event string) (m message) {
		b.Helper()
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				m.id = value
			case "event":
				m.event = value
			case "data":
				m.data = value
			}
			if lines.Text() == "" && m.event == event {
				return m
			}
			if lines.Text() == "" {
				if m.event == "reset" {
					b.Errorf("reset in place of %s", event)
				}
				m = message{}
			}
		}
		b.Fatalf("the stream ended before %s: %v", event, lines.Err())
		return m
	}
}

func keysOf(t *testing.T, m message) (keys []string) {
	t.Helper()
	var rows []shown
	if err := json.Unmarshal([]byte(m.data), &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		keys = append(keys, r.Key+" "+r.State)
	}
	return keys
}

func TestEvents(t *testing.T) {
	b := newBench(t)
	b.upload("a.jpg", sample.Photo(60, 40))
	b.upload(hostile, []byte("no picture"))
	next := b.listen("")
	next("reset")
	m := next("rows")
	if got := keysOf(t, m); !slices.Equal(got, []string{"a.jpg done", hostile + " skipped"}) {
		t.Errorf("the first rows are %q", got)
	}
	if strings.ContainsAny(m.data, "<>") {
		t.Errorf("HTML in JSON: %s", m.data)
	}
	if s := next("status").data; !strings.Contains(s, `"done":1,"bad":0,"skipped":1`) {
		t.Errorf("status %s", s)
	}
	b.upload("b.jpg", sample.Photo(60, 40))
	if got := keysOf(t, next("rows")); !slices.Equal(got, []string{"b.jpg done"}) {
		t.Errorf("then %q", got)
	}
	b.Process(t.Context(), event.Change{Bucket: "outputs", Key: "small/b.jpg", Size: -1, Sequencer: "01"}) // of another bucket
	// Whoever connects again gets what has changed since, and everything if the server is another.
	if got := keysOf(t, b.listen(m.id)("rows")); !slices.Equal(got, []string{"b.jpg done"}) {
		t.Errorf("after %s: %q", m.id, got)
	}
	other := b.listen("elsewhere-2")
	other("reset")
	if got := keysOf(t, other("rows")); len(got) != 3 {
		t.Errorf("after a restart: %q", got)
	}
}

func TestRows(t *testing.T) {
	rs := newRows("", slog.New(slog.DiscardHandler))
	at := time.Now().Add(-time.Second)
	c := event.Change{Key: "a.jpg", ETag: "1", Sequencer: "1", Time: at}
	picture := mill.Picture{Format: "jpeg", Width: 60, Height: 40, Bytes: 1000, ETag: "1"}
	rs.reached(c, mill.Read, picture)
	rs.reached(c, mill.Decoded, picture)
	if r, _ := rs.row("a.jpg"); r.State != "decoded" || r.Times["read"] < 1000 || r.Times["decoded"] < r.Times["read"] || r.At != at.UnixMilli() {
		t.Errorf("%+v", r)
	}
	made := func(ms int, names ...string) mill.Result {
		r := mill.Result{Verdict: outcome.Done, Source: picture, Elapsed: time.Duration(ms) * time.Millisecond}
		for _, n := range names {
			r.Variants = append(r.Variants, mill.Variant{Name: n, Key: n, Format: "jpeg", Bytes: 100})
		}
		return r
	}
	rs.ended(c, made(10, "small", "large"), nil)
	first, _ := rs.row("a.jpg")
	if first.State != "done" || len(first.Variants) != 2 || first.MS != 10 || rs.total().Done != 1 || rs.total().Out != 200 {
		t.Errorf("%+v, %+v", first, rs.total())
	}
	// Sync makes one variant again: the other is still there, and the row stays where it was.
	rs.ended(event.Change{Key: "a.jpg"}, made(4, "small"), map[string]bool{"small": true, "large": true})
	if r, _ := rs.row("a.jpg"); len(r.Variants) != 2 || r.ID != first.ID || rs.total().Done != 1 {
		t.Errorf("%+v, %+v", r, rs.total())
	}
	// What comes late changes nothing.
	rs.ended(c, mill.Result{Verdict: outcome.Skipped, Reason: "stale: the object has since been replaced; that upload has its own event"}, nil)
	if r, _ := rs.row("a.jpg"); r.State != "done" {
		t.Errorf("after a late event: %+v", r)
	}
	// Another upload under the same key is a new row.
	c.ETag, c.Sequencer, c.Time, picture.ETag = "2", "2", at.Add(time.Second/2), "2"
	rs.ended(c, mill.Result{Verdict: outcome.Bad, Reason: "corrupt jpeg", Source: picture}, nil)
	if r, _ := rs.row("a.jpg"); r.ID == first.ID || r.State != "bad" || r.Advice != "corrupt" || rs.total().Done != 0 || rs.total().Bad != 1 {
		t.Errorf("%+v, %+v", r, rs.total())
	}
	rs.ended(event.Change{Key: "a.jpg", Removed: true}, mill.Result{Verdict: outcome.Skipped}, nil)
	if r, _ := rs.row("a.jpg"); r.State != removed || rs.total() != (totals{P50: 4, P95: 10}) {
		t.Errorf("removed: %+v, %+v", r, rs.total())
	}
	rs.ended(event.Change{Key: "unknown.jpg", Removed: true}, mill.Result{Verdict: outcome.Skipped}, nil)
	if _, ok := rs.row("unknown.jpg"); ok {
		t.Error("a removal of what nobody has seen has a row")
	}
	for i := range MaxRows {
		rs.ended(event.Change{Key: fmt.Sprint(i), Sequencer: "1"}, made(i%100+1), nil)
	}
	if _, ok := rs.row("a.jpg"); ok || len(rs.byKey) != MaxRows || rs.order.Len() != MaxRows {
		t.Errorf("%d rows", rs.order.Len())
	}
	if total := rs.total(); total.P50 != 50 || total.P95 != 95 || total.Done != MaxRows {
		t.Errorf("%+v", total)
	}
	changed, next, _ := rs.since(0, 300)
	if len(changed) != 300 || changed[0].Key != "0" {
		t.Errorf("%d rows, the first is %+v", len(changed), changed[0])
	}
	if rest, _, _ := rs.since(next, MaxRows); len(rest) != MaxRows-300 || rest[0].Key != "300" {
		t.Errorf("then %d rows, the first is %+v", len(rest), rest[0])
	}
}

func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	log := slog.New(slog.DiscardHandler)
	rs := newRows(file, log)
	done := mill.Result{Verdict: outcome.Done, Elapsed: 10 * time.Millisecond, Source: mill.Picture{Bytes: 9}}
	for i, key := range []string{"a.jpg", "b.jpg", "a.jpg"} {
		rs.ended(event.Change{Key: key, Sequencer: "1", Time: time.Unix(int64(i), 0)}, done, nil)
	}
	rs.close()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":9,"key":"cut off by a cra`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	again := newRows(file, log)
	defer again.close()
	a, _ := again.row("a.jpg")
	b, _ := again.row("b.jpg")
	if total := again.total(); total.Done != 2 || total.In != 18 || total.P50 != 10 || len(again.byKey) != 2 || a.ID <= b.ID {
		t.Errorf("%+v, a %+v, b %+v", total, a, b)
	}
	again.ended(event.Change{Key: "c.jpg", Sequencer: "1"}, done, nil)
	if c, _ := again.row("c.jpg"); c.ID <= a.ID {
		t.Errorf("IDs begin anew: %+v", c)
	}
	if data, err := os.ReadFile(file); err != nil || bytes.Count(data, []byte("\n")) != 3 || bytes.Contains(data, []byte("crash")) {
		t.Errorf("%v\n%s", err, data)
	}
	lost := newRows(filepath.Join(t.TempDir(), "none", "history"), log) // it goes on without
	lost.ended(event.Change{Key: "d.jpg"}, done, nil)
	lost.close()
}

func TestUploads(t *testing.T) {
	b := newBench(t)
	var uploads []Upload
	b.get("POST", "/api/uploads", `["a b.jpg", "../../c\\d.jpg", "x/é\n.jpg"]`, &uploads)
	want := []Upload{
		{"a b.jpg", "a b.jpg", "/upload/a%20b.jpg"}, {`../../c\d.jpg`, "c/d.jpg", "/upload/c/d.jpg"}, {"x/é\n.jpg", "x/é_.jpg", "/upload/x/%C3%A9_.jpg"},
	}
	if !slices.Equal(uploads, want) {
		t.Errorf("%q", uploads)
	}
	photo := sample.Photo(60, 40)
	w := b.ask("PUT", uploads[2].URL, string(photo), nil)
	info, err := b.store.Head(t.Context(), "sources", "x/é_.jpg")
	if w.Code != 200 || err != nil || info.ContentType != "image/jpeg" || w.Header().Get("ETag") != `"`+info.ETag+`"` {
		t.Errorf("%d %s, %+v, %v", w.Code, w.Body, info, err)
	}
	b.recipe().Limits.Bytes = 1000
	if w := b.ask("PUT", "/upload/large.jpg", string(photo), nil); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a file that is too large: %d", w.Code)
	}
	b.Presign = func(_ context.Context, key string) (string, error) {
		return "http://127.0.0.1:9000/in/" + key + "?X", nil
	}
	b.get("POST", "/api/uploads", `["a.jpg"]`, &uploads)
	if uploads[0].URL != "http://127.0.0.1:9000/in/a.jpg?X" {
		t.Errorf("%q", uploads)
	}
	if w := b.ask("POST", "/api/uploads", "[1]", nil); w.Code != 400 {
		t.Errorf("what is no list of names: %d", w.Code)
	}
	var drawn struct{ Key string }
	b.get("POST", "/api/sample", "{}", &drawn)
	if _, err := b.store.Head(t.Context(), "sources", drawn.Key); err != nil || !strings.HasPrefix(drawn.Key, "sample") {
		t.Errorf("%q: %v", drawn.Key, err)
	}
}

func TestPicture(t *testing.T) {
	b := newBench(t)
	b.upload(hostile, sample.Photo(120, 80))
	var d struct {
		State, Format, URL string
		W, H               int
		Shows              bool
		Times              map[string]float64
		Variants           []struct {
			Name, View, URL, Before, Fit string
			W, H                         int
		}
		Snippets []Snippet
	}
	b.get("GET", "/api/picture?key="+url.QueryEscape(hostile), "", &d)
	if d.State != "done" || d.Format != "jpeg" || d.W != 120 || d.H != 80 || !d.Shows || len(d.Variants) != 2 || len(d.Snippets) != 2 {
		t.Fatalf("%+v", d)
	}
	for _, stage := range []string{"read", "decoded", "resized", ended} {
		if _, ok := d.Times[stage]; !ok {
			t.Errorf("no time of %s", stage)
		}
	}
	if html := d.Snippets[0].HTML; strings.Contains(html, "onerror=alert(1)>") || !strings.Contains(html, `width="40"`) {
		t.Errorf("snippet %s", html)
	}
	v := d.Variants[1]
	if v.Name != "square" || v.Fit != "cover" || v.W != 20 || v.H != 20 || b.ask("GET", v.View, "", nil).Header().Get("Content-Type") != "image/png" {
		t.Errorf("%+v", v)
	}
	w := b.ask("GET", v.Before, "", nil)
	if c, err := png.DecodeConfig(w.Body); err != nil || c.Width != 20 || c.Height != 20 {
		t.Errorf("before: %d, %+v, %v", w.Code, c, err)
	}
	b.recipe().Target.URL = "https://img.example/p"
	b.get("GET", "/api/picture?key="+url.QueryEscape(hostile), "", &d)
	if !strings.HasPrefix(d.Variants[0].URL, "https://img.example/p/small/") || !strings.Contains(d.Snippets[0].HTML, "https://img.example/p/small/") {
		t.Errorf("with target.url: %+v", d)
	}
	if w := b.ask("GET", "/api/picture?key=none", "", nil); w.Code != 404 {
		t.Errorf("an unknown picture: %d", w.Code)
	}
	if w := b.ask("GET", "/api/before?key=none&variant=small", "", nil); w.Code != 404 {
		t.Errorf("before of an unknown picture: %d", w.Code)
	}
}

func TestRecipe(t *testing.T) {
	b := newBench(t)
	b.upload("a.jpg", sample.Photo(120, 80))
	var s served
	b.get("GET", "/api/recipe", "", &s)
	if s.Text != text || s.Name != "imgmill.yaml" || !s.Saves || s.New {
		t.Errorf("%+v", s)
	}
	body := func(text, sum string) string {
		data, err := json.Marshal(draft{text, sum, "a.jpg"})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var found struct{ Problems []problem }
	b.get("POST", "/api/recipe/check", body("variants:\n  a: {widht: 9}\n  b: {quality: 900}\n", ""), &found)
	if len(found.Problems) != 2 || found.Problems[0].Line != 2 || found.Problems[0].Name != "variants.a.widht" || found.Problems[1].Line != 3 {
		t.Errorf("%+v", found.Problems)
	}
	b.get("POST", "/api/recipe/check", body(strings.Replace(text, "sources}", "elsewhere}", 1), ""), &found)
	if len(found.Problems) != 1 || !strings.Contains(found.Problems[0].Text, "other buckets") {
		t.Errorf("other buckets: %+v", found.Problems)
	}
	next := strings.Replace(text, "width: 40", "width: 50", 1)
	var made struct{ Variants []preview }
	b.get("POST", "/api/preview", body(next, ""), &made)
	if len(made.Variants) != 2 || made.Variants[0].Width != 50 || len(made.Variants[0].Data) != made.Variants[0].Bytes || made.Variants[0].Type != "image/jpeg" {
		t.Errorf("preview %+v", made)
	}
	if objects, err := b.store.Head(t.Context(), "outputs", "small/a.jpg"); err != nil || objects.Size == int64(made.Variants[0].Bytes) {
		t.Errorf("a preview was stored: %+v, %v", objects, err)
	}
	if w := b.ask("POST", "/api/recipe", body(next, "old"), nil); w.Code != http.StatusConflict || string(b.file.text) != text {
		t.Errorf("an edit from elsewhere is lost: %d", w.Code)
	}
	for _, target := range []string{"/api/recipe", "/api/preview"} {
		w := b.ask("POST", target, body("variants: 1", s.Sum), nil)
		if w.Code != http.StatusUnprocessableEntity || string(b.file.text) != text || w.Result().Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s of a recipe with problems: %d, %v", target, w.Code, w.Result().Header)
		}
	}
	var saved struct{ Sum string }
	b.get("POST", "/api/recipe", body(next, s.Sum), &saved)
	if string(b.file.text) != next || saved.Sum != sum([]byte(next)) {
		t.Errorf("saved %q, %+v", b.file.text, saved)
	}
	b.Fixed, b.file.text = true, nil
	b.get("GET", "/api/recipe", "", &s)
	if s.Saves || !s.New || !strings.Contains(s.Text, "width: 800") {
		t.Errorf("fixed, without a file: %+v", s)
	}
	if w := b.ask("POST", "/api/recipe", body(next, sum(nil)), nil); w.Code != http.StatusMethodNotAllowed || b.file.text != nil {
		t.Errorf("a fixed recipe is saved: %d", w.Code)
	}
}

// TestMarked: a preview has the watermark and the focal point that the picture would have, and the original beside a
// variant has the focal point alone.
func TestMarked(t *testing.T) {
	b := newBench(t)
	const marked = "source: {bucket: sources}\ntarget: {bucket: outputs}\nvariants:\n" +
		"  square: {width: 20, height: 20, fit: cover, position: focal, format: png, watermark: {image: mark.png}}\n"
	draft, err := json.Marshal(draft{Text: marked, Key: "a.jpg"})
	if err != nil {
		t.Fatal(err)
	}
	put := func(bucketName, key string, data []byte, meta map[string]string) {
		t.Helper()
		if _, err := b.store.Put(t.Context(), bucketName, key, data, bucket.Attributes{Metadata: meta}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	put("sources", "a.jpg", sample.Photo(120, 40), map[string]string{"focal": "0 0.5"})
	if w := b.ask("POST", "/api/preview", string(draft), nil); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "mark.png") {
		t.Errorf("without the overlay: %d %s", w.Code, w.Body)
	}
	var mark bytes.Buffer
	if err := png.Encode(&mark, sample.Landscape(8, 8)); err != nil {
		t.Fatal(err)
	}
	put("outputs", ".imgmill/overlays/mark.png", mark.Bytes(), nil)
	shot := func() []byte {
		t.Helper()
		var made struct{ Variants []preview }
		b.get("POST", "/api/preview", string(draft), &made)
		if len(made.Variants) != 1 {
			t.Fatalf("%+v", made)
		}
		return made.Variants[0].Data
	}
	left := shot()
	put("sources", "a.jpg", sample.Photo(120, 40), map[string]string{"focal": "1 0.5"})
	if bytes.Equal(left, shot()) {
		t.Error("the focal point changes nothing")
	}
	r, err := recipe.Parse(formats.All(), "", []byte(marked))
	if err != nil {
		t.Fatal(err)
	}
	b.Mill().Recipe = r
	if w := b.ask("GET", "/api/before?key=a.jpg&variant=square", "", nil); w.Code != 200 || bytes.Equal(w.Body.Bytes(), shot()) {
		t.Errorf("the original has the watermark: %d", w.Code)
	}
}

func TestAgain(t *testing.T) {
	b := newBench(t)
	b.upload("a.jpg", sample.Photo(120, 80))
	b.upload("b.jpg", []byte("no picture"))
	if err := b.store.Delete(t.Context(), "outputs", "small/a.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if w := b.ask("POST", "/api/sync", "{}", nil); w.Code != http.StatusAccepted {
		t.Fatal(w.Code)
	}
	b.background.Wait()
	if p := b.again.now(); p.Runs || !p.Ended || p.Seen != 2 || p.Done != 1 || p.Todo != 1 || p.Error != "" {
		t.Errorf("%+v", p)
	}
	if _, err := b.store.Head(t.Context(), "outputs", "small/a.jpg"); err != nil {
		t.Errorf("sync has not made it: %v", err)
	}
	if _, err := b.store.Put(t.Context(), "sources", "b.jpg", sample.Photo(60, 40), bucket.Attributes{}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if w := b.ask("POST", "/api/retry", `["b.jpg"]`, nil); w.Code != http.StatusAccepted {
		t.Fatal(w.Code)
	}
	b.background.Wait()
	if r, _ := b.rows.row("b.jpg"); r.State != "done" {
		t.Errorf("%+v", r)
	}
}

// TestRun: an open stream does not keep the console from ending.
func TestRun(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Console.Run(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the console has not ended")
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Logf("the stream ended with %v", err)
	}
}

// TestTexts: each language has every text that the page and its scripts use, and none besides.
func TestTexts(t *testing.T) {
	used := map[string]bool{}
	use := func(re, file string) {
		data, err := files.ReadFile("page/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(string(data), -1) {
			for _, name := range m[1:] {
				if name != "" {
					used[name] = true
				}
			}
		}
	}
	use(`\{\{(\w+)\}\}`, "index.html")
	for _, name := range []string{"lang", "texts", "source", "target"} {
		delete(used, name)
	}
	for _, script := range []string{"app.js", "detail.js", "lib.js", "list.js", "recipe.js", "upload.js"} {
		use(`\bt\('(\w+)'`, script)
		use(`\bt\([^()']+\? '(\w+)' : '(\w+)'`, script)
		use(`\bcount\('(\w+)'`, script)
	}
	for _, name := range []string{"waiting", "uploading", "interrupted", "queued", "read", "decoded", "resized", "done", "bad", "skipped", "retry", removed, "failed"} {
		used["state_"+name] = true
	}
	for _, name := range []string{"queued", "read", "decoded", "resized", ended} {
		used["step_"+name] = true
	}
	for _, name := range []string{"corrupt", "unsupported", "limit", "too_large", "taken", "retry", "no_picture", "skipped", "other", "upload"} {
		used["advice_"+name] = true
	}
	for _, name := range []string{"cover", "contain", "fill"} {
		used["made_"+name] = true
	}
	for _, language := range languages {
		have := texts[language]
		for _, name := range slices.Sorted(maps.Keys(used)) {
			if have[name] == "" && have[name+"_other"] == "" {
				t.Errorf("%s has no text %s", language, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(have)) {
			if !strings.HasPrefix(name, "reason: ") && !used[name] && !used[strings.TrimSuffix(strings.TrimSuffix(name, "_one"), "_other")] {
				t.Errorf("%s has a text %s that nothing uses", language, name)
			}
		}
		for name, text := range have {
			for _, place := range regexp.MustCompile(`\{\w+\}`).FindAllString(texts["en"][name]+strings.TrimPrefix(name, "reason: "), -1) {
				if !strings.Contains(text, place) {
					t.Errorf("%s: %s lacks %s", language, name, place)
				}
			}
		}
	}
	for accept, want := range map[string]string{
		"": "en", "ja": "ja", "ja-JP,ja;q=0.9,en;q=0.8": "ja", "de-DE,de;q=0.9": "en", "fr, JA;q=0.5, en;q=0.1": "ja", "en-GB,ja": "en", "*": "en",
	} {
		if got := languageOf(accept); got != want {
			t.Errorf("%q: %s", accept, got)
		}
	}
	b := newBench(t)
	w := b.ask("GET", "/", "", func(r *http.Request) { r.Header.Set("Accept-Language", "ja") })
	if page := w.Body.String(); !strings.Contains(page, `<html lang="ja">`) || !strings.Contains(page, "画像をここにドロップ") {
		t.Errorf("in Japanese:\n%s", page)
	}
}

// TestReasons: what makes pictures fail most often has a text in Japanese, which is found by the English one.
func TestReasons(t *testing.T) {
	place := regexp.MustCompile(`\\\{\w+\\\}`)
	var patterns []*regexp.Regexp // as the page has them
	for name := range texts["ja"] {
		if english, ok := strings.CutPrefix(name, "reason: "); ok {
			patterns = append(patterns, regexp.MustCompile("^"+place.ReplaceAllStringFunc(regexp.QuoteMeta(english), func(name string) string {
				if slices.Contains([]string{`\{n\}`, `\{limit\}`, `\{offset\}`}, name) {
					return `\d+`
				}
				return ".+"
			})+"$"))
		}
	}
	known := func(reason string) bool {
		return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(reason) })
	}
	b := newBench(t)
	photo := sample.Photo(60, 40)
	for what, reason := range map[string]string{
		"empty": b.reason("a.jpg", nil), "text": b.reason("b.jpg", []byte("Dear reader")), "cut off": b.reason("c.jpg", photo[:len(photo)/2]),
		"another picture's": (&codec.CorruptError{Format: jpeg.Format, Offset: 9, Reason: "x"}).Error(),
		"large":             codec.Limits{Pixels: 100}.Check(codec.Header{Width: 60, Height: 40}).Error(),
		"wide":              codec.Limits{}.Check(codec.Header{Width: codec.MaxSide + 1, Height: 1}).Error(),
		"gone":              b.Process(t.Context(), event.Change{Bucket: "sources", Key: "gone.jpg", ETag: "e", Sequencer: "01"}).Reason,
		"a folder":          b.recipe().Plan("x/").Excluded,
	} {
		if reason == "" || !known(reason) {
			t.Errorf("%s: %q has no text", what, reason)
		}
	}
}

// reason uploads an object and returns why it fails.
func (b *bench) reason(key string, data []byte) string {
	etag, err := b.store.Put(b.Context(), "sources", key, data, bucket.Attributes{}, bucket.Condition{})
	if err != nil {
		b.Fatal(err)
	}
	return b.Process(b.Context(), event.Change{Bucket: "sources", Key: key, ETag: etag, Size: int64(len(data)), Sequencer: "01", Time: time.Now()}).Reason
}
