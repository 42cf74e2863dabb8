//go:build !linux

package main

import "os"

// maxResident returns 0: the peak memory is not known on this system.
func maxResident(*os.ProcessState) int64 { return 0 }
