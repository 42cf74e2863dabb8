// Package pack builds the zip that Lambda runs: the function's binary as bootstrap, and the recipe
// beside it.
//
// The same source, recipe and Go version result in the same bytes on any machine, in any folder, on
// any day. A program that was built with the tag release holds the function for both processors;
// others compile it with the go command. The package never calls AWS, never writes to the caller's
// files, and never packs a binary that the function's processor could not run.
//
// It follows AWS Lambda Developer Guide, "Working with .zip file archives" and "Building a custom
// runtime for AWS Lambda".
package pack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// The names in a zip: Lambda starts bootstrap, which reads the recipe beside it.
const (
	binaryName = "bootstrap"
	recipeName = "imgmill.yaml"
)

// Processor architectures, as Go calls them. CloudFormation calls the second x86_64.
const (
	ARM64 = "arm64"
	AMD64 = "amd64"
)

// defaultRecipe is recipe.Default as a file.
const defaultRecipe = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"

// Options describe what to pack.
type Options struct {
	// Arch is ARM64 or AMD64. Empty means ARM64.
	Arch string
	// Recipe is the text of imgmill.yaml, or nil for the default recipe. RecipeName names it in
	// errors; empty means imgmill.yaml.
	Recipe     []byte
	RecipeName string
	// Binary is a function that was built elsewhere. If it is nil, Build takes the one that the program
	// holds, or builds one.
	Binary []byte
	// Dir is where to look for the source tree to build. Empty means the working directory.
	Dir string
}

// Build returns the zip. The error is recipe.Errors for an invalid recipe, and ErrBinary for a
// binary that the function could not run.
func Build(ctx context.Context, o Options) ([]byte, error) {
	if o.Arch == "" {
		o.Arch = ARM64
	}
	if o.Arch != ARM64 && o.Arch != AMD64 {
		return nil, fmt.Errorf("architecture %q is not valid; use %s or %s", o.Arch, ARM64, AMD64)
	}
	if o.RecipeName == "" {
		o.RecipeName = recipeName
	}
	if o.Recipe == nil {
		o.Recipe = []byte(defaultRecipe)
	}
	r, err := recipe.ParseAnywhere(formats.All(), o.RecipeName, o.Recipe)
	if err != nil {
		return nil, err
	}
	if r.Source.Store.Endpoint != "" || r.Target.Store.Endpoint != "" {
		return nil, fmt.Errorf("%s: source.endpoint and target.endpoint name other stores than AWS's; "+
			"leave them out for a function, or run imgmill worker beside the store", o.RecipeName)
	}
	if o.Binary == nil {
		if o.Binary, err = function(ctx, o); err != nil {
			return nil, err
		}
	}
	arch, err := machine(o.Binary)
	if err != nil {
		return nil, err
	}
	if arch != o.Arch {
		return nil, fmt.Errorf("%w: it is for %s, but the function is for %s", ErrBinary, arch,
			o.Arch)
	}
	return archive(o.Binary, o.Recipe)
}

// function returns the function's binary.
func function(ctx context.Context, o Options) ([]byte, error) {
	compressed, ok := bundled[o.Arch]
	if !ok {
		return compile(ctx, o.Dir, o.Arch)
	}
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("read the function that this program holds: %w", err)
	}
	return io.ReadAll(z)
}

// epoch is the earliest time that a zip can record.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func archive(binary, recipe []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, f := range []struct {
		name string
		mode fs.FileMode
		data []byte
	}{{binaryName, 0o755, binary}, {recipeName, 0o644, recipe}} {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: epoch}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Contents is the content of a zip.
type Contents struct {
	Arch   string // the architecture of the binary
	Binary []byte
	Recipe []byte // nil if the zip has none
}

// maxUnpacked bounds what is read from any zip; Lambda unpacks at most 250 MB (AWS Lambda Developer
// Guide, "Lambda quotas").
const maxUnpacked = 250 << 20

// Read reads a zip. The error is ErrBinary if it has no bootstrap that Lambda can run.
func Read(data []byte) (Contents, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Contents{}, fmt.Errorf("read the function's zip: %w", err)
	}
	var c Contents
	for name, to := range map[string]*[]byte{binaryName: &c.Binary, recipeName: &c.Recipe} {
		f, err := z.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Contents{}, fmt.Errorf("read the function's zip: %w", err)
		}
		*to, err = io.ReadAll(io.LimitReader(f, maxUnpacked))
		f.Close()
		if err != nil {
			return Contents{}, fmt.Errorf("read %s in the function's zip: %w", name, err)
		}
	}
	if c.Binary == nil {
		return Contents{}, fmt.Errorf("%w: the zip contains no %s", ErrBinary, binaryName)
	}
	if c.Arch, err = machine(c.Binary); err != nil {
		return Contents{}, err
	}
	return c, nil
}
