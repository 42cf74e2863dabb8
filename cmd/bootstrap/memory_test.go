package main

import (
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestDecodingMemory checks that a picture may hold a part of the function's memory, whatever the
// recipe says, and that the smallest function still has some.
func TestDecodingMemory(t *testing.T) {
	for mb, want := range map[string]int64{
		"": 0, "-1": 0, "many": 0, "99999999999": 0, "128": 128 << 20, "1769": 1769 << 20,
	} {
		if got := memorySize(mb); got != want {
			t.Errorf("%q MB: %d bytes, want %d", mb, got, want)
		}
	}
	for _, mb := range []int64{128, 512, 1769, 10240} {
		if got, size := decodingMemory(mb<<20), mb<<20; got < size/5 || got > size*3/5 {
			t.Errorf("%d MB: %d bytes for decoding", mb, got)
		}
	}
	r := recipe.Default(formats.All())
	if got := r.WithMemory(decodingMemory(512 << 20)).Limits.Memory; got > 300<<20 {
		t.Errorf("the recipe's limit is %d bytes", got)
	}
}
