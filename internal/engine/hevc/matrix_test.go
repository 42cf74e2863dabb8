package hevc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMatrix decodes streams that .ci/hevc-matrix made, and compares the planes with those of ffmpeg and
// libde265, at least one of which must agree. ffmpeg 5.1 is off by one in some corners of CTBs of 16
// samples; libde265 1.0.11 has other chroma where its QP would exceed 51, and writes no 4:0:0 of more than
// 8 bits. Random streams meet more of their faults.
func TestMatrix(t *testing.T) {
	dir := os.Getenv("IMGMILL_HEVC_MATRIX")
	if dir == "" {
		t.Skip("IMGMILL_HEVC_MATRIX names no folder; make hevc-matrix")
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.hevc"))
	if err != nil || len(names) < 300 {
		t.Fatalf("%d streams, error %v", len(names), err)
	}
	var d Decoder
	var both, one int
	for _, name := range names {
		stream, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(strings.TrimSuffix(name, ".hevc") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		sums := map[string]string{}
		if err := json.Unmarshal(text, &sums); err != nil {
			t.Fatal(err)
		}
		planes, _, err := decodeAll(&d, stream)
		switch got := sum(planes); {
		case err != nil:
			t.Errorf("%s: %v", filepath.Base(name), err)
		case got == sums["ffmpeg"] && got == sums["libde265"]:
			both++
		case got == sums["ffmpeg"] || got == sums["libde265"]:
			one++
		default:
			t.Errorf("%s: %s, others %v", filepath.Base(name), got, sums)
		}
	}
	if both < len(names)*3/4 {
		t.Errorf("ffmpeg and libde265 agree with %d of %d streams only", both, len(names))
	}
	t.Logf("%d streams: ffmpeg and libde265 agree with %d, one of them with %d more", len(names), both, one)
}
