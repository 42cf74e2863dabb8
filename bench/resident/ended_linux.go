package resident

import (
	"os"
	"syscall"
)

// PeakOfEnded returns the peak memory of a process that has ended, in bytes (getrusage(2):
// kilobytes). Until its exec, a child counts as being as large as its parent; commands are
// therefore run by a small child of their own.
func PeakOfEnded(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}
