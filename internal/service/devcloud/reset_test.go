package devcloud

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles makes files below dir, each with its own name as its content.
func writeFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// wantFiles compares the files below dir with the names.
func wantFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			got = append(got, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil || strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("files %q (%v), want %q", got, err, names)
	}
}

// TestForeignFolder: a folder in which another program keeps its credentials is no cloud's, and nothing is
// removed from it or added to it.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	files := []string{"known", "queue/todo.txt", "s3/data/photos/a.jpg", "s3/notes.txt"}
	writeFiles(t, dir, files...)
	google := `{"installed": {"client_id": "1.apps.googleusercontent.com", "client_secret": "x"}}`
	if err := os.WriteFile(filepath.Join(dir, "credentials.json"), []byte(google), 0o600); err != nil {
		t.Fatal(err)
	}
	want := append([]string{"credentials.json"}, files...)
	if err := Reset(dir); err == nil || !strings.Contains(err.Error(), "does not hold the keys of imgmill dev") {
		t.Errorf("Reset: %v", err)
	}
	if _, err := FindRunning(dir); err == nil || errors.Is(err, ErrNoCloud) || errors.Is(err, ErrNotRunning) {
		t.Errorf("FindRunning: %v", err)
	}
	wantFiles(t, dir, want...)
	if c, err := Start(t.Context(), testConfig(dir)); err == nil {
		stop(t, c)
		t.Error("a cloud has started")
	}
	for _, made := range []string{"s3/meta", "s3/journal", "s3/versions"} {
		if _, err := os.Stat(filepath.Join(dir, made)); !notExist(err) {
			t.Errorf("%s was made", made)
		}
	}
}

// TestReset: what others keep beside the data, and in folders of the same names, stays.
func TestReset(t *testing.T) {
	dir := t.TempDir()
	if err := Reset(dir); !errors.Is(err, ErrNoCloud) {
		t.Errorf("an empty folder: %v", err)
	}
	cfg := testConfig(filepath.Join(dir, "cloud"))
	stop(t, start(t, cfg))
	writeFiles(t, cfg.Dir, "known", "known.damaged", "known.lock")
	if err := Reset(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir)
	if _, err := os.Stat(cfg.Dir); !notExist(err) {
		t.Errorf("the empty folder is still there: %v", err)
	}
	stop(t, start(t, cfg))
	files := []string{"known_hosts", "queue/todo.txt", "s3/notes.txt"}
	writeFiles(t, cfg.Dir, files...)
	if err := Reset(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, cfg.Dir, files...)
}

// TestStaleAddress: while somebody else has the folder, the address that a killed process has left is not
// taken for that of a running cloud: secrets would be sent there.
func TestStaleAddress(t *testing.T) {
	cfg := testConfig(t.TempDir())
	c := start(t, cfg)
	address, err := os.ReadFile(c.folder.address)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, c)
	if err := os.WriteFile(c.folder.address, address, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FindRunning(cfg.Dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody runs: %v", err)
	}
	f, err := openFolder(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := FindRunning(cfg.Dir); !errors.Is(err, ErrInUse) {
		t.Errorf("starting: %+v, %v", a, err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
}
