// Package pack makes the zip that Lambda runs: the function's binary as bootstrap, and the recipe beside it.
//
// Equal source, recipe and Go version give equal bytes, whatever machine, folder and day they are made on. The package
// compiles by the go command and never talks to AWS, never writes a file of the caller's, and never packs a binary that
// the function's processor could not run.
//
// Specification: AWS Lambda Developer Guide, "Working with .zip file archives" and "Building a custom runtime for AWS Lambda".
package pack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// The names inside of a zip: Lambda starts bootstrap, which reads the recipe beside it.
const (
	binaryName = "bootstrap"
	recipeName = "imgmill.yaml"
)

// Processor architectures, as Go calls them. CloudFormation calls the second x86_64.
const (
	ARM64 = "arm64"
	AMD64 = "amd64"
)

// defaultRecipe says in a file what recipe.Default is.
const defaultRecipe = "source: {bucket: photos-input}\ntarget: {bucket: photos-output}\n"

// Options say what to pack.
type Options struct {
	Arch       string // ARM64, which an empty one is, or AMD64
	Recipe     []byte // the text of imgmill.yaml; nil: the default recipe
	RecipeName string // what problems in it call it; empty: imgmill.yaml
	Binary     []byte // a function that is built already; nil: it is built
	Dir        string // where to look for the source tree first; empty: the working directory
}

// Build gives the zip. Errors of the recipe are recipe.Errors; of a binary for another machine, ErrBinary.
func Build(ctx context.Context, o Options) ([]byte, error) {
	if o.Arch == "" {
		o.Arch = ARM64
	}
	if o.Arch != ARM64 && o.Arch != AMD64 {
		return nil, fmt.Errorf("architecture %q: a function has %s or %s", o.Arch, ARM64, AMD64)
	}
	if o.RecipeName == "" {
		o.RecipeName = recipeName
	}
	if o.Recipe == nil {
		o.Recipe = []byte(defaultRecipe)
	}
	if _, err := recipe.Parse(formats.All(), o.RecipeName, o.Recipe); err != nil {
		return nil, err
	}
	if o.Binary == nil {
		var err error
		if o.Binary, err = compile(ctx, o.Dir, o.Arch); err != nil {
			return nil, err
		}
	}
	arch, err := machine(o.Binary)
	if err != nil {
		return nil, err
	}
	if arch != o.Arch {
		return nil, fmt.Errorf("%w: it is for %s, and the function has %s", ErrBinary, arch, o.Arch)
	}
	return archive(o.Binary, o.Recipe)
}

// epoch is the first moment that a zip can tell.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func archive(binary, recipe []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
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

// Contents are what a zip holds.
type Contents struct {
	Arch   string // of the binary
	Binary []byte
	Recipe []byte // nil if there is none
}

// maxUnpacked bounds what is read of a foreign zip; Lambda unpacks 250 MB at most (Developer Guide, "Lambda quotas").
const maxUnpacked = 250 << 20

// Read looks into a zip. One without a bootstrap that Lambda can run is ErrBinary.
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
		return Contents{}, fmt.Errorf("%w: the zip holds no %s", ErrBinary, binaryName)
	}
	if c.Arch, err = machine(c.Binary); err != nil {
		return Contents{}, err
	}
	return c, nil
}
