package pack

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// host returns an architecture whose packages other tests have already compiled.
func host() string {
	if runtime.GOARCH == ARM64 {
		return ARM64
	}
	return AMD64
}

func build(t *testing.T, o Options) []byte {
	t.Helper()
	data, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestZipContainsFunctionAndRecipe(t *testing.T) {
	text := []byte("source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\n")
	data := build(t, Options{Arch: host(), Recipe: text})
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, f := range z.File {
		entries = append(entries, fmt.Sprintf("%s %v %s %d", f.Name, f.Mode(),
			f.Modified.UTC().Format("2006-01-02"), f.CreatorVersion>>8))
	}
	const unix = 3 // otherwise Lambda would ignore the modes
	want := []string{fmt.Sprintf("bootstrap -rwxr-xr-x 1980-01-01 %d", unix),
		fmt.Sprintf("imgmill.yaml -rw-r--r-- 1980-01-01 %d", unix)}
	if !reflect.DeepEqual(entries, want) {
		t.Errorf("the zip contains %q, want %q", entries, want)
	}
	c, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if c.Arch != host() || !bytes.Equal(c.Recipe, text) {
		t.Errorf("read back: for %s, with the recipe %q", c.Arch, c.Recipe)
	}
	info, err := buildinfo.Read(bytes.NewReader(c.Binary))
	if err != nil {
		t.Fatal(err)
	}
	if info.Path != module+"/cmd/bootstrap" {
		t.Errorf("the function is %s", info.Path)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, value := range map[string]string{"GOOS": "linux", "GOARCH": host(), "CGO_ENABLED": "0",
		"-trimpath": "true", "-tags": "lambda.norpc", "vcs.revision": ""} {
		if settings[key] != value {
			t.Errorf("built with %s=%q, want %q", key, settings[key], value)
		}
	}
}

// TestArmIsTheDefault needs no compiler; make release compiles for both processors.
func TestArmIsTheDefault(t *testing.T) {
	c, err := Read(build(t, Options{Binary: linux(elf.EM_AARCH64).bytes(t)}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Arch != ARM64 || string(c.Recipe) != defaultRecipe {
		t.Errorf("packed for %s, with the recipe %q", c.Arch, c.Recipe)
	}
}

func TestDefaultRecipeIsTheDefault(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "default", []byte(defaultRecipe))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, recipe.Default(formats.All())) {
		t.Errorf("the file means %+v, the default is %+v", r, recipe.Default(formats.All()))
	}
}

// TestEqualSourceGivesEqualBytes packs from the source tree, from a copy of it, and from the module
// as installed by its version, each with other settings in the caller's environment. It compiles everything
// once more; make release runs it.
func TestEqualSourceGivesEqualBytes(t *testing.T) {
	if os.Getenv("IMGMILL_RELEASE") == "" {
		t.Skip("IMGMILL_RELEASE is not set")
	}
	want := build(t, Options{Arch: host()})

	tree := t.TempDir()
	copySource(t, tree)
	t.Run("copy", func(t *testing.T) {
		for name, value := range map[string]string{
			"GOFLAGS": "-tags=other -race", "GOOS": "plan9", "GOARCH": "386", "GOAMD64": "v3",
			"CGO_ENABLED": "1", "GOWORK": "/nowhere/go.work", "GO111MODULE": "off",
		} {
			t.Setenv(name, value)
		}
		same(t, build(t, Options{Arch: host(), Dir: filepath.Join(tree, "internal", "cli")}), want)
	})

	const version = "v0.0.1"
	serve(t, tree, version)
	g := golang{program: "go", env: environment(os.Environ(), host())}
	t.Run("version", func(t *testing.T) {
		root, err := g.download(t.Context(), debug.Module{Path: module, Version: version})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(filepath.ToSlash(root), module+"@"+version) {
			t.Errorf("the source is at %s", root)
		}
		same(t, build(t, Options{Arch: host(), Dir: root}), want)
	})
	t.Run("another version than this", func(t *testing.T) {
		_, err := g.download(t.Context(), debug.Module{Path: module, Version: version,
			Sum: "h1:AAAA="})
		if err == nil || !strings.Contains(err.Error(), "differs from that of this program") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no such version", func(t *testing.T) {
		_, err := g.download(t.Context(), debug.Module{Path: module, Version: "v0.0.2"})
		if err == nil || !strings.Contains(err.Error(), "v0.0.2") ||
			!strings.Contains(err.Error(), "--binary") {
			t.Errorf("got %v", err)
		}
	})
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, sha256 %x; want %d bytes, sha256 %x", len(got), sha256.Sum256(got),
			len(want), sha256.Sum256(want))
	}
}

// copySource copies what the function is built from.
func copySource(t *testing.T, to string) {
	t.Helper()
	const from = "../../.."
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
				name == "testdata" || name == "docs" || name == "bench") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o777)
		}
		if strings.HasSuffix(name, "_test.go") || !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// serve makes a module proxy of files (Go Modules Reference, "GOPROXY protocol") that has the tree
// as a version, and otherwise what is in the module cache; what comes of it goes to a cache of its
// own.
func serve(t *testing.T, tree, version string) {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err = filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		w, err := z.Create(module + "@" + version + "/" + filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]string{"Version": version, "Time": "2026-01-02T03:04:05Z"})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{version + ".zip": b.Bytes(), version + ".mod": mod,
		version + ".info": info} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	url := func(path string) string {
		path = filepath.ToSlash(path)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path // C:/proxy
		}
		return "file://" + path
	}
	t.Setenv("GOPROXY", url(proxy)+","+url(filepath.Join(strings.TrimSpace(string(cache)), "cache",
		"download")))
	t.Setenv("GOPRIVATE", "")
	t.Setenv("GONOPROXY", "none")
	t.Setenv("GONOSUMDB", module)
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Cleanup(func() { // its files are read-only
		if out, err := exec.Command("go", "clean", "-modcache").CombinedOutput(); err != nil {
			t.Errorf("clean: %v: %s", err, out)
		}
	})
}

func TestRecipeIsCheckedFirst(t *testing.T) {
	t.Setenv("PATH", "") // nothing is compiled for an invalid recipe
	_, err := Build(t.Context(),
		Options{Recipe: []byte("variants: {a: {width: -3}, b: {hight: 5}}"),
			RecipeName: "mine.yaml"})
	var problems recipe.Errors
	if !errors.As(err, &problems) || len(problems) < 2 || problems[0].File != "mine.yaml" {
		t.Errorf("got %v", err)
	}
}

func TestOtherStoresAreRefused(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := Build(t.Context(), Options{Recipe: []byte(
		"source: {bucket: in-1, endpoint: 'http://127.0.0.1:9000'}\ntarget: {bucket: out-1}")})
	if err == nil || !strings.Contains(err.Error(), "imgmill worker") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutGo(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := Build(t.Context(), Options{}); !errors.Is(err, ErrNoGo) {
		t.Errorf("got %v, want ErrNoGo", err)
	}
}

func TestBuildWithoutTheSourceTree(t *testing.T) {
	_, err := Build(t.Context(), Options{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "source tree") ||
		!strings.Contains(err.Error(), "--binary") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownArchitecture(t *testing.T) {
	if _, err := Build(t.Context(), Options{Arch: "mips"}); err == nil ||
		!strings.Contains(err.Error(), "mips") {
		t.Errorf("got %v", err)
	}
}

// header is an ELF file that consists of its header and program headers.
type header struct {
	elf.Header64
	progs []elf.Prog64
}

func linux(m elf.Machine) header {
	h := header{Header64: elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Shentsize: 64}}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	return h
}

func (h header) bytes(t *testing.T) []byte {
	t.Helper()
	h.Phnum = uint16(len(h.progs))
	var b bytes.Buffer
	for _, part := range []any{h.Header64, h.progs} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestBinariesForOtherMachinesAreRefused(t *testing.T) {
	variant := func(m elf.Machine, change func(*header)) []byte {
		h := linux(m)
		change(&h)
		return h.bytes(t)
	}
	for name, c := range map[string]struct {
		binary []byte
		arch   string
		reason string
	}{
		"other processor": {linux(elf.EM_X86_64).bytes(t), ARM64,
			"for amd64, but the function is for arm64"},
		"other processor 2": {linux(elf.EM_AARCH64).bytes(t), AMD64,
			"for arm64, but the function is for amd64"},
		"unknown processor": {linux(elf.EM_RISCV).bytes(t), ARM64, "EM_RISCV"},
		"dynamically linked": {variant(elf.EM_AARCH64,
			func(h *header) { h.progs = []elf.Prog64{{Type: uint32(elf.PT_INTERP)}} }), ARM64,
			"dynamically linked"},
		"object file": {variant(elf.EM_AARCH64,
			func(h *header) { h.Type = uint16(elf.ET_REL) }), ARM64, "not an executable"},
		"shared library": {variant(elf.EM_AARCH64,
			func(h *header) { h.Type = uint16(elf.ET_DYN) }), ARM64, "not an executable"},
		"FreeBSD": {variant(elf.EM_AARCH64,
			func(h *header) { h.Ident[elf.EI_OSABI] = byte(elf.ELFOSABI_FREEBSD) }), ARM64,
			"not for Linux"},
		"macOS":   {[]byte("\xcf\xfa\xed\xfe\x0c\x00\x00\x01"), ARM64, "macOS"},
		"Windows": {[]byte("MZ\x90\x00"), AMD64, "Windows"},
		"script":  {[]byte("#!/bin/sh\n"), ARM64, "a script"},
		"zip":     {[]byte("PK\x03\x04"), ARM64, "a zip"},
		"text":    {[]byte("hello"), ARM64, "not an ELF file"},
		"nothing": {[]byte{}, ARM64, "not an ELF file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(t.Context(), Options{Arch: c.arch, Binary: c.binary})
			if !errors.Is(err, ErrBinary) || !strings.Contains(err.Error(), c.reason) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, c.reason)
			}
		})
	}
}

func TestReadyBinaryIsTaken(t *testing.T) {
	for arch, m := range map[string]elf.Machine{ARM64: elf.EM_AARCH64, AMD64: elf.EM_X86_64} {
		ready := linux(m).bytes(t)
		c, err := Read(build(t, Options{Arch: arch, Binary: ready}))
		if err != nil {
			t.Fatal(err)
		}
		if c.Arch != arch || !bytes.Equal(c.Binary, ready) {
			t.Errorf("packed %d bytes for %s, want %d for %s", len(c.Binary), c.Arch, len(ready),
				arch)
		}
	}
}

func TestReadRefusesWhatIsNoFunction(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("index.js"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(b.Bytes()); !errors.Is(err, ErrBinary) {
		t.Errorf("of a zip without a function: %v", err)
	}
	if _, err := Read([]byte("no zip")); err == nil || errors.Is(err, ErrBinary) {
		t.Errorf("of no zip: %v", err)
	}
}
