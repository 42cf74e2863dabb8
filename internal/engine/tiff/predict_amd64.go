//go:build !purego

package tiff

import "github.com/imgmill/imgmill/internal/engine/cpu"

//go:generate sh -c "cd _asm && go run . -pkg tiff -out ../predict_amd64.s"

//go:noescape
func undo3Vector(row *byte, blocks int)

//go:noescape
func undo4Vector(row *byte, blocks int)

// undoBlocks undoes the predictor of as many bytes at the start of a row as there are in whole blocks
// of pixels of per bytes, and returns how many.
func undoBlocks(row []byte, per int) int {
	if per != 3 && per != 4 || !cpu.Vector() {
		return 0
	}
	size := 16 / per * per
	n := (len(row) - 16) / size // behind the last block 16 bytes are read
	if n <= 0 {
		return 0
	}
	done := n * size
	behind := row[done] // is written if a block has fewer than 16 bytes
	if per == 3 {
		undo3Vector(&row[0], n)
	} else {
		undo4Vector(&row[0], n)
	}
	row[done] = behind
	return done
}
