package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer kills a process right before a certain system call that would change one of some files. It
// counts the calls of all threads, in the order in which they begin.
type tracer struct {
	pid     int
	changes func(path string) bool // whether a path is that of one of the files
	last    int                    // the number of the call that is not made; 0 for none
	calls   []string               // those so far
}

// runUntil starts imgmill like run, and kills it before the call with number n.
func runUntil(t *testing.T, n int, changes func(path string) bool, args ...string) (*process, *tracer) {
	t.Helper()
	p := &process{cmd: exec.Command("imgmill", args...), ended: make(chan error, 1), changed: make(chan struct{}, 1)}
	p.cmd.Dir = t.TempDir()
	// A group of its own, so that nobody waits for other processes of this test.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{changes: changes, last: n}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // only the thread that has started a process may trace it
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			tr.pid = p.cmd.Process.Pid
			p.ended <- tr.run()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	go p.read(stderr)
	t.Cleanup(func() {
		p.cmd.Process.Kill() // unless it has ended
		err := <-p.ended
		p.ended <- err
		stderr.Close()
	})
	return p, tr
}

// run traces the process to its end. The error describes an end other than exit code 0.
func (tr *tracer) run() (end error) {
	var status unix.WaitStatus
	if _, err := unix.Wait4(tr.pid, &status, 0, nil); err != nil {
		return err
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(tr.pid, options); err != nil {
		return err
	}
	if err := unix.PtraceSyscall(tr.pid, 0); err != nil {
		return err
	}
	known := map[int]bool{tr.pid: true}
	for {
		tid, err := unix.Wait4(-tr.pid, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECHILD:
			return end
		case err != nil:
			return err
		case !status.Stopped():
			if tid == tr.pid && (status.Signaled() || status.ExitStatus() != 0) {
				end = fmt.Errorf("signal %v, exit code %d", status.Signal(), status.ExitStatus())
			}
			continue
		}
		signal := status.StopSignal()
		switch {
		case signal == unix.SIGTRAP|0x80:
			if err := tr.call(tid); err != nil {
				return err
			}
			signal = 0
		case signal == unix.SIGTRAP && status.TrapCause() > 0, signal == unix.SIGSTOP && !known[tid]:
			signal = 0 // the start of a thread
		}
		known[tid] = true
		if err := unix.PtraceSyscall(tid, int(signal)); err != nil && err != unix.ESRCH {
			return err
		}
	}
}

// callInfo is struct ptrace_syscall_info of linux/ptrace.h at the entry of a call.
type callInfo struct {
	op        uint8
	_         [3]byte
	arch      uint32
	ip, stack uint64
	number    uint64
	args      [6]uint64
}

// call looks at the call that a thread begins or ends, and kills the process if it is the last.
func (tr *tracer) call(tid int) error {
	var info callInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno == unix.ESRCH || errno == 0 && info.op != unix.PTRACE_SYSCALL_INFO_ENTRY {
		return nil
	}
	if errno != 0 {
		return errno
	}
	name, paths, err := tr.changed(info)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if !tr.changes(path) {
			continue
		}
		tr.calls = append(tr.calls, name+" "+path)
		if len(tr.calls) == tr.last {
			return unix.Kill(tr.pid, unix.SIGKILL)
		}
		return nil
	}
	return nil
}

// changed returns the paths that a call may change.
func (tr *tracer) changed(info callInfo) (name string, paths []string, err error) {
	a := info.args
	switch info.number {
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_FTRUNCATE, unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tr.pid, a[0]))
		if errors.Is(err, os.ErrNotExist) {
			return "", nil, nil // the call will fail
		}
		return "write", []string{path}, err
	case unix.SYS_OPENAT:
		if a[2]&(unix.O_CREAT|unix.O_TRUNC) == 0 {
			return "", nil, nil
		}
		path, err := tr.path(a[0], a[1])
		return "create", []string{path}, err
	case unix.SYS_MKDIRAT:
		path, err := tr.path(a[0], a[1])
		return "mkdir", []string{path}, err
	case unix.SYS_UNLINKAT:
		path, err := tr.path(a[0], a[1])
		return "unlink", []string{path}, err
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT:
		from, err1 := tr.path(a[0], a[1])
		to, err2 := tr.path(a[2], a[3])
		return "rename", []string{to, from}, errors.Join(err1, err2)
	}
	return "", nil, nil
}

// path reads a path, relative to a folder, from the memory of the process.
func (tr *tracer) path(folder, address uint64) (string, error) {
	buffer := make([]byte, unix.PathMax)
	local := []unix.Iovec{{Base: &buffer[0]}}
	local[0].SetLen(len(buffer))
	var text string
	// A read ends at the first page that is missing, so it is made page by page.
	for page := uint64(os.Getpagesize()); ; {
		n := int(page - address%page)
		local[0].SetLen(n)
		n, err := unix.ProcessVMReadv(tr.pid, local, []unix.RemoteIovec{{Base: uintptr(address), Len: n}}, 0)
		if err != nil {
			return "", fmt.Errorf("read a path: %w", err)
		}
		if i := bytes.IndexByte(buffer[:n], 0); i >= 0 {
			text += string(buffer[:i])
			break
		}
		text, address = text+string(buffer[:n]), address+uint64(n)
	}
	if filepath.IsAbs(text) {
		return filepath.Clean(text), nil
	}
	link := fmt.Sprintf("/proc/%d/cwd", tr.pid)
	if int32(folder) != unix.AT_FDCWD {
		link = fmt.Sprintf("/proc/%d/fd/%d", tr.pid, int32(folder))
	}
	dir, err := os.Readlink(link)
	return filepath.Join(dir, text), err
}

// below reports whether path is one of some files, or below one of some folders.
func below(path string, files ...string) bool {
	for _, f := range files {
		if path == f || strings.HasPrefix(path, f+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
