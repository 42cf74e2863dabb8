package cli

import "testing"

// TestCount: one of anything is in the singular.
func TestCount(t *testing.T) {
	for got, want := range map[string]string{
		count(1, "file"): "1 file", count(0, "file"): "0 files", count(12, "file"): "12 files",
		count(1.0, "megapixel"): "1 megapixel", count(0.5, "megapixel"): "0.5 megapixels",
		groupedCount(1, "upload"): "1 upload", groupedCount(1200, "upload"): "1,200 uploads",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
