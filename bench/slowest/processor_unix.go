//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime returns how long this process has used processors (getrusage(2)).
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
