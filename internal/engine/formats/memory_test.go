package formats

import (
	"bytes"
	"errors"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/sample"
	"github.com/imgmill/imgmill/internal/engine/setting"
)

// TestMemoryOfEncoders writes three megapixels within limits that do and do not suffice for encoders that
// hold the whole picture several times.
func TestMemoryOfEncoders(t *testing.T) {
	photo := sample.Photo(2000, 1500)
	engine := &render.Engine{Formats: All()}
	for _, c := range []struct {
		format string
		values setting.Values
		heavy  bool
	}{
		{"jpeg", nil, false}, {"png", nil, false}, {"webp", nil, false},
		{"webp", setting.Values{"lossless": "true"}, true}, {"gif", nil, true},
	} {
		for limit, fits := range map[int64]bool{30e6: !c.heavy, 60e6: true} {
			v := render.NewVariant("v")
			v.Format, v.Encoding = All().Named(c.format), c.values
			_, _, err := engine.Make(t.Context(), bytes.NewReader(photo), codec.Limits{Memory: limit}, []render.Variant{v})
			if fits && err != nil || !fits && !errors.Is(err, codec.ErrLimit) {
				t.Errorf("%s %v within %d bytes: %v", c.format, c.values, limit, err)
			}
		}
	}
}
