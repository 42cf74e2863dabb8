package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/imgmill/imgmill/bench/resident"
)

// A child writes a greeting, and then an answer to each request that it reads. Each message is a
// line of JSON. The child exits when its standard input ends.

// greeting is the first message of a child.
type greeting struct {
	Version string `json:"version"`
}

// encoding is how the variants of a task are written.
type encoding struct {
	Format   string `json:"format"` // jpeg, webp or png
	Lossless bool   `json:"lossless"`
	Animated bool   `json:"animated"` // keep all frames
	Colours  int    `json:"colours"`  // of a palette, at most; 0 for all
	// Effort is fast, normal or high: how long to search for a smaller file.
	Effort string `json:"effort"`
}

// request requests Reps repetitions of a task.
type request struct {
	encoding
	File    string `json:"file"`
	Boxes   []box  `json:"boxes"`
	Quality int    `json:"quality"`
	Reps    int    `json:"reps"`
	Keep    bool   `json:"keep"` // return the files of the last repetition
	// Stream reads the file as part of the task, as the program would by itself, instead of from a
	// buffer.
	Stream bool `json:"stream"`
}

// answer is the result of a request.
type answer struct {
	NS    int64    `json:"ns"`    // total time of all repetitions
	CPU   int64    `json:"cpu"`   // in which processors worked on them, in ns; 0 if that is not known
	Files [][]byte `json:"files"` // one per box, in base64
	// Peak is the peak memory, in bytes, of the commands that the child has run; 0 if the child
	// does the work itself.
	Peak  int64  `json:"peak"`
	Error string `json:"error"`
}

// child is a running program.
type child struct {
	peer    peer
	version string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts a program and waits for its greeting.
func (p peer) start(m mode) (*child, error) {
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Env = append(os.Environ(), m.environment()...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	c := &child{peer: p, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	var g greeting
	if err := c.read(&g); err != nil {
		c.stop()
		return nil, err
	}
	c.version = g.Version
	return c, nil
}

func (c *child) read(v any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("no answer from %s: %w", c.peer.name, err)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%s sent an invalid answer %.80q: %w", c.peer.name, line, err)
	}
	return nil
}

// ask sends a request to the child and waits for the answer. It returns errNotItsTask if the program
// cannot do that.
func (c *child) ask(r request) (answer, error) {
	if !c.peer.does(r.File, r.encoding) {
		return answer{}, errNotItsTask
	}
	line, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return answer{}, fmt.Errorf("send a request to %s: %w", c.peer.name, err)
	}
	var a answer
	if err := c.read(&a); err != nil {
		return answer{}, err
	}
	if a.Error != "" {
		return answer{}, fmt.Errorf("%s: %s", c.peer.name, a.Error)
	}
	return a, nil
}

// startAll starts programs. stop ends those that run.
func startAll(peers []peer, m mode) (children []*child, stop func(), err error) {
	stop = func() {
		for _, c := range children {
			c.stop()
		}
	}
	for _, p := range peers {
		c, err := p.start(m)
		if err != nil {
			stop()
			return nil, nil, err
		}
		children = append(children, c)
	}
	return children, stop, nil
}

// stop ends the child, and kills it if it does not exit by itself.
func (c *child) stop() {
	c.in.Close()
	timer := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait() // Its exit status is of no interest.
	timer.Stop()
}

// peak returns the peak resident memory of the child in bytes, or the value from its answer. It
// returns 0 if the system does not provide it.
func (c *child) peak(a answer) int64 {
	if a.Peak > 0 {
		return a.Peak
	}
	return resident.Peak(strconv.Itoa(c.cmd.Process.Pid))
}
