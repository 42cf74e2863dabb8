package devcloud

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// loud returns a configuration whose log is kept.
func loud(dir string) (Config, *bytes.Buffer) {
	var log bytes.Buffer
	cfg := testConfig(dir)
	cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return cfg, &log
}

// stoppedWith returns the folder of a stopped cloud whose queue holds some events, one of which was
// fetched and not settled.
func stoppedWith(t *testing.T, lease time.Duration, events int) string {
	t.Helper()
	dir := t.TempDir()
	cfg := testConfig(dir)
	cfg.Lease = lease
	c := start(t, cfg)
	for i := range events {
		put(t, client(c), source, fmt.Sprintf("%d.jpg", i), "body")
	}
	if got, err := c.Queue().Fetch(t.Context(), 1, waitTimeout); err != nil || len(got) != 1 {
		t.Fatalf("fetch: %d, %v", len(got), err)
	}
	stop(t, c)
	return dir
}

// TestDamagedQueueFiles damages the files of a queue. A cloud starts on them, and if events are lost,
// it says so and what to do, once.
func TestDamagedQueueFiles(t *testing.T) {
	change := func(do func(data []byte) []byte) func(path string) error {
		return func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, do(data), 0o600)
		}
	}
	half := change(func(data []byte) []byte { return data[:len(data)/2] })
	nothing := change(func([]byte) []byte { return nil })
	middle := change(func(data []byte) []byte { data[len(data)/2]++; return data })
	for _, test := range []struct {
		name, file string
		damage     func(path string) error
		left       int
		want       string
	}{
		{"cut", "events", half, 2, "the queue has lost events"},
		{"a changed byte", "events", middle, 5, "the queue has lost events"},
		{"emptied", "events", nothing, 0, "the queue has lost events"},
		{"removed", "events", os.Remove, 0, "the queue has lost events"},
		{"mark cut", "events.json", half, 6, "what was known about the queue cannot be read"},
		{"mark removed", "events.json", os.Remove, 6, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := stoppedWith(t, time.Second, 6)
			if err := test.damage(filepath.Join(dir, test.file)); err != nil {
				t.Fatal(err)
			}
			cfg, log := loud(dir)
			c := start(t, cfg)
			if n := len(events(t, c.Queue())); n != test.left {
				t.Errorf("%d of 6 events are left, want %d", n, test.left)
			}
			stop(t, c)
			if got := log.String(); !strings.Contains(got, test.want) ||
				strings.Contains(got, "level=ERROR") != (test.left < 6) || test.want == "" && got != "" {
				t.Errorf("logged %s, want %q", got, test.want)
			}
			cfg, log = loud(dir)
			stop(t, start(t, cfg))
			if got := log.String(); got != "" {
				t.Errorf("the next start logs %s", got)
			}
		})
	}
}

// TestOlderQueue: a file of the queue from before its last events is noticed.
func TestOlderQueue(t *testing.T) {
	dir := stoppedWith(t, time.Second, 1)
	older, err := os.ReadFile(filepath.Join(dir, "events"))
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, testConfig(dir))
	events(t, c.Queue())
	put(t, client(c), source, "later.jpg", "body")
	events(t, c.Queue())
	stop(t, c)
	if err := os.WriteFile(filepath.Join(dir, "events"), older, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, log := loud(dir)
	stop(t, start(t, cfg))
	if !strings.Contains(log.String(), "the queue has lost events") {
		t.Errorf("logged %s", log.String())
	}
}

// TestOldQueue: the queue of an earlier version goes, and nothing that is not known to be one.
func TestOldQueue(t *testing.T) {
	dir := t.TempDir()
	stop(t, start(t, testConfig(dir)))
	writeFiles(t, dir, "queue/jetstream/x", "queue/todo.txt")
	old := filepath.Join(dir, "queue", "jetstream")
	cfg, log := loud(dir)
	stop(t, start(t, cfg))
	if _, err := os.Stat(old); err != nil || log.Len() > 0 {
		t.Errorf("without a mark: %v, logged %s", err, log.String())
	}
	if err := os.WriteFile(filepath.Join(dir, "queue.json"), []byte(`{"last": 7, "waiting": 3, "at": "2026-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	stop(t, start(t, cfg))
	if _, err := os.Stat(old); !notExist(err) || !strings.Contains(log.String(), "an earlier version was removed") {
		t.Errorf("%v, logged %s", err, log.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "queue", "todo.txt")); err != nil {
		t.Error(err)
	}
}
