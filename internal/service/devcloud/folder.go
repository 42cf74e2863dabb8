package devcloud

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// folder is the layout below Config.Dir, all paths absolute, and the lock on it.
type folder struct {
	dir         string
	data        string // the gateway's files: a folder for each bucket
	meta        string // what belongs to an object beside its bytes
	versions    string // older versions in buckets that keep them
	journal     string // writes that are under way
	sequencer   string
	queue       string
	credentials string
	lock        *flock.Flock
}

// ErrInUse: another cloud runs on the folder.
var ErrInUse = errors.New("is in use by another imgmill")

// openFolder makes what is missing and takes the lock, which the system releases when the process ends, however it ends.
func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	f := &folder{
		dir:         abs,
		data:        filepath.Join(abs, "s3", "data"),
		meta:        filepath.Join(abs, "s3", "meta"),
		versions:    filepath.Join(abs, "s3", "versions"),
		journal:     filepath.Join(abs, "s3", "journal"),
		sequencer:   filepath.Join(abs, "s3", "sequencer"),
		queue:       filepath.Join(abs, "queue"),
		credentials: filepath.Join(abs, "credentials.json"),
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, explain(abs, err)
	}
	f.lock = flock.New(filepath.Join(abs, "lock"), flock.SetPermissions(0o600))
	locked, err := f.lock.TryLock()
	if err != nil {
		return nil, explain(abs, err)
	}
	if !locked {
		return nil, fmt.Errorf("folder %s %w: stop that one, or choose another folder", abs, ErrInUse)
	}
	for _, d := range []string{f.data, f.meta, f.versions, f.journal, f.queue} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, errors.Join(explain(d, err), f.close())
		}
	}
	return f, nil
}

func (f *folder) close() error { return f.lock.Close() }

// explain turns a failure to make or write path into a sentence that says what to do.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s cannot be a folder, because a file of that name is in the way: choose another folder", path)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space left for %s: free some, or choose a folder on another disk", path)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s is not writable: change its owner or mode, or choose another folder (%w)", path, err)
	}
	return fmt.Errorf("folder %s cannot be used: %w", path, err)
}

// replaceFile puts data at path, whole or not at all, and on the disk before it returns.
func replaceFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
