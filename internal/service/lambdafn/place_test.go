package lambdafn_test

import (
	"testing"
	"time"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/lambdafn"
)

// TestDecodingMemory checks that a picture may hold a part of the function's memory, whatever the
// recipe says, and that the smallest function still has some.
func TestDecodingMemory(t *testing.T) {
	for _, mb := range []int64{128, 512, 1769, 10240} {
		if got, size := lambdafn.DecodingMemory(mb<<20), mb<<20; got < size/5 || got > size*3/5 {
			t.Errorf("%d MB: %d bytes for decoding", mb, got)
		}
	}
	r := recipe.Default(formats.All()).WithMemory(lambdafn.DecodingMemory(512 << 20))
	if got := r.Limits.Memory; got > 300<<20 {
		t.Errorf("the recipe's limit is %d bytes", got)
	}
}

func TestPictureTime(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		time.Minute: 57500 * time.Millisecond, 900 * time.Second: 897500 * time.Millisecond, 2500 * time.Millisecond: 1500 * time.Millisecond,
	} {
		if got := lambdafn.PictureTime(timeout); got != want {
			t.Errorf("%s: %s, want %s", timeout, got, want)
		}
	}
}
