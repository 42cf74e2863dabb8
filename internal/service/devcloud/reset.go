package devcloud

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/posix"
)

// Usage is what the buckets of a folder hold.
type Usage struct{ Objects, Bytes int64 }

// UsageOf counts the objects of the cloud whose data is in dir, running or not. A folder without such
// data holds none. Older versions and unfinished uploads do not count.
func UsageOf(dir string) (u Usage, err error) {
	data := filepath.Join(dir, "s3", "data")
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		switch {
		case notExist(err):
			return nil // there is no data, or the object was removed just now
		case err != nil:
			return err
		case d.IsDir() && d.Name() == posix.MetaTmpDir:
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if notExist(err) {
			return nil
		}
		if err == nil {
			u.Objects++
			u.Bytes += info.Size()
		}
		return err
	})
	return u, err
}

// Reset removes the data of the cloud in dir, and each folder in which nothing else is. The error is
// ErrNoCloud if there is no such data, and ErrInUse while a Cloud is running on the folder.
func Reset(dir string) error {
	if err := CheckFolder(dir); err != nil {
		return err
	}
	f, err := openFolder(dir)
	if err != nil {
		return err
	}
	// The credentials are last: until then, another Reset finds what this one has left.
	var failed []error
	for _, path := range []string{
		f.data, f.meta, f.versions, f.journal, f.sequencer, f.queue, f.queue + ".new", f.mark, f.oldQueue, f.oldMark,
		f.known, f.known + ".new", f.known + ".damaged", f.known + ".lock",
		f.history, f.history + ".new", f.credentials,
	} {
		if err := os.RemoveAll(path); err != nil {
			failed = append(failed, explain(path, err))
			break
		}
	}
	failed = append(failed, f.close())
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if err := os.Remove(f.lock.Path()); err != nil {
		return explain(f.dir, err)
	}
	for _, dir := range []string{filepath.Dir(f.data), filepath.Dir(f.oldQueue), f.dir} {
		if err := removeEmpty(dir); err != nil {
			return err
		}
	}
	return nil
}
