package dir

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// record is what is kept beside a file: the attributes of the file that is there, and of the one that
// replaces it, because the record is written before the file is in its place.
type record struct {
	Key   string  `json:"key"`
	Files []entry `json:"files"`
}

type entry struct {
	ETag       string            `json:"etag"`
	Attributes bucket.Attributes `json:"attributes"`
}

// of returns the attributes of the file with an ETag, and whether there are any.
func (r record) of(etag string) (bucket.Attributes, bool) {
	for _, e := range r.Files {
		if e.ETag == etag {
			return e.Attributes, true
		}
	}
	return bucket.Attributes{}, false
}

func recordFile(root, key string) string {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:16])
	return filepath.Join(root, filepath.FromSlash(private), name[:2], name+".json")
}

// readRecord reads the record of a key. Without one it is empty.
func readRecord(root, key string) (r record, err error) {
	file := recordFile(root, key)
	data, err := os.ReadFile(file)
	if absent(err) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	if json.Unmarshal(data, &r) != nil || r.Key != key {
		return record{}, nil // cut off by a loss of power: the file counts as somebody else's
	}
	return r, nil
}

// writeRecord adds the attributes of a file that is about to replace the one with the ETag before.
func writeRecord(root, key, etag string, attr bucket.Attributes, before string) error {
	old, err := readRecord(root, key)
	if err != nil {
		return err
	}
	r := record{Key: key, Files: []entry{{etag, attr}}}
	if attr, found := old.of(before); found {
		r.Files = append(r.Files, entry{before, attr})
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file := recordFile(root, key)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	fresh := file + ".new" // the lock keeps others out
	if err := os.WriteFile(fresh, data, 0o666); err != nil {
		return err
	}
	return os.Rename(fresh, file)
}

func removeRecord(root, key string) error {
	if err := os.Remove(recordFile(root, key)); err != nil && !absent(err) {
		return err
	}
	return nil
}

// lock keeps other changes of a folder out, also those of other processes.
func (s *Store) lock(root string) (unlock func() error, err error) {
	s.mu.Lock()
	l := flock.New(filepath.Join(root, filepath.FromSlash(private), "lock"), flock.SetPermissions(0o666))
	if err := errors.Join(os.MkdirAll(filepath.Dir(l.Path()), 0o777), l.Lock()); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return func() error {
		defer s.mu.Unlock()
		return l.Close()
	}, nil
}

// stale is the age of an unfinished file whose process was killed.
const stale = time.Hour

// newFile writes a file that has no key yet, and returns its path. It removes those that were never
// finished.
func newFile(root string, body io.Reader) (name string, err error) {
	dir := filepath.Join(root, filepath.FromSlash(private), "new")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range left {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stale {
			_ = os.Remove(filepath.Join(dir, e.Name())) // or another process has
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%016x", rand.Uint64())), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, body)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// stamp gives a file the present time and returns its ETag, which is another one than that of the file
// that it replaces, even where a clock or a file system has coarse times.
func stamp(file, before string) (etag string, err error) {
	for now, step := time.Now(), time.Microsecond; ; now, step = now.Add(step), 10*step {
		if err := os.Chtimes(file, now, now); err != nil {
			return "", err
		}
		info, err := os.Stat(file)
		if err != nil {
			return "", err
		}
		if etag = etagOf(info); etag != before {
			return etag, nil
		}
	}
}

// kept returns the attributes that a file can have, as S3 would keep them.
func kept(attr bucket.Attributes) (bucket.Attributes, error) {
	for name, v := range attr.Headers() {
		if !bucket.Printable(v) {
			return attr, fmt.Errorf("%w: %s %q is not printable ASCII", bucket.ErrInvalid, name, v)
		}
	}
	metadata, err := bucket.LowerMetadata(attr.Metadata)
	if err != nil {
		return attr, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	attr.Metadata, attr.Tags, attr.StorageClass, attr.ACL = metadata, nil, "", ""
	return attr, nil
}
