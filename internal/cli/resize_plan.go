package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// task is one input of resize with the way to name its outputs.
type task struct {
	input    string
	variants []render.Variant
	path     func(render.Output) (string, error)
	inputs   *inputSet
}

// inputSet knows all inputs of a run, by identity and not by name: a link to an input is an input. It also knows each
// output's first writer, so that two inputs never silently share one.
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
		return fmt.Errorf("%s would be written from both %s and %s; write them to different folders", output, first, input)
	}
	s.taken[output] = input
	return nil
}

// plan finds the inputs and where their outputs go.
func (f *resizeFlags) plan(args []string, r *recipe.Recipe) ([]task, error) {
	set := &inputSet{taken: map[string]string{}}
	var tasks []task
	add := func(input, relative string) error {
		info, err := os.Stat(input)
		if err != nil {
			return err
		}
		set.infos = append(set.infos, info)
		tasks = append(tasks, f.folderTask(input, filepath.ToSlash(relative), r, set))
		return nil
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, wrongUse("%s: there is no such file or folder", arg)
		case err != nil:
			return nil, err
		case !info.IsDir():
			if err := add(arg, filepath.Base(arg)); err != nil {
				return nil, err
			}
			continue
		}
		found, err := f.pictures(arg, r)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			relative, err := filepath.Rel(arg, p)
			if err == nil {
				err = add(p, relative)
			}
			if err != nil {
				return nil, err
			}
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no pictures in this folder (names ending in %s)", arg, strings.Join(r.Source.Suffixes, " "))
		}
	}
	if single := f.singleFile(args); single && len(tasks) == 1 {
		return f.fileTask(tasks[0], r)
	}
	if info, err := os.Stat(f.output); err == nil && !info.IsDir() {
		return nil, wrongUse("-o %s is a file, but there are %d pictures; name a folder", f.output, len(tasks))
	}
	return tasks, nil
}

// singleFile tells whether -o names a file: there is one input file, and -o is no folder and has a name like a picture's.
func (f *resizeFlags) singleFile(args []string) bool {
	if len(args) != 1 || strings.HasSuffix(f.output, "/") || strings.HasSuffix(f.output, string(filepath.Separator)) {
		return false
	}
	if in, err := os.Stat(args[0]); err != nil || in.IsDir() {
		return false
	}
	if out, err := os.Stat(f.output); err == nil {
		return !out.IsDir()
	}
	return filepath.Ext(f.output) != ""
}

// fileTask writes one picture to the file that -o names; its ending chooses the format if nothing else does.
func (f *resizeFlags) fileTask(t task, r *recipe.Recipe) ([]task, error) {
	if len(t.variants) != 1 {
		return nil, wrongUse("-o %s is one file, but the recipe makes %s; name a folder", f.output, count(len(t.variants), "variant"))
	}
	if t.variants[0].Format == "" {
		t.variants = []render.Variant{t.variants[0]}
		switch ext := strings.ToLower(filepath.Ext(f.output)); ext {
		case ".jpg", ".jpeg":
			t.variants[0].Format = codec.JPEG
		case ".png":
			t.variants[0].Format = codec.PNG
		default:
			return nil, wrongUse("-o %s: cannot write %q files; use .jpg or .png, or say --format", f.output, ext)
		}
	}
	if promised, ok := formatOfName(f.output); ok && promised != t.variants[0].Format {
		return nil, wrongUse("-o %s: its name does not fit the format %s", f.output, t.variants[0].Format)
	}
	t.path = func(render.Output) (string, error) { return f.output, nil }
	return []task{t}, nil
}

// folderTask writes into the folder that -o names: as the recipe's target key says, with the ending of what is written.
func (f *resizeFlags) folderTask(input, relative string, r *recipe.Recipe, set *inputSet) task {
	plan := r.Plan(relative)
	t := task{input: input, variants: plan.Variants(), inputs: set}
	planned := map[string]recipe.Output{}
	for _, o := range plan.Outputs {
		planned[o.Variant.Name] = o
	}
	t.path = func(o render.Output) (string, error) {
		key, err := planned[o.Variant.Name].KeyFor(o.Width, o.Height, o.Format)
		if err != nil {
			return "", err
		}
		if format, ok := formatOfName(key); ok && format != o.Format {
			key = strings.TrimSuffix(key, filepath.Ext(key)) + "." + o.Format.Extension()
		}
		name := filepath.FromSlash(key)
		if !filepath.IsLocal(name) {
			return "", fmt.Errorf("%q leads out of the output folder", key)
		}
		path := filepath.Join(f.output, name)
		return path, set.take(path, input)
	}
	return t
}

// formatOfName is the format that a file name's ending promises.
func formatOfName(name string) (codec.Format, bool) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg":
		return codec.JPEG, true
	case ".png":
		return codec.PNG, true
	case ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic":
		return "", true
	}
	return "", false
}

// pictures are the files below dir whose names the recipe takes, the output folder left out.
func (f *resizeFlags) pictures(dir string, r *recipe.Recipe) ([]string, error) {
	out, outErr := os.Stat(f.output)
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if info, err := d.Info(); err == nil && outErr == nil && os.SameFile(info, out) && path != dir {
				return filepath.SkipDir
			}
			return nil
		}
		for _, suffix := range r.Source.Suffixes {
			if strings.HasSuffix(strings.ToLower(d.Name()), suffix) {
				found = append(found, path)
				break
			}
		}
		return nil
	})
	return found, err
}
