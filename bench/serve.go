package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/imgmill/imgmill/bench/resident"
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// worker runs tasks in a child process of this program.
type worker interface {
	version() string
	// load loads a file for tasks that read from a buffer.
	load(file string) error
	// do runs a task once and returns a file per box.
	do(r request) ([][]byte, error)
	// peak returns the peak memory of processes other than the worker itself, in bytes.
	peak() int64
}

// serve answers requests until in ends.
func serve(w worker, in io.Reader, out io.Writer) error {
	lines := json.NewEncoder(out)
	if err := lines.Encode(greeting{w.version()}); err != nil {
		return err
	}
	requests := json.NewDecoder(in)
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		a, err := repeat(w, r)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := lines.Encode(a); err != nil {
			return err
		}
	}
}

func repeat(w worker, r request) (a answer, err error) {
	if !r.Stream {
		if err := w.load(r.File); err != nil {
			return a, err
		}
	}
	var files [][]byte
	start, used := time.Now(), resident.CPU()
	for range r.Reps {
		if files, err = w.do(r); err != nil {
			return a, err
		}
	}
	a.NS, a.CPU = time.Since(start).Nanoseconds(), (resident.CPU() - used).Nanoseconds()
	a.Peak = w.peak()
	if r.Keep {
		a.Files = files
	}
	return a, nil
}

// imgmill runs what the pipeline runs between reading an object and writing its variants.
type imgmill struct {
	file string
	data []byte
}

func (*imgmill) version() string { return runtime.Version() }
func (*imgmill) peak() int64     { return 0 }

func (o *imgmill) load(file string) (err error) {
	if o.file == file {
		return nil
	}
	o.data = nil
	o.data, err = os.ReadFile(file)
	o.file = file
	return err
}

func (o *imgmill) do(r request) ([][]byte, error) {
	if !r.Stream {
		return renderTo(bytes.NewReader(o.data), r)
	}
	f, err := os.Open(r.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return renderTo(f, r)
}

func renderTo(in io.Reader, r request) ([][]byte, error) {
	engine := &render.Engine{Formats: formats.All()}
	v := render.Variant{Fit: render.Inside, Format: engine.Formats.Named(r.Format)}
	v.Encoding = setting.Values{"quality": strconv.Itoa(r.Quality)}
	if r.Lossless {
		v.Encoding = setting.Values{"lossless": "true"}
	}
	if r.Colours > 0 {
		v.Encoding = setting.Values{"colours": strconv.Itoa(r.Colours)}
	}
	v.Encoding.Set("effort", r.Effort)
	if r.Animated {
		v.Frames = render.AllFrames
	}
	var variants []render.Variant
	for _, b := range r.Boxes {
		v.Name, v.Width, v.Height = b.String(), b[0], b[1]
		variants = append(variants, v)
	}
	_, outputs, err := engine.Make(context.Background(), in, codec.Limits{}, variants)
	if err != nil {
		return nil, err
	}
	var files [][]byte
	for _, o := range outputs {
		files = append(files, o.Data)
	}
	return files, nil
}
