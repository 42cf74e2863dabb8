package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// startStore starts dev, with a recipe that makes nothing, as a store of two buckets, and sets its
// credentials in the environment.
func startStore(t *testing.T, source, target string) s3.Options {
	t.Helper()
	port, err := findPort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	none := filepath.Join(dir, "none.yaml")
	text := fmt.Sprintf("source: {bucket: %s}\ntarget: {bucket: %s}\nrules: [{match: '**', variants: []}]\n", source, target)
	if err := os.WriteFile(none, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	where := run(t, "dev", "--dir", filepath.Join(dir, "cloud"), "--port", strconv.Itoa(port), "--config", none).ready(t)
	setCredentials(t, where)
	return where
}

// setCredentials sets the credentials of a store in the environment, and nothing else about it.
func setCredentials(t *testing.T, where s3.Options) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": where.AccessKey, "AWS_SECRET_ACCESS_KEY": where.Secret, "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// TestWorkerPolls runs a worker that finds its store in the recipe, and everything else in listings.
func TestWorkerPolls(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	where := startStore(t, "photos-input", "photos-output")
	store, err := s3.Open(where)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string, data []byte) {
		t.Helper()
		if _, err := store.Put(t.Context(), "photos-input", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	put("before.jpg", sample.Photo(120, 80))
	recipe := filepath.Join(t.TempDir(), "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: photos-input, endpoint: '%s', region: %s}\ntarget: {bucket: photos-output}\n"+
		"variants: {small: {width: 30}, large: {width: 60}}\non_remove: remove\n", where.Endpoint, where.Region)
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(checkpoint, make([]byte, 100), 0o600); err != nil { // as after a loss of power
		t.Fatal(err)
	}
	spans := startCollector(t)
	w := run(t, "worker", "--poll", "1s", "--config", recipe, "--checkpoint", checkpoint)
	w.find(t, 0, regexp.MustCompile(`msg="the checkpoint was damaged, and is now `+regexp.QuoteMeta(checkpoint)+`\.damaged`))
	if v, rest := w.verdict(t, "before.jpg"); v != "done" {
		t.Errorf("verdict %s %s", v, rest)
	}
	put("after.jpg", sample.Photo(80, 120))
	if v, rest := w.verdict(t, "after.jpg"); v != "done" {
		t.Errorf("verdict %s %s", v, rest)
	}
	if err := store.Delete(t.Context(), "photos-input", "before.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	w.find(t, 0, regexp.MustCompile(`msg="variants whose upload is gone or has been replaced are deleted" objects=2`))
	for end := time.Now().Add(waitTimeout); ; time.Sleep(100 * time.Millisecond) {
		out, err := exec.Command("imgmill", "audit", "--config", recipe, "--checkpoint", "none").CombinedOutput()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("audit: %v\n%s", err, out)
		}
	}
	w.interrupt(t)
	spans.want(t, "change", "Put", "small/before.jpg", "large/after.jpg", "imgmill.verdict")
}

// TestWorkerFolders runs a worker on folders.
func TestWorkerFolders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "web")
	w := run(t, "worker", "--poll", "1s", "--from", from, "--to", to, "--checkpoint", "none")
	w.find(t, 0, regexp.MustCompile(`msg="the worker has started"`))
	if err := os.WriteFile(filepath.Join(from, "a.jpg"), sample.Photo(120, 80), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, rest := w.verdict(t, "a.jpg"); v != "done" {
		t.Errorf("verdict %s %s", v, rest)
	}
	if _, err := os.Stat(filepath.Join(to, "a.jpg")); err != nil {
		t.Error(err)
	}
	w.interrupt(t)
}
