package devcloud

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// postForm sends what a browser sends for a form with a file field, and returns the answer.
func postForm(t *testing.T, url string, fields map[string]string, filename, body string) (status int, text string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="` + filename + `"`}, "Content-Type": {"image/jpeg"},
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func TestFormUpload(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	signer := s3.NewPresignClient(client(c))
	src := source
	large := strings.Repeat("0123456789abcdef", 1<<16) // more than is read ahead
	for _, f := range []struct{ key, filename, stored, body string }{
		{"夏 form+1.jpg", "x.jpg", "夏 form+1.jpg", "posted"},
		{"up/${filename}", "夏 1.jpg", "up/夏 1.jpg", "one"},
		{"up/${filename}", `C:\photos\two.jpg`, "up/two.jpg", "two"},
		{"up/${filename}", "/home/ana/three.jpg", "up/three.jpg", large},
		{"up/${filename}", "${filename}", "up/${filename}", "four"},
	} {
		form, err := signer.PresignPostObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &f.key},
			func(o *s3.PresignPostOptions) { o.Conditions = []any{[]any{"starts-with", "$key", f.key[:3]}} })
		if err != nil {
			t.Fatal(err)
		}
		if status, text := postForm(t, form.URL, form.Values, f.filename, f.body); status != http.StatusNoContent {
			t.Fatalf("%s of %q: %d %s", f.key, f.filename, status, text)
		}
		one(t, c, "ObjectCreated:Post", f.stored, md5Hex(f.body), int64(len(f.body)))
	}
}

// TestFormRefused sends forms that S3 refuses, too, each on a connection that is used again.
func TestFormRefused(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	src, key := source, "up/${filename}"
	form, err := s3.NewPresignClient(client(c)).PresignPostObject(t.Context(), &s3.PutObjectInput{Bucket: &src, Key: &key},
		func(o *s3.PresignPostOptions) { o.Conditions = []any{[]any{"starts-with", "$key", "up/"}} })
	if err != nil {
		t.Fatal(err)
	}
	with := func(name, value string) map[string]string {
		fields := map[string]string{name: value}
		for k, v := range form.Values {
			if _, set := fields[k]; !set {
				fields[k] = v
			}
		}
		return fields
	}
	for _, f := range []struct {
		fields         map[string]string
		filename, want string
		status         int
	}{
		{with("key", "else/${filename}"), "x.jpg", "AccessDenied", 403},
		{with("AWSAccessKeyId", "AKIA"), "x.jpg", "signature_version", 400},
		{with("note", strings.Repeat("x", maxFields)), "x.jpg", "MaxPostPreDataLengthExceeded", 400},
		{with("key", "up//${filename}"), "x.jpg", "keeps objects as files", 400},
		{map[string]string{"key": "up/${filename}"}, "x.jpg", "AccessDenied", 403},
	} {
		status, text := postForm(t, form.URL, f.fields, f.filename, "posted")
		if status != f.status || !strings.Contains(text, f.want) {
			t.Errorf("answer %d %s, want %d with %q", status, text, f.status, f.want)
		}
	}
	if list := events(t, c.Queue()); len(list) > 0 {
		t.Errorf("events %+v", list)
	}
}
