package main

import (
	"bufio"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

const (
	hugeWidth, hugeHeight = 11600, 8640 // 100 megapixels
	hugeMost              = 64 << 20
	phoneMost             = 24 << 20
	madeMost              = 48 << 20
	gridMost              = 40 << 20
	stillMost             = 12 << 20 // 1600×1200, lossy
)

// memoryRows returns the rows of a list that have a limit on peak memory, after a picture of 100
// megapixels, whose file is named by its path.
func memoryRows(list []row) ([]row, error) {
	huge, err := hugeFile()
	if err != nil {
		return nil, fmt.Errorf("draw 100 megapixels: %w", err)
	}
	drawn := rows[0]
	drawn.file, drawn.boxes, drawn.most = huge, []box{{800}}, hugeMost
	drawn.name = rowName("drawn, 11600x8640, 100 megapixels", drawn.boxes)
	limited := []row{drawn}
	for _, r := range list {
		if r.most > 0 {
			limited = append(limited, r)
		}
	}
	return limited, nil
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
func (b *bench) memory(m mode, peers []peer, list []row) ([]result, error) {
	limited, err := memoryRows(list)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, r := range limited {
		res := result{Mode: m, Row: r.name, Format: r.Format, Runs: 1}
		q := b.request(r, 1)
		q.Stream = true
		for _, p := range peers {
			pr := peerResult{Peer: p.name}
			if pr.Peak, err = onceFresh(p, m, q); err != nil {
				pr.Error = err.Error()
			}
			if p.name == "imgmill" {
				pr.Most = r.most
			}
			res.Peers = append(res.Peers, pr)
		}
		results = append(results, res)
	}
	return results, nil
}
