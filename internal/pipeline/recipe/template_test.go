package recipe

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

// planOne plans one variant of a source.
func planOne(template, source string, v render.Variant) Output {
	r := &Recipe{Target: Target{Key: template}, Variants: []render.Variant{v}}
	return r.Plan(source).Outputs[0]
}

func TestKeyFor(t *testing.T) {
	v := render.Variant{Name: "thumb"}
	for _, test := range []struct{ template, source, want string }{
		{"{key}", "albums/2026/Rose.JPG", "albums/2026/Rose.JPG"},
		{"{variant}/{key}", "a/b.png", "thumb/a/b.png"},
		{"{dir}/{stem}-{variant}.{format}", "albums/2026/Rose.JPG", "albums/2026/Rose-thumb.jpg"},
		{"{dir}/{stem}-{variant}.{format}", "Rose.JPG", "Rose-thumb.jpg"},
		{"out/{dir}/{stem}{ext}", "Rose", "out/Rose"},
		{"out/{dir}/{stem}{ext}", "a/Rose.tar.gz", "out/a/Rose.tar.gz"},
		{"{stem}|{ext}", "a/Rose.tar.gz", "Rose.tar|.gz"},
		{"{stem}|{ext}", "a.b/Rose", "Rose|"},
		{"{stem}|{ext}", "a/.jpg", ".jpg|"},
		{"{stem}|{ext}", "a/.x.jpg", ".x|.jpg"},
		{"{stem}|{ext}", "x.", "x|."},
		{"{dir}|{stem}", "a/b/c.jpg", "a/b|c"},
		{"{dir}|{stem}", "c.jpg", "|c"},
		{"{dir}-x/{stem}", "c.jpg", "-x/c"},
		{"{dir}{dir}/{stem}", "a/c.jpg", "aa/c"},
		{"{dir}/{dir}/{stem}", "a/c.jpg", "a/a/c"},
		{"{dir}/{dir}/{stem}", "c.jpg", "c"},
		{"{dir}//{stem}", "c.jpg", "/c"},
		// /c.jpg is in a folder with an empty name; its key must differ from that of c.jpg.
		{"{dir}/{stem}{ext}", "/c.jpg", "/c.jpg"},
		{"{dir}/{stem}{ext}", "a//c.jpg", "a//c.jpg"},
		{"{width}x{height}/{stem}.{format}", "夏/休み 1+1%.png", "200x150/休み 1+1%.jpg"},
		{"{key}", "{variant}/{nothing}.jpg", "{variant}/{nothing}.jpg"},
	} {
		got, err := planOne(test.template, test.source, v).KeyFor(200, 150, formatNamed("jpeg"))
		if err != nil || got != test.want {
			t.Errorf("%s of %q: got %q, %v, want %q", test.template, test.source, got, err, test.want)
		}
	}
}

func TestKeyForRefused(t *testing.T) {
	long := strings.Repeat("k", 1020)
	for _, test := range []struct {
		template, source string
		v                render.Variant
		width            int
		f                *codec.Format
		want             string
	}{
		{"{ext}", "a", render.Variant{}, 1, formatNamed("jpeg"), "would be empty"},
		{"{dir}/", "a/b", render.Variant{}, 1, formatNamed("jpeg"), "would be a folder"},
		{"{key}", "a/", render.Variant{}, 1, formatNamed("jpeg"), "would be a folder"},
		{"{variant}/{key}", long, render.Variant{Name: "thumb"}, 1, formatNamed("jpeg"), "would be 1026 bytes long"},
		{"{width}", "a", render.Variant{}, 0, formatNamed("jpeg"), ErrNeedsPicture.Error()},
		{"{format}", "a", render.Variant{}, 1, nil, ErrNeedsPicture.Error()},
		{"{key}", "a", render.Variant{Format: formatNamed("png")}, 1, formatNamed("jpeg"), "is jpeg, not png"},
		{"{kee}", "a", render.Variant{}, 1, formatNamed("jpeg"), "did you mean {key}?"},
	} {
		if got, err := planOne(test.template, test.source, test.v).KeyFor(test.width, 1, test.f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %.10q: got %q, %v, want an error with %q", test.template, test.source, got, err, test.want)
		}
	}
	// A template that does not use sizes and format does not need them.
	if got, err := planOne("{key}", long+"keyy", render.Variant{}).KeyFor(0, 0, nil); err != nil || len(got) != 1024 {
		t.Errorf("1024 bytes: %v", err)
	}
}
