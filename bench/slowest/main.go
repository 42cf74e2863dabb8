// Command slowest searches for small files that take much work. For each format that can be read, it
// changes pictures at random, keeps those that take longest for their variant, and changes them
// again:
//
//	go run ./bench/slowest -for 10m -keep /tmp/slow ../shared/cases
//
// The slowest file of each format is then measured in a process of its own. It should take less than
// a second of processor time and 128 MB, with the limits of the default recipe, and end within
// 100 ms when it is interrupted. The exit status is 1 if one does not.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
)

// maxBytes is the length of the longest file that is tried.
const maxBytes = 100_000

// What the slowest file may take.
const (
	mostTime   = time.Second
	mostMemory = 128e6 // bytes
	mostDelay  = 100 * time.Millisecond
)

var errSlow = errors.New("a file takes more than it should")

func main() {
	if err := program(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "slowest:", err)
		os.Exit(1)
	}
}

// options are the command-line options.
type options struct {
	time    time.Duration
	formats codec.Set
	keep    string
	seed    uint64
	folders []string
	child   bool
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("slowest", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: slowest [flags] FOLDER ...   (folders with pictures to begin with)")
		f.PrintDefaults()
	}
	f.DurationVar(&o.time, "for", 10*time.Minute, "how long to search in each format")
	names := f.String("formats", "", "search only in these formats, separated by commas")
	f.StringVar(&o.keep, "keep", "", "write the slowest file of each format to this folder")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the random changes")
	f.BoolVar(&o.child, "child", false, "measure the picture on standard input, and end")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.folders, o.formats = f.Args(), formats.All().Readable()
	if *names != "" {
		o.formats = nil
		for name := range strings.SplitSeq(*names, ",") {
			format := formats.All().Named(name)
			if format == nil || format.Open == nil {
				return o, fmt.Errorf("-formats: no format named %q can be read", name)
			}
			o.formats = append(o.formats, format)
		}
	}
	switch {
	case o.child:
	case len(o.folders) == 0:
		return o, errors.New("name a folder with pictures to begin with")
	case o.time <= 0:
		return o, fmt.Errorf("-for %v: want more than 0", o.time)
	}
	return o, nil
}

func program(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.child {
		return measureHere(stdin, stdout)
	}
	seeds, err := readSeeds(o.folders)
	if err != nil {
		return err
	}
	const columns = "%-8s  %8v  %6v  %9v  %7v  %11v  %s\n" // fixed, so that each row appears when it is known
	fmt.Fprintf(stdout, columns, "format", "tried", "bytes", "processor", "memory", "interrupted", "result")
	var slow error
	for _, format := range o.formats {
		if len(seeds[format]) == 0 {
			fmt.Fprintf(stdout, columns, format, 0, "", "", "", "", "no picture to begin with")
			continue
		}
		fmt.Fprintf(stderr, "%s: %v from %d pictures\n", format, o.time, len(seeds[format]))
		s := newSearch(format, o.seed)
		end := time.Now().Add(o.time)
		worst := s.run(seeds[format], func() bool { return time.Now().Before(end) })
		if o.keep != "" {
			if err := os.WriteFile(filepath.Join(o.keep, "slowest"+format.Extensions[0]), worst, 0o600); err != nil {
				return err
			}
		}
		c, err := measure(worst)
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		if c.Processor >= mostTime || c.Memory >= mostMemory || c.Delay >= mostDelay {
			slow = errSlow
		}
		fmt.Fprintf(stdout, columns, format, s.tried, len(worst), c.Processor.Round(time.Millisecond),
			fmt.Sprintf("%.0f MB", float64(c.Memory)/1e6), c.Delay.Round(time.Millisecond), c.Result)
	}
	return slow
}

// candidate is a file and the time that it took.
type candidate struct {
	file []byte
	took time.Duration
}

// search is a search in one format.
type search struct {
	format *codec.Format
	work   *work
	random *rand.Rand
	best   []candidate // the slowest first
	tried  int
}

// kept is the number of candidates from which new ones are made.
const kept = 24

func newSearch(format *codec.Format, seed uint64) *search {
	return &search{format: format, work: newWork(1), random: rand.New(rand.NewPCG(seed, 0))}
}

// run tries the seeds, then what becomes of them for as long as more says so, and returns the slowest
// file.
func (s *search) run(seeds [][]byte, more func() bool) []byte {
	for _, file := range seeds {
		s.try(file)
	}
	for more() {
		parent := s.best[min(s.random.IntN(len(s.best)), s.random.IntN(len(s.best)))].file
		if s.random.IntN(8) == 0 {
			parent = seeds[s.random.IntN(len(seeds))]
		}
		file := s.changed(parent)
		if len(file) <= maxBytes && s.format == s.work.engine.Formats.Detect(file) {
			s.try(file)
		}
	}
	return s.best[0].file
}

// try measures a file and keeps it if it is among the slowest. A second look makes sure that it was
// the file, not the machine. It begins with a collection of garbage, which empties the caches that
// pictures share: a fresh process has none either.
func (s *search) try(file []byte) {
	s.tried++
	took := s.time(file)
	if len(s.best) == kept && took <= s.best[kept-1].took {
		return
	}
	runtime.GC()
	c := candidate{file, s.time(file)}
	at, _ := slices.BinarySearchFunc(s.best, c, func(a, b candidate) int { return cmp.Compare(b.took, a.took) })
	s.best = slices.Insert(s.best, at, c)
	s.best = s.best[:min(len(s.best), kept)]
}

// time returns the processor time that a file takes.
func (s *search) time(file []byte) time.Duration {
	start := processorTime()
	_ = s.work.make(context.Background(), bytes.NewReader(file)) // a failure takes time, too
	return processorTime() - start
}
