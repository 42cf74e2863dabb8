package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// writtenMeanwhile are files that somebody writes to as soon as they are open. It counts what is written.
type writtenMeanwhile struct {
	files
	data []byte
	n    int
}

func (w *writtenMeanwhile) open(ctx context.Context, name string) (*opened, error) {
	o, err := w.files.open(ctx, name)
	if err == nil && w.data != nil {
		err = os.WriteFile(name, w.data, 0o600)
	}
	return o, err
}

func (w *writtenMeanwhile) write(context.Context, string, []byte, bucket.Attributes) (string, error) {
	w.n++
	return "", nil
}

// TestChangedWhileRead: no variant is made of a file that is written while it is read, of which it could show two contents
// or a part, and the picture is not to blame.
func TestChangedWhileRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.jpg")
	one, other := sample.Photo(60, 40), sample.Photo(80, 50)
	for _, c := range []struct {
		with []byte
		want outcome.Verdict
		made int
	}{{nil, outcome.Done, 1}, {other, outcome.Retry, 0}, {other[:len(other)/2], outcome.Retry, 0}} {
		if err := os.WriteFile(name, one, 0o600); err != nil {
			t.Fatal(err)
		}
		from := &writtenMeanwhile{data: c.with}
		r := recipe.Default(formats.All())
		z := resizer{engine: &render.Engine{Formats: r.Formats}, limits: r.Limits, force: true}
		res := z.file(t.Context(), task{input: name, from: from, to: from, variants: r.Variants, done: make(chan struct{}),
			path:       func(int, render.Output, content) (string, error) { return "out.jpg", nil },
			attributes: func(int, *codec.Format) bucket.Attributes { return bucket.Attributes{} }})
		if res.Verdict != c.want || from.n != c.made || c.made == 0 && res.Reason != errChanged.Error() {
			t.Errorf("written: %d bytes; %s: %s, %d variants", len(c.with), res.Verdict, res.Reason, from.n)
		}
	}
}
