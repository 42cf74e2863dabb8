//go:build !unix

package main

import "time"

var begin = time.Now()

// processorTime returns how long this process has run: the time of processors is not known here.
func processorTime() time.Duration { return time.Since(begin) }
