//go:build unix

package devcloud

import (
	"math"
	"syscall"
)

// maxFiles returns how many files the process may have open.
func maxFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 256 // the smallest default of any system that has the limit
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
