package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// TestResizeEndsAtOnce interrupts resize while it works on large pictures: it ends within a fraction
// of what one picture takes, leaves no part of a file, and reports what it has not done.
func TestResizeEndsAtOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals")
	}
	dir := t.TempDir()
	photo := sample.Photo(3000, 2000)
	const pictures = 20 // more than are done before the signal
	for i := range pictures {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.jpg", i)), photo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"--width", "9000", "--enlarge", "--effort", "high"},
		{"--width", "9000", "--enlarge", "--quality", "90", "--progressive"},
	} {
		for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			out := filepath.Join(t.TempDir(), "out")
			cmd := exec.Command("imgmill", append([]string{"resize", dir, "-o", out}, args...)...)
			ended := make(chan error, 1)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go func() { ended <- cmd.Wait() }()
			time.Sleep(700 * time.Millisecond)
			begin := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			err := <-ended
			took := time.Since(begin)
			t.Logf("%v, %v: ended after %v: %v", args, sig, took, err)
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 && exit.ExitCode() != 3 {
				t.Errorf("%v, %v: %v, want exit code 1, or 3 if some pictures are done", args, sig, err)
			}
			if took > 3*time.Second { // Some 100 ms where nothing else runs; the work takes far longer.
				t.Errorf("%v, %v: ended only after %v", args, sig, took)
			}
			left, err := os.ReadDir(out)
			if err == nil && len(left) == pictures {
				t.Errorf("%v, %v: everything was done before", args, sig)
			}
			for _, f := range left { // done before the signal, and whole
				data, err := os.ReadFile(filepath.Join(out, f.Name()))
				if _, err2 := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || err2 != nil || !bytes.HasSuffix(data, []byte("\xff\xd9")) {
					t.Errorf("%v, %v: a part of %s is left", args, sig, f.Name())
				}
			}
		}
	}
}
