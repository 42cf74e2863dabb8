package cli

import (
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/mem"
	"github.com/imgmill/imgmill/internal/pipeline/event"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// asking is an observer that asks for the present mill while another one waits to take its place.
type asking struct {
	holder   *millHolder
	next     *mill.Mill
	replaced chan struct{}
	got      *mill.Mill
}

func (a *asking) Reached(event.Change, mill.Stage, mill.Picture) {}

func (a *asking) Ended(event.Change, mill.Result) {
	go func() {
		defer close(a.replaced)
		a.holder.replace(a.next)
	}()
	for a.holder.mu.TryRLock() { // until the other one waits
		a.holder.mu.RUnlock()
		time.Sleep(time.Millisecond)
	}
	a.got = a.holder.get()
}

func TestObserverOfReplacedMill(t *testing.T) {
	r := recipe.Default(formats.All())
	var h millHolder
	first, next := mill.New(mem.New(), r), mill.New(mem.New(), r)
	a := &asking{holder: &h, next: next, replaced: make(chan struct{})}
	first.Observer = a
	h.replace(first)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.process(t.Context(), event.Change{Bucket: "elsewhere", Key: "a.jpg"})
	}()
	for _, done := range []chan struct{}{ended, a.replaced} {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("the observer and the next mill wait for each other")
		}
	}
	if a.got != first || h.get() != next {
		t.Error("the mill is another one than it should be")
	}
}
