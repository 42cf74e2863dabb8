package formats

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/codec/codectest"
	"github.com/imgmill/imgmill/internal/engine/heif"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Decoders and encoders look at their context at least every 50 ms. Time is measured by
// bench/slowest; here, the looks are held against the work: at most mostUnseen bytes read and samples
// pushed lie between two of them, and there is one for so many samples on average, whatever is
// decoded before it is pushed.
const mostUnseen = 4 << 20

// meter is a context that measures the work between two looks at it: what a stream and a sink have
// added.
type meter struct {
	context.Context
	work, longest, looks int
}

func (m *meter) Err() error {
	m.longest, m.work = max(m.longest, m.work), 0
	m.looks++
	return nil
}

// Rows is the sink of a picture.
func (m *meter) Rows(_, _ int, r plane.Rows) error {
	m.work += r.N * r.Stride
	return nil
}

// stream reads a file as the pipeline does, with a look before each Read.
type stream struct {
	m *meter
	io.Reader
}

func (s stream) Read(p []byte) (int, error) {
	_ = s.m.Err()
	n, err := s.Reader.Read(p)
	s.m.work += n
	return n, err
}

// TestDecodersLookAtTheContext decodes large pictures in every format.
func TestDecodersLookAtTheContext(t *testing.T) {
	if testing.Short() {
		t.Skip("it decodes a gigapixel")
	}
	files, err := codectest.Large()
	if err != nil {
		t.Fatal(err)
	}
	most := map[*codec.Format]int{}
	for i, file := range files {
		m := &meter{Context: t.Context()}
		d, err := open(stream{m, bytes.NewReader(file)}, codec.Limits{})
		if errors.Is(err, codec.ErrUnsupported) && heif.HEIC.Open == nil {
			continue // in a build that leaves HEVC out
		}
		if err != nil || len(file) > 100_000 {
			t.Errorf("picture %d of %d bytes: %v", i, len(file), err)
			continue
		}
		h := d.Header()
		pixels := h.Width * h.Height
		most[h.Format] = max(most[h.Format], pixels)
		if l := d.Shrink(800, min(16_000, 1+800*h.Height/h.Width)); l.Width() < h.Width { // decoded at a cheaper scale
			pixels = l.Width() * l.Height()
		}
		if _, err := d.Decode(m, m); err != nil {
			t.Logf("%s, %d×%d: %v", h.Format, h.Width, h.Height, err)
			continue
		}
		_ = m.Err()
		if m.longest > mostUnseen || m.looks < pixels/mostUnseen {
			t.Errorf("%s, %d×%d: %d looks, %d bytes and samples between two", h.Format, h.Width, h.Height, m.looks, m.longest)
		}
	}
	for _, f := range All().Readable() {
		if most[f] < 80_000 {
			t.Errorf("%s: the largest picture has %d pixels", f, most[f])
		}
	}
}

// TestEncodersLookAtTheContext encodes a large picture in every format, once and to find a quality.
func TestEncodersLookAtTheContext(t *testing.T) {
	const w, h = 3000, 2000
	for _, f := range All().Writable() {
		e := f.Encoder(nil)
		p := plane.New(e.Layout(plane.RGB, f.Alpha, w, h))
		for i := range p.Pix {
			for k := range p.Pix[i] {
				p.Pix[i][k] = byte(k * k >> 7)
			}
		}
		m := &meter{Context: t.Context()}
		if _, err := e.Encode(m, p, codec.EncodeOptions{}); err != nil {
			t.Fatal(err)
		}
		if m.looks < w*h/(mostUnseen/16) {
			t.Errorf("%s: %d looks", f, m.looks)
		}
		lossy, ok := e.(codec.LossyEncoder)
		if !ok {
			continue
		}
		for _, compact := range []bool{false, true} {
			m = &meter{Context: t.Context()}
			trials, err := lossy.Trials(m, p, codec.EncodeOptions{Compact: compact})
			if err != nil {
				t.Fatal(err)
			}
			prepared := m.looks
			if _, err := trials.Encode(m, 50); err != nil {
				t.Fatal(err)
			}
			if least := w * h / (mostUnseen / 16); prepared < least || m.looks-prepared < least {
				t.Errorf("%s, compact %t: %d looks in the preparation, %d in the encoding", f, compact, prepared, m.looks-prepared)
			}
		}
	}
}
