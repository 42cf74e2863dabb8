package cli

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

func testPlace(t *testing.T) *place {
	t.Helper()
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: my-in}\ntarget: {bucket: my-out}\nvariants: {a: {width: 20}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return &place{recipe: r, where: "here"}
}

// setCacheDir sets the user's cache folder, on every system.
func setCacheDir(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, dir)
	}
}

// TestCheckpointNotWritable: only a checkpoint that the user names has to be writable, as in a container
// whose files are read-only it is not.
func TestCheckpointNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	setCacheDir(t, file)
	p, warned := testPlace(t), ""
	known, err := (&placeFlags{}).openKnown(p, false, func(text string) { warned += text })
	if known != nil || err != nil || !strings.HasPrefix(warned, "what is known to be right is not remembered: checkpoint: ") {
		t.Errorf("%v, %v; warned %q", known, err, warned)
	}
	if _, err := (&placeFlags{checkpoint: filepath.Join(file, "named")}).openKnown(p, false, nil); err == nil {
		t.Error("a named checkpoint that cannot be written is no error")
	}
	for _, flag := range []string{"", "none"} {
		w := &workerRun{workerFlags: &workerFlags{}, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		w.checkpoint = flag
		closeKnown, err := w.openKnown(p)
		if err != nil || w.known == nil {
			t.Fatalf("a worker with --checkpoint %q: %v, %v", flag, w.known, err)
		}
		if err := closeKnown(); err != nil {
			t.Error(err)
		}
	}
}

// TestCheckpointInUse: a command that changes nothing reads the checkpoint of a worker that runs.
func TestCheckpointInUse(t *testing.T) {
	setCacheDir(t, t.TempDir())
	p, flags := testPlace(t), &placeFlags{}
	warn := func(text string) { t.Errorf("warned %q", text) }
	worker, err := flags.openKnown(p, false, warn)
	if err != nil || worker == nil {
		t.Fatal(worker, err)
	}
	defer worker.Close()
	if err := worker.Add(7); err != nil {
		t.Fatal(err)
	}
	_, err = flags.openKnown(p, false, warn)
	if !errors.Is(err, sync.ErrKnownInUse) || !strings.Contains(err.Error(), "--checkpoint with none or another file") {
		t.Errorf("a second writer: %v", err)
	}
	reader, err := flags.openKnown(p, true, warn)
	if err != nil || reader == nil {
		t.Fatal(reader, err)
	}
	defer reader.Close()
	if knows, err := reader.Has(7); !knows || err != nil {
		t.Errorf("a reader: %v, %v", knows, err)
	}
}
