package tiff

import (
	"context"
	"fmt"
	"io"

	"github.com/imgmill/imgmill/internal/engine/webp"
)

// webpReader reads strips and tiles that are WebP files, as libtiff writes them. It holds the pixels of one.
type webpReader struct {
	columns, rows, samples int
	pix                    []byte
	left                   []byte // of pix, to be returned
}

func newWebP(f *fields) *webpReader {
	return &webpReader{columns: f.blockW, rows: f.blockH, samples: f.samples}
}

// most bounds the file of a strip or tile: lossless files are hardly larger than their pixels.
func (r *webpReader) most() int64 { return 4*int64(r.columns)*int64(r.rows) + 64<<10 }

func (r *webpReader) memory() int64 {
	pixels := int64(r.columns) * int64(r.rows)
	return r.most() + int64(r.samples)*pixels + webp.RGBAMemory(r.columns, r.rows)
}

func (r *webpReader) begin(ctx context.Context, s *section) error {
	file, err := io.ReadAll(io.LimitReader(s, r.most()))
	if err != nil {
		return err
	}
	r.pix = r.pix[:0]
	err = webp.RGBA(ctx, file, r.columns, r.rows, func(_ int, rows [4][]byte) error {
		if r.pix == nil {
			r.pix = make([]byte, 0, r.samples*r.columns*r.rows)
		}
		if n := len(rows[0]); n != r.columns {
			return fmt.Errorf("a WebP of %d columns, want %d", n, r.columns)
		}
		for x := range r.columns {
			for _, row := range rows[:r.samples] {
				if row == nil {
					r.pix = append(r.pix, 255)
				} else {
					r.pix = append(r.pix, row[x])
				}
			}
		}
		return nil
	})
	r.left = r.pix
	return err
}

func (r *webpReader) Read(p []byte) (int, error) {
	n := copy(p, r.left)
	if r.left = r.left[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
