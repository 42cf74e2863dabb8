package devcloud

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// answer sends a request without a signature of version 4.
func answer(t *testing.T, method, url string, header http.Header) (resp *http.Response, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	if resp, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestSignatureV2 signs as boto3 does by default for a server that it does not know, in a URL and in a
// header.
func TestSignatureV2(t *testing.T) {
	cfg := testConfig(t.TempDir())
	const page = "http://localhost:3000"
	cfg.CORS = []string{page}
	c := start(t, cfg)
	url := c.Endpoint() + "/" + source + "/a.jpg"
	for _, r := range []struct {
		url    string
		header http.Header
	}{
		{url + "?AWSAccessKeyId=imgmill&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D&Expires=1893456000", http.Header{}},
		{url, http.Header{"Authorization": {"AWS imgmill:vjbyPxybdZaNmGa+yT272YEAiv4="}}},
	} {
		r.header.Set("Origin", page)
		for _, method := range []string{"GET", "PUT"} {
			resp, text := answer(t, method, r.url, r.header)
			if resp.StatusCode != 400 || !strings.Contains(text, "<Code>InvalidRequest</Code>") ||
				!strings.Contains(text, `Config(signature_version=`) {
				t.Errorf("%s %s: %s\n%s", method, r.url, resp.Status, text)
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != page {
				t.Errorf("a page of %s may not read the answer: %q", page, got)
			}
		}
	}
}

func TestUnkeptKeys(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	name := source
	put(t, cl, source, "a/b", "kept")
	events(t, c.Queue())
	for _, key := range []string{"a//b", "/a/b", "a/./b", "x/../a/b", "a\x01b", "a\ufffeb"} {
		failed := func(what string, err error, code string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), code) {
				t.Errorf("%s %q: %v, want %s", what, key, err, code)
			}
		}
		_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader("x")})
		failed("put", err, "InvalidArgument: This server keeps objects as files")
		_, err = cl.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &name, Key: &key})
		failed("multipart", err, "InvalidArgument")
		_, err = cl.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &name, Key: &key})
		failed("get", err, "NoSuchKey")
		_, err = cl.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: &key})
		failed("delete", err, "InvalidArgument")
		out, err := cl.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{
			Bucket: &name, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: &key}}},
		})
		if key != "a\x01b" && key != "a\ufffeb" { // which no XML of a request holds either
			if err != nil || len(out.Errors) != 1 || *out.Errors[0].Code != "InvalidArgument" {
				t.Errorf("delete %q in a list: %+v, %v", key, out, err)
			}
		}
	}
	_, err := cl.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: &name, Key: aws.String("copy"), CopySource: aws.String(name + "/a//b"),
	})
	if err == nil || !strings.Contains(err.Error(), "NoSuchKey") {
		t.Errorf("copy: %v", err)
	}
	if got := get(t, cl, source, "a/b"); got != "kept" {
		t.Errorf("a/b holds %q", got)
	}
	if list := events(t, c.Queue()); len(list) > 0 {
		t.Errorf("events %+v", list)
	}
}

// TestStoredEncoding uploads with the encoding that SDKs name for bytes in chunks.
func TestStoredEncoding(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	name, key := source, "a.svg"
	for sent, want := range map[string]string{"aws-chunked": "", "gzip,aws-chunked": "gzip", "gzip": "gzip"} {
		_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &name, Key: &key, Body: strings.NewReader("x"), ContentEncoding: &sent,
		})
		if err != nil {
			t.Fatal(err)
		}
		head, err := cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &name, Key: &key})
		if err != nil || aws.ToString(head.ContentEncoding) != want {
			t.Errorf("%s is stored as %q, %v; want %q", sent, aws.ToString(head.ContentEncoding), err, want)
		}
		begun, err := cl.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
			Bucket: &name, Key: &key, ContentEncoding: &sent,
		})
		if err != nil {
			t.Fatal(err)
		}
		part, err := cl.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &name, Key: &key, UploadId: begun.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("parts"),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = cl.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: &name, Key: &key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{
				Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if head, err = cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &name, Key: &key}); err != nil ||
			aws.ToString(head.ContentEncoding) != want {
			t.Errorf("%s in parts is stored as %q, %v; want %q", sent, aws.ToString(head.ContentEncoding), err, want)
		}
	}
}

// TestCORS asks as browsers do before a page of another origin uploads (Fetch Standard, "CORS-preflight
// fetch"), and checks which origins are taken.
func TestCORS(t *testing.T) {
	cfg := testConfig(t.TempDir())
	for origin, valid := range map[string]bool{
		"*": true, "http://localhost:3000": true, "https://example.com": true,
		"localhost:3000": false, "http://localhost:3000/": false, "http://": false, "a b": false, "null": false,
	} {
		cfg.CORS = []string{"http://127.0.0.1:9001", origin}
		if err := cfg.Validate(); (err == nil) != valid {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	preflight := http.Header{
		"Origin": {"http://localhost:3000"}, "Access-Control-Request-Method": {"PUT"},
		"Access-Control-Request-Headers": {"content-type"},
	}
	for _, origin := range []string{"", "http://localhost:3000"} {
		if cfg.CORS = nil; origin != "" {
			cfg.CORS = []string{"http://127.0.0.1:9001", origin}
		}
		c, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		resp, _ := answer(t, "OPTIONS", c.Endpoint()+"/"+source+"/a.jpg", preflight)
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("with CORS %q the origin %q is allowed", origin, got)
		}
		if got := resp.Header.Get("Access-Control-Allow-Methods"); origin != "" && !strings.Contains(got, "PUT") {
			t.Errorf("the methods %q are allowed", got)
		}
		if got := resp.Header.Get("Access-Control-Allow-Headers"); origin != "" && got != "content-type" {
			t.Errorf("the headers %q are allowed", got)
		}
		stop(t, c)
	}
}

// TestRoot: whoever opens the address in a browser is led to the page; S3 clients are answered as ever.
func TestRoot(t *testing.T) {
	const page = "http://127.0.0.1:9001/"
	cfg := testConfig(t.TempDir())
	cfg.Page = page
	c := start(t, cfg)
	browser := http.Header{"Accept": {"text/html,application/xhtml+xml"}}
	signed := browser.Clone()
	signed.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x")
	for _, r := range []struct {
		path   string
		header http.Header
		led    bool
	}{
		{"/", browser, true}, {"/", http.Header{}, false}, {"/", signed, false}, {"/?list-type=2", browser, false},
		{"/" + source, browser, false},
	} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", c.Endpoint()+r.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = r.header
		resp, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if led := resp.StatusCode == http.StatusSeeOther && resp.Header.Get("Location") == page; led != r.led {
			t.Errorf("%s with %v: %s %s", r.path, r.header, resp.Status, resp.Header.Get("Location"))
		}
	}
}

// TestForeignOrigin: a page of another origin than the one that is allowed is refused as by S3, and the
// page that is allowed may read why it is refused.
func TestForeignOrigin(t *testing.T) {
	for _, allowed := range []string{"http://localhost:3000", "*"} {
		cfg := testConfig(t.TempDir())
		cfg.CORS = []string{allowed}
		c, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		url := c.Endpoint() + "/" + source + "/a.jpg"
		for _, origin := range []string{"http://localhost:3000", "https://elsewhere.example"} {
			may := allowed == "*" || origin == allowed
			resp, text := answer(t, "OPTIONS", url, http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"PUT"}})
			got := resp.Header.Get("Access-Control-Allow-Origin")
			if may && (resp.StatusCode != 200 || got == "") || !may && (resp.StatusCode != 403 || got != "") {
				t.Errorf("%s allowed, preflight of %s: %s, %q\n%s", allowed, origin, resp.Status, got, text)
			}
			resp, _ = answer(t, "GET", url, http.Header{"Origin": {origin}}) // without a signature
			if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != 403 || (got != "") != may {
				t.Errorf("%s allowed, unsigned request of %s: %s, %q", allowed, origin, resp.Status, got)
			}
		}
		stop(t, c)
	}
}

// TestDefaultChecksum uploads without a checksum, and compares the one that is stored with that of Go's
// own package (Amazon S3 User Guide, "Checking object integrity").
func TestDefaultChecksum(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cl := client(c)
	name, key := source, "a.jpg"
	const reversed = 0x9a6c9329ac4bc9b5 // CRC-64/NVME
	for _, size := range []int{0, 1, 1000, 3<<20 + 17} {
		body := bytes.Repeat([]byte("imgmill"), size/7+1)[:size]
		_, err := cl.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: bytes.NewReader(body)},
			func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired })
		if err != nil {
			t.Fatal(err)
		}
		head, err := cl.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		sum := binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, crc64.MakeTable(reversed)))
		if want := base64.StdEncoding.EncodeToString(sum); aws.ToString(head.ChecksumCRC64NVME) != want {
			t.Errorf("%d bytes have the checksum %q, want %q", size, aws.ToString(head.ChecksumCRC64NVME), want)
		}
		if got := get(t, cl, source, key); got != string(body) {
			t.Errorf("the object of %d bytes is another", size)
		}
	}
}
