package dir_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/dir"
)

func TestStore(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its file names hold fewer characters, and a file that is being read cannot be replaced")
	}
	buckettest.Run(t, func(t *testing.T) (bucket.Store, string) {
		t.Chdir(t.TempDir()) // a path may have no more bytes than a key
		return &dir.Store{Folders: map[string]string{"photos": "."}}, "photos"
	}, buckettest.ObjectTags)
}

// TestForeignFiles: files of others are objects, also in the place of the store's own.
func TestForeignFiles(t *testing.T) {
	root := t.TempDir()
	s := &dir.Store{Folders: map[string]string{"photos": root}}
	file := filepath.Join(root, "2026", "a.jpg")
	write(t, file, "one")
	info, err := s.Head(t.Context(), "photos", "2026/a.jpg")
	if err != nil || info.Size != 3 || info.Metadata != nil {
		t.Fatalf("%+v, %v", info, err)
	}
	mine, err := s.Put(t.Context(), "photos", "2026/a.jpg", []byte("two"), bucket.Attributes{Metadata: map[string]string{"mark": "x"}},
		bucket.Condition{IfMatch: info.ETag})
	if err != nil {
		t.Fatal(err)
	}
	if info, err = s.Head(t.Context(), "photos", "2026/a.jpg"); err != nil || info.ETag != mine || info.Metadata["mark"] != "x" {
		t.Fatalf("%+v, %v", info, err)
	}
	write(t, file, "six")
	if err := os.Chtimes(file, time.Now(), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if info, err = s.Head(t.Context(), "photos", "2026/a.jpg"); err != nil || info.ETag == mine || info.Metadata != nil {
		t.Errorf("a replaced file: %+v, %v", info, err)
	}
	_, err = s.Put(t.Context(), "photos", "2026/a.jpg", nil, bucket.Attributes{}, bucket.Condition{IfMatch: mine})
	if !errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("put over a replaced file: %v", err)
	}
}

// TestKilledPut: if a process ends between the record and the file, the old file keeps its attributes.
func TestKilledPut(t *testing.T) {
	root := t.TempDir()
	s := &dir.Store{Folders: map[string]string{"photos": root}}
	if _, err := s.Put(t.Context(), "photos", "a", []byte("one"), bucket.Attributes{ContentType: "image/png"}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "a")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "photos", "a", []byte("two"), bucket.Attributes{ContentType: "image/gif"}, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	write(t, file, "one")
	if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	o, err := s.Get(t.Context(), "photos", "a", bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	if data, err := io.ReadAll(o.Body); err != nil || string(data) != "one" || o.ContentType != "image/png" {
		t.Errorf("%q, %+v, %v", data, o.Info, err)
	}
}

// TestFolders: what a listing shows of nested folders, links and what is no file.
func TestFolders(t *testing.T) {
	root := t.TempDir()
	s := &dir.Store{Folders: map[string]string{"in": root, "out": filepath.Join(root, "web")}, New: "out"}
	for name, err := range s.List(t.Context(), "out", "") {
		t.Errorf("a folder that does not exist yet lists %+v, %v", name, err)
	}
	write(t, filepath.Join(root, "a.jpg"), "a")
	write(t, filepath.Join(root, "empty", "x"), "")
	if _, err := s.Put(t.Context(), "out", "small/a.jpg", []byte("small"), bucket.Attributes{}, bucket.Condition{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"link.jpg": "a.jpg", "broken.jpg": "none", "loop": "."}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Skip(err) // Windows, without the right to make links
		}
	}
	want := map[string][]string{"in": {"a.jpg", "empty/x", "link.jpg"}, "out": {"small/a.jpg"}}
	for name, keys := range want {
		for info, err := range s.List(t.Context(), name, "") {
			if err != nil || len(keys) == 0 || info.Key != keys[0] {
				t.Fatalf("%s lists %q, %v, want %q", name, info.Key, err, keys)
			}
			keys = keys[1:]
		}
		if len(keys) > 0 {
			t.Errorf("%s does not list %q", name, keys)
		}
	}
	if err := s.Delete(t.Context(), "out", "small/a.jpg", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "web", "small")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder is left: %v", err)
	}
	gone := &dir.Store{Folders: map[string]string{"in": filepath.Join(root, "none")}}
	for _, err := range gone.List(t.Context(), "in", "") {
		if !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("the listing of no folder: %v", err)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
