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

// attributes is the gateway's store of what belongs to an object beside its bytes: ETag, content type, metadata. It is the
// gateway's own sidecar store, a small file for each attribute, with two additions.
//
// The sidecar keeps them in a folder "meta" below the object's name, where they would meet the attributes of objects whose
// keys have a part "meta"; such parts get another name here. And it notes what a write stores: sidecar files do not vanish
// with the bytes that they belonged to, so the write's end needs to know which of them are left over from the object before.
type attributes struct {
	side meta.SideCar
	dir  string

	mu     sync.Mutex
	writes map[string]*noted // by object.id, of the writes under way
}

// noted is what a write did to an object's attributes.
type noted struct {
	stored  []string
	touched bool
}

func openAttributes(dir string) (*attributes, error) {
	side, err := meta.NewSideCar(dir)
	if err != nil {
		return nil, err
	}
	return &attributes{side: side, dir: dir, writes: map[string]*noted{}}, nil
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

// note starts to note what happens to the object's attributes; noteEnd stops and tells.
func (a *attributes) note(o object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writes[o.id()] = &noted{}
}

func (a *attributes) noteEnd(o object) noted {
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

// all reads every attribute of an object.
func (a *attributes) all(o object) (map[string][]byte, error) {
	names, err := a.ListAttributes(o.Bucket, o.Key)
	if err != nil {
		return nil, err
	}
	values := make(map[string][]byte, len(names))
	for _, n := range names {
		v, err := a.RetrieveAttribute(nil, o.Bucket, o.Key, n)
		if errors.Is(err, meta.ErrNoSuchKey) {
			continue // a change of tags does not hold the object's lock
		}
		if err != nil {
			return nil, err
		}
		values[n] = v
	}
	return values, nil
}

// has is whether the object has the attribute.
func (a *attributes) has(o object, attribute string) bool {
	_, err := a.RetrieveAttribute(nil, o.Bucket, o.Key, attribute)
	return err == nil
}

// reset gives an object exactly these attributes.
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

// keep removes all of the old attributes that are not among the stored ones.
func (a *attributes) keep(o object, old map[string][]byte, stored []string) error {
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

// storedSince names the attributes that were written at t or later, by the times of their files.
func (a *attributes) storedSince(o object, t time.Time) ([]string, error) {
	files, err := os.ReadDir(filepath.Join(a.dir, o.Bucket, filepath.FromSlash(escape(o.Key)), "meta"))
	if err != nil && !gone(err) {
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

// gone is whether there is no such file, or a file where its folder would be.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
