package main

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "image/gif"  // for DecodeConfig
	_ "image/jpeg" // for DecodeConfig

	_ "golang.org/x/image/tiff" // for DecodeConfig

	"github.com/imgmill/imgmill/bench/resident"
)

// command is a peer that is run once per variant, from file to file.
type command struct {
	name string
	dir  string // folder for its outputs
	arg  arguments
	most int64
}

// arguments returns a command's arguments that fit a picture, which is as large as of, inside b; nil if
// it cannot do that.
type arguments func(r request, out string, of, b box) []string

// commands maps the name of each command to its arguments.
var commands = map[string]arguments{
	// The same as sharp's defaults: no metadata, optimised Huffman tables.
	"vipsthumbnail": func(r request, out string, _, b box) []string {
		size := fmt.Sprintf("%dx", b[0])
		if b[1] > 0 {
			size += fmt.Sprint(b[1])
		}
		return []string{r.File, "--size", size + ">",
			"-o", fmt.Sprintf("%s[Q=%d,strip,optimize_coding]", out, r.Quality)}
	},
	// -size is the size for which a reduced decode suffices; both sides are required.
	"gm": func(r request, out string, of, b box) []string {
		fitted := b.fit(of[0], of[1])
		size := fmt.Sprintf("%dx%d", fitted[0], fitted[1])
		return []string{"convert", "-size", size, r.File, "-filter", "Lanczos", "-resize", size + ">",
			"+profile", "*", "-quality", fmt.Sprint(r.Quality), out}
	},
	"cwebp": func(r request, out string, of, b box) []string {
		args := []string{"-quiet", "-m", r.method()}
		if fitted := b.fit(of[0], of[1]); fitted != of {
			args = append(args, "-resize", fmt.Sprint(fitted[0]), fmt.Sprint(fitted[1]))
		}
		if r.Lossless {
			args = append(args, "-lossless")
		} else {
			args = append(args, "-q", fmt.Sprint(r.Quality))
		}
		return append(args, r.File, "-o", out)
	},
	// gif2webp cannot resize.
	"gif2webp": func(r request, out string, of, b box) []string {
		if b.fit(of[0], of[1]) != of {
			return nil
		}
		return []string{"-quiet", "-lossy", "-m", r.method(), "-q", fmt.Sprint(r.Quality), r.File, "-o", out}
	},
	"ffmpeg": func(r request, out string, of, b box) []string {
		size := b.fit(of[0], of[1])
		return []string{"-v", "error", "-y", "-threads", "1", "-i", r.File, "-threads", "1",
			"-vf", fmt.Sprintf("scale=%d:%d:flags=lanczos", size[0], size[1]), "-plays", "0", "-f", "apng", out}
	},
}

// method is libwebp's number for an effort.
func (e encoding) method() string {
	return map[string]string{"fast": "2", "normal": "4", "high": "6"}[e.Effort]
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
	flag := map[string]string{"vipsthumbnail": "--vips-version", "gm": "version"}[c.name]
	if flag == "" {
		flag = "-version"
	}
	// After an error the version is merely unknown.
	out, _ := exec.Command(c.name, flag).CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	first = strings.TrimPrefix(strings.TrimSpace(first), "GraphicsMagick ")
	first, _, _ = strings.Cut(first, " http")
	return first
}

func (c *command) do(r request) (files [][]byte, err error) {
	w, h, err := sizeOf(r.File)
	if err != nil {
		return nil, err
	}
	for i, b := range r.Boxes {
		out := filepath.Join(c.dir, fmt.Sprintf("%d.%s", i, r.Format))
		args := c.arg(r, out, box{w, h}, b)
		if args == nil {
			return nil, errNotItsTask
		}
		if err := c.run(args); err != nil {
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
