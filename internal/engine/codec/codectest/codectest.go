// Package codectest holds what the tests of all decoders share. It is linked into tests only.
package codectest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Decode opens and decodes a file with a format, and returns the picture in the layout of its
// header.
func Decode(formats codec.Set, file []byte) (*plane.Picture, codec.Header, error) {
	d, err := formats.Open(bytes.NewReader(file), codec.OpenOptions{})
	if err != nil {
		return nil, codec.Header{}, err
	}
	p := plane.New(d.Header().Layout)
	report, err := d.Decode(context.Background(), p)
	if err == nil {
		err = report.Damage
	}
	return p, d.Header(), err
}

// Samples returns the samples of all planes at a pixel.
func Samples(p *plane.Picture, x, y int) []byte {
	s := make([]byte, len(p.Planes))
	for i := range s {
		s[i] = p.Row(i, y)[x]
	}
	return s
}

// Promises decodes any bytes and checks what a decoder promises for them: it does not panic, its
// errors are those of package codec, rows come in order and within the layout, a picture without an
// error is complete, and no more memory is allocated than Memory announces. overhead is what the
// decoder may allocate beside that, in bytes, garbage included.
func Promises(t *testing.T, formats codec.Set, file []byte, overhead int64) {
	t.Helper()
	limits := codec.Limits{Pixels: 1e6}
	d, err := formats.Open(bytes.NewReader(file), codec.OpenOptions{Limits: limits})
	if err != nil {
		if !codec.Permanent(err) {
			t.Fatalf("opening: an error of no known kind: %v", err)
		}
		return
	}
	h := d.Header()
	if int64(h.Width)*int64(h.Height) > limits.Pixels {
		t.Fatalf("%d×%d pixels are over the limit", h.Width, h.Height)
	}
	s := &ordered{layout: d.Shrink(8, 8)}
	s.rows = make([]int, len(s.layout.Planes))
	memory := d.Memory()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = d.Decode(context.Background(), s)
	runtime.ReadMemStats(&after)
	if got := int64(after.TotalAlloc - before.TotalAlloc); got > memory+memory/4+overhead {
		t.Fatalf("%d bytes were allocated, %d promised", got, memory)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	if err != nil && !codec.Permanent(err) {
		t.Fatalf("decoding: an error of no known kind: %v", err)
	}
	for i, p := range s.layout.Planes {
		if err == nil && s.rows[i] != p.Height {
			t.Fatalf("plane %d has %d of %d rows", i, s.rows[i], p.Height)
		}
	}
}

// ordered is a Sink that checks that rows come as it promises.
type ordered struct {
	layout plane.Layout
	rows   []int
	err    error
}

var errOrder = errors.New("rows out of order")

func (o *ordered) Rows(p, y int, r plane.Rows) error {
	size := o.layout.Planes[p]
	switch {
	case y != o.rows[p] || y+r.N > size.Height || r.N < 1:
		o.err = fmt.Errorf("%w: rows %d to %d of plane %d, after %d", errOrder, y, y+r.N, p, o.rows[p])
	case o.layout.HasAlpha() && !o.layout.Subsampled() && p > 0 && y+r.N != o.rows[p-1]:
		o.err = fmt.Errorf("%w: plane %d of a picture with alpha is ahead", errOrder, p)
	}
	if o.err != nil {
		return o.err
	}
	r.Row(r.N-1, size.Width) // panics if it is not whole
	o.rows[p] += r.N
	return nil
}
