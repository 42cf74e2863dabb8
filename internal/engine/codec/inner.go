package codec

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/plane"
)

// inner is the Decoder of a picture within a file of another format.
type inner struct {
	Decoder
	header Header
	outer  *Stream
}

// OpenInner opens the picture of another format that a file contains, such as the PNG in an icon. r
// yields its bytes and reads from s, if from anything; names are the formats that it may have. The
// header is that of the picture, but for its format, which is that of s.
func OpenInner(r io.Reader, s *Stream, o OpenOptions, names ...string) (Decoder, error) {
	set := o.Formats.Where(func(f *Format) bool { return f.Open != nil && slices.Contains(names, f.Name) })
	if len(set) == 0 {
		return nil, fmt.Errorf("%w: the picture within the %s cannot be read", ErrUnsupported, s.format.Title)
	}
	d, err := set.Open(r, o)
	if err != nil {
		return nil, s.faultWithin(err)
	}
	h := d.Header()
	h.Format, h.Frames = s.format, 1
	return &inner{Decoder: d, header: h, outer: s}, nil
}

// faultWithin turns an error of a picture within s into one of s.
func (s *Stream) faultWithin(err error) error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("the picture within the %s: %w", s.format.Title, err)
}

// Header implements Decoder.
func (d *inner) Header() Header { return d.header }

// Length implements Decoder.
func (d *inner) Length(enough int64) (int64, error) { return d.outer.Length(enough) }

// Decode implements Decoder.
func (d *inner) Decode(ctx context.Context, sink plane.Sink) (Report, error) {
	watch := &watched{Sink: sink}
	report, err := d.Decoder.Decode(ctx, watch)
	if err == nil || err == watch.err || ctx.Err() != nil {
		return report, err
	}
	return report, d.outer.faultWithin(err)
}

// watched is a Sink that remembers its error, which decoders return unchanged.
type watched struct {
	plane.Sink
	err error
}

func (w *watched) Rows(p, y int, r plane.Rows) error {
	w.err = w.Sink.Rows(p, y, r)
	return w.err
}
