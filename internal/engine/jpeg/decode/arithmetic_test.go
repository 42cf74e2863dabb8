package decode

import (
	"bytes"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/jpeg/jpegtest"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
)

// arithmeticFiles returns files that libjpeg has written with arithmetic coding.
func arithmeticFiles(t testing.TB) map[string][]byte {
	files := map[string][]byte{}
	m := jpegtest.Scene(203, 157)
	for _, sample := range []string{"1x1", "2x2"} {
		for _, quality := range []string{"25", "95"} {
			for _, mode := range []string{"-baseline", "-progressive"} {
				for _, restart := range []string{"0", "5B", "1"} {
					name := strings.Join([]string{sample, quality, mode, restart}, " ")
					files[name] = jpegtest.Cjpeg(t, m, "-arithmetic", mode, "-quality", quality,
						"-sample", sample, "-restart", restart)
				}
			}
		}
	}
	files["grey"] = jpegtest.Cjpeg(t, m, "-arithmetic", "-grayscale")
	files["grey, progressive"] = jpegtest.Cjpeg(t, m, "-arithmetic", "-grayscale", "-progressive")
	return files
}

// TestArithmeticEqualsLibjpeg compares luma at full size and at an eighth.
func TestArithmeticEqualsLibjpeg(t *testing.T) {
	for name, file := range arithmeticFiles(t) {
		t.Run(name, func(t *testing.T) { equalsLibjpeg(t, file, 1, 8) })
	}
}

// TestArithmeticCut cuts files. What a decoder supplies at the end of the data must not pass for the
// rest of a picture, with an end of image marker or without. A code can happen to end where it is
// cut, and whole scans may be missing if there is an end.
func TestArithmeticCut(t *testing.T) {
	cuts, shown := 0, 0
	for name, file := range arithmeticFiles(t) {
		sos := bytes.Index(file, []byte{0xFF, stream.SOS})
		for n := 1; n < 20; n++ {
			at := sos + 20 + (len(file)-sos-40)*n/20
			for _, end := range []string{"", "\xff\xd9"} {
				cuts++
				if _, report := decodeAll(t, append(bytes.Clone(file[:at]), end...), 0, 0); report.Damage == "" {
					shown++
					t.Logf("%s: %d of %d bytes, then %q: no damage", name, at, len(file), end)
				}
			}
		}
	}
	if shown > cuts/100 {
		t.Errorf("%d of %d cut files are shown", shown, cuts)
	}
}
