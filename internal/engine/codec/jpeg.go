package codec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/jpeg"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// jpegDecoder streams: rows come while the file is still read.
type jpegDecoder struct {
	d      *jpeg.Decoder
	src    *source
	header Header
}

// busy is how many JPEGs are being decoded or encoded in this process.
var busy atomic.Int32

// threads is how many a picture that is opened now may use: the processors that others leave idle. In the steady state of
// as many pictures at a time as there are processors each has one; those opened at the same moment share for one picture.
func threads() int { return max(runtime.GOMAXPROCS(0)-int(busy.Load()), 1) }

func openJPEG(buf *bufio.Reader, src *source) (Decoder, error) {
	d, err := jpeg.NewDecoder(buf, jpeg.DecodeOptions{Threads: threads()})
	if err != nil {
		return nil, jpegFault(err)
	}
	j := d.Header()
	h := Header{Format: JPEG, Width: j.Width, Height: j.Height, Frames: 1, Orientation: 1, Layout: j.Layout, ICC: j.ICC}
	if j.EXIF != nil {
		h.setEXIF(j.EXIF)
	}
	return &jpegDecoder{d, src, h}, nil
}

func (d *jpegDecoder) Header() Header { return d.header }

func (d *jpegDecoder) Shrink(width, height int) plane.Layout { return d.d.Shrink(width, height) }

func (d *jpegDecoder) Length(enough int64) (int64, error) { return d.src.length(enough) }

func (d *jpegDecoder) Decode(ctx context.Context, sink plane.Sink) (Report, error) {
	busy.Add(1)
	defer busy.Add(-1)
	r, err := d.d.Decode(ctx, sink)
	var report Report
	if r.Damage != "" {
		report.Damage = damage(r.Damage)
	}
	if err != nil && d.src.err != nil && !errors.Is(err, plane.ErrEnough) { // of what was read ahead nobody needs to know
		return report, d.src.err // the stream's own error, without what was read around it
	}
	return report, jpegFault(err)
}

// jpegFault gives a JPEG error the kind that callers branch on. Others, of the sink or the context, stay as they are.
func jpegFault(err error) error {
	var f *jpeg.FormatError
	var u *jpeg.UnsupportedError
	switch {
	case errors.As(err, &f):
		return &CorruptError{JPEG, f.Offset, f.Reason}
	case errors.As(err, &u):
		return fmt.Errorf("%w: %w", ErrUnsupported, u)
	}
	return err
}

// damage is what a decoder found wrong and put up with. It matches ErrCorrupt.
type damage string

func (d damage) Error() string { return string(d) }

// Is reports whether target is ErrCorrupt.
func (d damage) Is(target error) bool { return target == ErrCorrupt }
