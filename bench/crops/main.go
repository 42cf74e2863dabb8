// Command crops draws 50 pictures and crops each to a square by position: attention, by the attention of libvips (through
// sharp) and at the centre. It prints how much of the subjects is left, and writes a contact sheet.
//
//	go run ./bench/crops -modules bench/node_modules -sheet docs/attention.jpg
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/imgmill/imgmill"
	"github.com/imgmill/imgmill/bench/scenes"
)

func main() {
	modules := flag.String("modules", "bench/node_modules", "folder of node modules that has sharp")
	sheet := flag.String("sheet", "", "write the contact sheet to this JPEG file")
	flag.Parse()
	if err := run(*modules, *sheet); err != nil {
		fmt.Fprintln(os.Stderr, "crops:", err)
		os.Exit(1)
	}
}

// A tile of the sheet is the whole picture and the three crops, which are so many pixels high.
const (
	side    = 80
	gap     = 4
	columns = 4
	tile    = 4*side + side + 5*gap
)

func run(modules, name string) error {
	dir, err := os.MkdirTemp("", "crops")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all := scenes.All()
	for i, s := range all {
		if err := writePNG(filepath.Join(dir, fmt.Sprintf("%d.png", i)), s.Picture); err != nil {
			return err
		}
	}
	if err := bySharp(modules, dir, len(all)); err != nil {
		return err
	}
	rows := (len(all) + columns - 1) / columns
	canvas := image.NewRGBA(image.Rect(0, 0, columns*tile, rows*(side+gap)+gap))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	held := map[string]*result{"attention": {}, "libvips": {}, "centre": {}}
	for i, s := range all {
		file, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)))
		if err != nil {
			return err
		}
		theirs, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.sharp.png", i)))
		if err != nil {
			return err
		}
		ours, err := render(file, imgmill.Variant{Width: 240, Height: 240, Fit: "cover", Settings: map[string]string{"position": "attention"}})
		if err != nil {
			return err
		}
		centre, err := render(file, imgmill.Variant{Width: 240, Height: 240, Fit: "cover"})
		if err != nil {
			return err
		}
		at := image.Pt(i%columns*tile+gap, i/columns*(side+gap)+gap)
		if err := place(canvas, at, file, 2*side); err != nil {
			return err
		}
		for k, crop := range [][]byte{ours, theirs, centre} {
			m, err := png.Decode(bytes.NewReader(crop))
			if err != nil {
				return err
			}
			window, ok := locate(s.Picture, m)
			if !ok {
				return fmt.Errorf("picture %d, crop %d: it is no part of the picture", i, k)
			}
			held[[]string{"attention", "libvips", "centre"}[k]].add(s, window)
			if err := place(canvas, at.Add(image.Pt(2*side+gap+k*(side+gap), 0)), crop, side); err != nil {
				return err
			}
		}
	}
	for _, who := range []string{"attention", "libvips", "centre"} {
		fmt.Printf("%-10s %s\n", who, held[who])
	}
	if name == "" {
		return nil
	}
	return writeJPEG(name, canvas)
}

// result counts how much of the subjects is within crops.
type result struct {
	pictures, whole int
	area            float64
	lost            []string
}

func (r *result) add(s scenes.Scene, window image.Rectangle) {
	in, all := s.Subject.Intersect(window), s.Subject
	part := float64(in.Dx()*in.Dy()) / float64(all.Dx()*all.Dy())
	r.pictures++
	r.area += part
	if part > 0.99 {
		r.whole++
	} else if part < 0.5 {
		r.lost = append(r.lost, fmt.Sprintf("%s (%.0f%%)", s.Kind, 100*part))
	}
}

func (r *result) String() string {
	return fmt.Sprintf("%2d of %d subjects whole, %.1f%% of their area; less than half of %d %v", r.whole, r.pictures, 100*r.area/float64(r.pictures), len(r.lost), r.lost)
}

// bySharp crops the pictures of a folder by libvips.
func bySharp(modules, dir string, n int) error {
	modules, err := filepath.Abs(modules)
	if err != nil {
		return err
	}
	script := fmt.Sprintf(`const sharp = require(%q);
(async () => { for (let i = 0; i < %d; i++)
  await sharp(%q + '/' + i + '.png').resize(240, 240, {fit: 'cover', position: 'attention'}).png().toFile(%[3]q + '/' + i + '.sharp.png');
})().catch(e => { console.error(e); process.exit(1) })`, filepath.Join(modules, "sharp"), n, dir)
	out, err := exec.Command("node", "-e", script).CombinedOutput()
	if err != nil {
		return fmt.Errorf("sharp: %w: %s", err, out)
	}
	return nil
}

// locate returns which part of a picture a crop of its own resolution is.
func locate(m *image.RGBA, crop image.Image) (image.Rectangle, bool) {
	size := crop.Bounds().Size()
	b := m.Bounds()
	for y := 0; y+size.Y <= b.Dy(); y++ {
		for x := 0; x+size.X <= b.Dx(); x++ {
			if equal(m, crop, x, y) {
				return image.Rectangle{image.Pt(x, y), image.Pt(x, y).Add(size)}, true
			}
		}
	}
	return image.Rectangle{}, false
}

func equal(m *image.RGBA, crop image.Image, x, y int) bool {
	b := crop.Bounds()
	for cy := 0; cy < b.Dy(); cy += 7 {
		for cx := 0; cx < b.Dx(); cx += 3 {
			r, g, bl, _ := crop.At(b.Min.X+cx, b.Min.Y+cy).RGBA()
			p := m.RGBAAt(x+cx, y+cy)
			if uint8(r>>8) != p.R || uint8(g>>8) != p.G || uint8(bl>>8) != p.B {
				return false
			}
		}
	}
	return true
}

// render makes a PNG.
func render(file []byte, v imgmill.Variant) ([]byte, error) {
	v.Format = "png"
	outputs, err := engine(file, v)
	if err != nil {
		return nil, err
	}
	return outputs.Data, nil
}

var shared imgmill.Engine

func engine(file []byte, v imgmill.Variant) (imgmill.Output, error) {
	p, err := shared.Open(context.Background(), bytes.NewReader(file))
	if err != nil {
		return imgmill.Output{}, err
	}
	made, err := p.Render(context.Background(), v)
	if err != nil {
		return imgmill.Output{}, err
	}
	return made[0], nil
}

// place draws a file onto the sheet, as large as a width and the height of a row allow.
func place(canvas *image.RGBA, at image.Point, file []byte, width int) error {
	data, err := render(file, imgmill.Variant{Width: width, Height: side})
	if err != nil {
		return err
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	draw.Draw(canvas, m.Bounds().Add(at.Add(image.Pt((width-m.Bounds().Dx())/2, 0))), m, m.Bounds().Min, draw.Src)
	return nil
}

func writePNG(name string, m image.Image) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, m), f.Close())
}

func writeJPEG(name string, m image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return err
	}
	made, err := engine(b.Bytes(), imgmill.Variant{Format: "jpeg", Quality: 82})
	if err != nil {
		return err
	}
	return os.WriteFile(name, made.Data, 0o644)
}
