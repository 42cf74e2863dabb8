package cli

import (
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// leastMemory is the least that a worker can do with, in bytes.
const leastMemory = 96 << 20

// memorySize returns the memory of the worker in bytes: that of the flag, or of its control group. 0 means
// that there is no limit.
func (f *workerFlags) memorySize() (int64, error) {
	if f.memory == "" {
		return controlGroupMemory(os.DirFS("/")), nil
	}
	n, err := setting.ParseSize(f.memory, setting.ByteUnits, "256MB")
	if err != nil {
		return 0, wrongUse("--memory: %w", err)
	}
	if n < leastMemory {
		return 0, wrongUse("--memory %s: use 96MiB or more", f.memory)
	}
	return n, nil
}

// boundMemory makes the process do with so many bytes: pictures wait for their share of what is left
// beside the program, and the garbage collector works harder near the limit.
func boundMemory(m *mill.Mill, size int64) {
	debug.SetMemoryLimit(size / 10 * 9)
	pictures := recipe.DecodingMemory(size)
	m.Recipe = m.Recipe.WithMemory(pictures)
	m.Memory = mill.NewMemory(pictures)
}

// controlGroupMemory returns the memory limit of the control group that this process is in, of version
// 2 or 1, or the lower one of a group around it. It is 0 if there is none. Specification: Linux,
// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
func controlGroupMemory(root fs.FS) (least int64) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	const none = 1 << 50 // version 1 has a large number in place of none
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			// In a container, the folder of the group may be that of the mount.
			text, err := fs.ReadFile(root, path.Join(mount, dir, file))
			n, notANumber := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil && notANumber == nil && n < none && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}
