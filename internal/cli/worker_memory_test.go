package cli

import (
	"testing"
	"testing/fstest"
)

func TestControlGroupMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"no Linux": {fstest.MapFS{}, 0},
		"version 2": {fstest.MapFS{
			"proc/self/cgroup":                    file("0::/pod/worker\n"),
			"sys/fs/cgroup/pod/memory.max":        file("536870912\n"),
			"sys/fs/cgroup/pod/worker/memory.max": file("max\n"),
		}, 512 << 20},
		"version 2 in a container": {fstest.MapFS{
			"proc/self/cgroup":         file("0::/../../elsewhere\n"),
			"sys/fs/cgroup/memory.max": file("268435456\n"),
		}, 256 << 20},
		"version 1": {fstest.MapFS{
			"proc/self/cgroup": file("12:cpu,cpuacct:/a\n4:memory:/a/b\n1:name=systemd:/\n"),
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": file("300000000\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     file("9223372036854771712\n"),
		}, 300000000},
		"no limit": {fstest.MapFS{
			"proc/self/cgroup":         file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("max\n"),
		}, 0},
	} {
		if got := controlGroupMemory(c.files); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
