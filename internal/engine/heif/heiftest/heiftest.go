// Package heiftest holds a picture as iPhones write it, for the tests of every wing. It is linked into
// tests only.
package heiftest

import _ "embed"

// IPhone is sample.Landscape(756, 1008), lying on its side as an iPhone stores it: four HEVC tiles of
// 512×512 in a grid that cuts them, turned by irot and, in vain, by EXIF once more, with a profile of
// Display P3, a thumbnail, a gain map, EXIF and XMP. The test TestIPhone of package heif wrote it with
// x265.
//
//go:embed iphone.heic
var IPhone []byte

// Width and Height are the size of IPhone as it is shown.
const (
	Width  = 756
	Height = 1008
)
