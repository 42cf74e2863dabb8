package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

const (
	module  = "github.com/imgmill/imgmill"
	command = "./cmd/bootstrap"
)

// ErrNoGo reports that the function must be built, but there is no Go to build it with.
var ErrNoGo = errors.New("building the function needs Go (https://go.dev/dl/), and there is no go command on the path; " +
	"install it, use the program of a release, which holds the function, or pass a binary that was built elsewhere " +
	"with --binary FILE")

// noSourceAdvice is what to do if there is no source to build.
const noSourceAdvice = "run this inside imgmill's source tree, or pass a binary that was built elsewhere with --binary FILE"

// compile builds the function for Linux on an architecture: from the source tree if dir is in one,
// and otherwise from the version of the module that this program was installed from.
func compile(ctx context.Context, dir, arch string) ([]byte, error) {
	program, err := exec.LookPath("go")
	if err != nil {
		return nil, ErrNoGo
	}
	g := golang{program: program, env: environment(os.Environ(), arch)}
	root, err := g.source(ctx, dir)
	if err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp("", "imgmill-package-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	file := filepath.Join(out, binaryName)
	_, err = g.run(ctx, root, "build", "-trimpath", "-ldflags=-s", "-tags=lambda.norpc",
		"-buildvcs=false", "-o", file, command)
	if err != nil {
		return nil, fmt.Errorf("build the function: %w", err)
	}
	return os.ReadFile(file)
}

// environment returns the caller's environment without settings for other programs, which would
// change or break the binary.
func environment(caller []string, arch string) []string {
	env := slices.DeleteFunc(slices.Clone(caller), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains([]string{"GOEXPERIMENT", "GOFIPS140", "GOROOT"}, name)
	})
	return append(env, "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0",
		"GO111MODULE=on", "GOWORK=off",
		"GOFLAGS=-trimpath") // an empty value would let the one of `go env -w` apply
}

// golang runs the go command.
type golang struct {
	program string
	env     []string
}

// run returns the standard output. An error includes the standard error.
func (g golang) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, g.program, args...)
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, g.env, &stdout, &stderr
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return stdout.Bytes(), fmt.Errorf("go %s: %w: %s", args[0], err,
			strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// source returns the folder of the module: the one that dir is in, or the source of this program's
// own version.
func (g golang) source(ctx context.Context, dir string) (string, error) {
	out, err := g.run(ctx, dir, "list", "-m", "-f", "{{.Path}}\n{{.Dir}}")
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if path, root, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); err == nil &&
		path == module {
		if _, err := os.Stat(filepath.Join(root, command)); err == nil { // a go.mod alone is not the source tree
			return root, nil
		}
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("this program does not know its own version: " + noSourceAdvice)
	}
	return g.download(ctx, info.Main)
}

// download puts a version of the module into the module cache and returns its folder there.
func (g golang) download(ctx context.Context, main debug.Module) (string, error) {
	if main.Path != module || main.Version == "" || main.Version == "(devel)" ||
		strings.HasSuffix(main.Version, "+dirty") {
		return "", fmt.Errorf("this program was built from a source tree, and that is not here (version %q): %s",
			main.Version, noSourceAdvice)
	}
	temp, err := os.MkdirTemp("", "imgmill-package-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	// A module of its own keeps go.mod files above the temporary folder out.
	if err := os.WriteFile(filepath.Join(temp, "go.mod"), []byte("module download\n"),
		0o666); err != nil {
		return "", err
	}
	out, err := g.run(ctx, temp, "mod", "download", "-json", module+"@"+main.Version)
	var got struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &got); err == nil {
		err = jsonErr
	}
	switch {
	case got.Error != "":
		return "", fmt.Errorf("download the source of imgmill %s: %s; %s", main.Version, got.Error,
			noSourceAdvice)
	case err != nil:
		return "", fmt.Errorf("download the source of imgmill %s: %w; %s", main.Version, err,
			noSourceAdvice)
	case main.Sum != "" && got.Sum != main.Sum:
		return "", fmt.Errorf("the downloaded source of imgmill %s differs from that of this program (%s, not %s): %s",
			main.Version, got.Sum, main.Sum, noSourceAdvice)
	}
	return got.Dir, nil
}
