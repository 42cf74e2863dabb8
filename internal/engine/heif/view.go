package heif

import (
	"image"

	"github.com/imgmill/imgmill/internal/engine/exif"
)

// view is how a picture is shown: a part of its samples, mirrored along its axes and then, if swap is
// set, with rows and columns exchanged. Properties change it in their order (ISO/IEC 23008-12, 6.5.9,
// 6.5.10 and 6.5.12).
type view struct {
	crop             image.Rectangle // of the stored samples
	mirrorX, mirrorY bool
	swap             bool
	turned           bool // there was a property that turns or mirrors, if only by nothing
}

// whole is the view of all samples as they are.
func whole(w, h int) view { return view{crop: image.Rect(0, 0, w, h)} }

// size is that of the picture as it is shown.
func (v view) size() image.Point {
	if v.swap {
		return image.Pt(v.crop.Dy(), v.crop.Dx())
	}
	return v.crop.Size()
}

// then applies another orientation to what is shown.
func (v *view) then(mirrorX, mirrorY, swap bool) {
	if v.swap {
		mirrorX, mirrorY = mirrorY, mirrorX
	}
	v.mirrorX, v.mirrorY, v.swap = v.mirrorX != mirrorX, v.mirrorY != mirrorY, v.swap != swap
}

// rotate turns by quarters of a turn, counter-clockwise.
func (v *view) rotate(quarters int) {
	v.turned = true
	switch quarters & 3 {
	case 1:
		v.then(true, false, true)
	case 2:
		v.then(true, true, false)
	case 3:
		v.then(false, true, true)
	}
}

// mirror exchanges top and bottom for axis 0, left and right for 1.
func (v *view) mirror(axis int) {
	v.turned = true
	v.then(axis == 1, axis == 0, false)
}

// clip keeps a part of what is shown.
func (v *view) clip(r image.Rectangle) {
	if v.swap {
		r = image.Rect(r.Min.Y, r.Min.X, r.Max.Y, r.Max.X)
	}
	size := v.crop.Size()
	if v.mirrorX {
		r.Min.X, r.Max.X = size.X-r.Max.X, size.X-r.Min.X
	}
	if v.mirrorY {
		r.Min.Y, r.Max.Y = size.Y-r.Max.Y, size.Y-r.Min.Y
	}
	v.crop = r.Add(v.crop.Min)
}

// orientation is the EXIF orientation that turns the stored samples as v does.
func (v view) orientation() exif.Orientation {
	code := 0
	for bit, set := range []bool{v.mirrorX, v.mirrorY, v.swap} {
		if set {
			code |= 1 << bit
		}
	}
	return [8]exif.Orientation{
		exif.TopLeft, exif.TopRight, exif.BottomLeft, exif.BottomRight,
		exif.LeftTop, exif.LeftBottom, exif.RightTop, exif.RightBottom,
	}[code]
}

// plain reports whether all samples are shown as they are stored.
func (v view) plain(w, h int) bool {
	return v.crop == image.Rect(0, 0, w, h) && !v.mirrorX && !v.mirrorY && !v.swap
}
