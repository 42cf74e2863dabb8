package exif

// Orientation describes how the stored rows and columns map to the picture as it is meant to be
// seen (EXIF tag 0x0112; TIFF 6.0, "Orientation"). Any value outside 1 to 8, including the zero
// value, must be treated as TopLeft.
//
//	value  name         stored row 0 is  stored column 0 is  to display it upright
//	1      TopLeft      the top          the left            nothing
//	2      TopRight     the top          the right           mirror left to right
//	3      BottomRight  the bottom       the right           turn by 180°
//	4      BottomLeft   the bottom       the left            mirror top to bottom
//	5      LeftTop      the left         the top             mirror along the main diagonal (transpose)
//	6      RightTop     the right        the top             turn by 90° clockwise
//	7      RightBottom  the right        the bottom          mirror along the other diagonal
//	8      LeftBottom   the left         the bottom          turn by 90° counter-clockwise
//
// For w×h stored samples, the upright picture is w×h for 1 to 4 and h×w for 5 to 8. The sample
// stored at column x of row y is displayed at column X of row Y:
//
//	1  X=x      Y=y        5  X=y      Y=x
//	2  X=w-1-x  Y=y        6  X=h-1-y  Y=x
//	3  X=w-1-x  Y=h-1-y    7  X=h-1-y  Y=w-1-x
//	4  X=x      Y=h-1-y    8  X=y      Y=w-1-x
type Orientation uint8

// The eight orientations, each named after where stored row 0 and stored column 0 are displayed.
const (
	TopLeft Orientation = 1 + iota
	TopRight
	BottomRight
	BottomLeft
	LeftTop
	RightTop
	RightBottom
	LeftBottom
)

// Valid reports whether o is one of the eight defined values.
func (o Orientation) Valid() bool { return o >= TopLeft && o <= LeftBottom }

// Swaps reports whether upright width and height are the stored height and width: values 5 to 8.
func (o Orientation) Swaps() bool { return o >= LeftTop && o <= LeftBottom }
