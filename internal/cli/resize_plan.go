package cli

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// task is one input of resize, with its variants and the way to name their files.
type task struct {
	input    string
	variants []render.Variant
	path     func(i int, o render.Output) (string, error) // of output i of the variants
	inputs   *inputSet
	fault    error     // why the input cannot be read at all
	stdin    io.Reader // the input, or nil
	stdout   io.Writer // the output, or nil
	// after are closed once the tasks before this one are done that may have an output of the same name:
	// of two inputs for one output, the first has it.
	after []<-chan struct{}
	done  chan struct{}
	names []string // of its outputs, as far as they are known before the picture is

	// For fresh: what output i depends on beside the input, and where it may be. paths is nil if the task is
	// carried out each time.
	fingerprints []string
	paths        func(i int) []string
}

// queue puts the task behind the last ones with outputs of the same names.
func (t *task) queue(last map[string]<-chan struct{}) {
	for _, name := range t.names {
		if before, ok := last[name]; ok {
			t.after = append(t.after, before)
		}
	}
	for _, name := range t.names {
		last[name] = t.done
	}
}

// errNotFile is the fault of an input that is not a file, and whose reading might never end.
var errNotFile = errors.New("not a file")

// faultOf returns why an input that a link, a folder or the command line names is not read.
func faultOf(input string) (fs.FileInfo, error) {
	info, err := os.Stat(input)
	if err != nil {
		if link, linkErr := os.Readlink(input); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
			return nil, refuse("this link points to %s, which does not exist", link)
		}
		return nil, err
	}
	for _, kind := range []struct {
		bit  fs.FileMode
		name string
	}{{fs.ModeNamedPipe, "a named pipe"}, {fs.ModeSocket, "a socket"}, {fs.ModeDevice, "a device"}, {fs.ModeDir, "a folder"}} {
		if info.Mode()&kind.bit != 0 {
			return info, fmt.Errorf("%w: this is %s", errNotFile, kind.name)
		}
	}
	return info, nil
}

// inputSet knows all inputs of a run by identity, not by name: a link to an input is an input. It
// also knows the input of each output, so that two inputs never silently share one.
type inputSet struct {
	infos []fs.FileInfo
	mu    sync.Mutex
	taken map[string]string
}

func (s *inputSet) holds(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	for _, in := range s.infos {
		if os.SameFile(in, info) {
			return true
		}
	}
	return false
}

// take reserves an output for an input.
func (s *inputSet) take(output, input string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.taken[output]; ok && first != input {
		return refuse("%s would be written from both %s and %s; write them to different folders", output, first, input)
	}
	s.taken[output] = input
	return nil
}

// streamName names standard input or output.
const streamName = "-"

// checkStreams refuses what cannot be read from standard input or written to standard output.
func (f *resizeFlags) checkStreams(args []string) error {
	switch {
	case slices.Contains(args, streamName) && len(args) > 1:
		return wrongUse("- is standard input, which holds one picture; for a file of that name, write ./-")
	case args[0] == streamName && !f.singleFile(args):
		return wrongUse("the picture of standard input has no name; name the file to write to with -o")
	case f.output == streamName && !f.singleFile(args):
		return wrongUse("-o - is standard output, which takes one picture; name a folder")
	case f.output == streamName && f.json:
		return wrongUse("standard output is either for the picture (-o -) or for --json")
	}
	return nil
}

// plan finds the inputs, and where their outputs are written.
func (f *resizeFlags) plan(args []string, r *recipe.Recipe) ([]task, error) {
	if err := f.checkStreams(args); err != nil {
		return nil, err
	}
	if args[0] == streamName {
		t := f.folderTask(streamName, streamName, r, &inputSet{taken: map[string]string{}})
		return f.fileTask(t, r)
	}
	set := &inputSet{taken: map[string]string{}}
	var tasks []task
	last := map[string]<-chan struct{}{}
	add := func(input, relative string, fault error) {
		t := f.folderTask(input, filepath.ToSlash(relative), r, set)
		info, err := faultOf(input)
		if info != nil {
			set.infos = append(set.infos, info)
		}
		t.fault = cmp.Or(fault, err)
		t.queue(last)
		tasks = append(tasks, t)
	}
	for _, arg := range args {
		if _, err := os.Lstat(arg); errors.Is(err, fs.ErrNotExist) {
			return nil, wrongUse("%s: there is no such file or folder", arg)
		}
		if info, err := os.Stat(arg); err != nil || !info.IsDir() {
			add(arg, filepath.Base(arg), nil)
			continue
		}
		found, err := f.pictures(arg, r)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			relative, err := filepath.Rel(arg, p.path)
			if err != nil {
				return nil, err
			}
			add(p.path, relative, p.fault)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no pictures in this folder (names ending in %s)", shown(arg), strings.Join(r.Source.Suffixes, " "))
		}
	}
	if single := f.singleFile(args); single && len(tasks) == 1 {
		return f.fileTask(tasks[0], r)
	}
	info, err := os.Stat(f.output)
	if err == nil && !info.IsDir() {
		return nil, wrongUse("-o %s is a file, but there are %d pictures; name a folder", f.output, len(tasks))
	}
	if err != nil && r.Formats.Extension(filepath.Ext(f.output)) != nil { // the separator at the end belongs to no extension
		return nil, wrongUse("-o %s has the name of a picture, but there are %d; name a folder, or write %s%c",
			f.output, len(tasks), f.output, filepath.Separator)
	}
	return tasks, nil
}

// singleFile reports whether -o names a file: there is one input file, and -o is not a folder and
// has an extension.
func (f *resizeFlags) singleFile(args []string) bool {
	if len(args) != 1 || strings.HasSuffix(f.output, "/") || strings.HasSuffix(f.output, string(filepath.Separator)) {
		return false
	}
	if in, err := os.Stat(args[0]); args[0] != streamName && (err != nil || in.IsDir()) {
		return false
	}
	if f.output == streamName {
		return true
	}
	if out, err := os.Stat(f.output); err == nil {
		return !out.IsDir()
	}
	return filepath.Ext(f.output) != ""
}

// fileTask writes one picture to the file that -o names. Its extension chooses the format if
// nothing else does.
func (f *resizeFlags) fileTask(t task, r *recipe.Recipe) ([]task, error) {
	if len(t.variants) != 1 {
		return nil, wrongUse("-o %s is one file, but the recipe makes %s; name a folder", f.output, count(len(t.variants), "variant"))
	}
	ext := filepath.Ext(f.output)
	named := r.Formats.Extension(ext)
	v := t.variants[0]
	switch {
	case f.output == streamName:
	case v.Format == nil && (named == nil || named.Encoder == nil):
		return nil, wrongUse("-o %s: %q files cannot be written; use %s, or choose a --format", f.output, ext,
			setting.OneOf(r.Formats.Writable().Endings()))
	case v.Format == nil:
		v.Format = named
	case named != nil && named != v.Format:
		return nil, wrongUse("-o %s: the name does not fit the format %s", f.output, v.Format)
	}
	for _, p := range render.NewSchema(r.Formats).Problems(v) {
		return nil, wrongUse("-o %s: %s: %s", f.output, p.Setting, p.Text)
	}
	t.variants = []render.Variant{v}
	t.path = func(int, render.Output) (string, error) { return f.output, nil }
	t.paths = nil // one file is made each time
	return []task{t}, nil
}

// folderTask writes into the folder that -o names, under the recipe's target key, with the
// extension of the format that is written.
func (f *resizeFlags) folderTask(input, relative string, r *recipe.Recipe, set *inputSet) task {
	plan, known := r.Plan(relative), false
	t := task{input: input, variants: plan.Variants(), inputs: set, done: make(chan struct{})}
	for i, o := range plan.Outputs {
		// What only the picture determines is the same for all here, and the extension follows from the format.
		key, err := o.KeyFor(1, 1, cmp.Or(o.Variant.Format, r.Formats.Writable()[0]))
		if err == nil { // else path reports it
			t.names = append(t.names, strings.TrimSuffix(key, filepath.Ext(key)))
		}
		fingerprint := o.Fingerprint
		if f.point != nil && o.Variant.Position.Focal() {
			t.variants[i].Focal = f.point
			fingerprint += " focal=" + f.point.String()
		}
		t.fingerprints = append(t.fingerprints, fingerprint)
	}
	path := func(i, width, height int, format *codec.Format) (string, error) {
		if plan.Outputs[i].Hashed() && !known {
			etag, err := etagOf(input)
			if err != nil {
				return "", err
			}
			plan, known = plan.With(etag, f.point), true
		}
		key, err := plan.Outputs[i].KeyFor(width, height, format)
		if err != nil {
			return "", err
		}
		if named := r.Formats.Extension(filepath.Ext(key)); named != nil && named != format {
			key = strings.TrimSuffix(key, filepath.Ext(key)) + "." + format.Extension()
		}
		name := filepath.FromSlash(key)
		if !filepath.IsLocal(name) {
			return "", refuse("%q lies outside the output folder", key)
		}
		return filepath.Join(f.output, name), nil
	}
	t.path = func(i int, o render.Output) (string, error) {
		path, err := path(i, o.Width, o.Height, o.Format)
		if err != nil {
			return "", err
		}
		return path, set.take(path, input)
	}
	t.paths = func(i int) (all []string) {
		for _, format := range r.Formats.Writable() {
			if path, err := path(i, 0, 0, format); err == nil { // else it has another format, or its size is in its name
				all = append(all, path)
			}
		}
		return all
	}
	return t
}

// etagOf returns the ETag that S3 gives a file that is uploaded in one piece and not encrypted with a key
// of KMS: the MD5 of its bytes (Amazon S3 API Reference, "Object").
func etagOf(name string) (string, error) {
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

// found is a file below a folder, or a folder that cannot be read.
type found struct {
	path  string
	fault error
}

// pictures returns the files below dir that have one of the recipe's suffixes, except in the output
// folder. A folder below dir that cannot be read is among them, with its fault.
func (f *resizeFlags) pictures(dir string, r *recipe.Recipe) ([]found, error) {
	out, outErr := os.Stat(f.output)
	var list []found
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == dir:
			return err
		case err != nil:
			list = append(list, found{path, err})
			return nil
		case d.IsDir():
			if d.Name() == "__MACOSX" && path != dir { // of an archive that macOS has made
				return filepath.SkipDir
			}
			if info, err := d.Info(); err == nil && outErr == nil && os.SameFile(info, out) && path != dir {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasPrefix(d.Name(), "._") { // AppleDouble: attributes of the file of the same name
			return nil
		}
		for _, suffix := range r.Source.Suffixes {
			if strings.HasSuffix(strings.ToLower(d.Name()), suffix) {
				list = append(list, found{path, nil})
				break
			}
		}
		return nil
	})
	return list, err
}
