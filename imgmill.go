package imgmill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// Errors to branch on, with errors.Is. After any of them, trying the same picture again is useless.
var (
	ErrNotImage    = codec.ErrNotImage    // the file is not a picture in a known format
	ErrCorrupt     = codec.ErrCorrupt     // the file is damaged
	ErrUnsupported = codec.ErrUnsupported // a format, or a feature of one, that is not implemented
	ErrLimit       = codec.ErrLimit       // the picture, or the result, exceeds a limit
	ErrTooLarge    = codec.ErrTooLarge    // no quality gives a file as small as Variant.MaxBytes
)

// Limits bound what a picture may ask of the process. Except for Bytes, which counts what is read,
// they are checked before a pixel is decoded. In each field, 0 means the default and a negative
// number means no limit.
type Limits struct {
	Pixels int64 // width × height of one frame; default 200 million
	Bytes  int64 // length of the file; default 100 million
	Frames int   // frames to decode of an animation; default 500
	Memory int64 // bytes that decoding holds, as estimated from the header; default 1 GiB
}

// Engine opens pictures. The zero value is ready to use. One engine should serve the whole program:
// it divides the processors among the pictures that are being processed, so that a single picture
// uses them all and many pictures use one each. It is safe for concurrent use. After its first use
// it must not be copied, and its fields must not be changed.
type Engine struct {
	Limits Limits
	// Threads is the most that may work on one picture; 0 means GOMAXPROCS.
	Threads int

	once   sync.Once
	engine render.Engine
	schema *render.Schema
}

func (e *Engine) init() {
	e.once.Do(func() {
		all := formats.All()
		e.engine.Formats, e.engine.Threads = all, e.Threads
		e.schema = render.NewSchema(all)
	})
}

// Picture is a picture whose header has been read. It is not safe for concurrent use.
type Picture struct {
	e       *Engine
	d       codec.Decoder
	r       *reader
	decoded bool
}

// Info describes a picture before it is decoded.
type Info struct {
	Format        string // its name in lower case, such as "jpeg"
	MediaType     string // such as "image/jpeg"
	Width, Height int    // pixels, upright: as the picture is to be shown
	Frames        int    // in the file
	Alpha         bool   // whether it may have transparent pixels
	// Preview describes what is shown of a camera raw file: the JPEG preview in it, whose size is
	// that of Width and Height. It is empty for all other files.
	Preview string
}

// Open reads the header of the picture in r and refuses what exceeds a limit. Render reads on; r is
// never closed. If r is also an io.ReaderAt and an io.Seeker, as an *os.File is, a TIFF file of any
// layout takes the memory of a few rows. If ctx ends before Open returns, reading fails with its error. Errors wrap
// ErrNotImage, ErrCorrupt, ErrUnsupported or ErrLimit, or the error of r.
func (e *Engine) Open(ctx context.Context, r io.Reader) (*Picture, error) {
	e.init()
	in := &reader{ctx, r}
	var from io.Reader = in
	if p, ok := r.(codec.Places); ok {
		from = &places{in, p}
	}
	d, err := e.engine.Open(from, e.limits())
	if err != nil {
		return nil, fmt.Errorf("open picture: %w", err)
	}
	return &Picture{e: e, d: d, r: in}, nil
}

func (e *Engine) limits() codec.Limits {
	return codec.Limits{
		Pixels: orDefault(e.Limits.Pixels, 200e6), Bytes: orDefault(e.Limits.Bytes, 100e6),
		Frames: int(orDefault(int64(e.Limits.Frames), 500)), Memory: orDefault(e.Limits.Memory, 1<<30),
	}
}

// orDefault returns the limit for package codec, where 0 is none.
func orDefault(limit, usual int64) int64 {
	if limit == 0 {
		return usual
	}
	return max(limit, 0)
}

// Info returns what the header declares.
func (p *Picture) Info() Info {
	h := p.d.Header()
	i := Info{
		Format: h.Format.Name, MediaType: h.Format.MediaType, Width: h.Width, Height: h.Height,
		Frames: h.Frames, Alpha: h.Layout.HasAlpha(), Preview: h.Preview,
	}
	if h.Orientation.Swaps() {
		i.Width, i.Height = i.Height, i.Width
	}
	return i
}

// Variant describes a version of a picture to make. The zero value keeps size and format, turns the
// picture upright, and drops its metadata.
type Variant struct {
	// Width and Height are a box in pixels. If one is 0, it follows from the other and the
	// proportions of the picture; if both are 0, the picture keeps its size. The picture is never
	// enlarged, unless Settings allow that.
	Width, Height int
	// Fit is how the picture fills the box, named as in CSS: "inside" (the default; the largest size
	// that fits), "cover" (what does not fit is cut off), "contain" (the rest of the box is filled
	// with a background), "fill" (proportions are ignored), "outside" (the smallest size that covers
	// the box).
	Fit string
	// Focal is what matters in the picture: "cover" shows the part around it, in place of the centre, unless
	// Settings["position"] is a place. nil: position decides alone.
	Focal *Point
	// Watermark is laid over the picture, as Settings "watermark.position" ("left top"), "watermark.scale" ("20%"),
	// "watermark.opacity", "watermark.margin" and "watermark.tile" say. nil: there is none.
	Watermark *Overlay
	// Format is "jpeg", "png", "gif" or "webp". If it is empty, the picture keeps its format, or is written
	// in the nearest one that can be.
	Format string
	// Quality is the quality of a JPEG or lossy WebP from 1 to 100, as libjpeg and libwebp count it. If
	// it is 0, the quality is 80, or less where the file would become larger than its source of the
	// same format; or, with the Settings "quality": "auto" and "look": "high", the lowest with which
	// the file looks like that.
	Quality int
	// MaxBytes asks for the best quality whose file is no larger. It is at least 1000, or 0 for no
	// bound.
	MaxBytes int64
	// Settings are further settings by name, with values as in a recipe file: "enlarge": "true",
	// "filter": "mitchell", "background": "#203040", "metadata": "copyright", "effort": "high". The
	// command "imgmill config example" lists them all. The fields above take precedence.
	Settings map[string]string
}

// Point is a place in an upright picture, from 0, 0 at the top left to 1, 1.
type Point struct{ X, Y float64 }

// Overlay is a picture to lay over others. It is safe for concurrent use.
type Overlay struct{ overlay *render.Overlay }

// Overlay decodes a picture of at most 4 million pixels to lay over others. Errors are those of Open.
func (e *Engine) Overlay(ctx context.Context, r io.Reader) (*Overlay, error) {
	e.init()
	o, err := e.engine.Overlay(ctx, &reader{ctx, r}, e.limits())
	if err != nil {
		return nil, fmt.Errorf("read overlay: %w", err)
	}
	return &Overlay{o}, nil
}

// Output is an encoded variant.
type Output struct {
	Format        string // such as "jpeg"
	MediaType     string // such as "image/jpeg"
	Width, Height int    // pixels
	Data          []byte // the file
	// Dropped lists what was asked for and is not there, each with the reason: metadata that was to be kept, a
	// look that no quality reaches.
	Dropped []string
}

// Render decodes the picture once and returns the variants in the order of the arguments. It reads
// the rest of the stream, so it can be called only once for a Picture. Errors are those of Open and
// of ctx, or wrap ErrTooLarge. An invalid Variant is an error, too, before anything is read.
func (p *Picture) Render(ctx context.Context, variants ...Variant) ([]Output, error) {
	if p.decoded {
		return nil, errors.New("render picture: its stream has been read; open it again")
	}
	wanted := make([]render.Variant, len(variants))
	for i, v := range variants {
		var err error
		if wanted[i], err = p.e.variant(i, v); err != nil {
			return nil, fmt.Errorf("render picture: %w", err)
		}
	}
	p.decoded = true
	p.r.ctx = ctx
	made, err := p.e.engine.Render(ctx, p.d, p.e.limits(), wanted)
	if err != nil {
		return nil, fmt.Errorf("render picture: %w", err)
	}
	outputs := make([]Output, len(made))
	for i, o := range made {
		outputs[i] = Output{o.Format.Name, o.Format.MediaType, o.Width, o.Height, o.Data, o.Dropped}
	}
	return outputs, nil
}

// variant checks v, number i of the arguments, and returns it in the engine's form.
func (e *Engine) variant(i int, v Variant) (render.Variant, error) {
	settings := maps.Clone(v.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	for name, value := range map[string]any{
		"width": v.Width, "height": v.Height, "fit": v.Fit, "format": v.Format,
		"quality": v.Quality, "max_bytes": v.MaxBytes,
	} {
		if text := fmt.Sprint(value); text != "0" && text != "" {
			settings[name] = text
		}
	}
	w := render.NewVariant(fmt.Sprint(i))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		s := e.schema.Setting(name)
		if s == nil {
			return w, fmt.Errorf("variant %d: there is no setting %q", i, name)
		}
		text, err := s.Parse(settings[name])
		if err != nil {
			return w, fmt.Errorf("variant %d: %s: %w", i, name, err)
		}
		s.Set(&w, text)
	}
	if v.Focal != nil {
		if _, named := settings["position"]; !named {
			w.Position = render.FocalPosition
		}
		focal := render.Point(*v.Focal)
		if !(focal.X >= 0 && focal.X <= 1 && focal.Y >= 0 && focal.Y <= 1) {
			return w, fmt.Errorf("variant %d: the focal point %v is not in the picture; write two numbers from 0 to 1", i, focal)
		}
		w.Focal = &focal
	}
	switch {
	case v.Watermark != nil:
		w.Watermark.Image, w.Watermark.Overlay = "overlay", v.Watermark.overlay
	case w.Watermark.Image != "":
		return w, fmt.Errorf("variant %d: watermark.image names a file; read it with Engine.Overlay, and pass that as Watermark", i)
	}
	if problems := e.schema.Problems(w); len(problems) > 0 {
		return w, fmt.Errorf("variant %d: %s: %s", i, problems[0].Setting, problems[0].Text)
	}
	return w, nil
}

// reader fails once its context has ended.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// places is a reader that can also be read at any place.
type places struct {
	*reader
	codec.Places
}

func (p *places) ReadAt(b []byte, off int64) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Places.ReadAt(b, off)
}
