package bmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// Escapes of run lengths: what a pair of bytes means whose first is 0.
const (
	endOfRow     = 0
	endOfPicture = 1
	delta        = 2 // two bytes follow: how many pixels to the right and rows up the next one lies
)

// start is where the pixels of a row begin.
type start struct {
	y, x uint32 // from the row that the file begins with, and from the left
	at   uint32 // offset in the data
}

// runs are the run lengths of a bitmap. As a rule, the last row of the picture comes first in them, so
// that they are held in memory, with the place of each row.
type runs struct {
	h     *info
	table [256]uint32 // red lowest, then green and blue; indexes beyond the colour table are black
	data  []byte
	rows  []start // those with pixels, in the order of the file
	// Where scan is: the offset of the next code, the place of the next pixel, and whether the start of
	// its row was found.
	i, y, x int
	found   bool
}

// readRuns reads the run lengths to the end of the file, and scans them on the way: a reader can end
// the work between two blocks.
func readRuns(h *info, s *codec.Stream, table []uint32) (*runs, error) {
	r := &runs{h: h}
	copy(r.table[:], table)
	const block = 1 << 20
	var data bytes.Buffer
	for ended := false; !ended; {
		n, err := io.CopyN(&data, s, block)
		if err != nil && err != io.EOF {
			return nil, err
		}
		ended = n < block
		if r.data = data.Bytes(); len(r.data) > math.MaxInt32 {
			return nil, fmt.Errorf("%w: run lengths of %d bytes", codec.ErrLimit, len(r.data))
		}
		if r.scan() {
			return r, nil
		}
	}
	if r.y == h.height-1 && r.x >= h.width { // only the end code is missing
		return r, nil
	}
	end := h.pixels + int64(len(r.data))
	return nil, s.Corrupt(end, "the run lengths end in row %d of %d", r.y+1, h.height)
}

// memory is how many bytes are held.
func (r *runs) memory() int64 { return int64(cap(r.data)) + 12*int64(cap(r.rows)) + 4*int64(r.h.width) }

// step is what the code at an offset does.
type step struct {
	next   int // offset of the next code
	pixels int // how many there are
	data   int // offset of their values
	same   bool
	right  int  // pixels that are skipped
	up     int  // rows to go up
	home   bool // the next pixel is the first of its row
	done   bool
}

// step reads the code at offset i. ok is false if the data ends in it.
func (r *runs) step(i int) (t step, ok bool) {
	if i+2 > len(r.data) {
		return t, false
	}
	n, v := int(r.data[i]), r.data[i+1]
	t.next = i + 2
	if n > 0 {
		t.pixels, t.data, t.same = n, i+1, true
		t.next = i + 1 + r.bytes(1)
		return t, t.next <= len(r.data)
	}
	switch v {
	case endOfRow:
		t.up, t.home = 1, true
	case endOfPicture:
		t.done = true
	case delta:
		if i+4 > len(r.data) {
			return t, false
		}
		t.right, t.up, t.next = int(r.data[i+2]), int(r.data[i+3]), i+4
	default: // as many values, padded to 16 bits
		t.pixels, t.data = int(v), i+2
		t.next = i + 2 + (r.bytes(int(v))+1)&^1
		return t, i+2+r.bytes(int(v)) <= len(r.data)
	}
	return t, true
}

// bytes is how many bytes n values have; a run of 4-bit pixels has two values in its byte.
func (r *runs) bytes(n int) int {
	switch r.h.compression {
	case rle4:
		return (n + 1) / 2
	case rle24:
		return 3 * n
	}
	return n
}

// value returns the colour of the k-th pixel of a step.
func (r *runs) value(t step, k int) uint32 {
	switch r.h.compression {
	case rle4:
		if t.same {
			k &= 1
		}
		return r.table[r.data[t.data+k/2]>>(4-4*(k&1))&15]
	case rle24:
		if t.same {
			k = 0
		}
		b := r.data[t.data+3*k:]
		return uint32(b[2]) | uint32(b[1])<<8 | uint32(b[0])<<16
	}
	if t.same {
		k = 0
	}
	return r.table[r.data[t.data+k]]
}

// scan finds the rows, as far as there is data. It reports whether it came to the end of the picture.
func (r *runs) scan() (done bool) {
	w, h := r.h.width, r.h.height
	y, x := r.y, r.x
	for y < h {
		t, ok := r.step(r.i)
		if !ok {
			r.y, r.x = y, x
			return false
		}
		if t.done {
			return true
		}
		if t.pixels > 0 && x < w && !r.found {
			r.rows = append(r.rows, start{uint32(y), uint32(x), uint32(r.i)})
			r.found = true
		}
		x = min(x+t.pixels+t.right, w)
		if t.up > 0 {
			y, r.found = y+t.up, false
		}
		if t.home {
			x = 0
		}
		r.i = t.next
	}
	return true // what lies above the picture is not shown
}

// decode fills the rows of the picture. Pixels that are skipped are black, as in Chromium.
func (r *runs) decode(_ context.Context, b *codec.Bands) error {
	row := make([]byte, 4*r.h.width)
	rows := r.rows
	if !r.h.topDown {
		slices.Reverse(rows)
	}
	for y := range r.h.height {
		if !r.h.topDown {
			y = r.h.height - 1 - y
		}
		dst := b.Next()
		if len(rows) == 0 || int(rows[0].y) != y {
			for _, d := range dst {
				clear(d)
			}
		} else {
			clear(row)
			r.row(row, rows[0])
			rows = rows[1:]
			split(dst, row)
		}
		if err := b.Push(); err != nil {
			return err
		}
	}
	return nil
}

// split writes a row of four samples a pixel to the rows of the planes.
func split(dst [][]byte, row []byte) {
	for i, d := range dst {
		for x := range d {
			d[x] = row[4*x+i]
		}
	}
}

// row writes the pixels of a row, four samples each.
func (r *runs) row(row []byte, from start) {
	for i, x := int(from.at), int(from.x); ; {
		t, ok := r.step(i)
		if !ok || t.done {
			return
		}
		for k := range min(t.pixels, r.h.width-x) {
			binary.LittleEndian.PutUint32(row[4*(x+k):], r.value(t, k))
		}
		x = min(x+t.pixels+t.right, r.h.width)
		if i = t.next; t.up > 0 {
			return
		}
	}
}
