package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A child writes a greeting, then an answer to each request that it reads, every one a line of JSON. It ends when its
// standard input does.

// greeting is what a child says first.
type greeting struct {
	Version string `json:"version"`
}

// request asks for a task, Reps times over.
type request struct {
	File    string `json:"file"`
	Boxes   []box  `json:"boxes"`
	Quality int    `json:"quality"`
	High    bool   `json:"high"` // see row
	Reps    int    `json:"reps"`
	Keep    bool   `json:"keep"`   // answer with the last repetition's files
	Stream  bool   `json:"stream"` // read the file as part of the task, as the program does by itself, not from a buffer
}

// answer says how long all repetitions took together.
type answer struct {
	NS    int64    `json:"ns"`
	Files [][]byte `json:"files"` // one a box, base64 in JSON
	Peak  int64    `json:"peak"`  // bytes of the commands that the child ran; 0 if the child does the work itself
	Error string   `json:"error"`
}

// child is a running peer.
type child struct {
	peer    peer
	version string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// start runs a peer and waits for its greeting.
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
		return fmt.Errorf("%s gave no answer: %w", c.peer.name, err)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%s answered %.80q: %w", c.peer.name, line, err)
	}
	return nil
}

// ask has the child do a request.
func (c *child) ask(r request) (answer, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", c.peer.name, err)
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

// stop ends the child, by force if it does not end by itself.
func (c *child) stop() {
	c.in.Close()
	timer := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait() // nothing depends on how it ends
	timer.Stop()
}

// peak is the most memory that the child ever had resident, in bytes: VmHWM of proc(5), or what it said itself. 0 where the
// system does not tell.
func (c *child) peak(a answer) int64 {
	if a.Peak > 0 {
		return a.Peak
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
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
