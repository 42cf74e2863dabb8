package hostiletest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Group is a control group of Linux with a memory limit, of version 2 or 1 (Documentation/admin-guide,
// cgroup-v2.rst and cgroup-v1/memory.rst).
type Group struct{ dir string }

// NewGroup makes a control group that ends with the test, which needs root. The test is skipped if that
// cannot be done.
func NewGroup(t *testing.T, limit int64) *Group {
	t.Helper()
	var failed error
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/memory"} {
		g := &Group{filepath.Join(root, fmt.Sprintf("imgmill-test-%d", os.Getpid()))}
		if err := os.Mkdir(g.dir, 0o755); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		file, err := g.file("memory.max", "memory.limit_in_bytes")
		if err == nil {
			err = os.WriteFile(file, []byte(strconv.FormatInt(limit, 10)), 0o600)
		}
		if err == nil {
			t.Cleanup(func() { g.remove(t) })
			return g
		}
		failed = errors.Join(failed, err, syscall.Rmdir(g.dir))
	}
	t.Skipf("no control group with a memory limit can be made here: %v", failed)
	return nil
}

// remove removes the group once the last process has left.
func (g *Group) remove(t *testing.T) {
	var err error
	for range 100 {
		if err = syscall.Rmdir(g.dir); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("remove %s: %v", g.dir, err)
}

// Command returns the command line that runs a program in the group.
func (g *Group) Command(program string, args ...string) []string {
	enter := "echo $$ >" + filepath.Join(g.dir, "cgroup.procs") + ` && exec "$0" "$@"`
	return append([]string{"/bin/sh", "-c", enter, program}, args...)
}

// Used returns the bytes that the processes of the group use now, with the files that the system caches
// for them.
func (g *Group) Used(t *testing.T) int64 {
	t.Helper()
	return g.number(t, "memory.current", "memory.usage_in_bytes")
}

// Peak returns the most that they have used.
func (g *Group) Peak(t *testing.T) int64 {
	t.Helper()
	return g.number(t, "memory.peak", "memory.max_usage_in_bytes")
}

// number returns what the first of some files that exists holds.
func (g *Group) number(t *testing.T, names ...string) int64 {
	t.Helper()
	path, err := g.file(names...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n
}

// file returns the path of the first of some files of the group that exists.
func (g *Group) file(names ...string) (string, error) {
	for _, name := range names {
		path := filepath.Join(g.dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s has none of %v", g.dir, names)
}
