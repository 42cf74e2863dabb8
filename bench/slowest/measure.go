package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// cost is what a file takes.
type cost struct {
	Processor time.Duration // of a fresh process, for one variant
	Memory    int64         // peak resident memory of that process, in bytes; 0 if it is not known
	Delay     time.Duration // from an interruption in the middle of the work to its end
	Result    string
}

// measure measures a file in a fresh process.
func measure(file []byte) (c cost, err error) {
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	child := exec.Command(self, "-child")
	child.Stdin, child.Stderr = bytes.NewReader(file), os.Stderr
	out, err := child.Output()
	if err != nil {
		return c, fmt.Errorf("measure the slowest file: %w", err)
	}
	if err := json.Unmarshal(out, &c); err != nil {
		return c, fmt.Errorf("measure the slowest file: %w", err)
	}
	c.Processor = child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	c.Delay = interrupted(file, c.Processor)
	return c, nil
}

// measureHere makes the variant of the picture on standard input and prints the peak memory of this
// process.
func measureHere(stdin io.Reader, stdout io.Writer) error {
	all := formats.All()
	r := recipe.Default(all)
	_, _, err := mill.Make(context.Background(), &render.Engine{Formats: all}, stdin, r.Limits, r.Variants)
	c := cost{Memory: peakMemory(), Result: "a picture"}
	if err != nil {
		c.Result = err.Error()
	}
	return json.NewEncoder(stdout).Encode(c)
}

// peakMemory returns the peak resident memory of this process in bytes, on Linux.
func peakMemory() int64 {
	status, _ := os.ReadFile("/proc/self/status") // absent elsewhere
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, _ := strconv.ParseInt(strings.Fields(cmp.Or(line, "0"))[0], 10, 64)
	return kilobytes << 10
}

// interrupted interrupts the work on a file at several moments and returns the longest delay.
func interrupted(file []byte, work time.Duration) (longest time.Duration) {
	all := formats.All()
	r := recipe.Default(all)
	engine := &render.Engine{Formats: all}
	for i := range 8 {
		ctx, cancel := context.WithCancel(context.Background())
		var at time.Time
		stop := time.AfterFunc(work*time.Duration(i+1)/10, func() { at = time.Now(); cancel() })
		_, _, err := mill.Make(ctx, engine, bytes.NewReader(file), r.Limits, r.Variants)
		end := time.Now()
		if !stop.Stop() && err != nil {
			<-ctx.Done()
			longest = max(longest, end.Sub(at))
		}
		cancel()
	}
	return longest
}
