package gif

import (
	"context"
	"unsafe"

	"github.com/imgmill/imgmill/internal/engine/codec"
)

// window is how many colour indexes are decoded at a time, in bytes, or a row if that is longer.
const window = 32 << 10

// decodingMemory is what decoding a frame of some pixels holds beside the file, at most: the table,
// the window, and the output that codes refer to, in a buffer and in the larger one that it moves to.
func decodingMemory(pixels int64) int64 {
	return int64(unsafe.Sizeof(codes{})) + 3*(window+slack+min(pixels, maxKept)) + 1<<16
}

// rowSource yields the rows of a frame, as colour indexes.
type rowSource interface {
	// next returns the next row, which is valid until the call after it.
	next() ([]byte, error)
}

// stored yields the rows of a frame in the order in which the file stores them.
type stored struct {
	z   codes
	f   *frame
	s   *codec.Stream
	at  int // of the next row in the output
	row int
}

// frameRows begins to decode a frame.
func (d *decoder) frameRows(f *frame) (rowSource, error) {
	r := &stored{f: f, s: d.stream, at: literals}
	if f.data >= d.file.size {
		return nil, d.stream.Corrupt(int64(d.file.size), "the file ends before the data of a frame")
	}
	if !r.z.start(d.file, f.data, r.window()) {
		return nil, d.stream.Corrupt(int64(f.data), "a code size of %d bits", d.file.at(f.data))
	}
	return r, nil
}

// window is how many indexes are decoded at a time: no more than the frame has, for what follows
// need not be valid.
func (r *stored) window() int { return min(max(window, r.f.w), r.f.w*(r.f.h-r.row)) }

func (r *stored) next() ([]byte, error) {
	if r.z.p-r.at < r.f.w {
		r.at = r.z.decode(r.at, r.window(), r.f.w*(r.f.h-r.row))
		if r.z.p-r.at < r.f.w {
			return nil, r.s.Corrupt(int64(r.z.i), "the data of a frame ends in row %d of %d", r.row+1, r.f.h)
		}
	}
	row := r.z.out[r.at:][:r.f.w]
	r.at += r.f.w
	r.row++
	return row, nil
}

// passes are the first row and the distance of the rows of each pass of an interlaced frame
// (appendix E).
var passes = [...]struct{ first, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}}

// interlacedRow returns which row of an interlaced frame of h rows is stored as the i-th.
func interlacedRow(i, h int) int {
	for _, p := range passes {
		n := max(0, (h-p.first+p.step-1)/p.step)
		if i < n {
			return p.first + i*p.step
		}
		i -= n
	}
	return 0
}

// upright yields the rows of an interlaced frame from the top. The first three passes are the rows with
// even numbers, which are held; the fourth brings the others when they are due.
type upright struct {
	even [][]byte
	odd  rowSource
	y    int
}

func (u *upright) next() ([]byte, error) {
	y := u.y
	u.y++
	if y%2 == 1 {
		return u.odd.next()
	}
	return u.even[y/2], nil
}

// deinterlace decodes the first three passes. It allocates as the data comes, not as the header
// promises.
func deinterlace(ctx context.Context, r rowSource, f *frame) (rowSource, error) {
	even := make([][]byte, (f.h+1)/2)
	var block []byte
	for i := range even {
		if i%64 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		row, err := r.next()
		if err != nil {
			return nil, err
		}
		if len(block) < f.w {
			block = make([]byte, f.w*min(64, len(even)-i))
		}
		y := interlacedRow(i, f.h) / 2
		even[y], block = block[:f.w:f.w], block[f.w:]
		copy(even[y], row)
	}
	return &upright{even: even, odd: r}, nil
}
