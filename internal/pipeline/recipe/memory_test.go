package recipe_test

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestDecodingMemory checks that a picture may hold a part of the function's memory, whatever the
// recipe says, and that the smallest function still has some.
func TestDecodingMemory(t *testing.T) {
	for _, mb := range []int64{128, 512, 1769, 10240} {
		if got, size := recipe.DecodingMemory(mb<<20), mb<<20; got < size/5 || got > size*3/5 {
			t.Errorf("%d MB: %d bytes for decoding", mb, got)
		}
	}
	r := recipe.Default(formats.All()).WithMemory(recipe.DecodingMemory(512 << 20))
	if got := r.Limits.Memory; got > 300<<20 {
		t.Errorf("the recipe's limit is %d bytes", got)
	}
}

// TestFitsFunction: the defaults fit, and what does not comes with numbers that do.
func TestFitsFunction(t *testing.T) {
	for _, test := range []struct {
		limits string
		mb     int
		want   string // text and advice
		fatal  bool
	}{
		{"", 1769, "", false},
		{"{pixels: 12MP}", 512, "", false},
		{"{memory: 1GiB}", 1769, "", false}, // 1023 MiB, but that is as good
		{"{memory: 1GiB}", 3008, "", false},
		{"{pixels: 50MP, memory: 200MiB}", 512, "", false},
		{"", 512, "limits.pixels is 200 million, and the memory limit of 268 MiB holds 70 million", false},
		{"", 512, "will be bad: add --memory 1336, or lower limits.pixels to 70MP", false},
		{"{memory: 100MiB}", 1769, "100 MiB holds 26 million: larger pictures that must be decoded whole", false},
		{"{memory: 100MiB}", 1769, "will be bad: lower limits.pixels to 26MP", false},
		{"{memory: 1.5GiB}", 1769, "a function of 1769 MB has 1023 MiB for decoding a picture, which is the limit there: " +
			"add --memory 2624, or lower limits.memory to 1023MiB", false},
		{"{memory: 2GiB}", 1769, "limits.memory is 2048 MiB, and the function has 1769 MB in all: " +
			"add --memory 3478, or lower limits.memory to 1023MiB", true},
		{"{memory: 9GiB}", 2000, "in all: lower limits.memory to 1161MiB", true},
	} {
		text := "source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\n"
		if test.limits != "" {
			text += "limits: " + test.limits + "\n"
		}
		r, err := recipe.Parse(formats.All(), "test", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		m := r.FitsFunction(test.mb)
		if m == nil {
			if test.want != "" {
				t.Errorf("%s in %d MB: no misfit, want %q", test.limits, test.mb, test.want)
			}
			continue
		}
		got := m.Text + ": " + m.Advice("add --memory")
		if test.want == "" || !strings.Contains(got, test.want) || m.Fatal != test.fatal {
			t.Errorf("%s in %d MB: %q (%t), want %q (%t)", test.limits, test.mb, got, m.Fatal, test.want, test.fatal)
		}
	}
}

// TestFitsFunctionAdvice: the memory size that is advised has the memory, and one MB less does not.
func TestFitsFunctionAdvice(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "test",
		[]byte("source: {bucket: in-bucket}\ntarget: {bucket: out-bucket}\nlimits: {pixels: 100MP, memory: 3GB}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m := r.FitsFunction(512); m == nil || !strings.HasPrefix(m.Advice("add --memory"), "add --memory 4833,") {
		t.Fatalf("%+v", m)
	}
	if got := recipe.DecodingMemory(4833 << 20); got < 3e9 {
		t.Errorf("4833 MB: %d bytes for decoding", got)
	}
	if got := recipe.DecodingMemory(4832 << 20); got >= 3e9 {
		t.Errorf("4832 MB: %d bytes for decoding", got)
	}
}
