package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/imgmill/imgmill/bench/resident"
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
	err := newWork(0).make(context.Background(), stdin)
	c := cost{Memory: resident.Peak("self"), Result: "a picture"}
	if err != nil {
		c.Result = err.Error()
	}
	return json.NewEncoder(stdout).Encode(c)
}

// interrupted interrupts the work on a file at several moments and returns the longest delay.
func interrupted(file []byte, took time.Duration) (longest time.Duration) {
	w := newWork(0)
	for i := range 8 {
		ctx, cancel := context.WithCancel(context.Background())
		var at time.Time
		stop := time.AfterFunc(took*time.Duration(i+1)/10, func() { at = time.Now(); cancel() })
		err := w.make(ctx, bytes.NewReader(file))
		end := time.Now()
		if !stop.Stop() && err != nil {
			<-ctx.Done()
			longest = max(longest, end.Sub(at))
		}
		cancel()
	}
	return longest
}

// work makes the variants of the default recipe within its limits.
type work struct {
	engine render.Engine
	recipe *recipe.Recipe
}

// newWork returns work on so many threads; 0 means on all.
func newWork(threads int) *work {
	all := formats.All()
	return &work{render.Engine{Formats: all, Threads: threads}, recipe.Default(all)}
}

func (w *work) make(ctx context.Context, r io.Reader) error {
	_, _, err := mill.Make(ctx, &w.engine, r, w.recipe.Limits, w.recipe.Variants)
	return err
}
