package main

import (
	"bufio"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// memoryTask is a task with a limit on its peak memory.
type memoryTask struct {
	name  string
	file  string // path
	boxes []box
	most  int64 // limit for imgmill in bytes
}

const (
	hugeWidth, hugeHeight = 11600, 8640 // 100 megapixels
	hugeMost              = 64 << 20
	phoneMost             = 24 << 20
	madeMost              = 48 << 20
)

func memoryTasks(photos, made string) ([]memoryTask, error) {
	huge, err := hugeFile()
	if err != nil {
		return nil, fmt.Errorf("draw 100 megapixels: %w", err)
	}
	tasks := []memoryTask{{
		name:  rowName("drawn, 11600x8640, 100 megapixels", []box{{800}}),
		file:  huge,
		boxes: []box{{800}},
		most:  hugeMost,
	}}
	for _, r := range rows {
		if strings.HasPrefix(r.name, "phone-4032x3024") {
			tasks = append(tasks, memoryTask{r.name, filepath.Join(photos, r.file), r.boxes, phoneMost})
		}
	}
	for _, r := range rows {
		if r.made && made != "" {
			tasks = append(tasks, memoryTask{r.name, filepath.Join(made, r.file), r.boxes, madeMost})
		}
	}
	return tasks, nil
}

// hugeFile returns the path of a baseline JPEG of 100 megapixels in the folder for temporary files,
// and draws the picture if the file does not exist.
func hugeFile() (string, error) {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("imgmill-bench-%dx%d.jpg", hugeWidth, hugeHeight))
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), "imgmill-bench-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // This fails after the rename.
	defer f.Close()
	w := bufio.NewWriter(f)
	tile := sample.Landscape(hugeWidth/8, hugeHeight/8)
	m := mirrored(tile, hugeWidth, hugeHeight)
	if err := jpeg.Encode(w, m, &jpeg.Options{Quality: 92}); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return name, os.Rename(f.Name(), name)
}

// mirrored returns a w×h picture, 4:2:0, that consists of a tile and its mirror images, so that it
// has no seams.
func mirrored(tile *image.RGBA, w, h int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	size := tile.Bounds().Size()
	for y := range h {
		for x := range w {
			r, g, b := colourAt(tile, reflect(x, size.X), reflect(y, size.Y))
			m.Y[m.YOffset(x, y)] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
			if x%2 == 0 && y%2 == 0 {
				i := m.COffset(x, y)
				m.Cb[i] = uint8((-11059*r - 21709*g + 32768*b + 257<<15 - 1) >> 16)
				m.Cr[i] = uint8((32768*r - 27439*g - 5329*b + 257<<15 - 1) >> 16)
			}
		}
	}
	return m
}

func colourAt(m *image.RGBA, x, y int) (r, g, b int32) {
	p := m.Pix[m.PixOffset(x, y):]
	return int32(p[0]), int32(p[1]), int32(p[2])
}

// reflect maps x to 0..n-1, running back and forth.
func reflect(x, n int) int {
	if x %= 2 * n; x >= n {
		return 2*n - 1 - x
	}
	return x
}

// memory measures the peak memory of all programs, each in a fresh process that reads the file as
// part of the task.
func memory(m mode, peers []peer, photos, made string) ([]result, error) {
	tasks, err := memoryTasks(photos, made)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, t := range tasks {
		res := result{Mode: m, Row: t.name, Runs: 1}
		for _, p := range peers {
			r := peerResult{Peer: p.name}
			r.Peak, err = onceFresh(p, m, request{
				File: t.file, Boxes: t.boxes, Quality: quality, Reps: 1, Stream: true,
			})
			if err != nil {
				r.Error = err.Error()
			}
			if p.name == "imgmill" {
				r.Most = t.most
			}
			res.Peers = append(res.Peers, r)
		}
		results = append(results, res)
	}
	return results, nil
}
