//go:build release

package pack

import (
	"bytes"
	"testing"
)

// TestBundled: a program of a release makes the same zip without Go as one that builds the function from the
// same source.
func TestBundled(t *testing.T) {
	for _, arch := range []string{AMD64, ARM64} {
		binary, err := compile(t.Context(), "", arch)
		if err != nil {
			t.Fatal(err)
		}
		want := build(t, Options{Arch: arch, Binary: binary})
		t.Run(arch, func(t *testing.T) {
			t.Setenv("PATH", "")
			if got := build(t, Options{Arch: arch}); !bytes.Equal(got, want) {
				t.Errorf("a zip of %d bytes; the one that is built here has %d, or other ones", len(got), len(want))
			}
		})
	}
}
