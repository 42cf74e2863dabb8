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

// stored is the object that a request means: the gateway keeps `a//b` and `./a/b` in the file a/b. The strings are copies,
// because those of a request point into a buffer that the HTTP server uses again.
func stored(bucket, key string) object {
	clean := strings.TrimPrefix(path.Clean("/"+key), "/")
	if clean != "" && strings.HasSuffix(key, "/") {
		clean += "/"
	}
	return object{Bucket: strings.Clone(bucket), Key: strings.Clone(clean)}
}

// id tells objects apart; a folder key and a file of the same name share it, as they share a name on disk.
func (o object) id() string { return o.Bucket + "\x00" + strings.TrimSuffix(o.Key, "/") }

// folder is whether the key ends in a slash, which makes it a folder on disk.
func (o object) folder() bool { return strings.HasSuffix(o.Key, "/") }

// stat looks at the object's file below root; nil is that there is none. A folder that stands in the place of a file is none.
func (o object) stat(root string) (fs.FileInfo, error) {
	info, err := os.Stat(filepath.Join(root, o.Bucket, filepath.FromSlash(o.Key)))
	if err != nil {
		if gone(err) {
			return nil, nil
		}
		return nil, err
	}
	if info.IsDir() != o.folder() {
		return nil, nil
	}
	return info, nil
}
