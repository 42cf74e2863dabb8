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
	Delay     time.Duration // from an interruption to the end of the work, at most
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
	c.Delay = between(file)
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

// between returns the longest processor time between two looks at the context, while the variants of a
// file are made by one thread: an interruption ends the work within that time.
func between(file []byte) time.Duration {
	w, ctx := newWork(1), &watched{Context: context.Background(), last: processorTime()}
	_, _, _ = w.engine.Make(ctx, watchedReader{ctx, bytes.NewReader(file)}, w.recipe.Limits.Limits, w.recipe.Variants)
	_ = ctx.Err() // the end of the work is the last look
	return ctx.longest
}

// watched is a context that measures the longest time between two looks at it.
type watched struct {
	context.Context
	last, longest time.Duration
}

func (w *watched) Err() error {
	now := processorTime()
	w.longest, w.last = max(w.longest, now-w.last), now
	return nil
}

// watchedReader looks at a context before each Read, as the readers of the pipeline do.
type watchedReader struct {
	ctx context.Context
	io.Reader
}

func (r watchedReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
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
