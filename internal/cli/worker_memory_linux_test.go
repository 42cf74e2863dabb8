package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
)

// TestWorkerMemory uploads pictures at once with large variants to a worker that has memory for one of
// them. All must be made within it; eight at a time would take more than twice as much.
func TestWorkerMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const memory = 128 << 20
	dir := t.TempDir()
	data := sample.Photo(3000, 2000)
	where := startStore(t, "photos-input", "photos-output")
	store, err := s3.Open(where)
	if err != nil {
		t.Fatal(err)
	}
	const uploads = 8
	for i := range uploads {
		key := fmt.Sprintf("%d.jpg", i)
		if _, err := store.Put(t.Context(), "photos-input", key, data, bucket.Attributes{}, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	recipe := filepath.Join(dir, "imgmill.yaml")
	text := fmt.Sprintf("source: {bucket: photos-input, endpoint: '%s'}\ntarget: {bucket: photos-output}\n"+
		"variants: {large: {width: 2400, format: png}}\n", where.Endpoint)
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := run(t, "worker", "--poll", "1h", "--config", recipe, "--checkpoint", "none",
		"--concurrency", "8", "--memory", fmt.Sprint(memory))
	next := 0
	for range uploads {
		var m []string
		if m, next = w.find(t, next, regexp.MustCompile(`msg=change .* verdict=(\w+)`)); m[1] != "done" {
			t.Errorf("%s", m[0])
		}
	}
	peak, ok := w.peak()
	if !ok {
		t.Skip("the system does not report the peak of the memory")
	}
	t.Logf("%d pictures of %d bytes: at most %d MB", uploads, len(data), peak>>20)
	if peak > memory {
		t.Errorf("the worker took %d MB, want at most %d", peak>>20, memory>>20)
	}
	w.interrupt(t)
}
