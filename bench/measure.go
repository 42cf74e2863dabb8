package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// slice is about how long a child works on one request: long enough to even out its clock and its
// garbage collector, short enough for all programs to run under the same load of the machine.
const slice = 150 * time.Millisecond

// result is the outcome of a row in one mode.
type result struct {
	Mode   mode         `json:"mode"`
	Row    string       `json:"row"`
	Format string       `json:"format"` // of the outputs
	Runs   int          `json:"runs"`
	Peers  []peerResult `json:"peers"`
}

// peerResult is the outcome of a row for one program.
type peerResult struct {
	Peer    string   `json:"peer"`
	Version string   `json:"version"`
	Millis  float64  `json:"ms"`             // median
	Ratio   float64  `json:"ratio"`          // its time divided by imgmill's, median of pairs
	Goal    float64  `json:"goal,omitempty"` // the ratio to reach
	Peak    int64    `json:"peak_bytes"`     // of a fresh process that runs the task once
	Most    int64    `json:"peak_goal,omitempty"`
	Bytes   int      `json:"bytes"` // of all outputs together
	Outputs []output `json:"outputs,omitempty"`
	Error   string   `json:"error,omitempty"`

	times []float64 // in ms, one per run
	reps  int
}

// bench runs rows.
type bench struct {
	photos string
	made   string // folder of made files
	runs   int
	cpu    bool // measure the time of processors, not of the clock
	judge  judge
}

// taken returns the time that an answer reports, in ms.
func (b *bench) taken(a answer) float64 {
	if b.cpu {
		return float64(a.CPU) / 1e6
	}
	return float64(a.NS) / 1e6
}

// row measures a row with running children, of which the first is imgmill.
func (b *bench) row(r row, m mode, children []*child) (result, error) {
	res := result{Mode: m, Row: r.name, Format: r.Format, Runs: b.runs}
	for _, c := range children {
		res.Peers = append(res.Peers, b.try(r, c))
	}
	if failed := res.Peers[0].Error; failed != "" {
		return res, fmt.Errorf("%s: %s", r.name, failed)
	}
	if r.judged() {
		if err := b.equalise(r, children[0], res.Peers); err != nil {
			return res, err
		}
	}
	for range b.runs {
		for i, c := range children {
			p := &res.Peers[i]
			if p.Error != "" {
				continue
			}
			a, err := c.ask(b.request(r, p.reps))
			if err != nil {
				p.Error = err.Error()
				continue
			}
			p.times = append(p.times, b.taken(a)/float64(p.reps))
		}
	}
	if failed := res.Peers[0].Error; failed != "" {
		return res, fmt.Errorf("%s: %s", r.name, failed)
	}
	for i := range res.Peers {
		p := &res.Peers[i]
		if p.Error != "" {
			continue
		}
		p.Millis, p.Ratio = median(p.times), pairedRatio(p.times, res.Peers[0].times)
		if p.Peer == r.goals.peer() {
			p.Goal = r.goals.in(m)
		}
		var err error
		if p.Peak, err = onceFresh(children[i].peer, m, b.request(r, 1)); err != nil {
			p.Error = err.Error()
		}
	}
	return res, nil
}

func (b *bench) request(r row, reps int) request {
	return request{
		encoding: r.encoding, File: b.path(r), Boxes: r.boxes, Quality: quality, Reps: reps,
	}
}

func (b *bench) path(r row) string {
	if filepath.IsAbs(r.file) {
		return r.file
	}
	if r.made {
		return filepath.Join(b.made, r.file)
	}
	return filepath.Join(b.photos, r.file)
}

// try runs a row in a child for the first time, judges the output, and determines how many
// repetitions fill a slice.
func (b *bench) try(r row, c *child) peerResult {
	p := peerResult{Peer: c.peer.name, Version: c.version}
	fail := func(err error) peerResult {
		p.Error = err.Error()
		return p
	}
	q := b.request(r, 1)
	q.Keep = true
	a, err := c.ask(q)
	if err != nil {
		return fail(err)
	}
	if r.judged() {
		if p.Outputs, err = b.judge.files(q, a.Files); err != nil {
			return fail(err)
		}
	}
	for _, f := range a.Files {
		p.Bytes += len(f)
	}
	q.Keep = false
	if a, err = c.ask(q); err != nil {
		return fail(err)
	}
	if b.cpu && a.CPU == 0 {
		return fail(errors.New("its CPU time is not known on this system"))
	}
	p.reps = max(1, int(slice.Nanoseconds()/max(1, a.NS)))
	return p
}

// equalise estimates how many bytes imgmill, whose child is c, needs for the look of sharp's
// outputs.
func (b *bench) equalise(r row, c *child, peers []peerResult) error {
	i := slices.IndexFunc(peers, func(p peerResult) bool {
		return p.Peer == "sharp" && p.Error == ""
	})
	if i < 0 {
		return nil
	}
	q := b.request(r, 1)
	q.Quality, q.Keep = lower, true
	a, err := c.ask(q)
	if err != nil {
		return err
	}
	rough, err := b.judge.files(q, a.Files)
	if err != nil {
		return err
	}
	ours := slices.Clone(peers[0].Outputs) // The judge shares its outputs with others.
	for k := range ours {
		ours[k].Equal = equalBytes(ours[k], rough[k], peers[i].Outputs[k].Look)
	}
	peers[0].Outputs = ours
	return nil
}

// onceFresh returns the peak memory, in bytes, of a new process that runs a request.
func onceFresh(p peer, m mode, r request) (int64, error) {
	c, err := p.start(m)
	if err != nil {
		return 0, err
	}
	defer c.stop()
	a, err := c.ask(r)
	if err != nil {
		return 0, err
	}
	return c.peak(a), nil
}
