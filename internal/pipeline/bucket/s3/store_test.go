package s3_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// record responds with status 200 and keeps the request.
func record(into **http.Request) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*into = r
		w.Header().Set("ETag", `"e1"`)
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "3")
		}
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			_, _ = fmt.Fprint(w, `<CopyObjectResult><ETag>"e1"</ETag></CopyObjectResult>`)
		}
	}
}

func wantHeaders(t *testing.T, r *http.Request, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := r.Header.Get(name); got != value {
			t.Errorf("%s %s: header %s is %q, want %q", r.Method, r.URL.Path, name, got, value)
		}
	}
}

func TestPutRequest(t *testing.T) {
	var r *http.Request
	store := open(t, record(&r))
	etag, err := store.Put(t.Context(), "photos", "夏/a+b 1%.jpg", []byte("abc"), bucket.Attributes{
		ContentType: "image/jpeg", CacheControl: "no-store", ContentDisposition: "inline",
		Metadata: map[string]string{"Sequence-Number": "0123", "Title": "夏休み"},
	}, bucket.Condition{IfAbsent: true})
	if err != nil || etag != "e1" {
		t.Fatalf("ETag %q, %v", etag, err)
	}
	if want := "/photos/%E5%A4%8F/a%2Bb%201%25.jpg"; r.URL.EscapedPath() != want {
		t.Errorf("path %s, want %s", r.URL.EscapedPath(), want)
	}
	wantHeaders(t, r, map[string]string{
		"Content-Type": "image/jpeg", "Cache-Control": "no-store", "Content-Disposition": "inline", "If-None-Match": "*", "If-Match": "",
		"X-Amz-Checksum-Crc32": "NSRBwg==", "X-Amz-Trailer": "",
		"X-Amz-Meta-Sequence-Number": "0123", "X-Amz-Meta-Title": "=?utf-8?b?5aSP5LyR44G/?=",
	})
	if r.ContentLength != 3 || len(r.TransferEncoding) > 0 {
		t.Errorf("body of length %d, transfer encoding %v", r.ContentLength, r.TransferEncoding)
	}
	if _, err := store.Put(t.Context(), "photos", "a", nil, bucket.Attributes{}, bucket.Condition{IfMatch: "e0"}); err != nil {
		t.Fatal(err)
	}
	wantHeaders(t, r, map[string]string{"If-Match": `"e0"`, "If-None-Match": "", "X-Amz-Checksum-Crc32": "AAAAAA=="})
}

func TestCopyRequest(t *testing.T) {
	var r *http.Request
	store := open(t, record(&r))
	key := "夏/a+b 1%2F?x=1&y#z~-_.!'()*.jpg"
	attr := bucket.Attributes{ContentType: "image/png", Metadata: map[string]string{"Why": "corrupt"}}
	err := store.Copy(t.Context(), bucket.Source{Bucket: "photos", Key: key, IfMatch: "1"}, "other", "failed/x.jpg", attr,
		bucket.Condition{IfMatch: "2"})
	if err != nil {
		t.Fatal(err)
	}
	wantHeaders(t, r, map[string]string{
		"X-Amz-Copy-Source":        "photos/%E5%A4%8F/a%2Bb%201%252F%3Fx%3D1%26y%23z~-_.%21%27%28%29%2A.jpg",
		"X-Amz-Metadata-Directive": "REPLACE", "X-Amz-Tagging-Directive": "REPLACE", "Content-Type": "image/png", "X-Amz-Meta-Why": "corrupt",
		"X-Amz-Copy-Source-If-Match": `"1"`, "If-Match": `"2"`, "If-None-Match": "",
	})
	if r.URL.Path != "/other/failed/x.jpg" {
		t.Errorf("path %s", r.URL.Path)
	}
}

func TestForeignMetadata(t *testing.T) {
	store := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Content-Length", "3")
		for k, v := range map[string]string{
			"Plain": "x", "Q": "=?UTF-8?Q?caf=C3=A9?=", "Two": "=?utf-8?b?5aSP?= =?utf-8?b?5LyR?=", "Odd": "=?no such thing?=", "Old": "=?iso-8859-1?q?=E9?=",
		} {
			w.Header().Set("X-Amz-Meta-"+k, v)
		}
	})
	info, err := store.Head(t.Context(), "photos", "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"plain": "x", "q": "café", "two": "夏休", "odd": "=?no such thing?=", "old": "é"}; !maps.Equal(info.Metadata, want) {
		t.Errorf("metadata %q, want %q", info.Metadata, want)
	}
}

func TestListPages(t *testing.T) {
	pages := map[string]string{
		"": `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t1</NextContinuationToken>` +
			`<Contents><Key>a%2Bb+c/%01.jpg</Key><Size>7</Size><ETag>"e1"</ETag><LastModified>2026-01-02T03:04:05Z</LastModified></Contents></ListBucketResult>`,
		"t1": `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>b+c%20.jpg</Key><Size>8</Size><ETag>"e2"</ETag></Contents></ListBucketResult>`,
	}
	store := open(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("encoding-type") != "url" || q.Get("prefix") != "a +" || q.Get("list-type") != "2" {
			t.Errorf("query %v", q)
		}
		_, _ = fmt.Fprint(w, pages[q.Get("continuation-token")])
	})
	var got []string
	for info, err := range store.List(t.Context(), "photos", "a +") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%q %d %s", info.Key, info.Size, info.ETag))
	}
	// The second page does not declare that its keys are encoded, so they are not.
	if want := `"a+b c/\x01.jpg" 7 e1; "b+c%20.jpg" 8 e2`; strings.Join(got, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
	}
}

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		o    s3.Options
		want string // part of the error; empty: no error
	}{
		{s3.Options{Region: "eu-west-1"}, ""},
		{s3.Options{Endpoint: "http://127.0.0.1:9000"}, ""},
		{s3.Options{}, "region: missing"},
		{s3.Options{Endpoint: "127.0.0.1:9000"}, "write it as a URL"},
		{s3.Options{Endpoint: "ftp://x"}, "write it as a URL"},
		{s3.Options{Region: "x", AccessKey: "k"}, "both the access key and the secret"},
		{s3.Options{Region: "x", Session: "t"}, "session token"},
		{s3.Options{AccessKey: "k"}, "region: missing"},
		{s3.Options{AccessKey: "k"}, "both the access key and the secret"},
	} {
		_, err := s3.Open(test.o)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.o, err, test.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	got := s3.Environment(env("AWS_REGION", "eu-west-1", "AWS_DEFAULT_REGION", "x", "AWS_ACCESS_KEY_ID", "k", "AWS_SECRET_ACCESS_KEY", "s", "AWS_SESSION_TOKEN", "t"))
	if want := (s3.Options{Region: "eu-west-1", AccessKey: "k", Secret: "s", Session: "t"}); got != want {
		t.Errorf("as in Lambda: %+v", got)
	}
	got = s3.Environment(env("AWS_DEFAULT_REGION", "r", "AWS_ENDPOINT_URL", "http://any", "AWS_ENDPOINT_URL_S3", "http://s3"))
	if want := (s3.Options{Region: "r", Endpoint: "http://s3", PathStyle: true}); got != want {
		t.Errorf("with an endpoint: %+v", got)
	}
}

// TestUnsigned checks that requests are not signed without keys, and that they contain a session
// token if there is one.
func TestUnsigned(t *testing.T) {
	var r *http.Request
	server := serve(t, record(&r))
	for _, test := range []struct {
		o             s3.Options
		signed, token bool
	}{
		{s3.Options{Endpoint: server, PathStyle: true}, false, false},
		{s3.Options{Endpoint: server, PathStyle: true, AccessKey: "k", Secret: "s", Session: "t"}, true, true},
	} {
		store, err := s3.Open(test.o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Head(t.Context(), "photos", "a.jpg"); err != nil {
			t.Fatal(err)
		}
		if (r.Header.Get("Authorization") != "") != test.signed || (r.Header.Get("X-Amz-Security-Token") != "") != test.token {
			t.Errorf("%+v: headers %v", test.o, r.Header)
		}
	}
}
