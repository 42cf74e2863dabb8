package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "image/jpeg" // for DecodeConfig

	"github.com/imgmill/imgmill/bench/resident"
)

// command is a peer that is run once per variant, from file to file.
type command struct {
	name string
	dir  string // folder for its outputs
	arg  func(in, out string, q int, b, fitted box) []string
	most int64
}

// commands maps the name of each command to a function that returns its arguments.
var commands = map[string]func(in, out string, q int, b, fitted box) []string{
	// The same as sharp's defaults: no metadata, optimised Huffman tables.
	"vipsthumbnail": func(in, out string, q int, b, _ box) []string {
		size := fmt.Sprintf("%dx", b[0])
		if b[1] > 0 {
			size += fmt.Sprint(b[1])
		}
		return []string{in, "--size", size + ">",
			"-o", fmt.Sprintf("%s[Q=%d,strip,optimize_coding]", out, q)}
	},
	// -size is the size for which a reduced decode suffices; both sides are required.
	"gm": func(in, out string, q int, _, fitted box) []string {
		size := fmt.Sprintf("%dx%d", fitted[0], fitted[1])
		return []string{"convert", "-size", size, in, "-filter", "Lanczos", "-resize", size + ">",
			"+profile", "*", "-quality", fmt.Sprint(q), out}
	},
}

func newCommand(name string) (*command, error) {
	dir, err := os.MkdirTemp("", "imgmill-bench-")
	if err != nil {
		return nil, err
	}
	return &command{name: name, dir: dir, arg: commands[name]}, nil
}

func (c *command) close() error { return os.RemoveAll(c.dir) }

func (c *command) peak() int64 { return c.most }

// load does nothing: these programs read files.
func (c *command) load(string) error { return nil }

func (c *command) version() string {
	flag := "--vips-version"
	if c.name == "gm" {
		flag = "version"
	}
	// After an error the version is merely unknown.
	out, _ := exec.Command(c.name, flag).CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	first = strings.TrimPrefix(strings.TrimSpace(first), "GraphicsMagick ")
	first, _, _ = strings.Cut(first, " http")
	return first
}

// errNoEffort reports that a command does not support high effort: as built by distributions, these
// programs use libjpeg's normal encoder only.
var errNoEffort = errors.New("high effort is not supported")

func (c *command) do(r request) (files [][]byte, err error) {
	if r.High {
		return nil, errNoEffort
	}
	w, h, err := sizeOf(r.File)
	if err != nil {
		return nil, err
	}
	for i, b := range r.Boxes {
		out := filepath.Join(c.dir, fmt.Sprintf("%d.jpg", i))
		if err := c.run(c.arg(r.File, out, r.Quality, b, b.fit(w, h))); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(out)
		if err != nil {
			return nil, err
		}
		files = append(files, data)
	}
	return files, nil
}

func (c *command) run(args []string) error {
	cmd := exec.Command(c.name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %.200s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	c.most = max(c.most, resident.PeakOfEnded(cmd.ProcessState))
	return nil
}

func sizeOf(file string) (w, h int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	cfg, _, err := image.DecodeConfig(f)
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", file, err)
	}
	return cfg.Width, cfg.Height, nil
}

// fit is the size of a w×h picture fitted inside the box without enlarging it.
func (b box) fit(w, h int) box {
	scale := min(1, float64(b[0])/float64(w))
	if b[1] > 0 {
		scale = min(scale, float64(b[1])/float64(h))
	}
	return box{max(1, int(float64(w)*scale+0.5)), max(1, int(float64(h)*scale+0.5))}
}
