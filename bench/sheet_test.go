package main

import (
	"image"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/webp"
)

func TestNearestBytes(t *testing.T) {
	calls := 0
	encode := func(quality int) ([]byte, error) {
		calls++
		return make([]byte, 100*quality), nil
	}
	for want, quality := range map[int]int{4210: 42, 4290: 43, 0: 1, 99999: 100} {
		got, file, err := nearestBytes(want, encode)
		if err != nil || got != quality || len(file) != 100*quality {
			t.Errorf("%d bytes: quality %d with %d bytes, %v; want quality %d", want, got, len(file), err, quality)
		}
	}
	if calls > 4*7 {
		t.Errorf("%d files were made", calls)
	}
	if _, _, err := nearestBytes(1, func(int) ([]byte, error) { return nil, os.ErrInvalid }); err == nil {
		t.Error("an encoder that fails: no error")
	}
}

// TestWorstWindow spoils two places equally, of which the one without texture is worse.
func TestWorstWindow(t *testing.T) {
	original := image.NewNRGBA(image.Rect(0, 0, 320, 160))
	for y := range 160 {
		for x := range 320 {
			i := original.PixOffset(x, y)
			v := uint8(100)
			if x >= 200 && (x+y)%2 == 0 {
				v = 200
			}
			copy(original.Pix[i:], []uint8{v, v, v, 255})
		}
	}
	spoilt := &image.NRGBA{Pix: append([]uint8(nil), original.Pix...), Stride: original.Stride, Rect: original.Rect}
	for y := 64; y < 128; y++ {
		for _, left := range []int{32, 240} {
			for x := left; x < left+64; x++ {
				spoilt.Pix[spoilt.PixOffset(x, y)+1] += 20
			}
		}
	}
	if got, want := worstWindow(original, original, spoilt), image.Rect(32, 64, 96, 128); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	small := original.SubImage(image.Rect(0, 0, 20, 9)).(*image.NRGBA)
	if got := worstWindow(small, small, small); got.Dx() != 20 || got.Dy() != 9 {
		t.Errorf("of a picture smaller than a crop: %v", got)
	}
}

// TestSheet writes rows of two tiles and reads them back.
func TestSheet(t *testing.T) {
	sources, err := reduce(drawnPNG(t, 200, 150), t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	s := sources[0]
	encoders := []runningEncoder{{ratedEncoders[3], startSelf(t, "imgmill")}}
	shown, err := filesOfEqualBytes(s, encoders)
	if err != nil || len(shown) != 1 || shown[0].quality != 60 || shown[0].bytes < 500 {
		t.Fatalf("got %+v, %v", shown, err)
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, 2*tileWidth+cropMargin, 0))
	for range 2 {
		canvas = addRow(canvas, s, shown, worstWindow(s.pixels, s.pixels, shown[0].pixels), "normal")
	}
	name := filepath.Join(t.TempDir(), "sheet.webp")
	if err := writeLossless(name, canvas); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, name)
	m, err := webp.Decode(f)
	if err != nil || m.Bounds().Dx() != canvas.Rect.Dx() || m.Bounds().Dy() != 2*tileHeight {
		t.Fatalf("a sheet of %v, %v", m.Bounds(), err)
	}
	names, err := drawPictures(t.TempDir())
	if err != nil || len(names) != 2 {
		t.Fatalf("%d drawn pictures, %v", len(names), err)
	}
	if w, h, err := sizeOf(names[1]); err != nil || w != 800 || h != 600 {
		t.Errorf("the card has %d×%d pixels, %v", w, h, err)
	}
}
