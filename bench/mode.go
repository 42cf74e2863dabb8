package main

import (
	"fmt"
	"runtime"
	"strconv"
)

// mode is the number of threads that a program may use for a task. Only one task runs at a time in
// either mode: the bench measures how long a task takes, not how many tasks a machine completes.
type mode string

const (
	oneThread  mode = "one thread"
	allThreads mode = "all threads"
)

func modesNamed(name string) ([]mode, error) {
	switch name {
	case "one":
		return []mode{oneThread}, nil
	case "all":
		return []mode{allThreads}, nil
	case "both":
		return []mode{oneThread, allThreads}, nil
	}
	return nil, fmt.Errorf("invalid value %q for -threads, want one, all or both", name)
}

func (m mode) threads() int {
	if m == oneThread {
		return 1
	}
	return runtime.NumCPU()
}

// environment returns the variables that limit the threads of Go, libuv, libvips and OpenMP
// (GraphicsMagick).
func (m mode) environment() []string {
	n := strconv.Itoa(m.threads())
	env := []string{"GOMAXPROCS=" + n, "VIPS_CONCURRENCY=" + n, "OMP_NUM_THREADS=" + n}
	if m == oneThread {
		env = append(env, "UV_THREADPOOL_SIZE=1")
	}
	return env
}
