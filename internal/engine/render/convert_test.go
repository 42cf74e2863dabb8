package render

import "testing"

// TestToYCbCrIsJFIFs compares every component with its formula, of ITU-T T.871, section 7, for
// colours all over the cube and at its corners.
func TestToYCbCrIsJFIFs(t *testing.T) {
	nearest := func(v int64) uint8 { return uint8(min(max((v+1<<15)>>16, 0), 255)) }
	for r := int64(0); r < 256; r += 3 {
		for g := int64(0); g < 256; g += 3 {
			for b := int64(0); b < 256; b += 3 {
				y, cb, cr := toYCbCr(int32(r), int32(g), int32(b))
				want := [3]uint8{
					nearest(19595*r + 38470*g + 7471*b),
					nearest(-11059*r - 21709*g + 32768*b + 128<<16),
					nearest(32768*r - 27439*g - 5329*b + 128<<16),
				}
				if got := [3]uint8{y, cb, cr}; got != want {
					t.Fatalf("%d, %d, %d is %v, want %v", r, g, b, got, want)
				}
			}
		}
	}
}
