package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// task is one input of resize, with its variants and the way to name their files.
type task struct {
	input    string
	state    string // of the input as it was found, or empty if that is to be found out
	from, to storage
	variants []render.Variant
	fault    error // why the input cannot be read at all
	// path names output o, which is i of the variants, made of an input in a state.
	path func(i int, o render.Output, in content) (string, error)
	// attributes are those of output i.
	attributes func(i int, f *codec.Format) bucket.Attributes
	inputs     *inputSet
	// after are closed once the tasks before this one are done that may have an output of the same name:
	// of two inputs for one output, the first has it.
	after []<-chan struct{}
	done  chan struct{}
	names []string // of its outputs, as far as they are known before the picture is

	// For fresh: what output i depends on beside the input, and where it may be. paths is nil if the task is
	// carried out each time.
	fingerprints []string
	paths        func(i int, in content) []string
}

// content is what the names of outputs may depend on beside the name of the input.
type content struct {
	state string
	focal *render.Point
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
	infos   []fs.FileInfo
	objects map[string]bool // by identity
	mu      sync.Mutex
	taken   map[string]string
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
func (f *resizeFlags) plan(ctx context.Context, args []string, r *recipe.Recipe, at storages) ([]task, error) {
	if args[0] == streamName {
		t := f.folderTask(streamName, streamName, r, at)
		return f.fileTask(t, r)
	}
	set := at.files.inputs
	var tasks []task
	last := map[string]<-chan struct{}{}
	add := func(p found, relative string) {
		t := f.folderTask(p.path, relative, r, at)
		t.state, t.fault = p.state, p.fault
		if isObject(p.path) {
			id, _ := t.from.identity(p.path)
			set.objects[id] = true
		} else {
			info, err := faultOf(p.path)
			if info != nil {
				set.infos = append(set.infos, info)
			}
			t.fault = cmp.Or(t.fault, err)
		}
		t.queue(last)
		tasks = append(tasks, t)
	}
	for _, arg := range args {
		one, list, err := f.find(ctx, arg, r, at)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			relative := baseOf(p.path)
			switch {
			case !one && isObject(arg):
				relative = strings.TrimPrefix(strings.TrimPrefix(p.path, strings.TrimSuffix(arg, "/")), "/")
			case !one:
				if relative, err = filepath.Rel(arg, p.path); err != nil {
					return nil, err
				}
			}
			add(p, filepath.ToSlash(relative))
		}
		if len(list) == 0 {
			where := "in this folder"
			if isObject(arg) {
				where = "there"
			}
			return nil, fmt.Errorf("%s: no pictures %s (names ending in %s)", shown(arg), where, strings.Join(r.Source.Suffixes, " "))
		}
	}
	if single := f.singleFile(args); single && len(tasks) == 1 {
		return f.fileTask(tasks[0], r)
	}
	isFolder := isObject(f.output) && isPrefix(f.output)
	if !isObject(f.output) {
		info, err := os.Stat(f.output)
		if err == nil && !info.IsDir() {
			return nil, wrongUse("-o %s is a file, but there are %d pictures; name a folder", f.output, len(tasks))
		}
		isFolder = err == nil
	}
	if !isFolder && r.Formats.Extension(filepath.Ext(f.output)) != nil { // the separator at the end belongs to no extension
		separator := filepath.Separator
		if isObject(f.output) {
			separator = '/'
		}
		return nil, wrongUse("-o %s has the name of a picture, but there are %d; name a folder, or write %s%c",
			f.output, len(tasks), f.output, separator)
	}
	return tasks, nil
}

// find returns the pictures that an argument names: one alone, or those in a folder or under a prefix.
func (f *resizeFlags) find(ctx context.Context, arg string, r *recipe.Recipe, at storages) (one bool, list []found, err error) {
	switch {
	case isObject(arg) && isPrefix(arg):
		except := ""
		if at.inOne() {
			except = strings.TrimSuffix(f.output, "/") + "/"
		}
		list, err = at.objects.find(ctx, strings.TrimSuffix(arg, "/")+"/", except, r)
		return false, list, err
	case isObject(arg):
		state, err := at.objects.get(ctx, arg)
		return true, []found{{path: arg, state: state}}, err
	}
	if _, err := os.Lstat(arg); errors.Is(err, fs.ErrNotExist) {
		return false, nil, wrongUse("%s: there is no such file or folder", arg)
	}
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		return true, []found{{path: arg}}, nil
	}
	list, err = f.pictures(arg, r)
	return false, list, err
}

// singleFile reports whether -o names a file: there is one input file, and -o is not a folder and
// has an extension.
func (f *resizeFlags) singleFile(args []string) bool {
	if len(args) != 1 || strings.HasSuffix(f.output, "/") || strings.HasSuffix(f.output, string(filepath.Separator)) {
		return false
	}
	switch in, err := os.Stat(args[0]); {
	case args[0] == streamName:
	case isObject(args[0]):
		if isPrefix(args[0]) {
			return false
		}
	case err != nil || in.IsDir():
		return false
	}
	switch {
	case f.output == streamName:
		return true
	case isObject(f.output):
		_, key := splitObject(f.output)
		return path.Ext(key) != ""
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
	case v.Format == nil && ext == "":
		return nil, wrongUse("-o %s: the name of a file has to end in that of a format; use %s, or choose a --format", f.output,
			setting.OneOf(r.Formats.Writable().Endings()))
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
	t.path = func(int, render.Output, content) (string, error) { return f.output, nil }
	t.paths = nil // one file is made each time
	return []task{t}, nil
}

// folderTask writes into the folder that -o names, under the recipe's target key, with the
// extension of the format that is written.
func (f *resizeFlags) folderTask(input, relative string, r *recipe.Recipe, at storages) task {
	plan := r.Plan(relative)
	t := task{
		input: input, from: at.of(input), to: at.to, variants: plan.Variants(), inputs: at.files.inputs, done: make(chan struct{}),
		attributes: func(i int, f *codec.Format) bucket.Attributes { return mill.Attributes(r, plan.Outputs[i], f) },
	}
	for i, o := range plan.Outputs {
		// What only the picture determines is the same for all here, and the extension follows from the format.
		key, err := o.KeyFor(1, 1, cmp.Or(o.Variant.Format, r.Formats.Writable()[0]))
		if err == nil { // else path reports it
			t.names = append(t.names, path.Clean(strings.TrimSuffix(key, path.Ext(key))))
		}
		fingerprint := o.Fingerprint
		if f.point != nil && o.Variant.Position.Focal() {
			t.variants[i].Focal = f.point
			fingerprint += " focal=" + f.point.String()
		}
		t.fingerprints = append(t.fingerprints, fingerprint)
	}
	from, known := t.from, content{}
	named := plan
	pathOf := func(i, width, height int, format *codec.Format, in content) (string, error) {
		if plan.Outputs[i].Hashed() && (known.state == "" || known != in) {
			etag, err := from.etag(input, in.state)
			if err != nil {
				return "", err
			}
			named, known = plan.With(etag, in.focal), in
		}
		key, err := named.Outputs[i].KeyFor(width, height, format)
		if err != nil {
			return "", refusedError{err}
		}
		if named := r.Formats.Extension(path.Ext(key)); named != nil && named != format {
			key = strings.TrimSuffix(key, path.Ext(key)) + "." + format.Extension()
		}
		return join(f.output, key)
	}
	t.path = func(i int, o render.Output, in content) (string, error) {
		name, err := pathOf(i, o.Width, o.Height, o.Format, in)
		if err != nil {
			return "", err
		}
		return name, at.files.inputs.take(name, input)
	}
	t.paths = func(i int, in content) (all []string) {
		for _, format := range r.Formats.Writable() {
			if name, err := pathOf(i, 0, 0, format, in); err == nil { // else it has another format, or its size is in its name
				all = append(all, name)
			}
		}
		return all
	}
	return t
}

// found is a file below a folder, a folder that cannot be read, or an object.
type found struct {
	path  string
	state string // of an object
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
			list = append(list, found{path: path, fault: err})
			return nil
		case d.IsDir():
			if d.Name() == macFolder && path != dir {
				return filepath.SkipDir
			}
			if info, err := d.Info(); err == nil && outErr == nil && os.SameFile(info, out) && path != dir {
				return filepath.SkipDir
			}
			return nil
		}
		if isPicture(d.Name(), r) {
			list = append(list, found{path: path})
		}
		return nil
	})
	return list, err
}
