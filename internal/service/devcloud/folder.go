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

// folder holds the paths of everything below Config.Dir, all absolute, and the lock on it.
type folder struct {
	dir         string
	data        string // the gateway's files: a folder for each bucket
	meta        string // attributes of objects
	versions    string // older versions, in buckets that keep them
	journal     string // writes in progress
	sequencer   string
	queue       string
	mark        string // what is known about the queue
	oldQueue    string // of an earlier version, as is oldMark
	oldMark     string
	credentials string
	address     string
	known       string // what the pipeline knows of the objects
	history     string // of a page about the cloud
	lock        *flock.Flock
}

// addressFile is the name of the file that holds the Address of the running cloud.
const addressFile = "address.json"

// ErrInUse means that another cloud is running on the folder.
var ErrInUse = errors.New("is in use by another imgmill")

// openFolder creates missing folders and takes the lock, which the system releases when the process
// ends in any way. It removes the address that a process has left that was killed. In a folder with the
// credentials of another program it creates nothing.
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
		queue:       filepath.Join(abs, "events"),
		mark:        filepath.Join(abs, "events.json"),
		oldQueue:    filepath.Join(abs, "queue", "jetstream"),
		oldMark:     filepath.Join(abs, "queue.json"),
		credentials: filepath.Join(abs, credentialsFile),
		address:     filepath.Join(abs, addressFile),
		known:       filepath.Join(abs, "known"),
		history:     filepath.Join(abs, "console.jsonl"),
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, explain(abs, err)
	}
	f.lock = folderLock(abs)
	locked, err := f.lock.TryLock()
	if err != nil {
		return nil, explain(abs, err)
	}
	if !locked {
		return nil, fmt.Errorf("folder %s %w: stop that one, or choose another folder", abs, ErrInUse)
	}
	if _, err := readCredentials(f.credentials); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, f.close())
	}
	if err := os.Remove(f.address); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(explain(f.address, err), f.close())
	}
	for _, d := range []string{f.data, f.meta, f.versions, f.journal} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, errors.Join(explain(d, err), f.close())
		}
	}
	return f, nil
}

// removeEmpty removes a folder if nothing is in it.
func removeEmpty(dir string) error {
	rest, err := os.ReadDir(dir)
	if notExist(err) {
		return nil
	}
	if err == nil && len(rest) == 0 {
		err = os.Remove(dir)
	}
	if err != nil {
		return explain(dir, err)
	}
	return nil
}

// folderLock returns the lock on a folder. Whoever uses the data holds it exclusively.
func folderLock(dir string) *flock.Flock {
	return flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
}

func (f *folder) close() error { return f.lock.Close() }

// explain describes a failure to create or write path, and what to do about it.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is needed as a folder, but is a file or lies below one: choose another folder", path)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space left for %s: free some space, or choose a folder on another disk", path)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s is not writable: change its owner or mode, or choose another folder (%w)", path, err)
	}
	return fmt.Errorf("%s cannot be used: %w", path, err)
}

// replaceFile writes data to path atomically, and syncs it to the disk before it returns.
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
