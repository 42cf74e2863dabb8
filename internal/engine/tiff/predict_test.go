package tiff

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/cpu"
)

// TestUndo8 compares rows of every length with the definition of the predictor, with and without
// vector instructions, and checks that nothing behind a row is written.
func TestUndo8(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, plain := range []bool{false, true} {
		if plain {
			defer cpu.Plain()()
		}
		for per := 1; per <= 6; per++ {
			for n := range 60 {
				file := make([]byte, n*per+40)
				for i := range file {
					file[i] = byte(r.Uint32())
				}
				row := bytes.Clone(file)
				undo8(row[:n*per:n*per], per)
				for i, v := range row {
					want := file[i]
					if i >= per && i < n*per {
						want += row[i-per]
					}
					if v != want {
						t.Fatalf("plain %v, %d pixels of %d bytes: byte %d is %d, want %d", plain, n, per, i, v, want)
					}
				}
			}
		}
	}
}

// TestUndoBlocksRuns fails where the vector kernels are passed over although the processor has them.
func TestUndoBlocksRuns(t *testing.T) {
	if cpu.Name() != "avx2" {
		t.Skip("no vector kernel for this processor")
	}
	for _, per := range []int{3, 4} {
		if n := undoBlocks(make([]byte, 60*per), per); n < 30*per {
			t.Errorf("%d bytes of %d are undone by vectors", n, 60*per)
		}
	}
}
