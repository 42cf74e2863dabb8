package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// TestWorkerConsole uploads through the console of a worker on two folders.
func TestWorkerConsole(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	p := start(t, []string{"imgmill", "worker", "--from", from, "--to", to, "--poll", "1s", "--console", "127.0.0.1:0"})
	m, _ := p.find(t, 0, regexp.MustCompile(`the console is open" address=(http://127\.0\.0\.1:\d+)/`))
	console := m[1]
	resp := askConsole(t, "POST", console, console+"/api/uploads", []byte(`["a.jpg"]`))
	var uploads []struct{ URL string }
	if err := json.NewDecoder(resp.Body).Decode(&uploads); err != nil || len(uploads) != 1 {
		t.Fatalf("%s: %+v, %v", resp.Status, uploads, err)
	}
	if resp := askConsole(t, "PUT", console, console+uploads[0].URL, sample.Photo(400, 300)); resp.StatusCode != 200 {
		t.Fatalf("upload: %s", resp.Status)
	}
	awaitRow(t, console, "a.jpg", "done")
	if _, err := os.Stat(filepath.Join(to, "a.jpg")); err != nil {
		t.Error(err)
	}
	var recipe struct{ Saves bool }
	resp = askConsole(t, "GET", console, console+"/api/recipe", nil)
	if err := json.NewDecoder(resp.Body).Decode(&recipe); err != nil || recipe.Saves {
		t.Errorf("%s: %+v, %v", resp.Status, recipe, err)
	}
	if resp := askConsole(t, "POST", "http://elsewhere.example", console+"/api/sync", []byte("{}")); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site: %s", resp.Status)
	}
	p.interrupt(t)
}
