// Package resident measures the peak resident memory of processes, in bytes, and how long they have
// used processors. Where the system does not provide it, the result is 0.
package resident

import (
	"os"
	"strconv"
	"strings"
)

// Peak returns the peak so far of a running process, named by its ID or "self": VmHWM of proc(5).
func Peak(process string) int64 {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0
	}
	return highWater(string(status))
}

func highWater(status string) int64 {
	_, rest, _ := strings.Cut(status, "VmHWM:")
	value, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
