package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// box is the size within which a variant must fit, in pixels; a height of 0 follows from the width.
type box [2]int

func (b box) String() string {
	if b[1] == 0 {
		return fmt.Sprint(b[0])
	}
	return fmt.Sprintf("%d×%d", b[0], b[1])
}

// row is one task of the table: turning a picture into one or several variants, of quality 80 unless
// they are lossless.
type row struct {
	encoding
	name  string
	file  string // in the folder of photographs or, if it is made, in that of made files
	made  bool   // from a photograph, in another format
	boxes []box
	goals goals // zero if there are none
	most  int64 // limit for imgmill's peak memory in bytes, or 0
}

// judged reports whether the quality of the outputs is measured; bench/webp does that for WebP.
func (r row) judged() bool { return r.Format == "jpeg" && !r.made }

// goals are the ratios to the speed of sharp, or of another program, that a row is meant to reach.
type goals struct {
	one, all float64
	other    string
}

func (g goals) peer() string {
	if g.other != "" {
		return g.other
	}
	return "sharp"
}

func (g goals) in(m mode) float64 {
	if m == allThreads {
		return g.all
	}
	return g.one
}

// quality is the quality of every output, on libjpeg's scale. lower is that of a second file by
// imgmill, which shows how many bytes a better look costs.
const (
	quality = 80
	lower   = 72
)

var rows = slices.Concat(jpegRows(), webpRows(), pngRows())

// The files of rows that write other formats.
const phone, photo = "phone-4032x3024-422", "photo-1600x1200"

func jpegRows() (list []row) {
	normal := encoding{Format: "jpeg", Effort: "normal"}
	add := func(file string, g goals, boxes ...box) {
		r := row{encoding: normal, name: rowName(file, boxes), file: file + ".jpg", boxes: boxes, goals: g}
		if strings.HasPrefix(file, "phone-4032x3024") {
			r.most = phoneMost
		}
		list = append(list, r)
	}
	usual := goals{one: 2, all: 3}
	phones := []string{"phone-4032x3024-422", "phone-2448x3264-420"}
	for _, phone := range phones {
		for _, width := range []int{200, 800, 1600} {
			add(phone, usual, box{width})
		}
	}
	add("sharp-benchmark-2725x2225-420", usual, box{720, 588})
	add("phone-4032x3024-422-progressive", goals{one: 6, all: 6}, box{200})
	for _, phone := range phones {
		add(phone, goals{one: 2.5, all: 3}, box{200}, box{800}, box{1600})
	}
	for _, width := range []int{800, 1600} {
		add("phone-4032x3024-422-progressive", goals{one: 2, all: 2}, box{width})
	}
	for _, r := range list[:8] {
		if len(r.boxes) == 1 && (r.boxes[0][0] == 800 || r.boxes[0][0] == 720) {
			r.name, r.goals, r.Effort = r.name+", high effort", goals{}, "high"
			list = append(list, r)
		}
	}
	for _, m := range []struct {
		file  string
		width int
		goal  float64
	}{
		{"rgb-24mp.png", 800, 1.3}, {"palette-24mp.png", 800, 1.5}, {"16bit-24mp.png", 800, 1.5},
		{"rgb-24mp.tif", 800, 2}, {"lzw-24mp.tif", 800, 2}, {"palette-6mp.gif", 800, 1.5},
		{"lossy-12mp.webp", 800, 1.3}, {"lossless-12mp.webp", 800, 1.2},
		{"p3-12mp.jpg", 800, 2.2}, {"p3-12mp.jpg", 1600, 2.2}, {"cmyk-12mp.jpg", 800, 2}, // converted to sRGB
	} {
		boxes := []box{{m.width}}
		list = append(list, row{encoding: normal, name: rowName(m.file, boxes), file: m.file, made: true,
			boxes: boxes, goals: goals{one: m.goal}, most: madeMost})
	}
	for _, m := range []struct {
		file  string
		width int
	}{{"grid-12mp.heic", 800}, {"thumbnail-12mp.heic", 200}} {
		file, boxes := m.file, []box{{m.width}}
		list = append(list, row{encoding: normal, name: rowName(file, boxes), file: file, made: true,
			boxes: boxes, goals: goals{one: 1, all: 1, other: "Pillow"}, most: gridMost})
	}
	return list
}

// webpRows are the rows that write WebP. photo-1600x1200.tif is not compressed and not resized: nearly
// all of the time goes into writing. gif2webp cannot resize, hence the animation in two sizes.
func webpRows() (list []row) {
	add := func(name, file string, e encoding, g goals, most int64, boxes ...box) {
		if e.Format = "webp"; e.Effort == "" {
			e.Effort = "normal"
		}
		list = append(list, row{encoding: e, name: name, file: file, made: !strings.HasPrefix(file, "phone"),
			boxes: boxes, goals: g, most: most})
	}
	for _, boxes := range [][]box{{{800}}, {{1600}}, {{200}, {800}, {1600}}} {
		g := goals{one: 2.2, all: 2.2}
		if len(boxes) > 1 {
			g = goals{one: 3, all: 3}
		}
		add(rowName(phone, boxes)+", WebP", phone+".jpg", encoding{}, g, phoneMost, boxes...)
	}
	full := box{1600}
	add(photo+" → WebP, fast", photo+".tif", encoding{Effort: "fast"}, goals{one: 1 / .6}, stillMost, full)
	add(photo+" → WebP", photo+".tif", encoding{}, goals{one: 2, all: 3.2}, stillMost, full)
	add(photo+" → WebP, high effort", photo+".tif", encoding{Effort: "high"}, goals{one: 1 / .6}, stillMost, full)
	add(photo+" → WebP, lossless, fast", photo+".tif", encoding{Effort: "fast", Lossless: true}, goals{}, madeMost, full)
	add(photo+" → WebP, lossless", photo+".tif", encoding{Lossless: true}, goals{one: 3}, madeMost, full)
	animated, small := encoding{Animated: true}, box{240}
	add("100 frames of 480×270 → 240, WebP", "animation-480x270.gif", animated, goals{}, madeMost, small)
	add("100 frames of 240×135 → WebP", "animation-240x135.gif", animated, goals{one: 1.5, other: "gif2webp"}, madeMost, small)
	return list
}

// pngRows are the rows that write PNG. photo-1600x1200.tif and the chart are not resized: nearly all of the
// time goes into writing.
func pngRows() (list []row) {
	for _, r := range []row{
		{name: phone + " → 4032, PNG still", file: phone + ".jpg", boxes: []box{{4032}}},
		{name: phone + " → 800, PNG still", file: phone + ".jpg", boxes: []box{{800}}},
		{name: photo + " → PNG still", file: photo + ".tif", made: true, boxes: []box{{1600}}},
		{name: "chart-760x500 → PNG still", file: "chart-760x500.png", made: true, boxes: []box{{760}}},
		{name: "chart-760x500 → PNG still, 256 colours", file: "chart-760x500.png", made: true, boxes: []box{{760}},
			encoding: encoding{Colours: 256}},
		{name: "chart-760x500 → PNG still, high effort", file: "chart-760x500.png", made: true, boxes: []box{{760}},
			encoding: encoding{Effort: "high"}},
	} {
		if r.Format = "png"; r.Effort == "" {
			r.Effort, r.goals = "normal", goals{one: 1, all: 1}
		}
		list = append(list, r)
	}
	for _, r := range [][2]string{
		{"100 frames of 480×270 → 240, PNG", "animation-480x270.gif"}, {"100 frames of 240×135 → PNG", "animation-240x135.gif"},
	} {
		list = append(list, row{encoding: encoding{Format: "png", Animated: true, Effort: "normal"}, name: r[0], file: r[1],
			made: true, boxes: []box{{240}}, goals: goals{one: 1, other: "ffmpeg"}, most: madeMost})
	}
	return list
}

func rowName(stem string, boxes []box) string {
	var sizes []string
	for _, b := range boxes {
		sizes = append(sizes, b.String())
	}
	return stem + " → " + strings.Join(sizes, "+")
}

// photographs returns an error that lists the files of the rows that are missing in a folder.
func photographs(dir string, list []row) error {
	var missing []string
	for _, r := range list {
		if r.made {
			continue
		}
		_, err := os.Stat(filepath.Join(dir, r.file))
		if err != nil && !slices.Contains(missing, r.file) {
			missing = append(missing, r.file)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("missing in %s: %s; add camera JPEGs of these sizes under these names, "+
		"or select other rows with -rows", dir, strings.Join(missing, ", "))
}

// rowsNamed returns the rows whose name matches the pattern, or an error if there are none.
func rowsNamed(pattern string) ([]row, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("invalid value for -rows: %w", err)
	}
	var list []row
	for _, r := range rows {
		if re.MatchString(r.name) {
			list = append(list, r)
		}
	}
	if list == nil {
		return nil, fmt.Errorf("-rows %q matches none of the %d rows", pattern, len(rows))
	}
	return list, nil
}
