package ambient_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3/ambient"
)

// TestOpen checks that credentials and region are found in the environment, and that options take
// precedence, a profile among them.
func TestOpen(t *testing.T) {
	var auth string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Authorization")
		w.Header().Set("ETag", `"e1"`)
		w.Header().Set("Content-Length", "1")
	}))
	t.Cleanup(server.Close)
	shared := filepath.Join(t.TempDir(), "credentials")
	keys := "[second]\naws_access_key_id = AKIAFROMPROFILE\naws_secret_access_key = u\n"
	if err := os.WriteFile(shared, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAFROMENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_REGION": "eu-north-1", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": shared, "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
	} {
		t.Setenv(name, value)
	}
	for want, o := range map[string]s3.Options{
		"AKIAFROMENV/ /eu-north-1/s3/":     {Endpoint: server.URL, PathStyle: true},
		"AKIAFROMPROFILE/ /eu-north-1/s3/": {Endpoint: server.URL, PathStyle: true, Profile: "second"},
		"AKIAGIVEN/ /eu-west-3/s3/":        {Endpoint: server.URL, PathStyle: true, Region: "eu-west-3", AccessKey: "AKIAGIVEN", Secret: "t"},
	} {
		store, err := ambient.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Head(t.Context(), "photos", "a.jpg"); err != nil {
			t.Fatal(err)
		}
		for part := range strings.FieldsSeq(want) {
			if !strings.Contains(auth, part) {
				t.Errorf("signed as %q, which lacks %s", auth, part)
			}
		}
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, err := ambient.Open(t.Context(), s3.Options{}); err == nil || !strings.Contains(err.Error(), "region: missing") {
		t.Errorf("without a region: %v", err)
	}
	config := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", config)
	for text, want := range map[string]string{
		"[default]\nregion = eu-west-2\n":                                    " eu-west-2",
		"[default]\nregion = eu-west-2\nendpoint_url = http://127.0.0.1:9\n": "http://127.0.0.1:9 eu-west-2",
	} {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		store, err := ambient.Open(t.Context(), s3.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if endpoint, region := store.Place(); endpoint+" "+region != want {
			t.Errorf("%q: %q in %q", text, endpoint, region)
		}
	}
}
