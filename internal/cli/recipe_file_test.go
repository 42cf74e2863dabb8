package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestRecipeFileWrite: a saved recipe replaces the file whole, also one behind a link, and nothing else is left.
func TestRecipeFileWrite(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "imgmill.yaml")
	if err := errors.Join(os.WriteFile(real, []byte("old"), 0o640), os.Symlink("real.yaml", link)); err != nil {
		t.Skip(err) // Windows lets not everybody make links
	}
	before, err := os.Open(real)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := (&recipeFile{path: link}).Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(real)
	old, oldErr := io.ReadAll(before)
	if string(text) != "new" || string(old) != "old" || err != nil || oldErr != nil {
		t.Errorf("%q, and whoever had it open reads %q: %v, %v", text, old, err, oldErr)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if info, err := os.Stat(real); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	created := filepath.Join(dir, "new.yaml")
	if err := (&recipeFile{path: created}).Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(created); string(text) != "first" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
