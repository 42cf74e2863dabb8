package s3_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

const webPage = "<html><body>Please sign in to the network.</body></html>"

// reply returns a handler that answers with headers, given as "Name: value" lines, and a body of
// known length. A line "-" sends the body in chunks instead.
func reply(body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		chunked := false
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			if name == "-" {
				chunked = true
				continue
			}
			w.Header().Set(name, value)
		}
		if !chunked {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		}
		w.WriteHeader(http.StatusOK)
		if chunked {
			w.(http.Flusher).Flush()
		}
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, body)
		}
	}
}

// closeDelimited answers with a body that ends with the connection.
func closeDelimited(w http.ResponseWriter, _ *http.Request) {
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nConnection: close\r\n\r\nsome bytes")
	_ = buf.Flush()
	_ = conn.Close()
}

// TestDoubtfulAnswers: an answer with status 200 that does not prove to be about the object is
// neither the object nor its absence, and a write is not done until the store has named its ETag.
func TestDoubtfulAnswers(t *testing.T) {
	const (
		failed = `<?xml version="1.0"?><Error><Code>InternalError</Code><Message>too late</Message></Error>`
		etag   = `ETag: "e1"`
		html   = "Content-Type: text/html; charset=utf-8"
	)
	for _, test := range []struct {
		call, name string
		answer     http.HandlerFunc
	}{
		{"get", "no length, in chunks", reply("some bytes", etag, "-")},
		{"get", "no length, until the connection ends", closeDelimited},
		{"get", "no ETag", reply("some bytes")},
		{"get", "an empty ETag", reply("some bytes", `ETag: ""`)},
		{"get", "a web page", reply(webPage, html)},
		{"get", "a web page with an ETag", reply(webPage, html, etag)},
		{"get", "an error", reply(failed, "Content-Type: application/xml")},
		{"get", "a part", reply("some", etag, "Content-Range: bytes 0-3/10")},
		{"head", "no length", reply("", etag, "-")},
		{"head", "no ETag", reply("some bytes")},
		{"head", "a web page", reply(webPage, html)},
		{"head", "a web page with an ETag", reply(webPage, html, etag)},
		{"put", "no ETag", reply("")},
		{"put", "an empty ETag", reply("", `ETag: ""`)},
		{"put", "an error", reply(failed)},
		{"put", "an error with an ETag", reply(failed, etag)},
		{"put", "an error with an ETag, in chunks", reply("\n "+failed, etag, "-")},
		{"put", "a web page with an ETag", reply(webPage, html, etag)},
		{"copy", "an error", reply(failed)},
		{"copy", "no result", reply("")},
		{"copy", "a result without an ETag", reply("<CopyObjectResult></CopyObjectResult>")},
		{"copy", "a web page", reply(webPage, html)},
		{"delete", "an error", reply(failed)},
		{"delete", "a web page", reply(webPage, html)},
		{"list", "an error", reply(failed)},
		{"list", "a web page", reply(webPage, html)},
		{"list", "no next page", reply(`<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`)},
	} {
		t.Run(test.call+", "+test.name, func(t *testing.T) {
			err := calls[test.call](t.Context(), open(t, test.answer))
			wantKind(t, "the call", err, bucket.ErrTransient)
		})
	}
}

// TestListDoesNotAdvance: a server that answers with the same page for ever ends the listing with
// an error.
func TestListDoesNotAdvance(t *testing.T) {
	store := open(t, reply(`<ListBucketResult><IsTruncated>true</IsTruncated>`+
		`<NextContinuationToken>t</NextContinuationToken><Contents><Key>a</Key></Contents></ListBucketResult>`))
	n := 0
	for _, err := range store.List(t.Context(), "photos", "") {
		if n++; err != nil {
			wantKind(t, "list", err, bucket.ErrTransient)
		}
		if n > 10 {
			t.Fatal("the listing has no end")
		}
	}
}

// TestOddAnswersThatCount: what looks odd, but is an answer about the object.
func TestOddAnswersThatCount(t *testing.T) {
	weak := open(t, reply("some bytes", `ETag: W/"e1"`))
	o, err := weak.Get(t.Context(), "photos", "a.jpg", bucket.Condition{IfMatch: "e1"})
	if err != nil || o.ETag != "e1" || o.Size != 10 {
		t.Fatalf("weak ETag: %+v, %v", o, err)
	}
	o.Body.Close()
	uploaded := open(t, reply(webPage, `ETag: "e1"`, "Content-Type: text/html", "X-Amz-Request-Id: R1"))
	if o, err = uploaded.Get(t.Context(), "photos", "a.jpg", bucket.Condition{}); err != nil {
		t.Fatalf("a web page that is an object: %v", err)
	}
	o.Body.Close()
	ignores := open(t, reply("some bytes", `ETag: "e2"`))
	_, err = ignores.Get(t.Context(), "photos", "a.jpg", bucket.Condition{IfMatch: "e1"})
	wantKind(t, "a server that ignores If-Match", err, bucket.ErrPrecondition)
	empty := open(t, reply("", `ETag: "e1"`))
	if info, err := empty.Head(t.Context(), "photos", "a.jpg"); err != nil || info.Size != 0 {
		t.Errorf("an empty object: %+v, %v", info, err)
	}
}

// TestStalls: a server that stops in the middle ends a call after the store's patience, and it is
// not the caller's deadline that has passed.
func TestStalls(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for name, call := range calls {
		err := call(t.Context(), open(t, hang).WithPatience(50*time.Millisecond))
		wantKind(t, name, err, bucket.ErrTransient)
	}
	middle := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	store := open(t, middle).WithPatience(50 * time.Millisecond)
	o, err := store.Get(t.Context(), "photos", "a.jpg", bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // a reader that is slow itself is not to blame
	got, err := io.ReadAll(o.Body)
	wantKind(t, "in the body", err, bucket.ErrTransient)
	if errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "nothing came for 50ms") || string(got) != "some" {
		t.Errorf("read %q, %v", got, err)
	}
	o.Body.Close()
}
