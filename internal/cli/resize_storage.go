package cli

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// storage is where resize reads pictures and writes variants: files, objects, or the streams of the process.
type storage interface {
	// identity is the name of a picture or variant for everybody, not only in the current folder.
	identity(name string) (string, error)
	// state is a text that changes whenever something is written under a name. It is empty if there is nothing.
	state(ctx context.Context, name string) (string, error)
	// etag returns the ETag that an S3 store has for the content of a name, whose state is known.
	etag(name, state string) (string, error)
	// open opens a picture.
	open(ctx context.Context, name string) (*opened, error)
	// write writes a variant, completely or not at all, and returns its state. Files have no attributes.
	write(ctx context.Context, name string, data []byte, attr bucket.Attributes) (state string, err error)
}

// opened is a picture that is read.
type opened struct {
	io.Reader
	io.Closer
	size  int64         // in bytes; of a stream, of what has been read
	state string        // as in storage, or empty if that has to be asked for
	focal *render.Point // that is stored beside the picture, or nil
	// explain adds what is known of an error's cause.
	explain func(error) error
	// unchanged returns an error if what has been read may be of two contents; nil means that it cannot.
	unchanged func() error
}

// errChanged means that a file was written while it was read.
var errChanged = errors.New("it changed while it was read; run the same command again")

// streamName names standard input or output.
const streamName = "-"

// streams are standard input and output.
type streams struct {
	in  io.Reader
	out io.Writer
}

func (streams) identity(name string) (string, error)          { return name, nil }
func (streams) state(context.Context, string) (string, error) { return "", nil }
func (streams) etag(string, string) (string, error)           { return "", errors.New("a stream has no ETag") }
func (s streams) open(context.Context, string) (*opened, error) {
	o := &opened{Closer: io.NopCloser(s.in), explain: func(err error) error { return err }}
	o.Reader = &counter{s.in, &o.size}
	return o, nil
}

func (s streams) write(_ context.Context, _ string, data []byte, _ bucket.Attributes) (string, error) {
	_, err := s.out.Write(data)
	return "", err
}

// counter counts what is read. It hides that r may be a file: standard input can only be read in order.
type counter struct {
	r io.Reader
	n *int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}

// files are those of this machine.
type files struct{ inputs *inputSet }

func (files) identity(name string) (string, error) { return filepath.Abs(name) }

func (files) state(_ context.Context, name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", nil // who opens it finds out why
	}
	return stateOf(info), nil
}

// stateOf is the state of a file.
func stateOf(info fs.FileInfo) string {
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
}

// etag returns the ETag that S3 gives a file that is uploaded in one piece and not encrypted with a key
// of KMS: the MD5 of its bytes (Amazon S3 API Reference, "Object").
func (files) etag(name, _ string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := md5.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (files) open(_ context.Context, name string) (*opened, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	o := &opened{Reader: f, Closer: f, explain: func(err error) error { return err }}
	if info, err := f.Stat(); err == nil {
		o.size = info.Size()
		if info.Mode().IsRegular() {
			o.state = stateOf(info)
		}
	}
	o.unchanged = func() error {
		if info, err := f.Stat(); err == nil && o.state != "" && stateOf(info) != o.state {
			return errChanged
		}
		return nil
	}
	return o, nil
}

func (s files) write(ctx context.Context, name string, data []byte, _ bucket.Attributes) (string, error) {
	if err := writeOutput(name, s.inputs, data); err != nil {
		return "", err
	}
	return s.state(ctx, name)
}

// objectScheme begins the names of objects: s3://BUCKET/KEY.
const objectScheme = "s3://"

func isObject(name string) bool { return strings.HasPrefix(name, objectScheme) }

// splitObject returns the bucket and the key in the name of an object.
func splitObject(name string) (bucketName, key string) {
	bucketName, key, _ = strings.Cut(strings.TrimPrefix(name, objectScheme), "/")
	return bucketName, key
}

// isPrefix reports whether the name of an object stands for all that begin with it.
func isPrefix(name string) bool {
	_, key := splitObject(name)
	return key == "" || strings.HasSuffix(key, "/")
}

// objects are those of an S3 store.
type objects struct {
	store  bucket.Store
	where  string // it is
	limits recipe.Limits
	inputs *inputSet
}

func (s *objects) identity(name string) (string, error) {
	return s.where + " " + strings.TrimSuffix(name, "/"), nil
}

func (s *objects) state(ctx context.Context, name string) (string, error) {
	bucketName, key := splitObject(name)
	info, err := s.store.Head(ctx, bucketName, key)
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrDenied) { // who may not list is told that of what is not there
		return "", nil
	}
	return info.ETag, err
}

func (*objects) etag(_, state string) (string, error) { return state, nil }

func (s *objects) open(ctx context.Context, name string) (*opened, error) {
	bucketName, key := splitObject(name)
	o, err := mill.Open(ctx, s.store, bucketName, key, s.limits)
	if err != nil {
		return nil, err
	}
	info := o.Info()
	focal, _ := mill.FocalPoint(info.Metadata)
	return &opened{Reader: o.Reader, Closer: o, size: info.Size, state: info.ETag, focal: focal, explain: o.Explain}, nil
}

func (s *objects) write(ctx context.Context, name string, data []byte, attr bucket.Attributes) (string, error) {
	if id, _ := s.identity(name); s.inputs.objects[id] {
		return "", refuse("%s is an input, and inputs are never overwritten; choose another -o", name)
	}
	bucketName, key := splitObject(name)
	return s.store.Put(ctx, bucketName, key, data, attr, bucket.Condition{})
}

// find returns the objects whose names begin with prefix and that are pictures of the recipe, but for those that begin
// with except, which may be empty.
func (s *objects) find(ctx context.Context, prefix, except string, r *recipe.Recipe) (list []found, err error) {
	bucketName, start := splitObject(prefix)
	for info, err := range s.store.List(ctx, bucketName, start) {
		if err != nil {
			return nil, err
		}
		name := objectScheme + bucketName + "/" + info.Key
		switch {
		case except != "" && except != prefix && strings.HasPrefix(name, except):
		case strings.HasPrefix(info.Key, recipe.Reserved) && !strings.HasPrefix(start, recipe.Reserved):
		case isPicture(strings.TrimPrefix(info.Key, start), r):
			list = append(list, found{path: name, state: info.ETag})
		}
	}
	return list, nil
}

// get returns the state of an object that the command line names.
func (s *objects) get(ctx context.Context, name string) (string, error) {
	bucketName, key := splitObject(name)
	info, err := s.store.Head(ctx, bucketName, key)
	if !errors.Is(err, bucket.ErrNotFound) {
		return info.ETag, err
	}
	o, err := s.store.Get(ctx, bucketName, key, bucket.Condition{}) // whose answer tells what it is that is not there
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return "", wrongUse("%s: there is no such object; for all that begins so, end it with a slash", name)
	case err != nil:
		return "", err
	}
	return o.ETag, o.Body.Close()
}

// checkBucket finds out that nothing could be written before pictures are read: there is no such bucket, or no store.
func (s *objects) checkBucket(ctx context.Context, name string) error {
	bucketName, _ := splitObject(name)
	// No object fulfils the condition, so that none is sent.
	o, err := s.store.Get(ctx, bucketName, "imgmill", bucket.Condition{IfMatch: "no-such-etag"})
	switch {
	case err == nil:
		return o.Body.Close()
	case errors.Is(err, bucket.ErrNotFound), errors.Is(err, bucket.ErrPrecondition), errors.Is(err, bucket.ErrDenied):
		return nil
	}
	return fmt.Errorf("-o %s: %w", shown(name), err)
}

// storages are where the inputs and the outputs of a run are.
type storages struct {
	files   files
	objects *objects // of inputs, or nil if there are none
	to      storage
}

// openStorages opens the stores of the objects that the command line names.
func (f *resizeFlags) openStorages(c *cobra.Command, args []string, r *recipe.Recipe) (s storages, err error) {
	inputs := &inputSet{taken: map[string]string{}, objects: map[string]bool{}}
	s = storages{files: files{inputs}, to: files{inputs}}
	named := append([]string{f.output}, args...)
	some := false
	for _, name := range named {
		bucketName, key := splitObject(name)
		switch {
		case !isObject(name):
			continue
		case bucketName == "":
			return s, wrongUse("%s names no bucket; write s3://BUCKET/KEY, or s3://BUCKET/PREFIX/ for all that begins so", shown(name))
		case strings.HasPrefix(key, "/"):
			return s, wrongUse("%s has two slashes behind the bucket, so that its key would begin with one; write one", shown(name))
		}
		some = true
	}
	if !some {
		for _, flag := range addressFlags {
			if c.Flags().Changed(flag) {
				return s, wrongUse("--%s is for the store of pictures that begin with s3://, and there is none", flag)
			}
		}
		return s, nil
	}
	at := *r
	at.Nameless = false // the command line names the buckets
	f.place.config = f.config
	p, o, err := f.place.openSource(c, &at)
	if err != nil {
		return s, err
	}
	s.objects = &objects{p.store, p.where, r.Limits, inputs}
	if !isObject(f.output) {
		return s, nil
	}
	target, _, err := f.place.targetStore(c.Context(), r, o)
	if err != nil {
		return s, err
	}
	to := s.objects
	if target != nil {
		to = &objects{target, whereIs(target), r.Limits, inputs}
	}
	if name, _ := splitObject(f.output); to.where != s.objects.where && slices.ContainsFunc(args, inBucket(name)) {
		return s, wrongUse("the pictures and -o are in buckets named %s in two stores, which may be one with two addresses; "+
			"name a bucket that only one has", shown(name)) // else inputs could be overwritten
	}
	s.to = to
	return s, to.checkBucket(c.Context(), f.output)
}

// inBucket returns what reports whether an argument names objects in a bucket.
func inBucket(bucketName string) func(arg string) bool {
	return func(arg string) bool {
		name, _ := splitObject(arg)
		return isObject(arg) && name == bucketName
	}
}

// inOne reports whether inputs that are objects and outputs are in one store.
func (s storages) inOne() bool {
	to, ok := s.to.(*objects)
	return ok && to.where == s.objects.where
}

// of returns the storage of an input.
func (s storages) of(input string) storage {
	if isObject(input) {
		return s.objects
	}
	return s.files
}

// join returns the name of an output in a folder or under a prefix.
func join(folder, key string) (string, error) {
	if isObject(folder) {
		return strings.TrimSuffix(folder, "/") + "/" + key, nil
	}
	name := filepath.FromSlash(key)
	if !filepath.IsLocal(name) {
		return "", refuse("%q lies outside the output folder", key)
	}
	return filepath.Join(folder, name), nil
}

// isPicture reports whether the recipe takes a file or an object for a picture, by its path below a folder or
// prefix. It takes none of those that macOS leaves beside pictures.
func isPicture(relative string, r *recipe.Recipe) bool {
	parts := strings.Split(relative, "/")
	name := parts[len(parts)-1]
	if strings.HasPrefix(name, "._") { // AppleDouble: attributes of the file of the same name
		return false
	}
	for _, folder := range parts[:len(parts)-1] {
		if folder == macFolder {
			return false
		}
	}
	name = strings.ToLower(name)
	for _, suffix := range r.Source.Suffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// macFolder is what macOS adds to archives.
const macFolder = "__MACOSX"

// baseOf returns the last part of an input's name.
func baseOf(input string) string {
	if isObject(input) {
		_, key := splitObject(input)
		return path.Base(key)
	}
	return filepath.Base(input)
}
