// Package mill brings the variants of one source object up to date after one change. Process shows
// the way of a change:
//
//	guard        is it a change that the recipe asks to process?   mill.go
//	read         open the object that the change names             read.go
//	gate         may variants be made of it?                       gate.go
//	render       make the variants while the object downloads      render.go
//	write        store the variants and the manifest               write.go, manifest.go, replaced.go
//	remove       instead of these four, if the object is gone     remove.go
//	record       keep a copy and the reason of a bad picture       bad.go, record.go
//	look again   has the source changed in the meantime?           again.go
//	tell         send the event of what became of it               tell.go
//
// All that the recipe decides about the key of the object is in a recipe.Plan, which is made once
// and used by every step.
//
// A change may be delivered several times, late, and out of order; the variants still end up as
// those of the latest version of the object. The package never fetches events, never acknowledges
// them, and never waits before a retry: all of this is up to the caller.
package mill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/placeholder"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/moderate"
	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Mill processes changes according to a recipe. It is safe for concurrent use.
type Mill struct {
	Store  bucket.Store
	Recipe *recipe.Recipe
	Engine *render.Engine
	Memory *Memory // that pictures share; nil bounds nothing but the single picture
	// Moderation is asked if the recipe has gates.rekognition.
	Moderation moderate.Labels
	// TagEvents says that changes of tags are delivered too: a picture that waits for a tag is not tried again
	// before.
	TagEvents bool
	// Notify is told what became of each picture; nil if nobody is. See tell.go.
	Notify *notify.Notifier

	Overlays *Overlays // that watermarks are made of

	Observer Observer // of all changes; nil for none
}

// New returns a mill for the formats that the recipe was checked against.
func New(store bucket.Store, r *recipe.Recipe) *Mill {
	return &Mill{Store: store, Recipe: r, Engine: &render.Engine{Formats: r.Formats}, Overlays: &Overlays{}}
}

// Variant is one written output.
type Variant struct {
	Name   string `json:"name"`
	Set    string `json:"set,omitempty"` // that it belongs to
	Key    string `json:"key"`
	Format string `json:"format"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Bytes  int    `json:"bytes"`
}

// Result is the outcome of a change.
type Result struct {
	Verdict outcome.Verdict
	Reason  string // empty if the verdict is Done
	// Key is the object's key if the event's key turned out to be meant in its other reading.
	Key string
	// Dropped lists metadata of the source that was to be kept and is not, each with the reason.
	Dropped  []string
	Source   Picture
	Variants []Variant
	// Same are the names of variants of sets that were not made, because a smaller one of the same set is
	// as wide as the picture.
	Same []string
	// Failed are the variants that cannot be made. If it is not empty, the verdict is Bad or Retry,
	// and the other variants were written all the same.
	Failed []Failure
	// Objects are the variants and the manifest as the target holds them, whether this change has
	// written them or found that they were as good already.
	Objects []Object
	Elapsed time.Duration
	// OutOfTime is true if the verdict is Retry because the Allowance ended first.
	OutOfTime bool
	// Refused is true if the verdict is Bad because a gate does not let the picture through.
	Refused bool
	// Wait is for how much longer a picture may wait for a tag, if the verdict is Retry because of that.
	Wait time.Duration
	// Undelivered is true if the verdict is Retry because an event could not be delivered.
	Undelivered bool
	// Taken is true if the verdict is Bad because an object that stays is in the place of an output. The
	// picture can be made once that object is gone.
	Taken bool

	// OfTarget is true if there is nothing to do because the change is of the target bucket. Some stores send
	// the events of all buckets, and with them those of what was written there.
	OfTarget bool

	overMemory bool // it is bad, at least in part, because of limits.memory

	warn bool // somebody should look at it, although there was nothing to do
}

// Failure is a variant, or the manifest, that cannot be made of a picture.
type Failure struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Manifest takes the place of a variant's name in a Failure.
const Manifest = "manifest"

// Object is an object of the target that a plan asks for.
type Object struct {
	recipe.Object
	ETag string
}

// Level is the level at which a log reports the result.
func (r Result) Level() slog.Level {
	switch {
	case r.warn:
		return slog.LevelWarn
	case r.OfTarget:
		return slog.LevelDebug
	}
	return r.Verdict.Level()
}

// Overtaken reports whether there was nothing to do because a later change has made this one void.
func (r Result) Overtaken() bool {
	return r.Verdict == outcome.Skipped && (strings.HasPrefix(r.Reason, goneReason) || strings.HasPrefix(r.Reason, staleReason))
}

// Drop adds what was dropped, once.
func (r *Result) Drop(what ...string) {
	for _, w := range what {
		if w != "" && !slices.Contains(r.Dropped, w) {
			r.Dropped = append(r.Dropped, w)
		}
	}
}

// Picture describes a source. Fields are zero if the change ended before they were known.
type Picture struct {
	Format        string `json:"format"`
	Width, Height int    `json:"-"` // upright
	Bytes         int64  `json:"bytes"`
	ETag          string `json:"-"`
	Preview       string `json:"preview,omitempty"` // what is shown of a camera raw file
}

// SetHeader adds what a header declares. The zero header, of a picture that could not be opened,
// adds nothing.
func (p *Picture) SetHeader(h codec.Header) {
	if h.Format != nil {
		p.Format, p.Width, p.Height, p.Preview = h.Format.Name, h.Width, h.Height, h.Preview
		if h.Orientation.Swaps() {
			p.Width, p.Height = h.Height, h.Width
		}
	}
}

// LogLine returns what a log reports about the result of a change.
func (r Result) LogLine(c event.Change) outcome.Change {
	line := outcome.Change{
		Bucket: c.Bucket, Key: cmp.Or(r.Key, c.Key), Verdict: r.Verdict, Reason: r.Reason, Dropped: strings.Join(r.Dropped, "; "),
		MS: float64(r.Elapsed.Microseconds()) / 1000, BytesIn: r.Source.Bytes, Variants: len(r.Variants),
		Preview: r.Source.Preview,
	}
	for _, v := range r.Variants {
		line.BytesOut += int64(v.Bytes)
	}
	return line
}

// Allowance bounds the time for one picture, beside the recipe's timeout, in a place that ends at a
// certain time. The context of the change should end later, so that a result can be recorded.
type Allowance struct {
	Time time.Duration // for reading and rendering; 0 means that there is no such bound
	// Full means that no other attempt would have more time: a picture that takes longer is bad.
	// Otherwise it is worth a retry.
	Full bool
}

// Process brings the variants of the changed object up to date. If ctx ends first, the verdict is
// Retry.
func (m *Mill) Process(ctx context.Context, c event.Change) Result {
	return m.ProcessWithin(ctx, c, Allowance{})
}

// ProcessWithin is Process in a place that has no more time for a picture than a.
func (m *Mill) ProcessWithin(ctx context.Context, c event.Change, a Allowance) Result {
	return m.ended(c, bothReadings(c, func(c event.Change) Result { return m.process(ctx, c, a) }))
}

// Remake is Process for the named variants alone, or for all of them if variants is nil: others are neither rendered nor looked at. Those of a
// set in one format are made together, because it depends on the picture which of them there are. If the
// recipe makes manifests, or somebody is told of pictures, which list all variants, all are made. So they
// are if the object turns out to have changed in the meantime, and if one of the named ones cannot be made,
// because the record of that is about all.
//
// No message is behind the change that would be delivered again after a crash. So the event that is due is
// noted in the target before anything else is written there, for Unsent to find.
func (m *Mill) Remake(ctx context.Context, c event.Change, variants []string) Result {
	m, err := m.markedFor(ctx, c)
	if err != nil {
		return m.ended(c, Result{Verdict: outcome.Retry, Reason: err.Error()})
	}
	j := &job{Mill: m, delivered: c, plan: m.Recipe.Plan(c.Key), notes: true}
	if j.plan.Manifest.Key == "" && m.Notify == nil && variants != nil {
		named := slices.DeleteFunc(j.plan.Variants(), func(v render.Variant) bool {
			return !slices.Contains(variants, v.Name)
		})
		j.plan.Outputs = slices.DeleteFunc(j.plan.Outputs, func(o recipe.Output) bool {
			return !slices.ContainsFunc(named, func(v render.Variant) bool {
				return v.Name == o.Variant.Name || v.Set != "" && v.Set == o.Variant.Set && v.Format == o.Variant.Format
			})
		})
	}
	j.part = len(j.plan.Outputs) < len(m.Recipe.Plan(c.Key).Outputs)
	return m.ended(c, j.run(ctx))
}

// process processes one reading of the key of a change.
func (m *Mill) process(ctx context.Context, c event.Change, a Allowance) Result {
	m, err := m.markedFor(ctx, c)
	if err != nil && !c.Removed { // what is removed needs no overlay
		return Result{Verdict: outcome.Retry, Reason: err.Error()}
	}
	j := &job{Mill: m, delivered: c, plan: m.Recipe.Plan(c.Key), allowance: a}
	return j.run(ctx)
}

// run applies the delivered change.
func (j *job) run(ctx context.Context) Result {
	start := time.Now()
	err := j.guard()
	if err == nil {
		var sent bool
		if sent, err = j.sendAgain(ctx); !sent && err == nil {
			err = j.tell(ctx, j.converge(ctx))
		}
	}
	j.result.Verdict, j.result.Reason = Classify(err)
	j.result.Elapsed = time.Since(start)
	return j.result
}

// job is one change on its way through the mill.
type job struct {
	*Mill
	delivered event.Change
	plan      recipe.Plan // for the key of the change
	part      bool        // some of its outputs are left out
	allowance Allowance
	result    Result
	shown     *placeholder.Placeholder // for the manifest; nil if there is none
	former    bucket.Info              // the manifest that was found, and perhaps replaced; without a key if there was none
	applied   event.Change             // that the result is of
	opened    *source                  // by it; nil if it is a removal, or could not be opened
	notes     bool                     // an event that is due is noted before anything is written
	due       string                   // the ETag of the note; empty if there is none
}

// guard ends a change that can be decided without the object.
func (j *job) guard() error {
	c := j.delivered
	switch {
	case c.Bucket != j.Recipe.Source.Bucket:
		j.result.OfTarget = c.Bucket == j.Recipe.Target.Bucket
		return skip("bucket %q is not the recipe's source", c.Bucket)
	case j.plan.Excluded != "":
		return skip("%s", j.plan.Excluded)
	case c.Removed && j.Recipe.OnRemove != recipe.Remove:
		return skip("removed; the recipe keeps variants")
	case c.Tagged && len(j.Recipe.Gates.Tags) == 0 && j.Recipe.FocalTag == "":
		return skip("its tags have changed, and the recipe asks for none")
	case !c.Removed && len(j.plan.Outputs) == 0:
		return skip("the recipe's rules make no variant of it")
	}
	return nil
}

// converge applies the delivered change and, as long as the source turns out to have changed in the
// meantime, the change that brought it to where it is.
func (j *job) converge(ctx context.Context) error {
	c := &j.delivered
	for range maxRaces {
		j.result, j.applied, j.opened = Result{}, *c, nil
		err := j.apply(ctx, *c)
		if v, _ := Classify(err); v == outcome.Retry {
			return err
		}
		if c, err = j.lookAgain(ctx, *c, err); c == nil {
			return err
		}
		j.whole(c.Key) // what has changed concerns all variants
	}
	return fmt.Errorf("%w: the object changed %d times in the meantime", bucket.ErrTransient, maxRaces)
}

// whole plans all variants of a key.
func (j *job) whole(key string) { j.plan, j.part = j.Recipe.Plan(key), false }

// apply brings the variants to the state that c leaves the source in, or records why it cannot.
func (j *job) apply(ctx context.Context, c event.Change) error {
	if c.Removed {
		return j.remove(ctx, c)
	}
	src, err := j.make(ctx, c)
	switch v, reason := Classify(err); {
	case v == outcome.Bad && j.part:
		j.whole(c.Key)
		j.result = Result{}
		return j.apply(ctx, c)
	case v == outcome.Bad && src != nil:
		if j.result.Refused {
			if err := j.withdraw(ctx, src); err != nil {
				return err
			}
			why, err := j.standIn(ctx, src)
			if err != nil {
				return err
			}
			reason += why
		}
		return j.record(ctx, src, reason)
	case v == outcome.Done && src.change.Sequencer == "":
		return j.forget(ctx, src)
	}
	return err
}

// make reads the object that c names, and makes its variants, once there is memory for it. The source
// is nil if it could not be opened.
func (j *job) make(ctx context.Context, c event.Change) (*source, error) {
	need := max(c.Size, 0)
	if limit := j.Recipe.Limits.Bytes; limit > 0 && need > limit {
		need = 0 // it is refused before any of it is read
	}
	for {
		memory, err := j.Memory.await(ctx, need)
		if err != nil {
			return nil, err
		}
		src, err := j.makeIn(ctx, c, memory)
		memory.release()
		busy, ok := errors.AsType[*busyError](err)
		if !ok {
			return src, err
		}
		need = busy.need
	}
}

// makeIn is make with a share of the memory. A panic, which would happen again with every delivery,
// becomes a verdict.
func (j *job) makeIn(ctx context.Context, c event.Change, memory *share) (src *source, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = bad(fmt.Sprintf("imgmill failed on it, please report this: %v", p))
		}
	}()
	limit := j.timeLimit()
	limited, cancel := limit.start(ctx)
	defer cancel()
	src, err = j.read(limited, c)
	if err != nil {
		j.result.OutOfTime = errors.Is(err, context.DeadlineExceeded) && context.Cause(limited) == errOutOfTime
		return nil, err
	}
	info := src.info
	info.Key = src.change.Key
	focal, err := j.focalPoint(limited, src.change.Bucket, info)
	if err != nil {
		src.body.close()
		return nil, err
	}
	j.plan, j.former, j.shown, j.opened = j.plan.With(src.info.ETag, focal), bucket.Info{}, nil, src
	outputs, err := j.outputs(limited, limit, src, memory)
	if noted := j.noteDue(ctx, err); noted != nil {
		return nil, noted
	}
	if err != nil {
		return src, err
	}
	j.reached(src.change, Resized)
	if err := j.write(ctx, src, outputs); err != nil {
		return src, err
	}
	return src, j.removeReplaced(ctx, src)
}

// outputs renders a picture that passes the gates.
func (j *job) outputs(ctx context.Context, limit timeLimit, src *source, memory *share) ([]render.Output, error) {
	err := j.passTags(ctx, src)
	made := false
	if err == nil {
		made, err = j.madeBefore(ctx, src)
	}
	if err == nil && made {
		err = skip("its tags have changed, and its variants are there")
	}
	if err != nil {
		src.body.close()
		return nil, err
	}
	return j.render(ctx, limit, src, memory)
}

// maxRaces bounds how often a step is repeated because somebody else has changed the same object.
const maxRaces = 16

// verdictError ends a change early. A verdict is returned as an error so that each step reads
// straight down.
type verdictError struct {
	verdict outcome.Verdict
	reason  string
}

func (e verdictError) Error() string { return string(e.verdict) + ": " + e.reason }

// skip returns the verdict of a change for which there is nothing to do.
func skip(format string, args ...any) error {
	return verdictError{outcome.Skipped, fmt.Sprintf(format, args...)}
}

// bad returns the verdict of a picture that cannot be processed.
func bad(reason string) error { return verdictError{outcome.Bad, reason} }

// Reasons to skip a change that a later one has made void.
const (
	goneReason  = "gone: the object has since been removed"
	staleReason = "stale: the object has since been replaced; that upload has its own event"
)

// Classify returns the verdict and the reason that an error of processing a picture stands for. An
// error that is not the picture's fault is worth another try.
func Classify(err error) (outcome.Verdict, string) {
	var e verdictError
	if err == nil {
		return outcome.Done, ""
	}
	if errors.As(err, &e) {
		return e.verdict, e.reason
	}
	if errors.Is(err, codec.ErrNotImage) {
		return outcome.Skipped, err.Error()
	}
	if codec.Permanent(err) || errors.Is(err, bucket.ErrInvalid) {
		return outcome.Bad, err.Error()
	}
	return outcome.Retry, err.Error()
}
