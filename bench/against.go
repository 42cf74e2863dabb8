package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// fewestPairs is how many pairs of runs a comparison with a revision takes at least.
const fewestPairs = 9

// freshPairs is how many fresh processes of each revision show their peak memory.
const freshPairs = 5

// againstRow compares a revision with this program on one row.
type againstRow struct {
	Mode    mode          `json:"mode"`
	Row     string        `json:"row"`
	Pairs   int           `json:"pairs"`
	CPU     spread        `json:"cpu"`     // the revision's time of processors, divided by this program's
	Elapsed spread        `json:"elapsed"` // the same of the clock's time
	Peers   []againstPeer `json:"peers"`   // this program, the revision, and others
	Same    bool          `json:"same"`    // both write the same files
}

type againstPeer struct {
	Peer  string  `json:"peer"`
	CPU   float64 `json:"cpu_ms"` // median
	Ratio spread  `json:"ratio"`  // its time of processors, divided by this program's
	Bytes int     `json:"bytes"`
	Peak  int64   `json:"peak_bytes,omitempty"` // median of fresh processes
	Error string  `json:"error,omitempty"`

	cpu, elapsed []float64 // in ms, by pair
	files        []byte
	reps         int
}

// against compares the bench's rows between a revision of this repository and this program.
func (o options) against(stdout, stderr io.Writer) error {
	if o.runs < fewestPairs {
		return fmt.Errorf("-against takes at least %d pairs, -n says %d", fewestPairs, o.runs)
	}
	list, err := rowsNamed(o.rows)
	if err != nil {
		return err
	}
	if err := photographs(o.photos, list); err != nil {
		return err
	}
	made, list, err := madeFiles(o.photos, list, stderr)
	if err != nil {
		return err
	}
	modes, err := modesNamed(o.threads)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "imgmill-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(stderr, "building %s\n", o.revision)
	commit, old, err := buildRevision(".", o.revision, dir)
	if err != nil {
		return err
	}
	if !o.json {
		fmt.Fprintf(stdout, "%s, %s, %d CPUs, %s/%s, %s, load %s\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"),
			processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), loadAverages())
	}
	b := &bench{photos: o.photos, made: made, runs: o.runs}
	for _, m := range modes {
		results, err := o.againstIn(b, m, list, peer{commit, []string{old, "-serve", "imgmill"}}, stderr)
		if err != nil {
			return err
		}
		if o.json {
			lines := json.NewEncoder(stdout)
			for _, r := range results {
				if err := lines.Encode(r); err != nil {
					return err
				}
			}
			continue
		}
		fmt.Fprintf(stdout, "\n### Time of processors, %s (medians of %d pairs, with quartiles)\n\n", m, o.runs)
		print(stdout, againstLines(results))
	}
	if !o.json {
		fmt.Fprintf(stdout, "\nload at the end: %s\n", loadAverages())
	}
	return nil
}

// againstIn compares all rows in one mode.
func (o options) againstIn(b *bench, m mode, list []row, old peer, stderr io.Writer) (results []againstRow, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	peers := []peer{{"imgmill", []string{self, "-serve", "imgmill"}}, old}
	for _, other := range []struct {
		name string
		find func() ([]string, error)
	}{
		{"sharp", func() ([]string, error) { return findSharp(dir, m, o.offline, stderr) }},
		{"turbojpeg", func() ([]string, error) { return findTurbojpeg(dir, o.offline, stderr) }},
	} {
		argv, err := other.find()
		if err != nil {
			fmt.Fprintf(stderr, "%s is not available: %v\n", other.name, err)
			continue
		}
		peers = append(peers, peer{other.name, argv})
	}
	children, stop, err := startAll(peers, m)
	if err != nil {
		return nil, err
	}
	defer stop()
	for i, r := range list {
		fmt.Fprintf(stderr, "%s, %d of %d: %s\n", m, i+1, len(list), r.name)
		res, err := b.againstRow(r, m, children)
		if err != nil {
			return nil, err
		}
		results = append(results, res)
	}
	return results, nil
}

// againstRow measures a row with running children: this program, a revision of it, and others. Every second round
// is in reverse order, so that no program always follows the same one.
func (b *bench) againstRow(r row, m mode, children []*child) (againstRow, error) {
	res := againstRow{Mode: m, Row: r.name, Pairs: b.runs}
	for _, c := range children {
		p := againstPeer{Peer: c.peer.name}
		q := b.request(r, 1)
		q.Keep = true
		a, err := c.ask(q)
		p.files = bytes.Join(a.Files, nil)
		if q.Keep = false; err == nil {
			a, err = c.ask(q) // the first one is slower
		}
		if p.reps = max(1, int(slice.Nanoseconds()/max(1, a.NS))); err == nil && a.CPU == 0 {
			err = errors.New("its CPU time is not known on this system")
		}
		if err != nil {
			p.Error = err.Error()
		}
		p.Bytes = len(p.files)
		res.Peers = append(res.Peers, p)
	}
	for k := range b.runs {
		for i := range children {
			if k%2 == 1 {
				i = len(children) - 1 - i
			}
			p := &res.Peers[i]
			if p.Error != "" {
				continue
			}
			a, err := children[i].ask(b.request(r, p.reps))
			if err != nil {
				p.Error = err.Error()
				continue
			}
			p.cpu = append(p.cpu, float64(a.CPU)/1e6/float64(p.reps))
			p.elapsed = append(p.elapsed, float64(a.NS)/1e6/float64(p.reps))
		}
	}
	for _, p := range res.Peers[:2] {
		if p.Error != "" {
			return res, fmt.Errorf("%s: %s: %s", r.name, p.Peer, p.Error)
		}
	}
	ours, old := &res.Peers[0], &res.Peers[1]
	for i := range res.Peers {
		p := &res.Peers[i]
		if p.Error == "" {
			p.CPU, p.Ratio = median(p.cpu), pairedSpread(p.cpu, ours.cpu)
		}
	}
	res.CPU, res.Elapsed, res.Same = old.Ratio, pairedSpread(old.elapsed, ours.elapsed), bytes.Equal(ours.files, old.files)
	return res, b.againstPeaks(r, m, children[:2], res.Peers)
}

// againstPeaks measures the peak memory of fresh processes that read the file as part of the task.
func (b *bench) againstPeaks(r row, m mode, children []*child, peers []againstPeer) error {
	q := b.request(r, 1)
	q.Stream = true
	peaks := make([][]float64, len(children))
	for range freshPairs {
		for i, c := range children {
			peak, err := onceFresh(c.peer, m, q)
			if err != nil {
				return err
			}
			peaks[i] = append(peaks[i], float64(peak))
		}
	}
	for i, list := range peaks {
		peers[i].Peak = int64(median(list))
	}
	return nil
}

// againstLines is the table of one mode.
func againstLines(results []againstRow) [][]string {
	head := []string{"task", "was ms", "is ms", "was ÷ is", "elapsed: was ÷ is", "was MB", "is MB", "bytes"}
	for _, p := range results[0].Peers[2:] {
		head = append(head, p.Peer+" ÷ is")
	}
	lines := [][]string{head}
	for _, r := range results {
		ours, old := r.Peers[0], r.Peers[1]
		size := "the same"
		if !r.Same {
			size = fmt.Sprintf("%d → %d", old.Bytes, ours.Bytes)
		}
		line := []string{r.Row, number(old.CPU, 1), number(ours.CPU, 1), r.CPU.String(), r.Elapsed.String(),
			number(float64(old.Peak)/(1<<20), 1), number(float64(ours.Peak)/(1<<20), 1), size}
		for _, p := range r.Peers[2:] {
			cell := "–"
			if p.Error == "" {
				cell = p.Ratio.String()
			}
			line = append(line, cell)
		}
		lines = append(lines, line)
	}
	return lines
}

// buildRevision builds the bench of a revision of the repository that a folder is in, from a copy below dir. It
// returns the commit and the program. Both are built with the same environment.
func buildRevision(repository, revision, dir string) (commit, program string, err error) {
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = repository
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+filepath.Join(dir, "index")) // the repository's stays as it is
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
		}
		return strings.TrimSpace(string(out)), nil
	}
	if commit, err = git("rev-parse", "--short", "--verify", "--end-of-options", revision+"^{commit}"); err != nil {
		return "", "", err
	}
	if repository, err = git("rev-parse", "--show-toplevel"); err != nil {
		return "", "", err
	}
	tree := filepath.Join(dir, "tree")
	if _, err := git("read-tree", commit); err != nil {
		return "", "", err
	}
	if _, err := git("checkout-index", "--all", "--prefix="+tree+"/"); err != nil {
		return "", "", err
	}
	program = filepath.Join(dir, "bench-"+commit)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./bench")
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("build the bench of %s: %w: %s", commit, err, bytes.TrimSpace(out))
	}
	return commit, program, nil
}

// loadAverages are the machine's load averages of 1, 5 and 15 minutes, if the system provides them.
func loadAverages() string {
	data, _ := os.ReadFile("/proc/loadavg") // After an error the load is merely unknown.
	fields := strings.Fields(string(data))
	if len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
