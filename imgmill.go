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

// Errors to branch on, with errors.Is. With each of them, trying the same picture again is useless.
var (
	ErrNotImage    = codec.ErrNotImage    // the file is not a picture in a known format
	ErrCorrupt     = codec.ErrCorrupt     // the file is damaged
	ErrUnsupported = codec.ErrUnsupported // a format, or a feature of one, that is not implemented
	ErrLimit       = codec.ErrLimit       // the picture, or the result, exceeds a limit
	ErrTooLarge    = codec.ErrTooLarge    // no quality gives a file as small as Variant.MaxBytes
)

// Limits bound what a picture may ask of the process. They are checked against the header, before a
// pixel is decoded. In each field, 0 means the default and a negative number means no limit.
type Limits struct {
	Pixels int64 // width × height of one frame; default 200 million
	Bytes  int64 // length of the file; default 100 million
	Frames int   // of an animation that is decoded whole; default 500
	Memory int64 // bytes that decoding one picture holds, as estimated before it starts; default 1 GiB
}

// Engine opens pictures. The zero value is ready to use. One engine should serve the whole program:
// it divides the processors among the pictures that are in work, so that a single picture uses them
// all and many pictures use one each. It is safe for concurrent use, and must not be copied after its
// first use.
type Engine struct {
	Limits Limits
	// Threads is how many threads may work on one picture; 0 means GOMAXPROCS.
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
	Format        string // "jpeg", "png", "gif", "webp", "tiff" or "bmp"
	MediaType     string // "image/jpeg"
	Width, Height int    // pixels, upright: as the picture is to be shown
	Frames        int    // in the file; only the first is decoded
	Alpha         bool   // it may have transparent pixels
}

// Open reads the header of the picture in r and holds it to the limits. r is read further by Render,
// and is never closed. Once ctx ends, reading fails with its error. Errors wrap ErrNotImage,
// ErrCorrupt, ErrUnsupported or ErrLimit, or are those of r.
func (e *Engine) Open(ctx context.Context, r io.Reader) (*Picture, error) {
	e.init()
	in := &reader{ctx, r}
	d, err := e.engine.Open(in, e.limits())
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
		Frames: h.Frames, Alpha: h.Layout.HasAlpha(),
	}
	if h.Orientation.Swaps() {
		i.Width, i.Height = i.Height, i.Width
	}
	return i
}

// Variant is a wanted size of a picture. The zero value keeps size and format, turns the picture
// upright, and drops its metadata.
type Variant struct {
	// Width and Height bound the result, in pixels. If one is 0, it follows from the other and the
	// proportions of the picture; if both are, the size stays. Results are never larger than the
	// picture, unless Settings say so.
	Width, Height int
	// Fit is how the picture fills Width×Height, named as in CSS: "inside" (the default; the largest
	// size that fits), "cover" (what protrudes is cut off), "contain" (the rest is filled with a
	// background), "fill" (proportions are ignored), "outside" (the smallest size that covers).
	Fit string
	// Format is "jpeg" or "png". If it is empty, the picture keeps its format, or gets the nearest
	// that can be written.
	Format string
	// Quality is the quality of a JPEG from 1 to 100, as libjpeg counts it. If it is 0, the quality
	// is 80, or less where a JPEG would become larger than the one it was made from.
	Quality int
	// MaxBytes asks for the best quality whose file is no larger. If it is 0, there is no bound.
	MaxBytes int64
	// Settings are further settings by name, with values as in a recipe file: "enlarge": "true",
	// "filter": "mitchell", "background": "#203040", "metadata": "copyright", "effort": "high". The
	// command "imgmill config example" lists all.
	Settings map[string]string
}

// Output is an encoded variant.
type Output struct {
	Format        string // "jpeg"
	MediaType     string // "image/jpeg"
	Width, Height int    // pixels
	Data          []byte // the file
}

// Render decodes the picture once and returns its variants, in their order. It can be called once
// per picture, because it reads the stream. Memory follows the size of the results, not of the
// picture, where the format allows that (JPEG does). Errors are those of Open, or wrap ErrTooLarge,
// or report a Variant that makes no sense.
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
		outputs[i] = Output{o.Format.Name, o.Format.MediaType, o.Width, o.Height, o.Data}
	}
	return outputs, nil
}

// variant checks v and returns it as the engine takes it.
func (e *Engine) variant(i int, v Variant) (render.Variant, error) {
	settings := maps.Clone(v.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	for name, value := range map[string]any{
		"width": v.Width, "height": v.Height, "fit": v.Fit, "format": v.Format, "quality": v.Quality, "max_bytes": v.MaxBytes,
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
	for _, problem := range e.schema.Problems(w) {
		return w, fmt.Errorf("variant %d: %s: %s", i, problem.Setting, problem.Text)
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
