package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Crops of the sheet are squares of so many pixels, shown so many times as large.
const (
	cropSide   = 64
	cropZoom   = 3
	cropMargin = 4
	labelLine  = 14 // height of a line of text
	tileWidth  = cropSide*cropZoom + cropMargin
	tileHeight = cropSide*cropZoom + 2*labelLine + cropMargin
)

// shownFile is a file of an encoder as the sheet shows it.
type shownFile struct {
	name           string
	quality, bytes int
	pixels         *image.NRGBA
}

// makeSheet writes a picture of crops beside each other: the original, and the files of all encoders that have about as
// many bytes as libjpeg-turbo's of quality 60. Of each picture it shows where libjpeg-turbo is worst, and where imgmill,
// with normal and with high effort, is worst in comparison with that. Without pictures it draws some.
func (o options) makeSheet(stderr io.Writer) error {
	encoders, stop, err := o.startRated(stderr)
	if err != nil {
		return err
	}
	defer stop()
	dir, err := os.MkdirTemp("", "imgmill-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pictures := o.pictures
	if len(pictures) == 0 {
		if pictures, err = drawPictures(dir); err != nil {
			return err
		}
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, (1+len(encoders))*tileWidth+cropMargin, 0))
	for i, file := range pictures {
		fmt.Fprintf(stderr, "%s, %d of %d\n", file, i+1, len(pictures))
		sources, err := reduce(file, dir, i)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		s := sources[0]
		shown, err := filesOfEqualBytes(s, encoders)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		canvas = addRow(canvas, s, shown, worstWindow(s.pixels, s.pixels, shown[0].pixels), encoders[0].name)
		for k, e := range encoders {
			if e.peer == "imgmill" {
				window := worstWindow(s.pixels, shown[0].pixels, shown[k].pixels)
				canvas = addRow(canvas, s, shown, window, e.name)
			}
		}
	}
	return writeLossless(o.sheet, canvas)
}

// filesOfEqualBytes encodes a picture with the first encoder at quality 60, and with the others at the quality whose
// bytes are nearest to that.
func filesOfEqualBytes(s rateSource, encoders []runningEncoder) (list []shownFile, err error) {
	encode := func(e runningEncoder, quality int) ([]byte, error) {
		a, err := e.child.ask(request{encoding: encoding{Format: "jpeg", Effort: e.effort}, File: s.file,
			Boxes: []box{{s.luma.w}}, Quality: quality, Reps: 1, Keep: true})
		if err != nil {
			return nil, err
		}
		return a.Files[0], nil
	}
	for i, e := range encoders {
		quality := usual[0]
		file, err := encode(e, quality)
		if err == nil && i > 0 {
			quality, file, err = nearestBytes(list[0].bytes, func(q int) ([]byte, error) { return encode(e, q) })
		}
		if err != nil {
			return nil, err
		}
		pixels, err := shownAs("jpeg", file, s.luma.w, s.luma.h)
		if err != nil {
			return nil, err
		}
		list = append(list, shownFile{e.name, quality, len(file), pixels})
	}
	return list, nil
}

// nearestBytes returns the quality whose file has nearly as many bytes as wanted, and that file.
func nearestBytes(want int, encode func(quality int) ([]byte, error)) (quality int, file []byte, err error) {
	distance := math.MaxInt
	for low, high := 1, 100; low <= high; {
		middle := (low + high) / 2
		made, err := encode(middle)
		if err != nil {
			return 0, nil, err
		}
		d := len(made) - want
		if abs := max(d, -d); abs < distance {
			distance, quality, file = abs, middle, made
		}
		if d > 0 {
			high = middle - 1
		} else {
			low = middle + 1
		}
	}
	return quality, file, nil
}

// worstWindow returns where the squared errors of theirs exceed those of first most, relative to the variance of
// luma in each block of the original: errors are seen where little else is to be seen.
func worstWindow(original, first, theirs *image.NRGBA) image.Rectangle {
	const block = 8
	size := original.Rect.Size()
	w, h := size.X/block, size.Y/block
	excess := make([]float64, w*h)
	for i := range excess {
		sum, squares, worse := 0.0, 0.0, 0.0
		for k := range block * block {
			at := original.PixOffset(i%w*block+k%block, i/w*block+k/block)
			y := lumaAt(original, at)
			sum, squares = sum+y, squares+y*y
			a, b := lumaAt(first, at)-y, lumaAt(theirs, at)-y
			worse += b*b - a*a
		}
		mean := sum / (block * block)
		excess[i] = worse / (squares/(block*block) - mean*mean + 100)
	}
	side := min(cropSide/block, w, h)
	best, most := image.Point{}, math.Inf(-1)
	for y := range h - side + 1 {
		for x := range w - side + 1 {
			sum := 0.0
			for k := range side * side {
				sum += excess[(y+k/side)*w+x+k%side]
			}
			if sum > most {
				best, most = image.Pt(x*block, y*block), sum
			}
		}
	}
	return image.Rectangle{best, best.Add(image.Pt(cropSide, cropSide))}.Intersect(original.Rect)
}

func lumaAt(m *image.NRGBA, at int) float64 {
	p := m.Pix[at:]
	return 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
}

// addRow returns the canvas with a row below it, which names whose worst place it shows.
func addRow(canvas *image.NRGBA, s rateSource, shown []shownFile, window image.Rectangle, whose string) *image.NRGBA {
	top := canvas.Rect.Dy()
	grown := image.NewNRGBA(image.Rect(0, 0, canvas.Rect.Dx(), top+tileHeight))
	draw.Draw(grown, grown.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(grown, canvas.Rect, canvas, image.Point{}, draw.Src)
	tiles := append([]shownFile{{name: "original", pixels: s.pixels}}, shown...)
	for i, f := range tiles {
		at := image.Pt(cropMargin+i*tileWidth, top)
		second := fmt.Sprintf("quality %d, %d bytes", f.quality, f.bytes)
		if i == 0 {
			second = fmt.Sprintf("at %d,%d (%s)", window.Min.X, window.Min.Y, whose)
		}
		write(grown, at, f.name)
		write(grown, at.Add(image.Pt(0, labelLine)), second)
		for y := range window.Dy() * cropZoom {
			for x := range window.Dx() * cropZoom {
				c := f.pixels.NRGBAAt(window.Min.X+x/cropZoom, window.Min.Y+y/cropZoom)
				grown.SetNRGBA(at.X+x, at.Y+2*labelLine+y, c)
			}
		}
	}
	return grown
}

// write draws a line of text whose upper left corner is at a point.
func write(m *image.NRGBA, at image.Point, text string) {
	d := font.Drawer{Dst: m, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(at.X, at.Y+11)}
	d.DrawString(text)
}

// writeLossless writes a WebP without loss, or a PNG where the name ends in .png.
func writeLossless(name string, m *image.NRGBA) error {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
		return err
	}
	engine := &render.Engine{Formats: formats.All()}
	v := render.NewVariant("sheet")
	v.Format, v.Encoding = engine.Formats.Named("webp"), setting.Values{"lossless": "true", "effort": "high"}
	if filepath.Ext(name) == ".png" {
		v.Format, v.Encoding = engine.Formats.Named("png"), setting.Values{"effort": "normal"}
	}
	_, outputs, err := engine.Make(context.Background(), &b, codec.Limits{}, []render.Variant{v})
	if err != nil {
		return err
	}
	return os.WriteFile(name, outputs[0].Data, 0o666)
}

// drawPictures draws a landscape and a test card in files of a folder.
func drawPictures(dir string) (names []string, err error) {
	for _, p := range []struct {
		name  string
		drawn image.Image
	}{{"landscape.png", sample.Landscape(800, 600)}, {"card.png", testCard(800, 600)}} {
		var b bytes.Buffer
		if err := png.Encode(&b, p.drawn); err != nil {
			return nil, err
		}
		names = append(names, filepath.Join(dir, p.name))
		if err := os.WriteFile(names[len(names)-1], b.Bytes(), 0o600); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// testCard draws what shows the faults of JPEG: text, thin lines and saturated edges beside flat colours, and slow
// gradients.
func testCard(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			c := color.NRGBA{uint8(200 + 40*u), uint8(205 + 30*v), uint8(235 - 40*u*v), 255} // a gradient
			dx, dy := u-0.7, (v-0.5)*float64(h)/float64(w)
			switch r := math.Hypot(dx, dy); {
			case r < 0.08:
				c = color.NRGBA{200, 20, 30, 255}
			case r < 0.16:
				c = color.NRGBA{20, 60, 170, 255}
			case r < 0.24 && int(math.Atan2(dy, dx)*24/math.Pi+48)%2 == 0: // spokes
				c = color.NRGBA{30, 30, 30, 255}
			}
			if v > 0.85 { // a soft wave
				g := uint8(128 + 50*math.Sin(u*60+6*v) + 30*math.Cos(v*90))
				c = color.NRGBA{g, g, g / 2, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	for i := range 28 {
		write(m, image.Pt(20+i%2*3, 20+i*17), "Sphinx of black quartz, judge my vow 0123456789")
	}
	return m
}
