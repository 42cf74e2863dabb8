package devcloud

import (
	"bytes"
	"encoding/json"
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
	const stream = "queue/jetstream/$G/streams/" + queueName
	half := func(size int64) int64 { return size / 2 }
	nothing := func(int64) int64 { return 0 }
	for _, test := range []struct {
		name, file string
		size       func(int64) int64 // nil: the file is removed
		lost       bool
		want       string
	}{
		{"messages cut", stream + "/msgs/1.blk", half, true, "the queue has lost events"},
		{"messages emptied", stream + "/msgs/1.blk", nothing, true, "the queue has lost events"},
		{"messages removed", stream + "/msgs/1.blk", nil, true, "the queue has lost events"},
		{"queue removed", "queue", nil, true, "the queue has lost events"},
		{"deliveries cut", stream + "/obs/imgmill/o.dat", half, false, "deliveries was damaged and has been dropped"},
		{"deliveries emptied", stream + "/obs/imgmill/o.dat", nothing, false, ""},
		{"deliveries removed", stream + "/obs/imgmill/o.dat", nil, false, ""},
		{"stream's description emptied", stream + "/meta.inf", nothing, false, ""},
		{"mark cut", "queue.json", half, false, "what was known about the queue cannot be read"},
		{"untouched", "", nil, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := stoppedWith(t, time.Second, 6)
			path := filepath.Join(dir, filepath.FromSlash(test.file))
			if test.size == nil && test.file != "" {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			} else if test.file != "" {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(path, test.size(info.Size())); err != nil {
					t.Fatal(err)
				}
			}
			cfg, log := loud(dir)
			c := start(t, cfg)
			if n := len(events(t, c.Queue())); test.lost == (n == 6) {
				t.Errorf("%d of 6 events are left", n)
			}
			stop(t, c)
			if got := log.String(); !strings.Contains(got, test.want) ||
				strings.Contains(got, "lost events") != test.lost || test.lost && !strings.Contains(got, "level=ERROR") {
				t.Errorf("logged %s, want %q", got, test.want)
			}
			cfg, log = loud(dir)
			stop(t, start(t, cfg))
			if got := log.String(); strings.Contains(got, "queue has lost") || strings.Contains(got, "known about") {
				t.Errorf("the next start logs it again: %s", got)
			}
		})
	}
}

// TestClockSetBack: the server keeps leases by the clock of the wall, so that a message in work when
// the process died would be delivered only when the clock has caught up.
func TestClockSetBack(t *testing.T) {
	dir := stoppedWith(t, time.Hour, 1)
	path := filepath.Join(dir, "queue.json")
	mark, err := readMark(path)
	if err != nil || mark == nil {
		t.Fatal(mark, err)
	}
	mark.At = mark.At.Add(24 * time.Hour)
	data, err := json.Marshal(mark)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, log := loud(dir)
	cfg.Lease = time.Hour
	c := start(t, cfg)
	got, err := c.Queue().Fetch(t.Context(), 1, 5*time.Second)
	if err != nil || len(got) != 1 {
		t.Errorf("fetched %d messages, %v", len(got), err)
	}
	if !strings.Contains(log.String(), "the clock was set back") {
		t.Errorf("logged %s", log.String())
	}
	stop(t, c)
	c = start(t, cfg) // the clock goes on, so the lease holds
	if got, err := c.Queue().Fetch(t.Context(), 1, 200*time.Millisecond); err != nil || len(got) != 0 {
		t.Errorf("fetched %d messages, %v, while another has the lease", len(got), err)
	}
}
