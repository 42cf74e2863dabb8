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

// row is one task of the table: turning a picture into one or several variants, all JPEG of quality
// 80.
type row struct {
	name  string
	file  string // in the folder of photographs or, if it is made, in that of made files
	made  bool   // from a photograph, in another format; measured for speed and memory alone
	boxes []box
	goals goals // zero if there are none
	high  bool  // whether to make the file as small as possible, however long it takes
}

// goals are the ratios to sharp's speed that a row is meant to reach.
type goals struct{ one, all float64 }

func (g goals) in(m mode) float64 {
	if m == allThreads {
		return g.all
	}
	return g.one
}

// quality is the quality of every output, on libjpeg's scale. lower is that of a second file by
// imgmill, which shows how many bytes a dB costs. At high effort it is lowerHigh, because sharp's
// files are about 3 dB below imgmill's there.
const (
	quality   = 80
	lower     = 75
	lowerHigh = 55
)

var rows = makeRows()

func makeRows() (list []row) {
	add := func(file string, g goals, boxes ...box) {
		list = append(list, row{name: rowName(file, boxes), file: file + ".jpg", boxes: boxes,
			goals: g})
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
			r.name, r.goals, r.high = r.name+", high effort", goals{}, true
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
		list = append(list, row{name: rowName(m.file, boxes), file: m.file, made: true, boxes: boxes, goals: goals{one: m.goal}})
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
