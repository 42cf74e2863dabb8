package recipe

import (
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
)

func TestTargetKey(t *testing.T) {
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
		// The folder of /c.jpg has no name, but it is one: the key stays apart from that of c.jpg.
		{"{dir}/{stem}{ext}", "/c.jpg", "/c.jpg"},
		{"{dir}/{stem}{ext}", "a//c.jpg", "a//c.jpg"},
		{"{width}x{height}/{stem}.{format}", "夏/休み 1+1%.png", "200x150/休み 1+1%.jpg"},
		{"{key}", "{variant}/{nothing}.jpg", "{variant}/{nothing}.jpg"},
	} {
		r := &Recipe{Target: Target{Key: test.template}}
		got, err := r.TargetKey(test.source, v, 200, 150, codec.JPEG)
		if err != nil || got != test.want {
			t.Errorf("%s of %q: got %q, %v, want %q", test.template, test.source, got, err, test.want)
		}
	}
}

func TestTargetKeyRefused(t *testing.T) {
	long := strings.Repeat("k", 1020)
	for _, test := range []struct {
		template, source string
		v                render.Variant
		width            int
		f                codec.Format
		want             string
	}{
		{"{ext}", "a", render.Variant{}, 1, codec.JPEG, "would be empty"},
		{"{dir}/", "a/b", render.Variant{}, 1, codec.JPEG, "would be a folder"},
		{"{key}", "a/", render.Variant{}, 1, codec.JPEG, "would be a folder"},
		{"{variant}/{key}", long, render.Variant{Name: "thumb"}, 1, codec.JPEG, "would have 1026 bytes"},
		{"{width}", "a", render.Variant{}, 0, codec.JPEG, "size of the picture is not known"},
		{"{format}", "a", render.Variant{}, 1, "", "format of the picture is not known"},
		{"{key}", "a", render.Variant{Format: codec.PNG}, 1, codec.JPEG, "is jpeg and not png"},
		{"{kee}", "a", render.Variant{}, 1, codec.JPEG, "did you mean {key}?"},
	} {
		r := &Recipe{Target: Target{Key: test.template}}
		if got, err := r.TargetKey(test.source, test.v, test.width, 1, test.f); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %.10q: got %q, %v, want an error with %q", test.template, test.source, got, err, test.want)
		}
	}
	// What a template does not use need not be known.
	if got, err := (&Recipe{Target: Target{Key: "{key}"}}).TargetKey(long+"keyy", render.Variant{}, 0, 0, ""); err != nil || len(got) != 1024 {
		t.Errorf("1024 bytes: %v", err)
	}
}

func TestOtherKeys(t *testing.T) {
	r := Default()
	if got := r.ManifestKey("a/b.jpg"); got != "a/b.jpg.imgmill.json" {
		t.Errorf("manifest %q", got)
	}
	if copied, reason := r.BadKeys("a/b.jpg"); copied != "" || reason != "" {
		t.Errorf("bad copies %q, %q though none are wanted", copied, reason)
	}
	r.OnBad.Prefix = "failed/"
	if copied, reason := r.BadKeys("a/b.jpg"); copied != "failed/a/b.jpg" || reason != "failed/a/b.jpg.json" {
		t.Errorf("bad copies %q, %q", copied, reason)
	}
}
