// Package jpeg is the format of JPEG files: packages decode and encode read and write their pictures, and this one the gain
// map that may stand behind a picture.
package jpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/jpeg/decode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/encode"
	"github.com/imgmill/imgmill/internal/engine/jpeg/stream"
	"github.com/imgmill/imgmill/internal/engine/plane"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// Format describes JPEG files.
var Format = &codec.Format{
	Name: "jpeg", Title: "JPEG", Aliases: []string{"jpg"},
	Refused: "hierarchical coding, lossless arithmetic coding, two components or more than " +
		"four",
	Extensions: []string{".jpg", ".jpeg"},
	MediaType:  "image/jpeg",
	Abilities: codec.Abilities{
		Lossy: true, Profile: true, GainMap: true, Interpolated: true, Bits: 8,
		EXIF: true, XMP: true, IPTC: true, MaxEXIF: stream.MaxEXIF, MaxXMP: stream.MaxXMP, MaxIPTC: stream.MaxIPTC,
	},
	Uploaded: true,
	Settings: []*setting.Setting{qualitySetting, effortSetting, subsamplingSetting, progressiveSetting},
	Detect:   func(head []byte) bool { return bytes.HasPrefix(head, []byte("\xff\xd8\xff")) },
	Open:     open,
	Encoder:  func(v setting.Values) codec.Encoder { return encoder{v} },
}

// DefaultQuality is the quality of a picture whose settings name none.
const DefaultQuality = 80

var (
	qualitySetting = &setting.Setting{
		Name: "quality", Type: setting.Int, Min: 1, Max: 100, Choices: []string{"auto"}, Example: "75", MayGrow: true,
		Help:   "quality, as libjpeg and libwebp count it; auto chooses it by look",
		Absent: "80, or less where the file would otherwise become larger than its source of the same format",
	}
	effortSetting = &setting.Setting{
		Name: "effort", Type: setting.Choice, Choices: []string{"normal", "high"}, Default: "normal",
		Help: "high saves bytes and takes several times as long",
	}
	subsamplingSetting = &setting.Setting{
		Name: "subsampling", Type: setting.Choice, Choices: []string{"4:2:0", "4:2:2", "4:4:4"}, MayGrow: true, Example: "4:4:4",
		Help:   "how much fine colour detail to keep; 4:4:4 suits text and drawings",
		Absent: "4:2:0, or 4:4:4 with look: visually-lossless",
	}
	progressiveSetting = &setting.Setting{
		Name: "progressive", Type: setting.Bool, Default: "false",
		Help: "the whole picture appears early and sharpens while it loads; effort: high implies it",
	}
)

// streamDecoder is a Decoder behind codec's contract. Rows come while the file is still read.
type streamDecoder struct {
	d      *decode.Decoder
	hints  gainMapHints
	stream *codec.Stream
	header codec.Header
}

func open(s *codec.Stream, o codec.OpenOptions) (codec.Decoder, error) {
	var hints gainMapHints
	d, err := decode.New(s, decode.Options{Threads: o.Threads, Application: hints.read})
	if err != nil {
		return nil, classify(s, err)
	}
	j := d.Header()
	h := codec.Header{Format: s.Format(), Width: j.Width, Height: j.Height, Frames: 1, Orientation: 1, Layout: j.Layout}
	h.Layout.Space.ICC = j.ICC
	if h.Metadata = j.Metadata; j.EXIF != nil {
		h.SetEXIF(j.EXIF)
	}
	return &streamDecoder{d, hints, s, h}, nil
}

func (d *streamDecoder) Header() codec.Header { return d.header }

func (d *streamDecoder) Shrink(width, height int) plane.Layout {
	l := d.d.Shrink(width, height)
	l.Space = d.header.Layout.Space
	return l
}

func (d *streamDecoder) Memory() int64 { return d.d.Memory() }

func (d *streamDecoder) Length(enough int64) (int64, error) { return d.stream.Length(enough) }

func (d *streamDecoder) Decode(ctx context.Context, sink plane.Sink) (codec.Report, error) {
	r, err := d.d.Decode(ctx, sink)
	var report codec.Report
	if r.Damage != "" {
		report.Damage = damage(r.Damage)
	}
	// An error in what was read ahead does not matter once the sink has enough.
	if err != nil && d.stream.Err() != nil && !errors.Is(err, plane.ErrEnough) {
		return report, d.stream.Err() // the stream's own error, without the one that it caused
	}
	return report, classify(d.stream, err)
}

// classify gives an error the kind that callers branch on. Errors of the sink or the context stay
// as they are.
func classify(s *codec.Stream, err error) error {
	var f *decode.FormatError
	var u *decode.UnsupportedError
	switch {
	case errors.As(err, &f):
		return s.Corrupt(f.Offset, "%s", f.Reason)
	case errors.As(err, &u):
		return fmt.Errorf("%w: %w", codec.ErrUnsupported, u)
	}
	return err
}

// damage is what was wrong with a picture that can be shown all the same. It matches
// codec.ErrCorrupt.
type damage string

func (d damage) Error() string { return string(d) }

// Is reports whether target is codec.ErrCorrupt.
func (d damage) Is(target error) bool { return target == codec.ErrCorrupt }

// encoder is Encode behind codec's contract.
type encoder struct{ v setting.Values }

// subsampling is how many samples of luma there are to one of chroma.
func (e encoder) subsampling() (x, y int) {
	switch e.v.Text(subsamplingSetting) {
	case "4:4:4":
		return 1, 1
	case "4:2:2":
		return 2, 1
	}
	return 2, 2
}

func (e encoder) Layout(model plane.Model, _ bool, w, h int) plane.Layout {
	if model == plane.Gray {
		return plane.NewLayout(plane.Gray, false, w, h, 1, 1)
	}
	x, y := e.subsampling()
	return plane.NewLayout(plane.YCbCr, false, w, h, x, y)
}

func (e encoder) options(p *plane.Picture, o codec.EncodeOptions) encode.Options {
	opt := encode.Options{
		Quality:     int(e.v.Int(qualitySetting, DefaultQuality)),
		Progressive: e.v.Bool(progressiveSetting) || o.Compact,
		ICC:         p.Space.ICC, Metadata: o.Metadata, Threads: o.Threads,
	}
	if e.v.Text(effortSetting) == "high" {
		opt.Effort, opt.Progressive = encode.High, true
	}
	return opt
}

func (e encoder) Encode(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) ([]byte, error) {
	var b bytes.Buffer
	if err := encode.Encode(ctx, &b, p, e.options(p, o)); err != nil {
		return nil, unsupported(ctx, err)
	}
	return finished(b.Bytes(), o.GainMap), nil
}

// finished adds the gain map, if there is one.
func finished(file []byte, m *codec.GainMap) []byte {
	if m == nil {
		return file
	}
	return withGainMap(file, m)
}

// Trials implements codec.LossyEncoder.
func (e encoder) Trials(ctx context.Context, p *plane.Picture, o codec.EncodeOptions) (codec.Trials, error) {
	prepared, err := encode.New(ctx, p)
	if err != nil {
		return nil, unsupported(ctx, err)
	}
	return &trials{prepared, e.options(p, o), o.GainMap}, nil
}

// unsupported classifies an error of Encode: a buffer accepts everything, so that unless the context
// has ended the picture is one that a JPEG cannot hold.
func unsupported(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", codec.ErrUnsupported, err)
}

// trials encodes one picture at several qualities; its blocks are transformed once.
type trials struct {
	e    *encode.Encoder
	o    encode.Options
	gain *codec.GainMap
}

func (t *trials) Quality() int { return t.o.Quality }

func (t *trials) Encode(ctx context.Context, quality int) ([]byte, error) {
	o := t.o
	o.Quality = quality
	var b bytes.Buffer
	if err := t.e.Encode(ctx, &b, o); err != nil {
		return nil, unsupported(ctx, err)
	}
	return finished(b.Bytes(), t.gain), nil
}

// LogStep implements codec.Trials.
func (t *trials) LogStep(quality int) float64 { return encode.LogStep(quality) }

// usualScores are medians over 34 photographs, reduced to 320, 800 and 1600 pixels, with half of their chroma
// each way.
var usualScores = codec.Curve{
	-40, 0, 20, 33.1, 42, 49.2, 53.5, 56.8, 60.5, 63.7, 65.7, 67.6, 70.2, 72.2, 75, 77.5, 80.8, 84.4, 88.6, 92.5,
}

// UsualScore implements codec.Trials.
func (t *trials) UsualScore(quality int) float64 { return usualScores.At(quality) }
