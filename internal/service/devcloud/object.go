package devcloud

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// object names one object as the gateway stores it.
type object struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// stored returns the object that a request refers to: the gateway would keep `a//b` and `./a/b` in the
// file a/b, which is why keeps refuses them. It copies the strings, because those of a request point into a buffer that the HTTP
// server reuses.
func stored(bucket, key string) object {
	clean := strings.TrimPrefix(path.Clean("/"+key), "/")
	if clean != "" && strings.HasSuffix(key, "/") {
		clean += "/"
	}
	return object{Bucket: strings.Clone(bucket), Key: strings.Clone(clean)}
}

// id identifies the object; a folder key and a file of the same name share it, as they share a name
// on disk.
func (o object) id() string { return o.Bucket + "\x00" + strings.TrimSuffix(o.Key, "/") }

// folder reports whether the key ends in a slash, which makes it a folder on disk.
func (o object) folder() bool { return strings.HasSuffix(o.Key, "/") }

// stat returns the state of the object's file below root, or nil if there is none. A folder in the
// place of a file, or the other way round, counts as none.
func (o object) stat(root string) (fs.FileInfo, error) {
	info, err := os.Stat(filepath.Join(root, o.Bucket, filepath.FromSlash(o.Key)))
	if err != nil {
		if notExist(err) {
			return nil, nil
		}
		return nil, err
	}
	if info.IsDir() != o.folder() {
		return nil, nil
	}
	return info, nil
}
