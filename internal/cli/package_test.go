package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/cli"
)

// imgmill runs a command in this process, in the working directory.
func imgmill(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = cli.Main(args, nil, &out, &err)
	return code, out.String(), err.String()
}

// TestPackage packs inside of the source tree, as somebody who has cloned it does.
func TestPackage(t *testing.T) {
	arch := pack.AMD64
	if runtime.GOARCH == pack.ARM64 {
		arch = pack.ARM64
	}
	dir := t.TempDir()
	zip, text := filepath.Join(dir, "deploy.zip"), filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(text,
		[]byte("source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := imgmill("package", "--arch", arch, "-o", zip, "--config", text,
		"--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var printed struct {
		File, Arch, SHA256, Recipe string
		Bytes                      int
	}
	if err := json.Unmarshal([]byte(stdout), &printed); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	data, err := os.ReadFile(zip)
	if err != nil {
		t.Fatal(err)
	}
	if printed.File != zip || printed.Arch != arch || printed.Bytes != len(data) ||
		len(printed.SHA256) != 64 || printed.Recipe != text {
		t.Errorf("it prints %+v, and the zip has %d bytes", printed, len(data))
	}
	c, err := pack.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if c.Arch != arch || !strings.Contains(string(c.Recipe), "in-bucket") {
		t.Errorf("packed for %s, with the recipe %q", c.Arch, c.Recipe)
	}

	// The binary from the zip makes the same zip, but none for another processor.
	binary, again := filepath.Join(dir, "bootstrap"), filepath.Join(dir, "again.zip")
	if err := os.WriteFile(binary, c.Binary, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "") // nothing is built
	code, _, stderr = imgmill("package", "--arch", arch, "-o", again, "--config", text, "--binary",
		binary)
	if code != 0 || !strings.Contains(stderr, printed.SHA256) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	other := map[string]string{pack.ARM64: "x86_64", pack.AMD64: pack.ARM64}[arch]
	wrong := filepath.Join(dir, "wrong.zip")
	code, _, stderr = imgmill("package", "--arch", other, "-o", wrong, "--binary", binary)
	if code != 1 || !strings.Contains(stderr, "it is for "+arch) ||
		strings.Count(stderr, "\n") != 1 {
		t.Errorf("for another processor: exit code %d: %s", code, stderr)
	}
	if _, err := os.Stat(wrong); err == nil {
		t.Error("a refused zip was written")
	}
}

func TestPackageWithoutGo(t *testing.T) {
	t.Setenv("PATH", "")
	code, stdout, stderr := imgmill("package", "-o", filepath.Join(t.TempDir(), "deploy.zip"))
	if code != 1 || stdout != "" || !strings.HasPrefix(stderr,
		"imgmill: building the function needs Go") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}
