package mill

import (
	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/event"
)

// Stage is how far a picture has come on its way through the mill. After Resized it is written, and then it
// has a Result.
type Stage string

const (
	Read    Stage = "read"    // the object is open, and the header says what picture it is
	Decoded Stage = "decoded" // it has been decoded, as far as the variants need it; of an animation, the last frame has been
	Resized Stage = "resized" // all variants are made
)

// Observer is told how changes proceed, by several goroutines at a time. It must return soon: the picture
// waits for it. A picture may reach a stage more than once, because it changed meanwhile or waited for
// memory, and have a result without any.
type Observer interface {
	// Reached is called when the picture of a change has reached a stage.
	Reached(c event.Change, s Stage, p Picture)
	// Ended is called with the result of a change, before Process or Remake returns it.
	Ended(c event.Change, r Result)
}

// Observers are several as one.
type Observers []Observer

// Reached implements Observer.
func (all Observers) Reached(c event.Change, s Stage, p Picture) {
	for _, o := range all {
		o.Reached(c, s, p)
	}
}

// Ended implements Observer.
func (all Observers) Ended(c event.Change, r Result) {
	for _, o := range all {
		o.Ended(c, r)
	}
}

// reached tells the observer of a stage.
func (j *job) reached(c event.Change, s Stage) {
	if j.Observer != nil {
		j.Observer.Reached(c, s, j.result.Source)
	}
}

// ended tells the observer of a result, and returns that.
func (m *Mill) ended(c event.Change, r Result) Result {
	if m.Observer != nil {
		m.Observer.Ended(c, r)
	}
	return r
}

// trace reports the stages of a change that the engine knows of.
func (j *job) trace(c event.Change) render.Trace {
	if j.Observer == nil {
		return render.Trace{}
	}
	return render.Trace{
		Opened: func(h codec.Header) {
			j.result.Source.SetHeader(h)
			j.reached(c, Read)
		},
		Decoded: func() { j.reached(c, Decoded) },
	}
}
