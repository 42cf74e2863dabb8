package devcloud

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/versity/versitygw/backend/meta"
)

// attributes stores the attributes of objects: ETag, content type, metadata. It is the gateway's
// sidecar store, which has a small file for each attribute, with two additions.
//
// The sidecar keeps attributes in a folder "meta" below the object's name, where they would collide
// with the attributes of objects whose keys have a part "meta"; attributes renames such parts. It
// also records which attributes a write stores: replacing an object's bytes does not remove its
// sidecar files, so the end of the write has to know which of them are left over from the previous
// object.
type attributes struct {
	side meta.SideCar
	dir  string

	mu     sync.Mutex
	writes map[string]*attributeChanges // writes in progress, by object.id
}

// attributeChanges records what a write did to an object's attributes.
type attributeChanges struct {
	stored  []string
	touched bool
}

func openAttributes(dir string) (*attributes, error) {
	side, err := meta.NewSideCar(dir)
	if err != nil {
		return nil, err
	}
	return &attributes{side: side, dir: dir, writes: map[string]*attributeChanges{}}, nil
}

// escape renames the parts "meta", "meta~" and so on of a key.
func escape(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		if strings.TrimRight(p, "~") == "meta" {
			parts[i] = p + "~"
		}
	}
	return strings.Join(parts, "/")
}

// record starts to record the changes of the object's attributes.
func (a *attributes) record(o object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writes[o.id()] = &attributeChanges{}
}

// recorded ends record and returns the changes.
func (a *attributes) recorded(o object) attributeChanges {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.writes[o.id()]
	delete(a.writes, o.id())
	return *n
}

func (a *attributes) touch(bucket, key, attribute string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := a.writes[stored(bucket, key).id()]; n != nil {
		n.touched = true
		if attribute != "" {
			n.stored = append(n.stored, attribute)
		}
	}
}

// RetrieveAttribute implements meta.MetadataStorer, like the five methods after it.
func (a *attributes) RetrieveAttribute(f *os.File, bucket, key, attribute string) ([]byte, error) {
	return a.side.RetrieveAttribute(f, bucket, escape(key), attribute)
}

func (a *attributes) StoreAttribute(f *os.File, bucket, key, attribute string, value []byte) error {
	a.touch(bucket, key, attribute)
	return a.side.StoreAttribute(f, bucket, escape(key), attribute, value)
}

func (a *attributes) DeleteAttribute(bucket, key, attribute string) error {
	a.touch(bucket, key, "")
	return a.side.DeleteAttribute(bucket, escape(key), attribute)
}

func (a *attributes) ListAttributes(bucket, key string) ([]string, error) {
	return a.side.ListAttributes(bucket, escape(key))
}

func (a *attributes) DeleteAttributes(bucket, key string) error {
	a.touch(bucket, key, "")
	return a.side.DeleteAttributes(bucket, escape(key))
}

func (a *attributes) RenameObject(bucket, from, to string) error {
	return a.side.RenameObject(bucket, escape(from), escape(to))
}

// all returns every attribute of an object.
func (a *attributes) all(o object) (map[string][]byte, error) {
	names, err := a.ListAttributes(o.Bucket, o.Key)
	if err != nil {
		return nil, err
	}
	values := make(map[string][]byte, len(names))
	for _, n := range names {
		v, err := a.RetrieveAttribute(nil, o.Bucket, o.Key, n)
		if errors.Is(err, meta.ErrNoSuchKey) {
			continue // tags can change meanwhile, because their requests do not lock the object
		}
		if err != nil {
			return nil, err
		}
		values[n] = v
	}
	return values, nil
}

// has reports whether the object has the attribute.
func (a *attributes) has(o object, attribute string) bool {
	_, err := a.RetrieveAttribute(nil, o.Bucket, o.Key, attribute)
	return err == nil
}

// reset replaces all attributes of an object.
func (a *attributes) reset(o object, values map[string][]byte) error {
	if err := a.DeleteAttributes(o.Bucket, o.Key); err != nil {
		return err
	}
	for n, v := range values {
		if err := a.StoreAttribute(nil, o.Bucket, o.Key, n, v); err != nil {
			return err
		}
	}
	return nil
}

// removeOld removes the old attributes that the write has not stored again.
func (a *attributes) removeOld(o object, old map[string][]byte, stored []string) error {
	for n := range old {
		if slices.Contains(stored, n) {
			continue
		}
		if err := a.DeleteAttribute(o.Bucket, o.Key, n); err != nil && !errors.Is(err, meta.ErrNoSuchKey) {
			return err
		}
	}
	return nil
}

// storedSince returns the names of the attributes that were written at t or later, by the times of
// their files.
func (a *attributes) storedSince(o object, t time.Time) ([]string, error) {
	files, err := os.ReadDir(filepath.Join(a.dir, o.Bucket, filepath.FromSlash(escape(o.Key)), "meta"))
	if err != nil && !notExist(err) {
		return nil, err
	}
	var names []string
	for _, f := range files {
		info, err := f.Info()
		if err == nil && !info.ModTime().Before(t) {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// notExist reports whether err means that there is no such file, or a file in the place of its
// folder.
func notExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
