package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

var consoleRE = regexp.MustCompile(`^Console: (http://127\.0\.0\.1:\d+)/$`)

// askConsole sends a request as the page of the console does.
func askConsole(t *testing.T, method, console, target string, body []byte) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", console)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// awaitRow reads the stream of the console until a key has a state.
func awaitRow(t *testing.T, console, key, state string) {
	t.Helper()
	resp := askConsole(t, "GET", console, console+"/api/events", nil)
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var rows []struct{ Key, State string }
		data, _ := strings.CutPrefix(lines.Text(), "data: [")
		if json.Unmarshal([]byte("["+data), &rows) != nil {
			continue
		}
		for _, r := range rows {
			if r.Key == key && r.State == state {
				resp.Body.Close()
				return
			}
		}
	}
	t.Fatalf("%s is not %s", key, state)
}

// TestDevConsole uploads as the page does: it asks for an address, and whether it may send there; the row is
// there after a restart, too.
func TestDevConsole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cloud")
	p := run(t, "dev", "--dir", dir, "--port", "0")
	m, _ := p.find(t, 0, consoleRE)
	console := m[1]
	p.ready(t)
	resp := askConsole(t, "POST", console, console+"/api/uploads", []byte(`["a b.jpg"]`))
	var uploads []struct{ Key, URL string }
	if err := json.NewDecoder(resp.Body).Decode(&uploads); err != nil || len(uploads) != 1 {
		t.Fatalf("%s: %+v, %v", resp.Status, uploads, err)
	}
	preflight, err := http.NewRequestWithContext(t.Context(), "OPTIONS", uploads[0].URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	preflight.Header.Set("Origin", console)
	preflight.Header.Set("Access-Control-Request-Method", "PUT")
	preflight.Header.Set("Access-Control-Request-Headers", "content-type")
	resp, err = http.DefaultClient.Do(preflight)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("Access-Control-Allow-Origin") != console {
		t.Errorf("preflight: %s %v", resp.Status, resp.Header)
	}
	resp = askConsole(t, "PUT", console, uploads[0].URL, sample.Photo(400, 300))
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || resp.Header.Get("Access-Control-Allow-Origin") != console {
		t.Fatalf("upload: %s %s", resp.Status, text)
	}
	awaitRow(t, console, "a b.jpg", "done")
	p.interrupt(t)

	p = run(t, "dev", "--dir", dir, "--port", "0", "--console", strings.TrimPrefix(console, "http://"))
	p.find(t, 0, consoleRE)
	awaitRow(t, console, "a b.jpg", "done")
	p.interrupt(t)
}
