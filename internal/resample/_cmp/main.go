package main

import (
	"io"
	"os"
	"strconv"

	"github.com/imgmill/imgmill/internal/plane"
	"github.com/imgmill/imgmill/internal/resample"
)

func main() {
	n := func(i int) int { v, _ := strconv.Atoi(os.Args[i]); return v }
	f, err := resample.ParseFilter(os.Args[1])
	if err != nil {
		panic(err)
	}
	w, h, a, b := n(2), n(3), n(4), n(5)
	src, _ := io.ReadAll(os.Stdin)
	x := resample.Axis{Src: w, Dst: a, Step: float64(w) / float64(a)}
	y := resample.Axis{Src: h, Dst: b, Step: float64(h) / float64(b)}
	if len(src) == 2*w*h {
		p, _ := resample.NewAlpha(x, y, f, 1, func(_, _ int, row []byte) error { os.Stdout.Write(row); return nil })
		p.Rows(0, 0, plane.Rows{Pix: src[:w*h], Stride: w, N: h})
		p.Rows(1, 0, plane.Rows{Pix: src[w*h:], Stride: w, N: h})
		return
	}
	p, err := resample.NewPlane(x, y, f, func(_ int, row []byte) error { os.Stdout.Write(row); return nil })
	if err != nil {
		panic(err)
	}
	p.Rows(0, plane.Rows{Pix: src, Stride: w, N: h})
}
