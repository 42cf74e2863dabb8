// Package render makes the variants of one picture: it decodes once and returns an encoded file for
// each variant. The steps, in the order in which they are applied, are
//
//	orient    which way is up: the eight EXIF orientations            orient.go
//	fit       the size of the result and the part of the picture      fit.go, position.go, subject.go
//	reduce    resampling, row by row while the decoder runs           reduce.go, align.go, light.go
//	crop      a part that is chosen by a look at the picture          crop.go, attention.go
//	turn      the reduced picture is turned upright                   orient.go
//	colour    the space that the variant wants: sRGB                  colour.go
//	convert   colour model, transparency over the background          convert.go
//	mark      a watermark is laid over it                             watermark.go
//	pad       the background around a contained picture               pad.go
//	gain map  reduced as the picture is, where it is kept             gainmap.go
//	encode    by the format's encoder, with profile and metadata      encode.go, metadata.go
//	look      whose quality is searched for, where that is "auto"     look.go
//
// Fit works on the upright picture, but pixels are turned only once they are few: the result is the
// same, and no step needs the whole picture in memory. Where no variant shows the last rows of the
// stored picture, the decoder is stopped before them. The package never reads a recipe, a clock or
// a network.
package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/colour"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// Engine makes variants with a set of formats. A process has one, which all its goroutines share:
// the engine divides the processors among the pictures that it works on. Its fields are set before
// its first use, and it is not copied afterwards.
type Engine struct {
	Formats codec.Set
	Threads int // the most that may work on one picture; 0 means GOMAXPROCS

	working atomic.Int32 // pictures being decoded or encoded
	colours transforms
}

// threads returns how many threads a picture may use: the processors that other pictures leave
// idle. In the steady state of as many pictures at a time as there are processors, each has one.
func (e *Engine) threads() int {
	most := e.Threads
	if most == 0 {
		most = runtime.GOMAXPROCS(0)
	}
	return max(most-int(e.working.Load()), 1)
}

// Output is one finished variant.
type Output struct {
	Variant       Variant
	Format        *codec.Format
	Width, Height int // pixels
	Data          []byte
	// Found has quality and score of the file, without Data, if its quality is "auto", and what
	// the search took. A bound on bytes may have lowered the quality since.
	Found *codec.Found
	// SameAs is the name of the earlier variant of its set that has the same format and size. Such an
	// output has no data.
	SameAs string
	// Dropped lists what was asked for and is not there, each with the reason: metadata that was to be
	// kept, a look that no quality reaches. It is usually empty.
	Dropped []string
}

// Make opens r, and makes the variants of the picture in it. The header is that of the picture as
// far as it could be read, also beside an error. Errors are those of Open and Render.
func (e *Engine) Make(
	ctx context.Context, r io.Reader, l codec.Limits, variants []Variant,
) (codec.Header, []Output, error) {
	d, err := e.Open(r, l)
	if err != nil {
		return codec.Header{}, nil, err
	}
	opened(ctx, d.Header())
	outputs, err := e.Render(ctx, d, l, variants)
	return d.Header(), outputs, err
}

// Open reads the header of a picture and holds it to the limits. Errors are those of
// codec.Set.Open.
func (e *Engine) Open(r io.Reader, l codec.Limits) (d codec.Decoder, err error) {
	defer recoverFrom(&err)
	return e.Formats.Open(r, codec.OpenOptions{Limits: l, Threads: e.threads()})
}

// recoverFrom turns a panic into an error: formats are decoded by several libraries, and a picture
// that makes one of them panic would do so with every attempt.
func recoverFrom(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: the decoder failed on it: %v", codec.ErrCorrupt, p)
	}
}

// Render decodes d once, within the limits, for as many samples as the largest variant needs, and
// returns the variants in their order. Errors wrap those of package codec, or are those of the
// stream that d reads. A picture whose data is damaged is ErrCorrupt; what no variant needs, such as
// rows below the last one that any of them shows, is neither read nor judged.
//
// A variant that cannot be made does not withhold the others: the error is then a PartialError, and
// the outputs of the others are returned beside it, in their places.
func (e *Engine) Render(
	ctx context.Context, d codec.Decoder, l codec.Limits, variants []Variant,
) (outputs []Output, err error) {
	defer recoverFrom(&err)
	jobs := make([]*job, len(variants))
	subject := sync.OnceValue(func() subject { return subjectOf(d.Header()) })
	for i, v := range variants {
		jobs[i] = &job{variant: v, subject: subject}
		if err := jobs[i].attempt(e.begin(jobs[i], d)); err != nil {
			return nil, err
		}
		jobs[i].findTwin(jobs[:i])
	}
	if possible := living(jobs); len(possible) > 0 {
		f, ok := d.(codec.FrameDecoder)
		if ok && d.Header().Frames > 1 && slices.ContainsFunc(possible, (*job).later) {
			err = e.animate(ctx, f, l, possible)
		} else {
			err = e.still(ctx, d, l, possible)
		}
		if err != nil {
			return nil, err
		}
	}
	return results(jobs)
}

// job is one variant on its way through the steps.
type job struct {
	variant Variant
	header  codec.Header
	format  *codec.Format
	encoder codec.Encoder
	subject func() subject
	frame   frame
	alpha   bool // in what the decoder pushes; a later frame may need it where the first does not

	space      plane.Space       // of the pixels that are written
	transform  *colour.Transform // to it; nil if the samples stay as they are
	background [3]uint8          // in the space that is written
	marks      *colour.Transform // of an overlay to that space; nil if it is in it
	stamp      *stamp            // the overlay as it lies on the picture; nil until it is needed

	planned plane.Layout   // of reduced
	reduced *plane.Picture // as it is being made, stored orientation
	sink    plane.Sink     // that makes it
	missing int            // planes of reduced whose last row has not arrived
	trimmed bool           // whole rows of the source lie below what is shown
	upright bool           // reduced has been turned

	gainMap *codec.GainMap // that is written
	frames  codec.FrameWriter
	file    []byte
	found   *codec.Found // by the search for a quality; nil if there was none
	dropped []string     // as in Output
	failed  error        // why this variant cannot be made
	twin    *job         // of its set, whose file would be the same; nil if there is none
}

// findTwin looks for an earlier job of the same set and format whose file has the same width.
func (j *job) findTwin(earlier []*job) {
	for _, k := range earlier {
		if j.variant.Set != "" && k.variant.Set == j.variant.Set && k.format == j.format && k.twin == nil &&
			k.frame.canvasWidth == j.frame.canvasWidth {
			j.twin = k
		}
	}
}

// begin chooses format, encoder and size of a job of which the variant is known.
func (e *Engine) begin(j *job, d codec.Decoder) error {
	v := j.variant
	j.header, j.format = d.Header(), v.Format
	j.alpha = j.header.Layout.HasAlpha()
	switch {
	case j.format != nil:
	case v.MaxBytes > 0:
		j.format = e.Formats.Lossy()
	default:
		j.format = e.Formats.Nearest(j.header)
	}
	if j.format == nil || j.format.Encoder == nil {
		return fmt.Errorf("%w: there is no encoder for it", codec.ErrUnsupported)
	}
	j.encoder = j.format.Encoder(j.encoding())
	if err := v.Watermark.missingOverlay(); err != nil {
		return err
	}
	w, h := upright(j.header)
	var s subject
	if v.Position.Focal() {
		s = j.subject()
	}
	j.frame = fit(v, w, h, s)
	j.chooseColour(&e.colours)
	return j.frame.check()
}

// still makes the files of the only picture, or of an animation's first frame.
func (e *Engine) still(ctx context.Context, d codec.Decoder, l codec.Limits, jobs []*job) error {
	if err := e.reduce(ctx, d, l, jobs); err != nil {
		return err
	}
	jobs = living(jobs)
	if err := e.gainMaps(ctx, d, l, jobs); err != nil {
		return err
	}
	decoded(ctx)
	for _, j := range jobs {
		p, err := j.finish(ctx)
		if err != nil {
			return err
		}
		if err := j.attempt(e.encode(ctx, j, d, p)); err != nil {
			return err
		}
	}
	return nil
}

// reduce decodes d once and leaves each job with its reduced picture, or with the reason why it needs
// too much memory.
func (e *Engine) reduce(ctx context.Context, d codec.Decoder, l codec.Limits, jobs []*job) error {
	width, height := samplesNeeded(d.Header(), jobs)
	layout := d.Shrink(width, height)
	if layout.Bits != plane.Bits {
		return fmt.Errorf("%w: samples of %d bits", codec.ErrUnsupported, layout.Bits)
	}
	if err := l.CheckMemory(d); err != nil {
		return err
	}
	if small, ok := d.(codec.EmbeddedDecoder); ok && !slices.ContainsFunc(jobs, (*job).neverEmbedded) {
		var err error
		if layout, err = small.ShrinkToEmbedded(ctx, width, height); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		j.alpha = layout.HasAlpha()
		if err := j.prepare(layout); err != nil {
			return err
		}
	}
	if err := checkMemory(d, l, jobs); err != nil {
		return err
	}
	if jobs = living(jobs); len(jobs) == 0 {
		return nil
	}
	for _, j := range jobs {
		j.reduced = plane.New(j.planned)
	}
	if err := e.decode(ctx, d, fanOut(jobs)); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := j.crop(ctx); err != nil {
			return err
		}
	}
	return nil
}

// neverEmbedded reports whether a copy that the file embeds must not stand for the picture. If one variant
// needs the picture itself, that serves all.
func (j *job) neverEmbedded() bool { return j.variant.Embedded == NeverEmbedded }

// checkMemory refuses variants whose reduced pictures take more memory than the limit allows,
// together with the decoder or, after it, with the copy that the steps make of one of them and what its
// encoder holds. Usually they are small; but a variant whose width alone is given may be as tall as its
// source. A variant that takes too much by itself fails without the others. What is left is reserved.
func checkMemory(d codec.Decoder, l codec.Limits, jobs []*job) error {
	refuse := func(subject string, n int64) error {
		h := d.Header()
		return fmt.Errorf("%w: %s of %d×%d pixels would need about %d bytes of memory, the limit is %d; %s",
			codec.ErrMemory, subject, h.Width, h.Height, n, l.Memory, codec.MoreMemory)
	}
	all, beside := int64(0), d.Memory()
	for _, j := range jobs {
		held, more := j.memory()
		if n := held + max(more, d.Memory()); l.Memory > 0 && n > l.Memory {
			if err := j.attempt(refuse("the picture", n)); err != nil {
				return err
			}
			continue
		}
		all += held
		beside = max(beside, more)
	}
	n := all + beside
	if l.Memory > 0 && n > l.Memory {
		return refuse("the variants of a picture", n)
	}
	return l.Take(n)
}

// memory returns the bytes of the reduced picture, together with what is held from frame to frame of an
// animation, and those that its steps and its encoder need beside it.
func (j *job) memory() (held, beside int64) {
	for _, p := range j.planned.Planes {
		held += int64(p.Width) * int64(p.Height)
	}
	want := j.working(j.frame.width, j.frame.height)
	if j.header.Orientation > 1 || j.frame.looks() || want.Model != j.planned.Model || want.HasAlpha() != j.planned.HasAlpha() {
		beside = held
	}
	if o := j.variant.Watermark.Overlay; o != nil {
		_, w, h := j.variant.Watermark.placed(o.picture.Width(), o.picture.Height(), j.frame.width, j.frame.height)
		beside += 2 * 4 * int64(w) * int64(h) // in two models, with alpha
	}
	if heavy, ok := j.encoder.(codec.HeavyEncoder); j.animates() && j.header.Frames > 1 {
		held += j.encoder.(codec.FrameEncoder).FrameMemory(want)
		if j.frames != nil { // by doubling, as buffers grow: who finds no memory free begins again
			held += 1 << bits.Len64(uint64(j.frames.Size()))
		}
	} else if ok {
		beside += heavy.Memory(want)
	}
	if j.auto() != nil {
		beside += searchMemory(j.layout(j.frame.width, j.frame.height))
	}
	return held, beside
}

// steps turn a reduced picture into the one that is encoded. An error is that of the context.
var steps = []func(*job, context.Context, *plane.Picture) (*plane.Picture, error){
	(*job).turn,
	(*job).convertColour,
	(*job).convert,
	(*job).mark,
	(*job).pad,
}

// finish takes the reduced picture through the steps.
func (j *job) finish(ctx context.Context) (p *plane.Picture, err error) {
	p = j.reduced
	j.reduced, j.sink = nil, nil
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p, err = step(j, ctx, p); err != nil {
			return nil, err
		}
	}
	p.Space = p.Space.For(p.Model)
	return p, nil
}

// eachRow calls do for each of n rows, and ends early with the context. A reduced picture can be as
// large as its source: a row has up to 65,535 samples.
func eachRow(ctx context.Context, n int, do func(y int)) error {
	const together = 16 // rows between two looks at the context
	for y := range n {
		if y%together == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		do(y)
	}
	return nil
}

// decode runs d into sink.
func (e *Engine) decode(ctx context.Context, d codec.Decoder, sink plane.Sink) error {
	e.working.Add(1)
	defer e.working.Add(-1)
	report, err := d.Decode(ctx, sink)
	if err != nil && !errors.Is(err, plane.ErrEnough) {
		return err
	}
	return report.Damage
}

// fan passes every row to every job that still needs rows.
type fan struct {
	sinks []plane.Sink // nil for a job that has enough
	open  int          // sinks that are not nil
}

func fanOut(jobs []*job) plane.Sink {
	if len(jobs) == 1 {
		return jobs[0].sink
	}
	f := &fan{open: len(jobs)}
	for _, j := range jobs {
		f.sinks = append(f.sinks, j.sink)
	}
	return f
}

func (f *fan) Rows(p, y int, r plane.Rows) error {
	for i, s := range f.sinks {
		if s == nil {
			continue
		}
		err := s.Rows(p, y, r)
		if err == plane.ErrEnough {
			f.sinks[i] = nil
			if f.open--; f.open > 0 {
				continue
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
