package render

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/plane"
)

// TestWatermarkAsOthers compares watermarks with what Pillow and libvips compose, within 2 levels; where Pillow resizes the
// overlay, which it does in 8 bits, within 4. IMGMILL_PYTHON names a
// Python with Pillow, and IMGMILL_SHARP the folder node_modules/sharp.
func TestWatermarkAsOthers(t *testing.T) {
	python, sharp := cmp.Or(os.Getenv("IMGMILL_PYTHON"), "python3"), os.Getenv("IMGMILL_SHARP")
	pillow := exec.Command(python, "-c", "import PIL").Run() == nil
	if !pillow && sharp == "" {
		t.Skip("there is neither a Python with Pillow nor sharp")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	m := image.NewNRGBA(image.Rect(0, 0, 90, 60))
	for y := range 60 {
		for x := range 90 {
			m.SetNRGBA(x, y, color.NRGBA{uint8(40 + 2*x), uint8(250 - 4*y), uint8(30 + (x*y)%97), uint8(min(255, 6*x))})
		}
	}
	f, err := os.Create(file("overlay.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, err = os.Open(file("overlay.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	overlay, err := engine.Overlay(t.Context(), f, codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		model   plane.Model
		alpha   bool
		mark    Watermark
		opacity float64
	}{
		{plane.RGB, false, Watermark{}, 1},
		{plane.Gray, false, Watermark{Position: "0% 50%"}, 1},
		{plane.RGB, true, Watermark{Position: Center}, 1},
		{plane.RGB, false, Watermark{Opacity: "40%", Position: "33% 66%"}, 0.4},
		{plane.RGB, true, Watermark{Opacity: "75%", Scale: "10%"}, 0.75},
		{plane.RGB, false, Watermark{Scale: "50%", Margin: "0%"}, 1},
	} {
		p := scene(300, 200, c.model, c.alpha, 1)
		name := func(kind string) string { return file(fmt.Sprintf("%s-%d.png", kind, i)) }
		c.mark.Image, c.mark.Overlay = "overlay.png", overlay
		for kind, v := range map[string]Variant{"bare": {Format: pngFormat, MaxBytes: 0}, "marked": {Format: pngFormat, Watermark: c.mark}} {
			if err := os.WriteFile(name(kind), one(t, picture(p, 1), v).Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, w, h := c.mark.placed(90, 60, 300, 200)
		if pillow {
			out, err := exec.Command(python, "testdata/watermark.py", name("bare"), file("overlay.png"), name("marked"),
				fmt.Sprint(s.left), fmt.Sprint(s.top), fmt.Sprint(w), fmt.Sprint(h), fmt.Sprint(c.opacity)).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || len(got) != 1 || got > map[bool]string{true: "2", false: "4"}[w == 90] {
				t.Errorf("%d, Pillow: off by %s, %v", i, got, err)
			}
		}
		if sharp != "" && c.opacity == 1 && w == 90 {
			script := fmt.Sprintf(`const sharp = require(%q);
(async () => {
  const raw = async (s) => (await s.ensureAlpha().toColourspace('srgb').raw().toBuffer());
  const want = await raw(sharp(await sharp(%q).toColourspace('srgb').composite([{input: %q, left: %d, top: %d}]).png().toBuffer()));
  const got = await raw(sharp(%q));
  let worst = 0;
  for (let i = 0; i < got.length; i += 4) for (let k = 0; k < 4; k++) {
    const scale = (b) => k < 3 ? b[i + k] * b[i + 3] / 255 : b[i + k];
    worst = Math.max(worst, Math.abs(scale(got) - scale(want)));
  }
  console.log(worst <= 2 && got.length === want.length ? 'near' : worst + ' ' + got.length + ' ' + want.length);
})()`, sharp, name("bare"), file("overlay.png"), s.left, s.top, name("marked"))
			out, err := exec.Command("node", "-e", script).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != "near" {
				t.Errorf("%d, sharp: %v, %s", i, err, got)
			}
		}
	}
}
