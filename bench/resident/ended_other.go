//go:build !linux

package resident

import (
	"os"
	"time"
)

// PeakOfEnded returns 0: the peak memory is not known on this system.
func PeakOfEnded(*os.ProcessState) int64 { return 0 }

// CPU returns 0: the time of processors is not known on this system.
func CPU() time.Duration { return 0 }
