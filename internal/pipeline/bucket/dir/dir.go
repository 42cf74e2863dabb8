// Package dir is an object store in folders: each bucket is one, and the path of a file below it is its
// key. It lets the pipeline work on pictures that are on a disk, where other programs write them.
//
// A file may come from anywhere. Its ETag is made of its size and the time of its last change, as
// rsync's quick check is, because a hash would mean to read all of them. What the store itself writes
// also has attributes, which are kept in .imgmill/files of the same folder, under a hash of the key, with
// the ETag of the file that they belong to: once somebody else has replaced that file, it has none.
//
// Put is atomic, and conditions hold among all processes that use this package. They cannot hold for
// others, which write as they like. Keys that a file system would take for another key, or cannot hold,
// are refused. Tags, storage classes and access lists are not kept.
package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Store is a set of folders. It implements bucket.Store.
type Store struct {
	// Folders are the paths of the folders, by bucket.
	Folders map[string]string
	// New is a bucket whose folder need not exist: it is empty then, and the first write makes it.
	New string

	mu sync.Mutex // for changes
}

var _ bucket.Store = (*Store)(nil)

const (
	maxKey = 1024 // bytes, as in S3
	// private is the folder of a bucket that holds what belongs to no key.
	private = ".imgmill/files"
)

// Get implements bucket.Store.
func (s *Store) Get(ctx context.Context, name, key string, cond bucket.Condition) (*bucket.Object, error) {
	if cond.IfAbsent {
		return nil, failed("get", name, key, fmt.Errorf("%w: IfAbsent is for put only", bucket.ErrInvalid))
	}
	f, info, err := s.open(ctx, name, key)
	if err != nil {
		return nil, failed("get", name, key, err)
	}
	if err := matches(info.ETag, cond.IfMatch); err != nil {
		return nil, failed("get", name, key, errors.Join(err, f.Close()))
	}
	return &bucket.Object{Info: info, Body: f}, nil
}

// ReadAt implements bucket.Store.
func (s *Store) ReadAt(ctx context.Context, name, key, etag string, p []byte, offset int64) error {
	f, info, err := s.open(ctx, name, key)
	if err != nil {
		return failed("read", name, key, err)
	}
	defer f.Close()
	if err := matches(info.ETag, etag); err != nil {
		return failed("read", name, key, err)
	}
	if _, err := f.ReadAt(p, offset); err != nil {
		return failed("read", name, key, fmt.Errorf("%w: %d bytes from %d on, of %d: %w", bucket.ErrInvalid, len(p), offset, info.Size, err))
	}
	return nil
}

// Head implements bucket.Store.
func (s *Store) Head(ctx context.Context, name, key string) (bucket.Info, error) {
	f, info, err := s.open(ctx, name, key)
	if err != nil {
		return bucket.Info{}, failed("head", name, key, err)
	}
	return info, f.Close()
}

// Tags implements bucket.Store. A file has none.
func (s *Store) Tags(ctx context.Context, name, key, _ string) (map[string]string, error) {
	_, err := s.Head(ctx, name, key)
	return map[string]string{}, err
}

// open opens a file and describes it.
func (s *Store) open(ctx context.Context, name, key string) (*os.File, bucket.Info, error) {
	root, file, err := s.locate(ctx, name, key)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	for {
		// A pipe would wait for somebody who writes.
		if _, err := regular(file); err != nil {
			return nil, bucket.Info{}, err
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, bucket.Info{}, err
		}
		state, err := f.Stat()
		if err != nil {
			return nil, bucket.Info{}, errors.Join(err, f.Close())
		}
		info := bucket.Info{Key: key, Size: state.Size(), ETag: etagOf(state), Modified: state.ModTime()}
		known, err := readRecord(root, key)
		if err != nil {
			return nil, bucket.Info{}, errors.Join(err, f.Close())
		}
		var found bool
		if info.Attributes, found = known.of(info.ETag); found {
			return f, info, nil
		}
		// The record may be one of a file that has come since.
		if now, err := regular(file); err == nil && etagOf(now) == info.ETag {
			return f, info, nil
		}
		if err := errors.Join(f.Close(), ctx.Err()); err != nil {
			return nil, bucket.Info{}, err
		}
	}
}

// Put implements bucket.Store.
func (s *Store) Put(
	ctx context.Context, name, key string, body []byte, attr bucket.Attributes, cond bucket.Condition,
) (string, error) {
	etag, err := s.put(ctx, name, key, bytes.NewReader(body), attr, cond)
	if err != nil {
		return "", failed("put", name, key, err)
	}
	return etag, nil
}

// Copy implements bucket.Store.
func (s *Store) Copy(
	ctx context.Context, from bucket.Source, toBucket, toKey string, attr bucket.Attributes, cond bucket.Condition,
) error {
	f, info, err := s.open(ctx, from.Bucket, from.Key)
	if err != nil {
		return failed("copy", from.Bucket, from.Key, err)
	}
	defer f.Close()
	if err := matches(info.ETag, from.IfMatch); err != nil {
		return failed("copy", from.Bucket, from.Key, err)
	}
	if _, err := s.put(ctx, toBucket, toKey, f, attr, cond); err != nil {
		return failed("copy to", toBucket, toKey, err)
	}
	return nil
}

// put writes a file beside the others, and then puts it into its place under the lock.
func (s *Store) put(
	ctx context.Context, name, key string, body io.Reader, attr bucket.Attributes, cond bucket.Condition,
) (etag string, err error) {
	root, file, err := s.locate(ctx, name, key)
	if err != nil {
		return "", err
	}
	if cond.IfAbsent && cond.IfMatch != "" {
		return "", fmt.Errorf("%w: both IfMatch and IfAbsent are set", bucket.ErrInvalid)
	}
	if attr, err = kept(attr); err != nil {
		return "", err
	}
	if err := s.exists(name); err != nil {
		return "", err
	}
	fresh, err := newFile(root, body)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(fresh))
		}
	}()
	unlock, err := s.lock(root)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	old, err := regular(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		old = nil
	case err != nil:
		return "", err
	case cond.IfAbsent:
		return "", fmt.Errorf("%w: the file exists", bucket.ErrPrecondition)
	}
	before := ""
	if old != nil {
		before = etagOf(old)
		if err := os.Chmod(fresh, old.Mode().Perm()); err != nil {
			return "", err
		}
	}
	if err := matches(before, cond.IfMatch); err != nil {
		return "", err
	}
	if etag, err = stamp(fresh, before); err != nil {
		return "", err
	}
	if err := writeRecord(root, key, etag, attr, before); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return "", err
	}
	return etag, os.Rename(fresh, file)
}

// Delete implements bucket.Store. It removes the folders that become empty, as a bucket has none.
func (s *Store) Delete(ctx context.Context, name, key string, cond bucket.Condition) error {
	root, file, err := s.locate(ctx, name, key)
	if err == nil && cond.IfAbsent {
		err = fmt.Errorf("%w: IfAbsent is for put only", bucket.ErrInvalid)
	}
	if err != nil {
		return failed("delete", name, key, err)
	}
	if err := s.remove(root, file, key, cond.IfMatch); err != nil {
		return failed("delete", name, key, err)
	}
	return nil
}

func (s *Store) remove(root, file, key, etag string) (err error) {
	if _, err := os.Stat(root); err != nil {
		return err
	}
	unlock, err := s.lock(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	state, err := regular(file)
	if absent(err) && etag == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if err := matches(etagOf(state), etag); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	for dir := filepath.Dir(file); dir != filepath.Clean(root); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break // it is not empty
		}
	}
	return removeRecord(root, key)
}

// List implements bucket.Store. It leaves out the folders of other buckets that are inside this one, and
// whatever is no file, and it does not follow links to folders.
func (s *Store) List(ctx context.Context, name, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		root, known := s.Folders[name]
		if err := s.exists(name); err != nil || !known {
			yield(bucket.Info{}, failed("list", name, prefix, errors.Join(err, ctx.Err())))
			return
		}
		w := walk{ctx: ctx, root: root, prefix: prefix, yield: yield}
		for other, folder := range s.Folders {
			if info, err := os.Stat(folder); err == nil && other != name {
				w.others = append(w.others, info)
			}
		}
		// Only the folder in which the prefix ends has to be read.
		dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
		if dir != "" && !fs.ValidPath(strings.TrimSuffix(dir, "/")) {
			return
		}
		err := w.folder(dir)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(bucket.Info{}, failed("list", name, prefix, err))
		}
	}
}

// walk is one listing.
type walk struct {
	ctx    context.Context
	root   string
	prefix string
	others []fs.FileInfo
	yield  func(bucket.Info, error) bool
}

// errStop ends a walk that nobody wants to see the rest of.
var errStop = errors.New("stopped")

// folder yields the files of a folder, whose name ends in a slash, in byte order of keys: a folder is
// where its name with a slash belongs.
func (w *walk) folder(dir string) error {
	entries, err := os.ReadDir(filepath.Join(w.root, filepath.FromSlash(dir)))
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		if key := dir + name; strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		key := dir + name
		if key == private+"/" {
			continue
		}
		info, err := os.Stat(filepath.Join(w.root, filepath.FromSlash(key)))
		switch {
		case absent(err): // it was removed meanwhile, or is a link to nothing
		case err != nil:
			return err
		case strings.HasSuffix(name, "/"):
			if slices.ContainsFunc(w.others, func(o fs.FileInfo) bool { return os.SameFile(o, info) }) {
				continue
			}
			if err := w.folder(key); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			if !w.yield(bucket.Info{Key: key, Size: info.Size(), ETag: etagOf(info), Modified: info.ModTime()}, nil) {
				return errStop
			}
		}
	}
	return nil
}

// locate returns the folder of a bucket and the file of a key.
func (s *Store) locate(ctx context.Context, name, key string) (root, file string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	root, known := s.Folders[name]
	switch {
	case key == "" || len(key) > maxKey:
		return "", "", fmt.Errorf("%w: the key has %d bytes, want 1 to %d", bucket.ErrInvalid, len(key), maxKey)
	case !known:
		return "", "", bucket.ErrNoBucket
	case !fs.ValidPath(key) || key == "." || strings.ContainsRune(key, 0) || !filepath.IsLocal(filepath.FromSlash(key)):
		return "", "", fmt.Errorf("%w: the key cannot be the path of a file", bucket.ErrInvalid)
	case key == private || strings.HasPrefix(key, private+"/"):
		return "", "", fmt.Errorf("%w: what is under %s belongs to the store", bucket.ErrInvalid, private)
	}
	return root, filepath.Join(root, filepath.FromSlash(path.Clean(key))), nil
}

// exists returns an error if the folder of a bucket does not exist and has to.
func (s *Store) exists(name string) error {
	root, known := s.Folders[name]
	if !known {
		return bucket.ErrNoBucket
	}
	if name == s.New {
		return nil
	}
	if _, err := os.Stat(root); err != nil {
		return err
	}
	return nil
}

// matches returns an error if there is a condition and it is about another ETag.
func matches(etag, condition string) error {
	if condition != "" && etag != condition {
		return fmt.Errorf("%w: the ETag is %q", bucket.ErrPrecondition, etag)
	}
	return nil
}

// regular describes a file. What is no file is absent.
func regular(file string) (fs.FileInfo, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: no file is there, but a %s", fs.ErrNotExist, info.Mode().Type())
	}
	return info, err
}

// etagOf returns the ETag of a file.
func etagOf(info fs.FileInfo) string {
	return fmt.Sprintf("%x.%x", info.ModTime().UnixNano(), info.Size())
}

// absent reports whether an error means that there is no such file, or a file in the place of its folder.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }

// failed says which call has failed, with an error of package bucket.
func failed(op, name, key string, err error) error {
	kind := bucket.ErrTransient
	for _, own := range []error{
		bucket.ErrNotFound, bucket.ErrPrecondition, bucket.ErrInvalid, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, own) {
			return fmt.Errorf("%s %s/%s: %w", op, name, key, err)
		}
	}
	switch {
	case isAny(err, syscall.ENAMETOOLONG, syscall.EISDIR, syscall.ENOTEMPTY, syscall.EEXIST, syscall.EINVAL),
		strings.HasPrefix(op, "put") && errors.Is(err, syscall.ENOTDIR), strings.HasPrefix(op, "copy to") && errors.Is(err, syscall.ENOTDIR):
		kind = bucket.ErrInvalid
	case absent(err):
		kind = bucket.ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		kind = bucket.ErrDenied
	}
	return fmt.Errorf("%s %s/%s: %w: %w", op, name, key, kind, err)
}

func isAny(err error, kinds ...error) bool {
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}
