package png

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// control is an fcTL chunk.
func control(sequence, w, h, x, y uint32, num, den uint16, disposal, blending byte) []byte {
	var b []byte
	for _, v := range []uint32{sequence, w, h, x, y} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, num), den)
	return appendChunk(nil, "fcTL", append(b, disposal, blending))
}

// pixelsOf is an fdAT chunk of w×h RGBA pixels of one colour.
func pixelsOf(sequence uint32, w, h int, rgba string) []byte {
	row := "\x00" + strings.Repeat(rgba, w)
	data := deflated([]byte(strings.Repeat(row, h)), 6)
	return appendChunk(nil, "fdAT", append(binary.BigEndian.AppendUint32(nil, sequence), data...))
}

func animationControl(frames, plays byte) []byte {
	return appendChunk(nil, "acTL", []byte{0, 0, 0, frames, 0, 0, 0, plays})
}

// animated is a file of 4×2 RGBA pixels with a red default image and chunks around it.
func animated(before, after []byte) []byte {
	ihdr := []byte{0, 0, 0, 4, 0, 0, 0, 2, 8, 6, 0, 0, 0}
	b := appendChunk([]byte(signature), "IHDR", ihdr)
	b = append(b, before...)
	row := "\x00" + strings.Repeat("\xff\x00\x00\xff", 4)
	b = appendChunk(b, "IDAT", deflated([]byte(row+row), 6))
	return appendChunk(append(b, after...), "IEND", nil)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// shown decodes all frames and draws each as text, a letter for a pixel.
func shown(t *testing.T, file []byte) (frames []string, delays []int, err error) {
	t.Helper()
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{})
	if err != nil {
		return nil, nil, err
	}
	f := d.(codec.FrameDecoder)
	for {
		delay, err := f.NextFrame(t.Context())
		if err == io.EOF {
			return frames, delays, nil
		}
		if err != nil {
			return frames, delays, err
		}
		p := plane.New(f.Shrink(1, 1))
		if _, err := f.Decode(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		var s strings.Builder
		for y := range p.Height() {
			for x := range p.Width() {
				pixel := string([]byte{p.Row(0, y)[x], p.Row(1, y)[x], p.Row(2, y)[x], p.Row(3, y)[x]})
				letter, ok := map[string]string{
					"\xff\x00\x00\xff": "r", "\x00\xff\x00\xff": "g", "\x00\x00\xff\xff": "b",
					"\x00\x00\x00\x00": ".", "\x7f\x00\x80\xff": "m", "\x00\x00\xff\x80": "t",
				}[pixel]
				if !ok {
					t.Errorf("frame %d has a pixel % x", len(frames), pixel)
				}
				s.WriteString(letter)
			}
			s.WriteByte('/')
		}
		frames, delays = append(frames, s.String()), append(delays, delay)
	}
}

func TestFramesAreComposed(t *testing.T) {
	const green, blue, thin = "\x00\xff\x00\xff", "\x00\x00\xff\xff", "\x00\x00\xff\x80"
	for name, c := range map[string]struct {
		before, after []byte
		want          string
	}{
		"still": {nil, nil, "rrrr/rrrr/"},
		"dispose none": {
			join(animationControl(3, 0), control(0, 4, 2, 0, 0, 1, 10, disposeNone, blendSource)),
			join(control(1, 2, 1, 1, 1, 1, 10, disposeNone, blendSource), pixelsOf(2, 2, 1, green),
				control(3, 1, 2, 3, 0, 1, 10, disposeNone, blendOver), pixelsOf(4, 1, 2, thin)),
			"rrrr/rrrr/ rrrr/rggr/ rrrm/rggm/"},
		"dispose to background": {
			join(animationControl(3, 0), control(0, 4, 2, 0, 0, 1, 10, disposeNone, blendSource)),
			join(control(1, 2, 1, 1, 1, 1, 10, disposeBackground, blendSource), pixelsOf(2, 2, 1, green),
				control(3, 1, 1, 0, 0, 1, 10, disposeNone, blendSource), pixelsOf(4, 1, 1, blue)),
			"rrrr/rrrr/ rrrr/rggr/ brrr/r..r/"},
		"dispose to previous": {
			join(animationControl(3, 0), control(0, 4, 2, 0, 0, 1, 10, disposeNone, blendSource)),
			join(control(1, 2, 1, 1, 1, 1, 10, disposePrevious, blendSource), pixelsOf(2, 2, 1, green),
				control(3, 1, 1, 0, 0, 1, 10, disposeNone, blendSource), pixelsOf(4, 1, 1, blue)),
			"rrrr/rrrr/ rrrr/rggr/ brrr/rrrr/"},
		"first to previous is to background": {
			join(animationControl(2, 0), control(0, 4, 2, 0, 0, 1, 10, disposePrevious, blendSource)),
			join(control(1, 1, 1, 0, 0, 1, 10, disposeNone, blendOver), pixelsOf(2, 1, 1, thin)),
			"rrrr/rrrr/ t.../..../"},
		"default image apart": {
			join(animationControl(2, 0)),
			join(control(0, 4, 2, 0, 0, 1, 10, disposeNone, blendSource), pixelsOf(1, 4, 2, green),
				control(2, 1, 1, 3, 1, 1, 10, disposeNone, blendSource), pixelsOf(3, 1, 1, "\x00\x00\x00\x00")),
			"gggg/gggg/ gggg/ggg./"},
	} {
		frames, _, err := shown(t, animated(c.before, c.after))
		if got := strings.Join(frames, " "); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
		p, err := decodeBytes(animated(c.before, c.after), 1) // without NextFrame: the default image
		if err != nil || p.Row(0, 1)[3] != 255 || p.Row(1, 1)[3] != 0 {
			t.Errorf("%s: the default image is %v, %v", name, p.Pix, err)
		}
	}
}

func TestDelaysAndLoops(t *testing.T) {
	file := animated(join(animationControl(3, 7), control(0, 4, 2, 0, 0, 1, 30, 0, 0)),
		join(control(1, 1, 1, 0, 0, 25, 0, 0, 0), pixelsOf(2, 1, 1, "\x00\xff\x00\xff"),
			control(3, 1, 1, 0, 0, 0, 1000, 0, 0), pixelsOf(4, 1, 1, "\x00\xff\x00\xff")))
	_, delays, err := shown(t, file)
	if err != nil || len(delays) != 3 || delays[0] != 33 || delays[1] != 250 || delays[2] != 100 {
		t.Errorf("%v, %v", delays, err)
	}
	d := openBytes(t, file, 1).(codec.FrameDecoder)
	if d.Loops() != 7 || d.Header().Frames != 3 {
		t.Errorf("%d loops, %d frames", d.Loops(), d.Header().Frames)
	}
}

func TestBrokenAnimationsAreCorrupt(t *testing.T) {
	start := join(animationControl(2, 0), control(0, 4, 2, 0, 0, 1, 10, 0, 0))
	pixels := pixelsOf(2, 2, 1, "\x00\xff\x00\xff")
	for name, file := range map[string][]byte{
		"a frame is missing":    animated(start, nil),
		"its pixels are":        animated(start, control(1, 2, 1, 0, 0, 1, 10, 0, 0)),
		"beyond the picture":    animated(start, join(control(1, 2, 1, 3, 0, 1, 10, 0, 0), pixels)),
		"without a size":        animated(start, join(control(1, 0, 1, 0, 0, 1, 10, 0, 0), pixels)),
		"out of order":          animated(start, join(control(2, 2, 1, 0, 0, 1, 10, 0, 0), pixels)),
		"pixels out of order":   animated(start, join(control(1, 2, 1, 0, 0, 1, 10, 0, 0), pixelsOf(3, 2, 1, "\x00\xff\x00\xff"))),
		"unknown disposal":      animated(start, join(control(1, 2, 1, 0, 0, 1, 10, 3, 0), pixels)),
		"too few pixels":        animated(start, join(control(1, 2, 2, 0, 0, 1, 10, 0, 0), pixels)),
		"wrong CRC":             animated(start, join(damage(control(1, 2, 1, 0, 0, 1, 10, 0, 0), "fcTL"), pixels)),
		"first is not as large": animated(join(animationControl(2, 0), control(0, 2, 2, 0, 0, 1, 10, 0, 0)), nil),
	} {
		if _, _, err := shown(t, file); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCanvasIsHeldToTheMemoryLimit(t *testing.T) {
	file := animated(join(animationControl(1, 0), control(0, 4, 2, 0, 0, 1, 10, 0, 0)), nil)
	d, err := codec.Set{Format}.Open(bytes.NewReader(file), codec.OpenOptions{Limits: codec.Limits{Memory: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.(codec.FrameDecoder).NextFrame(t.Context()); !errors.Is(err, codec.ErrLimit) {
		t.Error(err)
	}
}
