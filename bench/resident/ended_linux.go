package resident

import (
	"os"
	"syscall"
	"time"
)

// CPU returns how long this process and its children that have ended have used processors.
func CPU() time.Duration {
	var used time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			used += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return used
}

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
