package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// refusedError is an input that is not read, or an output that may not be written where it would go:
// trying again is useless.
type refusedError struct{ error }

func refuse(format string, args ...any) error { return refusedError{fmt.Errorf(format, args...)} }

// writeOutput writes a file completely or not at all.
func writeOutput(path string, inputs *inputSet, data []byte) error {
	if inputs.holds(path) {
		return refuse("%s is an input, and inputs are never overwritten; choose another -o", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return replaceFile(path, data)
}

// replaceFile writes a temporary file beside path and renames it, so that path is complete at every
// moment. An existing file keeps its permissions. The temporary name is short whatever path is:
// names of files have at most 255 bytes, and path may have as many.
func replaceFile(path string, data []byte) (err error) {
	defer func() {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			e.Op, e.Path = "write", path // the temporary name says nothing to anybody
		}
	}()
	f, err := createTemporary(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if info, statErr := os.Stat(path); statErr == nil && info.Mode().IsRegular() {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// temporaryPrefix begins the names of unfinished files.
const temporaryPrefix = ".imgmill-"

// createTemporary creates a file with a name that is not in use, with the permissions that a new file
// has: os.CreateTemp would make one that only its owner may read.
func createTemporary(dir string) (*os.File, error) {
	const tries = 100
	for i := 1; ; i++ {
		name := filepath.Join(dir, fmt.Sprintf("%s%08x", temporaryPrefix, rand.Uint32()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || !errors.Is(err, os.ErrExist) || i == tries {
			return f, err
		}
	}
}
