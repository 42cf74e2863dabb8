package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"
)

func main() {
	if err := program(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command-line options.
type options struct {
	photos, rows, threads string
	runs                  int
	json, memory, offline bool
	cpu                   bool
	profile, serve        string
	auto, rated           bool
	reference, revision   string
	butteraugli, bounds   string
	sheet                 string
	pictures              []string
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	var corpus string
	if dir := os.Getenv("IMGMILL_CORPUS"); dir != "" {
		corpus = filepath.Join(dir, "photos")
	}
	f.StringVar(&o.photos, "photos", corpus, "folder with the photographs")
	f.StringVar(&o.rows, "rows", "", "measure only the rows whose name matches this regular expression")
	f.IntVar(&o.runs, "n", 15, "number of runs per row and program")
	f.StringVar(&o.threads, "threads", "both", "number of threads: one, all or both")
	f.BoolVar(&o.json, "json", false, "print a line of JSON per row and mode instead of tables")
	f.BoolVar(&o.memory, "memory", false,
		"measure only peak memory, including a picture of 100 megapixels")
	f.BoolVar(&o.cpu, "cpu", false,
		"measure the time of processors instead of the clock's, on a machine with other load")
	f.BoolVar(&o.offline, "offline", false, "do not install missing programs")
	f.StringVar(&o.profile, "cpuprofile", "",
		"only run the rows with imgmill, n times each, and write a CPU profile to this file")
	f.StringVar(&o.serve, "serve", "", "run as the child process for the program of this name")
	f.BoolVar(&o.auto, "looks", false,
		"compare the files of quality auto with those of quality 80, of the pictures that the arguments name")
	f.StringVar(&o.reference, "reference", "", "with -looks, the command of libjxl's ssimulacra2, which scores them too")
	f.BoolVar(&o.rated, "rate", false,
		"compare the bytes of encoders of JPEG at equal looks, on the pictures that the arguments name; -rows selects encoders")
	f.StringVar(&o.revision, "against", "",
		"compare with the engine of this revision of the repository: times, bytes and peak memory")
	f.StringVar(&o.butteraugli, "butteraugli", "butteraugli_main", "the command of libjxl's butteraugli_main")
	f.StringVar(&o.sheet, "sheet", "",
		"write crops of the same encoders' files, of equal bytes, to this WebP or PNG; of the pictures that the arguments name, or of drawn ones")
	f.StringVar(&o.bounds, "most", "",
		"with -rate, fail if an encoder needs more bytes, in percent of libjpeg-turbo's, than such as normal=-15,high=-22 allows")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.pictures = f.Args()
	switch {
	case (o.auto || o.rated) && f.NArg() == 0:
		return o, errors.New("no pictures: name some behind -looks or -rate")
	case o.runs < 1:
		return o, fmt.Errorf("invalid value %d for -n, want at least 1", o.runs)
	case o.auto || o.rated || o.sheet != "":
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.serve == "" && o.photos == "":
		return o, errors.New("no folder with photographs: set -photos or IMGMILL_CORPUS")
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
	if o.serve != "" {
		return o.child(stdin, stdout)
	}
	if o.auto {
		return o.looks(o.pictures, stdout, stderr)
	}
	if o.sheet != "" {
		return o.makeSheet(stderr)
	}
	if o.rated {
		return o.rate(stdout, stderr)
	}
	if o.revision != "" {
		return o.against(stdout, stderr)
	}
	list, err := rowsNamed(o.rows)
	if err != nil {
		return err
	}
	if err := photographs(o.photos, list); err != nil {
		return err
	}
	if o.profile != "" {
		return o.profiled(list, stdout)
	}
	made, list, err := madeFiles(o.photos, list, stderr)
	if err != nil {
		return err
	}
	modes, err := modesNamed(o.threads)
	if err != nil {
		return err
	}
	if !o.json {
		fmt.Fprintf(stdout, "%s, %s, %d CPUs, %s/%s, %s\n",
			time.Now().UTC().Format("2006-01-02 15:04 UTC"),
			processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	}
	b := &bench{photos: o.photos, made: made, runs: o.runs, cpu: o.cpu}
	if _, err := exec.LookPath(o.butteraugli); err == nil {
		b.judge.butteraugli = o.butteraugli
	} else {
		fmt.Fprintf(stderr, "Butteraugli is not available: %v\n", err)
	}
	var quality []result
	for i, m := range modes {
		results, err := o.mode(b, m, list, i == 0, stdout, stderr)
		if err != nil {
			return err
		}
		if i == 0 {
			quality = results
		}
	}
	if !o.json && !o.memory {
		printQuality(stdout, writing("jpeg", quality))
	}
	return nil
}

// child serves requests until its standard input ends.
func (o options) child(stdin io.Reader, stdout io.Writer) error {
	if o.serve == "imgmill" {
		return serve(new(imgmill), stdin, stdout)
	}
	if commands[o.serve] == nil {
		return fmt.Errorf("invalid value %q for -serve: unknown program", o.serve)
	}
	c, err := newCommand(o.serve)
	if err != nil {
		return err
	}
	return errors.Join(serve(c, stdin, stdout), c.close())
}

// mode measures all rows in one mode and prints the results.
func (o options) mode(
	b *bench, m mode, list []row, first bool, stdout, stderr io.Writer,
) ([]result, error) {
	peers, missing, err := findPeers(m, o.offline, stderr)
	if err != nil {
		return nil, err
	}
	if first {
		for _, a := range missing {
			fmt.Fprintf(stderr, "%s is not available: %v\n", a.name, a.reason)
		}
	}
	var results []result
	if o.memory {
		if results, err = b.memory(m, peers, list); err != nil {
			return nil, err
		}
	} else if results, err = o.measure(b, m, list, peers, first, stdout, stderr); err != nil {
		return nil, err
	}
	return results, o.print(stdout, stderr, m, results)
}

func (o options) measure(
	b *bench, m mode, list []row, peers []peer, first bool, stdout, stderr io.Writer,
) (results []result, err error) {
	children, stop, err := startAll(peers, m)
	if err != nil {
		return nil, err
	}
	defer stop()
	if first && !o.json {
		for _, c := range children {
			fmt.Fprintf(stdout, "- %s %s\n", c.peer.name, c.version)
		}
	}
	for i, r := range list {
		fmt.Fprintf(stderr, "%s, %d of %d: %s\n", m, i+1, len(list), r.name)
		res, err := b.row(r, m, children)
		if err != nil {
			return nil, err
		}
		results = append(results, res)
	}
	return results, nil
}

func (o options) print(stdout, stderr io.Writer, m mode, results []result) error {
	for _, r := range results {
		for _, p := range r.Peers {
			if p.Error != "" && !strings.HasSuffix(p.Error, errNotItsTask.Error()) {
				fmt.Fprintf(stderr, "%s, %s: %s\n", r.Row, m, p.Error)
			}
		}
	}
	switch {
	case o.json:
		lines := json.NewEncoder(stdout)
		for _, r := range results {
			if err := lines.Encode(r); err != nil {
				return err
			}
		}
	case o.memory:
		printMemory(stdout, m, results)
	default:
		printTimes(stdout, m, "JPEG", writing("jpeg", results))
		for _, format := range []string{"WebP", "PNG"} {
			list := writing(strings.ToLower(format), results)
			printTimes(stdout, m, format, list)
			printSizes(stdout, m, list)
		}
	}
	return nil
}

// profiled runs the rows in this process with a CPU profile.
func (o options) profiled(list []row, stdout io.Writer) error {
	f, err := os.Create(o.profile)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	b := bench{photos: o.photos}
	if b.made, list, err = madeFiles(o.photos, list, stdout); err != nil {
		return err
	}
	w := new(imgmill)
	for _, r := range list {
		a, err := repeat(w, b.request(r, o.runs))
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		fmt.Fprintf(stdout, "%s: %.1f ms\n", r.name, float64(a.NS)/1e6/float64(o.runs))
	}
	return nil
}

// processor returns the name of the CPU, if the system provides it.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // After an error the name is merely unknown.
	_, rest, ok := strings.Cut(string(info), "model name")
	if !ok {
		return "unknown CPU"
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(strings.TrimLeft(line, "\t :"))
}
