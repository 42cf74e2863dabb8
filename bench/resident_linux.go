package main

import (
	"os"
	"syscall"
)

// maxResident is the peak memory of a process that has ended, in bytes (getrusage(2): kilobytes). Up to its exec a child
// counts as large as its parent, which is why commands are run by a small child of their own.
func maxResident(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}
